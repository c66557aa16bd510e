"""Radiographs that show one exposure, though their files differ: recoded, rescaled, windowed, cropped, mirrored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.evaluation.data_report import Likeness
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.radiograph.prepare import SIDE
from cxrscreen.types import Grey8, PreparedBatch, Progress

LIMIT = 0.78
"""Correlation of aligned fine detail from which two radiographs are taken for one exposure; see ``alike``."""

_COARSE, _FINE = 24, 64  # sides of the pictures that are searched and compared
_NEAREST = 3  # looked at closely for each radiograph
_BLOCK = 1000  # rows of the correlation matrix at a time: 40 MB for 10,000 radiographs
_LEAST_OVERLAP = 0.6  # of the area
_COARSE_SIGMA = 2.25  # what changes more slowly is shading, in pixels of the coarse picture
_ALIGNMENT_BLUR = 5  # pixels
_PATIENCE = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3)
_COVERED = 255  # shade of what comes from inside the picture
_BACKWARD = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_TINY = 1e-6  # length of a picture without any detail
_QUIET = 2.0  # shades of 255: weaker detail is noise and is not raised to the level of the rest

# Crops (left, top, right, bottom, as fractions of the side) that one radiograph may have against the other.
_CROPS = (
    *((margin,) * 4 for margin in (0.0, 0.025, 0.05, 0.075)),
    *((0.07, 0.0, 0.0, 0.0), (0.0, 0.07, 0.0, 0.0), (0.0, 0.0, 0.07, 0.0), (0.0, 0.0, 0.0, 0.07)),
)

_Detail = NDArray[np.float32]
"""Fine structure of a radiograph: (side, side), about -3 to 3, free of brightness, contrast and slow shading."""

_Details = NDArray[np.float32]
"""Fine structure of radiographs: (n, side, side)."""

_Crop = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Near:
    """``whole``, cropped and perhaps mirrored, is near ``part``."""

    part: int
    whole: int
    crop: _Crop
    mirrored: bool


def alike(labelled: LabelledSet, progress: Progress | None = None) -> tuple[Likeness, ...]:
    """Find pairs of radiographs that seem to show one exposure.

    Each radiograph is compared coarsely with all others, which are also mirrored and cropped in a few ways; with its
    three nearest it is aligned (affine, Evangelidis and Psarakis 2008, IEEE PAMI 30:1858), and the correlation of the
    fine detail decides. Of a crowd of more than four likenesses not every pair is listed.

    ``LIMIT`` was chosen on the 266 radiographs of the development set, where different patients reach 0.60 and one
    patient's different radiographs 0.73 (82 pairs). Copies of them in lower JPEG quality, in other sizes and aspects,
    with other gamma, window or local contrast, with noise, mirrored, turned by 2 degrees or cropped by 2 % on each or
    10 % on one side all stay above 0.80; of those cropped by 5 to 10 % on each side more than nine in ten are found, of
    those in a black frame of 5 % seven in ten. Phantoms of this software are one anatomy in variations and count as
    alike.

    Args:
        labelled: The whole set. 10,000 radiographs need about 0.6 GB beside it and one to two minutes on two cores.
        progress: Told of the step "look-alikes".

    Returns:
        Pairs across the classes first, then by falling correlation.
    """
    radiographs = labelled.radiographs
    found = [
        Likeness(
            first=radiographs[one].file_name,
            second=radiographs[other].file_name,
            correlation=min(correlation, 1.0),
            mirrored=mirrored,
            across_classes=radiographs[one].diseased != radiographs[other].diseased,
            same_patient=radiographs[one].patient == radiographs[other].patient,
        )
        for (one, other), (correlation, mirrored) in exposures_alike(labelled.prepared, progress).items()
    ]
    return tuple(sorted(found, key=lambda pair: (not pair.across_classes, -pair.correlation, pair.first, pair.second)))


def exposures_alike(
    prepared: PreparedBatch, progress: Progress | None = None
) -> dict[tuple[int, int], tuple[float, bool]]:
    """Find pairs of pictures that seem to show one exposure, as ``alike`` does.

    Args:
        prepared: All pictures.
        progress: Told of the step "look-alikes".

    Returns:
        By the positions of the two, the smaller one first: the correlation, and whether one is mirrored.
    """
    structure, detail = (_details(prepared, _FINE, sigma) for sigma in (4.0, 2.0))
    best: dict[tuple[int, int], tuple[float, bool]] = {}
    nearest = list(_nearest(prepared))
    for done, near in enumerate(nearest, start=1):
        correlation = _aligned_correlation(near, prepared, structure, detail)
        pair = (min(near.part, near.whole), max(near.part, near.whole))
        if correlation >= LIMIT:
            best[pair] = max(best.get(pair, (0.0, False)), (correlation, near.mirrored))
        if progress and (done % _BLOCK == 0 or done == len(nearest)):
            progress("look-alikes", done, len(nearest))
    return best


def _details(prepared: PreparedBatch, side: int, sigma: float, crop: _Crop = _CROPS[0]) -> _Details:
    """Fine structure of each radiograph: what is left without shading, its local contrast made equal."""
    left, top, right, bottom = (round(SIDE * margin) for margin in crop)
    details: _Details = np.empty((len(prepared), side, side), np.float32)
    for place, picture in enumerate(prepared):
        details[place] = _detail(picture[top : SIDE - bottom, left : SIDE - right, 0], side, sigma)
    return details


def _detail(picture: Grey8, side: int, sigma: float) -> _Detail:
    small = cv2.resize(np.ascontiguousarray(picture), (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= cv2.GaussianBlur(small, (0, 0), sigma)
    detail: _Detail = small / (np.sqrt(cv2.GaussianBlur(small * small, (0, 0), 1.5 * sigma)) + _QUIET)
    return detail


def _nearest(prepared: PreparedBatch) -> Iterator[_Near]:
    """For each radiograph the others that resemble it most, cropped and mirrored in whichever way fits best."""
    n = len(prepared)
    parts = _details(prepared, _COARSE, _COARSE_SIGMA)
    wholes = [_standardised(_details(prepared, _COARSE, _COARSE_SIGMA, crop)) for crop in _CROPS]
    for start in range(0, n, _BLOCK):
        block = parts[start : start + _BLOCK]
        best = np.full((len(block), n), -1.0, np.float32)
        way = np.zeros(best.shape, np.int8)
        for mirrored in (False, True):
            rows = _standardised(block[:, :, ::-1] if mirrored else block)  # as good as mirroring all the others
            for number, whole in enumerate(wholes):
                correlation = rows @ whole.T
                np.copyto(way, np.int8(number + mirrored * len(_CROPS)), where=correlation > best)
                np.maximum(best, correlation, out=best)
        own = np.arange(len(block))
        best[own, start + own] = -1.0
        count = min(_NEAREST, n - 1)
        nearest = np.argpartition(best, n - count - 1, axis=1)[:, n - count :]
        for row, others in enumerate(nearest):
            for other in others:
                turned, crop = divmod(int(way[row, other]), len(_CROPS))
                yield _Near(start + row, int(other), _CROPS[crop], mirrored=bool(turned))


def _standardised(details: _Details) -> NDArray[np.float32]:
    """As rows of mean 0 and length 1, so that products are correlations: (n, side * side)."""
    rows = details.reshape(len(details), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    standardised: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _TINY)
    return standardised


def _aligned_correlation(near: _Near, prepared: PreparedBatch, structure: _Details, detail: _Details) -> float:
    """Correlation of fine detail where the two overlap after alignment; 0 where they cannot be aligned."""
    left, top, right, bottom = near.crop
    start = [[1 - left - right, 0, left * _FINE], [0, 1 - top - bottom, top * _FINE]]
    whole, whole_structure = prepared[near.whole, :, :, 0], structure[near.whole]
    if near.mirrored:
        whole, whole_structure = whole[:, ::-1], np.ascontiguousarray(whole_structure[:, ::-1])
    try:
        _, warp = cv2.findTransformECC(
            structure[near.part],
            whole_structure,
            np.array(start, np.float32),
            cv2.MOTION_AFFINE,
            _PATIENCE,
            None,
            _ALIGNMENT_BLUR,
        )
    except cv2.error:  # the iteration does not converge: there is nothing to align
        return 0.0
    larger = _for_larger_pixels(warp, SIDE / _FINE)
    covered = cv2.resize(_warped(np.full_like(whole, _COVERED), larger), (_FINE, _FINE), interpolation=cv2.INTER_AREA)
    overlap = covered == _COVERED
    if overlap.mean() < _LEAST_OVERLAP:
        return 0.0
    aligned = _detail(_warped(whole, larger, cv2.BORDER_REPLICATE), _FINE, 2.0)
    part, other = _standardised(np.stack([detail[near.part][overlap], aligned[overlap]]))
    return float(part @ other)


def _warped(picture: Grey8, warp: NDArray[np.float32], border: int = cv2.BORDER_CONSTANT) -> Grey8:
    warped: Grey8 = cv2.warpAffine(
        np.ascontiguousarray(picture), warp, (SIDE, SIDE), flags=_BACKWARD, borderMode=border
    )
    return warped


def _for_larger_pixels(warp: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Write a warp for a picture of ``scale`` times the side; pixel centres lie at halves."""
    turn, shift = warp[:, :2].astype(np.float64), warp[:, 2].astype(np.float64)
    larger = turn.sum(axis=1) * (1 - scale) / 2 + shift * scale + (scale - 1) / 2
    return np.column_stack([turn, larger]).astype(np.float32)
