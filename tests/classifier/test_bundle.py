from __future__ import annotations

import io
import json
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.bias_report import BiasReport, Shortcut
from cxrscreen.classifier.bundle import (
    CARD_FILE,
    READABLE_FILE,
    WEIGHTS_FILE,
    base_of_bundle,
    digest,
    free_folder,
    load_classifier,
    read_card,
    read_making,
    read_weights,
    save_bundle,
)
from cxrscreen.classifier.card_text import render_card
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.fixed_point import from_fixed_point, to_fixed_point
from cxrscreen.classifier.making import MAKING_FILE
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION, Registry
from cxrscreen.errors import ModelError
from cxrscreen.types import PreparedBatch
from tests.classifier.random_model import MAKING, card_for, random_bundle, random_head_arrays


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    """A bundle that a test may damage."""
    return Path(shutil.copytree(saved / "random-1", tmp_path / "random-1"))


def test_what_was_saved_comes_back(saved: Path, base: BaseWeights) -> None:
    card, found, head = read_weights(saved / "random-1")
    assert card == random_bundle("random-1", base)[0]
    for name, array in base.arrays.items():
        assert np.allclose(found.arrays[name], array, rtol=1e-6, atol=1e-9)
    assert all((head[name] == array).all() for name, array in random_head_arrays().items())


def test_rounding_before_training_is_bit_for_bit_what_the_bundle_gives_back(
    tmp_path: Path, saved: Path, base: BaseWeights
) -> None:
    unrounded = BaseWeights.checked(
        {name: array * np.float32(1.2345) for name, array in base.arrays.items()}, origin="Random numbers."
    )
    folder = save_bundle(tmp_path, *random_bundle("other", unrounded))
    assert base_of_bundle(folder).sha256 == unrounded.rounded().sha256 != unrounded.sha256
    assert base_of_bundle(saved / "random-1").origin.startswith("Base of the model random-1 (")


def test_fixed_point_is_within_half_a_step_of_each_filter() -> None:
    sizes = np.array([1, 1e-3, 50, 0])
    kernel = (np.random.default_rng(0).normal(size=(3, 3, 8, 4)) * sizes).astype(np.float32)
    codes, scale = to_fixed_point(kernel)
    assert codes.dtype == np.int16
    assert (np.abs(from_fixed_point(codes, scale) - kernel) <= 0.51 * scale).all()
    assert np.abs(codes).max(axis=(0, 1, 2)).tolist() == [32767, 32767, 32767, 0]


def test_the_same_weights_give_the_same_bytes(base: BaseWeights) -> None:
    assert random_bundle("a", base)[1] == random_bundle("b", base)[1]


