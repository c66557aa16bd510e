"""Poses of real radiographs and of the awkward files."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from cxrscreen.classifier.pose import Pose, PoseReader
from cxrscreen.radiograph.edges import edge_signature, ways
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.types import Grey8
from tests.radiograph.drawn import LIMITS

pytestmark = pytest.mark.real_data

ACCEPTED = ["01", "03", "04", "06", "07", "08", "09", "10", "14", "19"]
UNLIKE = {Reason.NOT_FRONTAL_CHEST, Reason.NO_LUNG_FIELDS}
REFUSED = {
    "02": {Reason.NEGATIVE},
    "05": UNLIKE,
    "12": UNLIKE | {Reason.TURNED},
    "13": UNLIKE,
    "15": UNLIKE,
    "18": {Reason.TURNED},
}
EVERY = 6  # of the set's radiographs are looked at


def reading(path: Path) -> Grey8:
    return read_radiograph(path.read_bytes(), LIMITS).reading


def awkward(real_data: Path, number: str) -> Grey8:
    return reading(next((real_data / "cxr" / "formats").glob(f"{number}_*")))


@pytest.fixture(scope="module")
def some(real_data: Path) -> dict[str, list[tuple[Path, Grey8]]]:
    """Radiographs by patient."""
    rows = list(csv.DictReader((real_data / "cxr" / "metadata.csv").read_text().splitlines()))
    by_patient: dict[str, list[tuple[Path, Grey8]]] = {}
    for row in rows[::EVERY]:
        path = real_data / "cxr" / row["filename"]
        by_patient.setdefault(row["patient_id"], []).append((path, reading(path)))
    return by_patient


def all_ways(pixels: Grey8) -> np.ndarray:
    return np.stack([edge_signature(way) for way in ways(pixels)])


def test_poses_of_patients_left_out_and_of_the_awkward_files_are_read(
    real_data: Path, some: dict[str, list[tuple[Path, Grey8]]]
) -> None:
    patients = list(some.values())
    train, held_out = (
        np.stack([all_ways(pixels) for one in part for _, pixels in one]) for part in (patients[::2], patients[1::2])
    )
    reader = PoseReader.fitted(train)
    wanted = [pose for way in range(held_out.shape[1]) for pose in Pose if way in pose.ways]
    right = [[reading.pose is pose for reading, pose in zip(reader.read(one), wanted, strict=True)] for one in held_out]
    assert np.mean(right) > 0.98
    assert np.mean([row[0] for row in right]) > 0.95
    edges = {number: edge_signature(awkward(real_data, number)) for number in (*ACCEPTED, "02", "18")}
    poses = dict(zip(edges, (one.pose for one in reader.read(np.stack(list(edges.values())))), strict=True))
    assert poses == dict.fromkeys(ACCEPTED, Pose.UPRIGHT) | {"02": Pose.NEGATIVE, "18": Pose.UPSIDE_DOWN}
