from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION, Registry
from cxrscreen.errors import DataSetError
from cxrscreen.evaluation.data_report import Copy
from cxrscreen.evaluation.result import LeftOutFile
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


def test_a_refused_file_is_counted_and_the_others_are_read(folder: Path) -> None:
    (folder / "covid" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "normal" / ".hidden").write_bytes(b"of no interest")
    labelled = read(folder)
    assert len(labelled.radiographs) == 6
    assert labelled.left_out == (LeftOutFile(file="covid/broken.png", reason=Reason.UNREADABLE.value),)
    assert labelled.left_out_counts == {Reason.UNREADABLE: 1}


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
    with pytest.raises(DataSetError, match=r"carries both labels, 2 times\. Decide") as refusal:
        read(folder)
    assert refusal.value.files == ("covid/c1.png and normal/y.png", "covid/c2.png and normal/z.png")
    assert "c1.png" not in refusal.value.words


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


def test_metadata_without_file_names_are_refused(folder: Path) -> None:
    (folder / "metadata.csv").write_text("file,patient_id\ncovid/c0.png,p1\n")
    with pytest.raises(DataSetError, match="no column 'filename'"):
        read(folder)


@pytest.mark.real_data
def test_the_shipped_model_was_trained_on_the_development_set(real_data: Path) -> None:
    labelled = read(real_data / "cxr")
    card = Registry([SHIPPED_MODELS]).card_of(SHIPPED_VERSION)
    assert labelled.fingerprint == card.data_set.fingerprint
    assert (len(labelled.radiographs), int(labelled.diseased.sum()), len(set(labelled.patients))) == (266, 160, 201)
    assert labelled.left_out == labelled.copies == ()
