from __future__ import annotations

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION, Registry
from cxrscreen.errors import DataSetError
from cxrscreen.evaluation.data_report import Copy
from cxrscreen.evaluation.result import LeftOutFile
from cxrscreen.labelled.bias import examine
from cxrscreen.labelled.labelled_set import COPY, LabelledSet, read_labelled
from cxrscreen.phantom.dicom_file import Sheet, dicom_bytes
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.radiograph.refusal import Reason

LIMITS = AcceptanceLimits(min_side_pixels=300, max_pixels=64_000_000, max_aspect=2.0)


def draw(file: Path, seed: int, *, columns: int = 320) -> None:
    """A smooth grey picture that the gate accepts; each seed another one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, size=(6, 6)).astype(np.uint8)
    assert cv2.imwrite(str(file), cv2.resize(coarse, (columns, 320)))


def patient_sex(file: Path) -> str | None:
    return read_radiograph(file.read_bytes(), LIMITS).acquisition.sex


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        draw(tmp_path / "covid" / f"c{number}.png", number, columns=400)
        draw(tmp_path / "normal" / f"n{number}.png", 10 + number)
    return tmp_path


def read(folder: Path) -> LabelledSet:
    return read_labelled(folder, limits=LIMITS)


def test_folders_are_labels(folder: Path) -> None:
    labelled = read(folder)
    assert [r.file_name for r in labelled.radiographs if r.diseased] == ["covid/c0.png", "covid/c1.png", "covid/c2.png"]
    assert labelled.diseased.tolist() == [True] * 3 + [False] * 3
    assert labelled.prepared.shape == (6, 224, 224, 3)
    assert (labelled.radiographs[0].columns, labelled.radiographs[0].rows) == (400, 320)


def test_without_metadata_every_file_is_a_patient_of_its_own(folder: Path) -> None:
    assert len(set(read(folder).patients)) == 6


def test_metadata_name_patients_sources_and_ages(folder: Path) -> None:
    (folder / "metadata.csv").write_text(
        "filename,patient_id,source,license,age\ncovid/c0.png,p1,hospital,CC BY,61\nc1.png,p1,,,\n"
        "covid/c2.png,,,,unknown\n",
        encoding="utf-8-sig",
    )
    first, second, third, *_ = read(folder).radiographs
    assert first.patient == second.patient == "p1"
    assert third.patient == third.sha256
    assert (first.source, first.licence, first.age_years) == ("hospital", "CC BY", 61)
    assert (second.source, second.age_years, third.age_years) == (None, None, None)


def test_metadata_state_view_and_sex_in_their_own_words(folder: Path) -> None:
    (folder / "metadata.csv").write_text(
        "filename,view,sex\ncovid/c0.png,AP Supine,m\ncovid/c1.png, PA ,Female\ncovid/c2.png,,\nnormal/n0.png\n"
    )
    stated = [(radiograph.view, radiograph.sex) for radiograph in read(folder).radiographs[:4]]
    assert stated == [("AP Supine", "M"), ("PA", "F"), (None, None), (None, None)]


def test_what_the_metadata_leave_open_is_asked_of_dicom(folder: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, size=(320, 320)).astype(np.uint16)
    for name in ("stated.dcm", "open.dcm"):
        (folder / "covid" / name).write_bytes(dicom_bytes(pixels + len(name), 7, Sheet("ONE")))
    (folder / "metadata.csv").write_text("filename,patient_id,view,sex\nstated.dcm,p1,AP,O\n")
    named = {radiograph.file_name: radiograph for radiograph in read(folder).radiographs}
    stated, left_open = named["covid/stated.dcm"], named["covid/open.dcm"]
    assert (stated.patient, stated.view, stated.sex) == ("p1", "AP", "O")
    assert (left_open.view, left_open.sex) == ("PA", patient_sex(folder / "covid" / "open.dcm"))
    assert left_open.patient not in {left_open.sha256, "p1"}


def test_a_patient_is_not_shown_where_a_record_is_printed(folder: Path) -> None:
    (folder / "metadata.csv").write_text("filename,patient_id\ncovid/c0.png,Budi-1970\n")
    assert "Budi" not in repr(read(folder))


def test_a_bare_name_that_fits_two_files_is_refused(folder: Path) -> None:
    draw(folder / "covid" / "1.png", 20)
    draw(folder / "normal" / "1.png", 21)
    (folder / "metadata.csv").write_text("filename,patient_id,source\n1.png,p1,hospital\n")
    with pytest.raises(DataSetError, match=r"may mean any of several files(?s:.*)\ncovid/1\.png\nnormal/1\.png$"):
        read(folder)


def test_files_of_one_name_are_told_apart_by_their_folders(folder: Path) -> None:
    draw(folder / "covid" / "1.png", 20)
    draw(folder / "normal" / "1.png", 21)
    (folder / "metadata.csv").write_text("filename,patient_id\ncovid/1.png,p1\nnormal/1.png,p2\n1.png,p3\n")
    patients = {r.file_name: r.patient for r in read(folder).radiographs}
    assert (patients["covid/1.png"], patients["normal/1.png"]) == ("p1", "p2")


def test_two_different_rows_for_one_file_are_refused(folder: Path) -> None:
    (folder / "metadata.csv").write_text("filename,patient_id\ncovid/c0.png,p1\n,p9\n,p8\ncovid/c0.png,p2\n")
    with pytest.raises(DataSetError, match=r"two different rows for a file(?s:.*)\ncovid/c0\.png$"):
        read(folder)
    (folder / "metadata.csv").write_text("filename,patient_id\ncovid/c0.png,p1\n,p9\n,p8\ncovid/c0.png,p1\n")
    assert read(folder).radiographs[0].patient == "p1"


@pytest.mark.parametrize("names", [("c0.png", "covid/c0.png"), ("covid/c0.png", "C0.PNG")])
def test_a_row_with_the_folder_and_one_without_it_must_not_differ(folder: Path, names: tuple[str, str]) -> None:
    one, other = names
    (folder / "metadata.csv").write_text(f"filename,patient_id\n{one},p1\n{other},p2\n")
    with pytest.raises(DataSetError, match=r"two different rows for a file(?s:.*)\ncovid/c0\.png$"):
        read(folder)
    (folder / "metadata.csv").write_text(f"filename,patient_id\n{one},p1\n{other},p1\n")
    assert read(folder).radiographs[0].patient == "p1"


def test_a_refused_file_is_counted_and_the_others_are_read(folder: Path) -> None:
    (folder / "covid" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "normal" / ".hidden").write_bytes(b"of no interest")
    labelled = read(folder)
    assert len(labelled.radiographs) == 6
    assert labelled.left_out == (LeftOutFile(file="covid/broken.png", reason=Reason.UNREADABLE.value),)
    assert labelled.left_out_counts == {Reason.UNREADABLE: 1}


def test_an_age_that_no_patient_has_is_unknown(folder: Path) -> None:
    ages = ("nan", "inf", "-1", "130", "0", "129.5")
    names = [f"{label}{number}" for label in ("covid/c", "normal/n") for number in range(3)]
    rows = [f"{name}.png,{age}" for name, age in zip(names, ages, strict=True)]
    (folder / "metadata.csv").write_text("\n".join(["filename,age", *rows]))
    assert [radiograph.age_years for radiograph in read(folder).radiographs] == [None] * 4 + [0, 129.5]


def test_another_word_than_dicom_knows_is_no_sex(folder: Path) -> None:
    (folder / "metadata.csv").write_text("filename,sex\nc0.png,Jane Doe\nc1.png,Other\nc2.png,U\n")
    assert [radiograph.sex for radiograph in read(folder).radiographs[:3]] == [None, "O", None]


def test_a_file_larger_than_the_setting_allows_is_left_out_and_never_held_in_memory(folder: Path) -> None:
    with (folder / "covid" / "large.png").open("wb") as large:
        large.truncate(2**40)  # takes no room on the disk
    labelled = read_labelled(folder, limits=replace(LIMITS, max_file_bytes=2 * 2**20))
    assert labelled.left_out == (LeftOutFile(file="covid/large.png", reason=Reason.TOO_LARGE.value),)


def test_what_is_no_regular_file_or_cannot_be_opened_is_left_out_and_stops_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(folder / "covid" / "pipe.png")
    (folder / "covid" / "loop.png").symlink_to(folder / "covid" / "loop.png")
    (folder / "covid" / "gone.png").symlink_to(folder / "nothing.png")
    (folder / "covid" / "round").symlink_to(folder / "covid")
    draw(folder / "normal" / "locked.png", 30)
    really_open = os.open

    def refuse(file: Path, *how: int) -> int:
        if Path(file).name == "locked.png":
            raise PermissionError(errno.EACCES, "Permission denied", str(file))
        return really_open(file, *how)

    monkeypatch.setattr(os, "open", refuse)
    labelled = read(folder)
    assert len(labelled.radiographs) == 6
    assert {(file.file, file.reason) for file in labelled.left_out} == {
        (name, Reason.UNREADABLE.value)
        for name in ("covid/gone.png", "covid/loop.png", "covid/pipe.png", "normal/locked.png")
    }


def test_a_copy_is_left_out_since_it_could_stand_on_both_sides_of_a_split(folder: Path) -> None:
    shutil.copy(folder / "covid" / "c1.png", folder / "covid" / "z.png")
    labelled = read(folder)
    assert len(labelled.radiographs) == 6
    assert "covid/z.png" not in [radiograph.file_name for radiograph in labelled.radiographs]
    assert labelled.left_out == (LeftOutFile(file="covid/z.png", reason=COPY),)
    assert labelled.copies == (Copy(file="covid/z.png", of="covid/c1.png"),)


def test_all_contents_with_both_labels_are_named_at_once_and_not_in_the_words(folder: Path) -> None:
    shutil.copy(folder / "covid" / "c1.png", folder / "normal" / "y.png")
    shutil.copy(folder / "covid" / "c2.png", folder / "normal" / "z.png")
    with pytest.raises(DataSetError, match=r"carries both labels in 2 pairs of files\. Decide") as refusal:
        read(folder)
    assert refusal.value.files == ("covid/c1.png and normal/y.png", "covid/c2.png and normal/z.png")
    assert "c1.png" not in refusal.value.words
    (folder / "normal" / "z.png").unlink()
    with pytest.raises(DataSetError, match=r"in 1 pair of files\. Decide"):
        read(folder)


def test_of_equal_files_the_one_that_the_metadata_describe_is_kept(folder: Path) -> None:
    for name in ("a.png", "z.png"):
        shutil.copy(folder / "covid" / "c1.png", folder / "covid" / name)
    assert "covid/a.png" in [radiograph.file_name for radiograph in read(folder).radiographs]
    (folder / "metadata.csv").write_text("filename,patient_id,source,view\nc1.png,p1,hospital,AP\nc2.png,p2,,\n")
    labelled = read(folder)
    names = [radiograph.file_name for radiograph in labelled.radiographs]
    assert names == sorted(names)
    kept = labelled.radiographs[names.index("covid/c1.png")]
    assert (kept.patient, kept.source, kept.view) == ("p1", "hospital", "AP")
    assert [(copy.file, copy.of) for copy in labelled.copies] == [
        ("covid/a.png", "covid/c1.png"),
        ("covid/z.png", "covid/c1.png"),
    ]
    assert labelled.prepared.shape[0] == 6


def test_a_copy_without_a_number_is_not_said_to_be_stored_under_two(folder: Path) -> None:
    for name in ("a.png", "z.png"):
        shutil.copy(folder / "covid" / "c1.png", folder / "covid" / name)
    (folder / "metadata.csv").write_text("filename,patient_id\nc1.png,p1\n")
    assert "two patient numbers" not in said_of(folder)
    (folder / "metadata.csv").write_text("filename,patient_id\nc1.png,p1\nz.png,p2\n")
    assert "1 file was stored under two patient numbers" in said_of(folder)


def test_renaming_files_makes_no_new_patients(folder: Path) -> None:
    before = read(folder)
    for file in sorted((folder / "normal").iterdir()):
        file.rename(file.with_name("z" + file.name[::-1][4:] + ".png"))
    assert sorted(read(folder).patients) == sorted(before.patients)


def test_the_fingerprint_is_of_contents_and_labels_not_of_names(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    renamed = tmp_path_factory.mktemp("renamed")
    for label in ("covid", "normal"):
        (renamed / label).mkdir()
        for number, file in enumerate(sorted((folder / label).iterdir(), reverse=True)):
            shutil.copy(file, renamed / label / f"{number}.png")
    relabelled = tmp_path_factory.mktemp("relabelled")
    shutil.copytree(folder / "covid", relabelled / "normal")
    shutil.copytree(folder / "normal", relabelled / "covid")
    assert read(renamed).fingerprint == read(folder).fingerprint != read(relabelled).fingerprint


def test_a_missing_or_empty_class_is_refused(folder: Path) -> None:
    shutil.rmtree(folder / "normal")
    with pytest.raises(DataSetError, match="no subfolder normal"):
        read(folder)
    (folder / "normal").mkdir()
    with pytest.raises(DataSetError, match="no usable radiograph"):
        read(folder)


@pytest.mark.parametrize("header", ["file,patient_id", "sep=;"])
def test_metadata_without_file_names_are_refused(folder: Path, header: str) -> None:
    (folder / "metadata.csv").write_text(f"{header}\ncovid/c0.png,p1\n")
    with pytest.raises(DataSetError, match="no column 'filename'"):
        read(folder)


def test_metadata_that_are_a_pipe_or_have_no_end_are_refused_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "metadata.csv")
    with pytest.raises(DataSetError, match="no regular file"):
        read(folder)
    (folder / "metadata.csv").unlink()
    with (folder / "metadata.csv").open("wb") as table:
        table.truncate(2**42)  # of zeros that nobody has written
    with pytest.raises(DataSetError, match="more than 64 MiB"):
        read(folder)


@pytest.mark.parametrize(
    "written",
    [
        "filename,patient_id\ncovid\\c0.png,p1\n",
        "filename,patient_id\n covid/c0.png ,p1\n",
        "filename,patient_id\nCovid/C0.PNG,p1\n",
        "filename,patient_id\nC0.png,p1\n",
        "filename,patient_id\n./covid/c0.png,p1\ncovid\\c0.png,p1\n",
        "filename;patient_id\ncovid/c0.png;p1\n;\n",
        "filename\tpatient_id\ncovid/c0.png\tp1\n",
        " Filename, Patient_ID \ncovid/c0.png,p1\n",
    ],
)
def test_metadata_may_be_written_as_other_programs_do(folder: Path, written: str) -> None:
    (folder / "metadata.csv").write_text(written)
    labelled = read(folder)
    assert (labelled.radiographs[0].patient, labelled.unmatched_rows) == ("p1", 0)


def test_case_is_no_reason_to_guess_between_two_files(folder: Path) -> None:
    draw(folder / "covid" / "C0.png", 20)
    (folder / "metadata.csv").write_text("filename,patient_id\ncovid/c0.PNG,p1\ncovid/C0.png,p2\n")
    labelled = read(folder)
    named = {radiograph.file_name: radiograph.patient for radiograph in labelled.radiographs}
    assert "p1" not in named.values()
    assert (named["covid/C0.png"], labelled.unmatched_rows) == ("p2", 1)


def said_of(folder: Path) -> str:
    return " ".join(examine(read(folder), seed=0).bias.summary)


def test_rows_that_match_no_file_are_counted_and_said(folder: Path) -> None:
    (folder / "metadata.csv").write_text("filename,patient_id\ncovid/c0.png,p1\n")
    assert "metadata.csv" not in said_of(folder)
    (folder / "metadata.csv").write_text("filename,patient_id\ncovid/c9.png,p1\n")
    assert "1 row of metadata.csv matches no file" in said_of(folder)
    (folder / "metadata.csv").write_text("filename,patient_id\ncovid/c9.png,p1\nnormal/c0.png,p2\n,p3\n,\n")
    assert "3 rows of metadata.csv match no file" in said_of(folder)


def test_rows_that_name_the_other_class_are_counted_and_said(folder: Path) -> None:
    rows = ["filename,label", "c0.png,COVID-19", "c1.png,positive", "c2.png,", "n0.png, Normal ", "n1.png,covid"]
    (folder / "metadata.csv").write_text("\n".join(rows))
    assert "1 row of metadata.csv names another class than the folder that the file lies in: look at it." in said_of(
        folder
    )
    (folder / "metadata.csv").write_text("\n".join([*rows, "n2.png,Covid19"]))
    assert "2 rows of metadata.csv name another class than the folder that the file lies in: look at them." in said_of(
        folder
    )


@pytest.mark.real_data
def test_the_shipped_model_was_trained_on_the_development_set(real_data: Path) -> None:
    labelled = read(real_data / "cxr")
    card = Registry([SHIPPED_MODELS]).card_of(SHIPPED_VERSION)
    assert labelled.fingerprint == card.data_set.fingerprint
    assert (len(labelled.radiographs), int(labelled.diseased.sum()), len(set(labelled.patients))) == (266, 160, 201)
    assert labelled.left_out == labelled.copies == ()