def test_weights_with_one_changed_bit_are_refused(copied: Path) -> None:
    content = bytearray((copied / WEIGHTS_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / WEIGHTS_FILE).write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged or were exchanged.*Restore"):
        load_classifier(copied)


def test_missing_weights_are_refused(copied: Path) -> None:
    (copied / WEIGHTS_FILE).unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        load_classifier(copied)


def test_a_pickle_inside_is_never_opened_even_when_its_hash_fits(copied: Path) -> None:
    packed = io.BytesIO()
    np.savez(packed, **{"base/block1_conv1/codes": np.array([{"a": 1}], dtype=object)})  # type: ignore[arg-type]  # numpy's stub takes the names for its own option
    card = json.loads((copied / CARD_FILE).read_text()) | {"weights_sha256": digest(packed.getvalue())}
    (copied / CARD_FILE).write_text(json.dumps(card))
    (copied / WEIGHTS_FILE).write_bytes(packed.getvalue())
    with pytest.raises(ModelError, match="not a readable archive"):
        load_classifier(copied)


def test_a_bundle_without_some_layer_is_refused(copied: Path) -> None:
    source = zipfile.ZipFile(copied / WEIGHTS_FILE)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for name in source.namelist():
            if "block4_conv2/scale" not in name:
                target.writestr(name, source.read(name))
    source.close()
    card = json.loads((copied / CARD_FILE).read_text()) | {"weights_sha256": digest(packed.getvalue())}
    (copied / CARD_FILE).write_text(json.dumps(card))
    (copied / WEIGHTS_FILE).write_bytes(packed.getvalue())
    with pytest.raises(ModelError, match="block4_conv2/kernel missing"):
        load_classifier(copied)


@pytest.mark.parametrize("content", ["", "{}", '{"version": 3}', "[1]"])
def test_a_damaged_card_is_refused(copied: Path, content: str) -> None:
    (copied / CARD_FILE).write_text(content)
    with pytest.raises(ModelError, match="damaged or of another format"):
        read_card(copied)


def test_a_version_is_never_overwritten(tmp_path: Path, base: BaseWeights) -> None:
    save_bundle(tmp_path, *random_bundle("v1", base))
    before = (tmp_path / "v1" / WEIGHTS_FILE).stat().st_mtime_ns
    with pytest.raises(ModelError, match="never overwritten"):
        save_bundle(tmp_path, *random_bundle("v1", base))
    assert (tmp_path / "v1" / WEIGHTS_FILE).stat().st_mtime_ns == before


def test_of_two_that_save_one_version_at_once_the_second_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_then_lose(models: Path, version: str) -> Path:
        target = free_folder(models, version)
        target.mkdir()
        (target / CARD_FILE).write_text("the first one's")
        return target

    monkeypatch.setattr("cxrscreen.classifier.bundle.free_folder", look_then_lose)
    with pytest.raises(ModelError, match="v1 exists already and is never overwritten"):
        save_bundle(tmp_path, card_for("v1", digest(b"weights")), b"weights")
    assert [(path.name, path.read_text()) for path in (tmp_path / "v1").iterdir()] == [(CARD_FILE, "the first one's")]


def test_a_card_of_other_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not belong"):
        save_bundle(tmp_path, card_for("v1", "0" * 64), b"weights")
    assert not list(tmp_path.iterdir())


def test_extra_files_lie_beside_card_and_weights_and_replace_neither(tmp_path: Path) -> None:
    card = card_for("v1", digest(b"weights"))
    folder = save_bundle(tmp_path, card, b"weights", {"making.json": MAKING.model_dump_json().encode(), CARD_FILE: b""})
    assert read_making(folder) == MAKING
    assert read_card(folder) == card
    assert {file.name for file in folder.iterdir()} == {CARD_FILE, READABLE_FILE, WEIGHTS_FILE, "making.json"}


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", ""])
def test_an_extra_file_cannot_leave_the_bundle(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="plain names"):
        save_bundle(tmp_path, card_for("v1", digest(b"weights")), b"weights", {name: b""})
    assert not list(tmp_path.iterdir())


def test_a_damaged_making_is_an_error_and_a_missing_one_is_none(copied: Path) -> None:
    assert read_making(copied) is None
    (copied / MAKING_FILE).write_text("{}")
    with pytest.raises(ModelError, match="record of how random-1 was made is damaged"):
        read_making(copied)


@pytest.mark.parametrize("version", ["", "../v1", "V1", ".hidden", "a/b", "a" * 65])
def test_a_version_that_is_no_folder_name_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(ModelError, match="version is 1 to 64"):
        save_bundle(tmp_path, card_for(version, digest(b"weights")), b"weights")
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ModelError, match="No space left"):
        save_bundle(tmp_path, card_for("v1", digest(b"weights")), b"weights")
    assert not list(tmp_path.iterdir())


def test_the_readable_card_says_what_the_card_says(saved: Path) -> None:
    text = (saved / "random-1" / READABLE_FILE).read_text()
    card = read_card(saved / "random-1")
    for said in (
        "# Model random-1",
        "not for medical use",
        card.weights_sha256,
        "| sensitivity | 0.900 | 0.800 to 0.950 | 40 | Wilson |",
        "a sensitivity of 0.950 and a specificity of 0.800",
        "both flatter the model",
        "### 5-fold cross-validation by patient (threshold chosen here)",
        "- It has learnt nothing.",
        "| Radiographs | 50, of them 25 COVID-19 |",
    ):
        assert said in text


def test_the_readable_card_says_what_the_set_teaches_besides_disease() -> None:
    bias = BiasReport(
        radiographs=50,
        positives=25,
        patients=40,
        patients_with_several=5,
        patients_of_both_classes=0,
        copies=2,
        alike=3,
        alike_across_classes=1,
        disjoint_sources=True,
        balance=(),
        shortcuts=(
            Shortcut(
                name="image shape",
                meaning="Width and height alone.",
                auc=Estimate(value=0.8, low=0.7, high=0.9, n=50, method="bootstrap by patient"),
            ),
        ),
        summary=("The classes come from disjoint sources.",),
    )
    text = render_card(card_for("v1", "0" * 64).model_copy(update={"bias": bias}))
    for said in (
        "## What the set teaches besides disease",
        "- The classes come from disjoint sources.",
        "| image shape | 0.800 | 0.700 to 0.900 | 50 | bootstrap by patient | Width and height alone. |",
    ):
        assert said in text
    assert "besides disease" not in render_card(card_for("v1", "0" * 64))


@pytest.mark.tensorflow
def test_a_loaded_model_scores_as_the_parts_that_were_saved(saved: Path, prepared: PreparedBatch) -> None:
    from cxrscreen.classifier.backbone import Backbone  # noqa: PLC0415  # starts TensorFlow
    from cxrscreen.classifier.gradcam import GradCam  # noqa: PLC0415  # likewise
    from cxrscreen.classifier.head import Head  # noqa: PLC0415  # likewise

    classifier = load_classifier(saved / "random-1")
    head = Head.from_arrays(recipe_named("standard"), random_head_arrays())
    feature_maps = Backbone(base_of_bundle(saved / "random-1")).feature_maps(prepared[:3])
    found = classifier.classify(prepared[:3], explanation="guided")
    assert found.scores.tolist() == head.scores(feature_maps).tolist()
    assert (found.activation_maps == GradCam(head).activation_maps(feature_maps, variant="guided")).all()
    assert classifier.card.version == "random-1"


