"""Whether a picture is what the model was made for, by what it shows: refuse what is none, flag what is doubtful.

A picture in which no lung fields are found gets no score. Beside that, three looks, independent enough of each other,
are held against the development set: the scoring network's fourth block, the lung segmenter's deepest layer, and where
edges run. None of them alone will do: on the trial material of this project the fourth block took laterals for frontal
views, edges took a coronal CT slice for a radiograph, and the segmenter found the sickest patients the strangest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.gate_card import GateLimits
from cxrscreen.classifier.neighbours import Features, Neighbours
from cxrscreen.classifier.pose import Pose, PoseReader, PoseReading
from cxrscreen.errors import ModelError, RefusedError
from cxrscreen.lungs.fields import LungFields
from cxrscreen.radiograph.edges import EdgeSignature, edge_signature
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.radiograph.screen_photograph import periodic_pattern
from cxrscreen.types import Grey8

KINDS = ("block4", "lungs", "edges")
ADULT_YEARS = 18

STRANGE = "It looks unlike the radiographs that the model was made from: the score means little here."
UNSURE_POSE = "It is uncertain whether the picture stands upright: compare the side marker."
MIRRORED = "The picture seems to be mirrored: compare the side marker."
SCREEN = "Fine waves run across the picture, as in a photograph of a screen: send the original radiograph."
CHILD = (
    "The patient is under 18 years old. The model was made from adults, and such models call nearly all children "
    "COVID-19: do not rely on the score."
)

THE_SAME = 0.3
"""Distances by texture and by edges to one radiograph, averaged in units of their limits, up to which it is the same.

Measured with the gate of ``standard-2``: of 40 of its development radiographs, stored anew in twelve ways (PNG, JPEG of
quality 60 to 90, half and 1.3 times the size, cropped by up to 4 % on every side or on one, another gamma, cropped and
scaled and compressed), all 480 come to at most 0.25 from themselves; the nearest radiograph of another patient lies at
0.36 or more from each of the 213, and at 0.37 or more from each of the 53 of the test part."""

_MOST = 2.0  # times its limit that one kind of feature counts for
_SIGNS = 2  # looks that must agree before anything is refused: the sickest patients are strange to one of them
_POSE = "pose/"
_NEIGHBOURS = "neighbours/"

_TURNED = {
    Pose.UPSIDE_DOWN: (Reason.TURNED, "Its edges run as in a chest radiograph that stands upside down."),
    Pose.SIDEWAYS: (Reason.TURNED, "Its edges run as in a chest radiograph that lies on its side."),
    Pose.NEGATIVE: (Reason.NEGATIVE, "Its edges run as in the negative of a chest radiograph."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """What the gate is told of one radiograph.

    Attributes:
        edges: From ``edge_signature``.
        pattern: From ``periodic_pattern``.
        block4: Mean of the scoring pass's block4_pool over its cells, (512,); ``None`` where a fault of the lung fields
            spares the pass.
        lungs: The segmenter's deepest layer, likewise.
        fields: Where the segmenter found the lungs.
        age_years: As the tags say.
    """

    edges: EdgeSignature = field(repr=False)
    pattern: float
    block4: NDArray[np.floating[Any]] | None = field(repr=False)
    lungs: NDArray[np.floating[Any]] = field(repr=False)
    fields: LungFields
    age_years: float | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """What the gate says about one radiograph.

    Attributes:
        refusal: Why it may not be screened, or ``None``.
        notices: What makes it doubtful, English sentences; any of them is a reason for a human to look.
        strangeness: How far it lies from the development set; from about 1 on further than nearly all of that set.
    """

    refusal: RefusedError | None
    notices: tuple[str, ...]
    strangeness: float


def look_at(
    reading: Grey8,
    *,
    block4: NDArray[np.floating[Any]] | None,
    lungs: NDArray[np.floating[Any]],
    fields: LungFields,
    age_years: float | None = None,
) -> Looks:
    """Take the looks that cost about 5 ms, and put them together with those that other steps have taken.

    Args:
        reading: The radiograph at reading resolution.
        block4: See ``Looks``.
        lungs: See ``Looks``.
        fields: See ``Looks``.
        age_years: See ``Looks``.
    """
    return Looks(
        edges=edge_signature(reading),
        pattern=periodic_pattern(reading),
        block4=block4,
        lungs=lungs,
        fields=fields,
        age_years=age_years,
    )


class Gate:
    """Limits, and what they are measured from.

    Attributes:
        limits: What it goes by.
    """

    def __init__(self, limits: GateLimits, neighbours: Mapping[str, Neighbours], poses: PoseReader) -> None:
        if set(neighbours) != set(KINDS) or set(limits.far_from) != set(KINDS):
            raise ModelError("The gate lacks what it compares radiographs with. Restore the model's folder.")
        self.limits = limits
        self._neighbours = neighbours
        self._poses = poses

    def arrays(self) -> dict[str, NDArray[np.floating[Any]]]:
        """What travels with the model's weights."""
        kept: dict[str, NDArray[np.floating[Any]]] = {
            f"{_NEIGHBOURS}{kind}": self._neighbours[kind].vectors for kind in KINDS
        }
        return kept | {f"{_POSE}{name}": array for name, array in self._poses.arrays.items()}

    @classmethod
    def from_arrays(cls, limits: GateLimits, arrays: Mapping[str, NDArray[Any]]) -> Gate:
        """Put a gate together from what ``arrays`` gave.

        Raises:
            ModelError: An array is missing, damaged or of another shape.
        """
        of = {
            name: {key.removeprefix(name): array for key, array in arrays.items() if key.startswith(name)}
            for name in (_NEIGHBOURS, _POSE)
        }
        return cls(
            limits, {kind: Neighbours(vectors) for kind, vectors in of[_NEIGHBOURS].items()}, PoseReader(of[_POSE])
        )

    def check_segmenter(self, weights_sha256: str) -> None:
        """See that the lung segmenter in use is the one whose features the gate knows.

        Raises:
            ModelError: It is another one.
        """
        if weights_sha256 != self.limits.segmenter_sha256:
            raise ModelError(
                "The model's gate was made with another lung segmenter. Restore that segmenter, or train the model "
                "again."
            )

    def admit(self, looks: Sequence[Looks]) -> list[Admission]:
        """Judge radiographs; result i belongs to radiograph i."""
        if not looks:
            return []
        ratios = np.stack([self._ratios(looks, kind) for kind in KINDS], axis=1)
        poses = self._poses.read(np.stack([one.edges for one in looks]))
        return [
            _admission(self.limits, _Found(one, pose, dict(zip(KINDS, row, strict=True))))
            for one, pose, row in zip(looks, poses, ratios.tolist(), strict=True)
        ]

    def knows(self, block4: Features, edges: Sequence[EdgeSignature]) -> NDArray[np.bool_]:
        """Recognise radiographs of the development set by what they show, whatever file they come in.

        Args:
            block4: As in ``Looks``, (n, 512).
            edges: As there, n of them.

        Returns:
            Shape (n,): whether one of the development set's is ``THE_SAME``.
        """
        if not len(edges):
            return np.zeros(0, dtype=np.bool_)
        ratios = [
            self._neighbours[kind].each_distance(features) / self.limits.far_from[kind]
            for kind, features in (("block4", block4), ("edges", np.stack(edges)))
        ]
        known: NDArray[np.bool_] = np.mean(ratios, axis=0).min(axis=1) <= THE_SAME
        return known

    def _ratios(self, looks: Sequence[Looks], kind: str) -> NDArray[np.float64]:
        """Distances in units of their limit; NaN where there is no such feature."""
        ratios = np.full(len(looks), np.nan)
        known = [place for place, one in enumerate(looks) if getattr(one, kind) is not None]
        if known:
            distances = self._neighbours[kind].distances(np.stack([getattr(looks[place], kind) for place in known]))
            ratios[known] = distances / self.limits.far_from[kind]
        return ratios


