from __future__ import annotations

import numpy as np
import pytest

from cxrscreen.classifier.pose import Pose, PoseReader
from cxrscreen.errors import ModelError
from cxrscreen.phantom.golden import golden_phantom
from cxrscreen.radiograph.edges import edge_signature, ways

WANTED = [Pose.UPRIGHT] * 2 + [Pose.SIDEWAYS] * 2 + [Pose.UPSIDE_DOWN] * 2 + [Pose.SIDEWAYS] * 2 + [Pose.NEGATIVE] * 8


def signatures(seed: int) -> np.ndarray:
    return np.stack([edge_signature(way) for way in ways(golden_phantom(seed, opacities=seed % 2 == 1))])


@pytest.fixture(scope="module")
def reader() -> PoseReader:
    return PoseReader.fitted(np.stack([signatures(seed) for seed in range(5)]))


@pytest.mark.parametrize("seed", [21, 22])
def test_poses_of_phantoms_never_seen_are_read_in_all_ways(reader: PoseReader, seed: int) -> None:
    readings = reader.read(signatures(seed))
    assert [reading.pose for reading in readings] == WANTED
    assert all((reading.upright > 0.1) == (reading.pose is Pose.UPRIGHT) for reading in readings)
    assert all(reading.lead == pytest.approx(abs(reading.upright)) for reading in readings[:2])
    assert readings[0].unmirrored > 0 > readings[1].unmirrored


def test_noise_fits_no_pose_well(reader: PoseReader) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (224, 224), dtype=np.uint8)
    (reading,) = reader.read(edge_signature(noise)[np.newaxis])
    assert abs(reading.upright) < 0.15
    assert reading.lead < 0.15


def test_a_reader_comes_back_from_its_arrays_to_the_same_readings(reader: PoseReader) -> None:
    again = PoseReader(reader.arrays)
    assert again.read(signatures(23)) == reader.read(signatures(23))


def test_damaged_arrays_are_refused(reader: PoseReader) -> None:
    broken = {**reader.arrays, "kernel": reader.arrays["kernel"] * np.nan}
    for arrays in (broken, {"kernel": reader.arrays["kernel"]}, {**reader.arrays, "bias": np.zeros(3)}):
        with pytest.raises(ModelError, match="upright"):
            PoseReader(arrays)
