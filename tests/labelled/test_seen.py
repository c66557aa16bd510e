"""Whom a model has learnt from, told by files and by what they show."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION
from cxrscreen.evaluation.result import SeenBy
from cxrscreen.labelled.groups import joined_patients
from cxrscreen.labelled.labelled_set import read_labelled
from cxrscreen.labelled.scoring import Scorer
from cxrscreen.labelled.seen import Seen, learnt_by_segmenter
from cxrscreen.labelled.sighted import Sighted
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from tests.labelled.drawn import labelled, radiograph

MEMBERS = [radiograph(number, diseased=number % 2 == 0, patient=f"p{number // 2}") for number in range(8)]
FILES = frozenset({MEMBERS[0].sha256})
BY_CONTENT = np.array([True, False, False, True, False, False, False, False])


def test_each_is_counted_once_and_its_file_comes_first() -> None:
    whole = labelled(*MEMBERS)
    seen = Seen.of(FILES, whole, whole.patients, BY_CONTENT)
    assert np.flatnonzero(seen.patients).tolist() == [0, 1, 2, 3]  # both radiographs of both patients
    assert seen.counted(np.arange(8)) == SeenBy(files=1, content=1)
    assert seen.counted(np.array([1, 3, 5])) == SeenBy(files=0, content=1)


def test_without_a_gate_nothing_is_known_of_contents() -> None:
    whole = labelled(*MEMBERS)
    seen = Seen.of(FILES, whole, whole.patients)
    assert np.flatnonzero(seen.patients).tolist() == [0, 1]
    assert seen.counted(np.arange(8)) == SeenBy(files=1, content=None)


class CardOfSegmenter:
    """As far as ``learnt_by_segmenter`` asks: it has learnt from some numbers of patients, or does not say."""

    def __init__(self, *patients: str) -> None:
        self._patients = patients

    def learnt(self, patients: Iterable[str]) -> list[bool] | None:
        return [patient in self._patients for patient in patients] if self._patients else None


def test_patients_of_the_segmenter_are_told_by_their_numbers_with_those_who_look_alike() -> None:
    whole = labelled(*MEMBERS)
    joined = ["p0", "p0", "p1", "p1", "p1", "p1", "p3", "p3"]  # p2 looks like p1

    def marked(*patients: str) -> NDArray[np.bool_] | None:
        return learnt_by_segmenter(CardOfSegmenter(*patients), whole, joined)  # type: ignore[arg-type]  # a card that says only this

    found = marked("p2", "of-elsewhere")
    assert found is not None
    assert np.flatnonzero(found).tolist() == [2, 3, 4, 5]
    assert marked() is None


def jpeg(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 70])[1].tobytes()


def cropped(pixels: np.ndarray) -> bytes:
    rows, columns = (round(0.02 * side) for side in pixels.shape)
    return cv2.imencode(".png", pixels[rows:-rows, columns:-columns])[1].tobytes()


def smaller(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", cv2.resize(pixels, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA))[1].tobytes()


@pytest.mark.real_data
@pytest.mark.tensorflow
def test_the_shipped_model_knows_its_radiographs_again_however_they_are_stored_and_no_others(
    real_data: Path, tmp_path: Path
) -> None:
    model = Scorer.of(SHIPPED_MODELS / SHIPPED_VERSION)
    learnt = model.developed_on
    assert learnt is not None
    expected = []
    for label in ("covid", "normal"):
        (tmp_path / "few" / label).mkdir(parents=True)
        files = sorted((real_data / "cxr" / label).iterdir())
        known = {file: hashlib.sha256(file.read_bytes()).hexdigest() in learnt for file in files}
        ways = [jpeg, cropped, smaller]
        some = [*[one for one in files if known[one]][5:8], *[one for one in files if not known[one]][:3]]
        for number, (file, way) in enumerate(zip(some, [*ways, *ways], strict=True)):
            pixels = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
            assert pixels is not None
            (tmp_path / "few" / label / f"{number}.png").write_bytes(way(pixels))
            expected.append(known[file])
    few = read_labelled(
        tmp_path / "few", limits=AcceptanceLimits(min_side_pixels=100, max_pixels=64_000_000, max_aspect=2.0)
    )
    sighted, cache = Sighted.for_card(few, model.card, tmp_path), FeatureMapCache(tmp_path / "maps", max_bytes=10**8)
    by_content = model.recognised(sighted, cache, step="gate", progress=None)
    assert by_content is not None
    assert by_content.tolist() == expected
    seen = model.seen(few, joined_patients(few, ()), by_content)
    assert seen is not None
    assert seen.counted(np.arange(12)) == SeenBy(files=0, content=6)