@dataclass(frozen=True, slots=True)
class _Found:
    looks: Looks
    pose: PoseReading
    ratios: dict[str, float]  # of the distances to their limits, by kind; NaN: not known

    @property
    def strangeness(self) -> float:
        return float(strangeness_of(np.array([list(self.ratios.values())]))[0])

    @property
    def signs(self) -> int:
        """How many looks speak against it.

        Mask and features of the segmenter are one look. A texture twice as far as is far counts for two: sick patients
        are strange to the segmenter, not to the fourth block.
        """
        far = {kind for kind, ratio in self.ratios.items() if ratio >= 1}
        if self.looks.fields.fault is not None:
            far.add("lungs")
        return len(far) + (self.ratios["block4"] >= _MOST)


def strangeness_of(ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average what is known, each kind counting ``_MOST`` at most.

    Args:
        ratios: Distances in units of their limits, (n, kinds), NaN where not known.
    """
    mean: NDArray[np.float64] = np.nanmean(np.minimum(ratios, _MOST), axis=1)
    return mean


def _admission(limits: GateLimits, found: _Found) -> Admission:
    return Admission(_refusal(limits, found), tuple(_notices(limits, found)), found.strangeness)


def _refusal(limits: GateLimits, found: _Found) -> RefusedError | None:
    if found.pose.pose is not Pose.UPRIGHT and found.pose.lead >= limits.lead:
        return RefusedError(*_TURNED[found.pose.pose])
    fault = found.looks.fields.fault
    too_far = limits.refused_from if fault is None else limits.strange_from
    if found.signs >= _SIGNS and found.strangeness >= too_far:
        return RefusedError(
            Reason.NOT_FRONTAL_CHEST,
            f"Unlike the radiographs of the model: strangeness {found.strangeness:.2f}, where "
            f"{limits.strange_from:.2f} is far.",
        )
    return None if fault is None else RefusedError(Reason.NO_LUNG_FIELDS, fault.sentence)


def _notices(limits: GateLimits, found: _Found) -> Iterator[str]:
    looks, pose = found.looks, found.pose
    if found.strangeness >= limits.strange_from:
        yield STRANGE
    if pose.pose is not Pose.UPRIGHT:
        yield UNSURE_POSE
    elif pose.unmirrored < limits.unmirrored_from:
        yield MIRRORED
    if looks.pattern >= limits.pattern_from:
        yield SCREEN
    if looks.age_years is not None and looks.age_years < ADULT_YEARS:
        yield CHILD
