"""Make the gate by content from a development set, and measure it on patients that it was not made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.gate_card import GateCard, GateLimits
from cxrscreen.classifier.neighbours import Features, Neighbours
from cxrscreen.classifier.pose import EdgeSignaturesAllWays, Pose, PoseReader, PoseReading
from cxrscreen.errors import DataSetError
from cxrscreen.evaluation.intervals import fraction, wilson_of_mean
from cxrscreen.labelled.splits import FOLDS, Indices
from cxrscreen.lungs.gate import KINDS, Admission, Gate, Looks, strangeness_of
from cxrscreen.radiograph.edges import edge_signature, ways
from cxrscreen.types import Grey8

QUANTILE = 0.98
_SELDOM = 0.01  # of the development set, on the wrong side of a limit on poses
_LEAST_LEAD = 0.05
_LEAST_FAR = 1e-3  # of half precision's own errors
_ABOVE_ALL = 1.1  # times the strongest pattern of the development set
_MIRRORED_WAY = Pose.UPRIGHT.ways[1]
_NEGATIVE_WAY = Pose.NEGATIVE.ways[0]
_TURNED_WAYS = (*Pose.UPSIDE_DOWN.ways, *Pose.SIDEWAYS.ways)


@dataclass(frozen=True, slots=True, eq=False)
class LookedAt:
    """A development set as the gate sees it.

    Attributes:
        looks: Of each radiograph.
        all_ways: Edge signatures of each, turned, mirrored and inverted: (n, WAYS, SIGNATURE_WIDTH).
        patients: Of each radiograph, look-alikes joined.
    """

    looks: Sequence[Looks] = field(repr=False)
    all_ways: EdgeSignaturesAllWays = field(repr=False)
    patients: Sequence[str] = field(repr=False)

    def part(self, places: Indices) -> LookedAt:
        """Return some of the radiographs."""
        return LookedAt(
            [self.looks[place] for place in places], self.all_ways[places], [self.patients[place] for place in places]
        )


def signatures_of_all_ways(pixels: Grey8) -> NDArray[np.float32]:
    """Return the edge signatures of one radiograph in all ways: (WAYS, SIGNATURE_WIDTH)."""
    return np.stack([edge_signature(way) for way in ways(pixels)])


def make_gate(
    seen: LookedAt, folds: Iterable[tuple[Indices, Indices]], *, segmenter_sha256: str, quantile: float = QUANTILE
) -> tuple[Gate, GateCard, list[Admission]]:
    """Make the gate of a model, and measure it fold by fold.

    Args:
        seen: The development set, all of it accepted: upright frontal chest radiographs.
        folds: Pairs (training, held out) of places in ``seen``; no patient is on both sides, and every radiograph is
            held out once.
        segmenter_sha256: Digest of the segmenter that gave ``Looks.lungs``.
        quantile: Share of the development set that is not flagged for its strangeness, in (0, 1).

    Returns:
        The gate made from the whole set, its card, and what the folds' gates said of each radiograph, fold by fold.

    Raises:
        DataSetError: The folds leave a radiograph out.
        ModelError: There are too few radiographs or patients to be compared with.
    """
    upright, turned, negatives, mirrored = [], [], [], []
    for train, held_out in folds:
        learnt, kept = _complete(seen.part(train)), seen.part(held_out)
        limits = _limits(learnt, segmenter_sha256, quantile)
        upright += _gate(learnt, limits).admit(kept.looks)
        for poses in _poses(PoseReader.fitted(learnt.all_ways), kept):
            turned.append(float(np.mean([_wrong(poses[way], limits) for way in _TURNED_WAYS])))
            negatives.append(_wrong(poses[_NEGATIVE_WAY], limits))
            mirrored.append(_seems_mirrored(poses[_MIRRORED_WAY], limits))
    if len(upright) != len(seen.looks):
        raise DataSetError("The folds do not hold every radiograph out once. Split the set again.")
    complete = _complete(seen)
    limits = _limits(complete, segmenter_sha256, quantile)
    card = GateCard(
        limits=limits,
        n=len(upright),
        patients=len(set(seen.patients)),
        refused=_share(admission.refusal is not None for admission in upright),
        flagged=_share(admission.refusal is None and bool(admission.notices) for admission in upright),
        turned_found=_mean(turned, patients=len(set(seen.patients))),
        negatives_found=_share(negatives),
        mirrored_found=_share(mirrored),
    )
    return _gate(complete, limits), card, upright


def _complete(seen: LookedAt) -> LookedAt:
    """Leave out the radiographs in which no lung fields were found: they are judged, but nothing is made from them."""
    return seen.part(np.flatnonzero([one.block4 is not None for one in seen.looks]))


def _gate(seen: LookedAt, limits: GateLimits) -> Gate:
    features = _features(seen)
    return Gate(limits, {kind: Neighbours.of(features[kind]) for kind in KINDS}, PoseReader.fitted(seen.all_ways))


def _limits(seen: LookedAt, segmenter_sha256: str, quantile: float) -> GateLimits:
    """Choose all limits, comparing each radiograph with those of other patients only."""
    features = _features(seen)
    distances = {
        kind: Neighbours.of(features[kind]).left_out_distances(features[kind], seen.patients, seen.patients)
        for kind in KINDS
    }
    far_from = {kind: max(_LEAST_FAR, float(np.quantile(distances[kind], quantile))) for kind in KINDS}
    ratios = np.stack([distances[kind] / far_from[kind] for kind in KINDS], axis=1)
    strangeness = strangeness_of(ratios)
    strange_from, middle = float(np.quantile(strangeness, quantile)), float(np.median(strangeness))
    poses = [reading for train, rest in _parts(seen) for reading in _poses(PoseReader.fitted(train.all_ways), rest)]
    leads = [reading[way].lead for reading in poses for way in _TURNED_WAYS if reading[way].pose is not Pose.UPRIGHT]
    return GateLimits(
        segmenter_sha256=segmenter_sha256,
        quantile=quantile,
        far_from=far_from,
        strange_from=strange_from,
        refused_from=2 * strange_from - middle,  # a quantile and no maximum: one odd picture in the set moves it little
        lead=max(_LEAST_LEAD, float(np.quantile(leads, _SELDOM))),
        unmirrored_from=min(0.0, float(np.quantile([reading[0].unmirrored for reading in poses], _SELDOM))),
        pattern_from=_ABOVE_ALL * max(one.pattern for one in seen.looks),
    )


def _features(seen: LookedAt) -> dict[str, Features]:
    """Stack what is compared, by kind: (n, width of the kind)."""
    return {kind: np.stack([getattr(one, kind) for one in seen.looks]) for kind in KINDS}


def _parts(seen: LookedAt) -> Iterator[tuple[LookedAt, LookedAt]]:
    """Every fifth patient against all others, five times."""
    part = np.unique(np.asarray(seen.patients), return_inverse=True)[1] % FOLDS
    for one in range(FOLDS):
        yield seen.part(np.flatnonzero(part != one)), seen.part(np.flatnonzero(part == one))


def _poses(reader: PoseReader, seen: LookedAt) -> list[list[PoseReading]]:
    """Read each radiograph in all ways."""
    return [reader.read(signatures) for signatures in seen.all_ways]


def _wrong(reading: PoseReading, limits: GateLimits) -> bool:
    return reading.pose is not Pose.UPRIGHT and reading.lead >= limits.lead


def _seems_mirrored(reading: PoseReading, limits: GateLimits) -> bool:
    return reading.pose is Pose.UPRIGHT and reading.unmirrored < limits.unmirrored_from


def _mean(shares: list[float], *, patients: int) -> Estimate:
    """Of shares of one radiograph's views: neither its views nor a patient's radiographs are taken as independent."""
    value = float(np.mean(shares))
    low, high = wilson_of_mean(value, patients)
    views = len(_TURNED_WAYS)
    return Estimate(
        value=value,
        low=low,
        high=high,
        n=len(shares),
        method=f"mean over {views} views of each radiograph, Wilson on {patients} patients",
    )


def _share(found: Iterable[bool]) -> Estimate:
    each = list(found)
    return fraction(sum(each), len(each))