def test_the_shipped_model_is_whole_small_and_says_no_absolute_path() -> None:
    folder = Registry([SHIPPED_MODELS]).folder_of("champion")
    assert folder.name == SHIPPED_VERSION
    card, base, head = read_weights(folder)
    assert card.recipe == "lung-focused"
    assert base.arrays
    assert head
    assert sum(file.stat().st_size for file in folder.iterdir()) < 35_000_000
    assert card.largest_change_by_rounding < 0.001
    assert card.operating_point.sensitivity >= 0.95
    for name in (CARD_FILE, READABLE_FILE):
        assert " /" not in (folder / name).read_text().replace(" / ", " ")
        assert '"/' not in (folder / name).read_text()


def test_the_shipped_readable_card_is_the_card_in_words() -> None:
    folder = SHIPPED_MODELS / SHIPPED_VERSION
    assert (folder / READABLE_FILE).read_text() == render_card(read_card(folder))


def _npy(array: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _npy_that_says(header: str, content: bytes = b"\0" * 64) -> bytes:
    padded = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + content


class Runs:
    """Unpickled, it would call a function of the attacker's."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("pwned"),))  # type: ignore[return-value]  # a pickle's own form


HOSTILE_MEMBERS = {
    "a pickle": lambda: b"\x93NUMPY\x01\x00" + pickle.dumps(Runs()),
    "a pickle behind an honest header": lambda: _npy_that_says(
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", pickle.dumps(Runs())
    ),
    "terabytes by its own account": lambda: _npy_that_says(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2**40,)}"
    ),
    "terabytes, written out": lambda: _npy_that_says(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,)}"
    ),
    "a negative size": lambda: _npy_that_says("{'descr': '<f4', 'fortran_order': False, 'shape': (-4, -4)}"),
    "an expression for a header": lambda: _npy_that_says("__import__('os').system('touch pwned')"),
    "a header nested too deep": lambda: _npy_that_says("(" * 4000 + ")" * 4000),
    "numbers of no size": lambda: _npy_that_says("{'descr': '|V0', 'fortran_order': False, 'shape': (9,)}", b""),
    "text": lambda: _npy(np.array(["x"])),  # type: ignore[arg-type]  # on purpose
    "zeros that inflate": lambda: bytes(2**20 + 1),
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("what", HOSTILE_MEMBERS)
def test_a_hostile_archive_is_refused_even_when_its_hash_fits(
    what: str, copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cxrscreen.classifier.base_weights.MOST_BYTES", 2**20)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("base/block1_conv1/codes.npy", HOSTILE_MEMBERS[what]())
    card = json.loads((copied / CARD_FILE).read_text()) | {"weights_sha256": digest(packed.getvalue())}
    (copied / CARD_FILE).write_text(json.dumps(card))
    (copied / WEIGHTS_FILE).write_bytes(packed.getvalue())
    with pytest.raises(ModelError, match="not a readable archive"):
        load_classifier(copied)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "name", ["../../pwned.npy", "/pwned.npy", "base/../../pwned.npy", "base/a/b/c.npy", "base.npy"]
)
def test_names_inside_an_archive_are_never_paths(
    name: str, copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    packed = io.BytesIO((copied / WEIGHTS_FILE).read_bytes())
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(name, _npy(np.ones(3, np.float32)))
    card = json.loads((copied / CARD_FILE).read_text()) | {"weights_sha256": digest(packed.getvalue())}
    (copied / CARD_FILE).write_text(json.dumps(card))
    (copied / WEIGHTS_FILE).write_bytes(packed.getvalue())
    read_weights(copied)  # passed over
    assert not [path for folder in (copied, tmp_path, *tmp_path.parents) for path in folder.glob("pwned*")]


def test_scales_of_another_size_are_refused(copied: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(copied / WEIGHTS_FILE) as source, zipfile.ZipFile(packed, "w") as target:
        for name in source.namelist():
            huge = "block5_conv3/scale" in name
            target.writestr(name, _npy(np.ones((9, 1, 1, 1, 512), np.float32)) if huge else source.read(name))
    card = json.loads((copied / CARD_FILE).read_text()) | {"weights_sha256": digest(packed.getvalue())}
    (copied / CARD_FILE).write_text(json.dumps(card))
    (copied / WEIGHTS_FILE).write_bytes(packed.getvalue())
    with pytest.raises(ModelError, match="block5_conv3/kernel missing"):
        load_classifier(copied)
