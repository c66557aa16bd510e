from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrscreen.radiograph.edges import SIGNATURE_WIDTH, WAYS, edge_signature, ways
from tests.radiograph.drawn import chest


def by_cell(signature: np.ndarray) -> np.ndarray:
    return signature.reshape(8, 8, 8)


def ramp() -> np.ndarray:
    return np.tile(np.arange(256, dtype=np.uint8), (256, 1))


def test_a_ramp_to_the_right_has_edges_in_one_direction_only_and_in_all_cells() -> None:
    cells = by_cell(edge_signature(ramp()))
    assert (cells[..., 0] > 0.12).all()
    assert cells[..., 1:].max() == 0


@pytest.mark.parametrize(("way", "direction"), [(1, 4), (2, 6), (4, 4), (6, 2), (8, 4), (9, 0)])
def test_turned_mirrored_and_inverted_ramps_have_the_other_directions(way: int, direction: int) -> None:
    cells = by_cell(edge_signature(ways(ramp())[way]))
    assert cells[..., direction].min() > 0.12
    assert np.delete(cells, direction, axis=-1).max() < 1e-3


def test_all_ways_differ_and_the_first_is_the_picture_itself() -> None:
    all_ways = ways(chest(300, 300))
    assert np.array_equal(all_ways[0], chest(300, 300))
    assert len({way.tobytes() for way in all_ways}) == WAYS


@given(rows=st.integers(1, 200), columns=st.integers(1, 200), seed=st.integers(0, 99))
def test_any_picture_has_a_signature_of_length_one_or_none(rows: int, columns: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (rows, columns), dtype=np.uint8)
    signature = edge_signature(pixels)
    assert signature.shape == (SIGNATURE_WIDTH,)
    assert np.isfinite(signature).all()
    assert np.linalg.norm(signature) == pytest.approx(1, abs=1e-3) or (signature == 0).all()


def test_a_blank_picture_has_no_edges() -> None:
    assert not edge_signature(np.full((300, 200), 90, np.uint8)).any()


def test_contrast_and_size_hardly_change_a_signature() -> None:
    whole = edge_signature(chest(512, 512))
    duller = edge_signature((chest(512, 512) // 2 + 40).astype(np.uint8))
    smaller = edge_signature(np.ascontiguousarray(chest(512, 512)[::2, ::2]))
    assert whole @ duller > 0.98
    assert whole @ smaller > 0.9
