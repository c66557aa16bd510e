"""The segmenter's card: what it is, what it was made from and how well its masks agree with those drawn by people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

from cxrscreen.classifier.estimate import Estimate, Frozen


class Agreement(Frozen):
    """Dice coefficients of masks on radiographs of patients that the network had not seen.

    Dice 1945, Ecology 26:297: twice the area that both masks share, of the sum of their areas; at the mask's size.
    """

    name: str  # e.g. "held-out test, by patient"
    n: int  # radiographs
    patients: int
    mean: Estimate
    median: float
    least: float
    poor: int  # below 0.9
    implausible: int  # masks with a fault, of radiographs that people could draw lungs on

    @property
    def sentence(self) -> str:
        """The figures in words."""
        return (
            f"{self.name[0].upper()}{self.name[1:]}: mean Dice {self.mean.value:.3f} ({self.mean.low:.3f} to "
            f"{self.mean.high:.3f}), median {self.median:.3f}, least {self.least:.3f}, on {self.n} radiographs of "
            f"{self.patients} patients; {self.implausible} of their masks are implausible."
        )


class LungSetCard(Frozen):
    """What the segmenter was made from, without naming anybody."""

    name: str
    fingerprint: str  # SHA-256 over the sorted content hashes of radiographs with their masks
    n: int
    patients: int


class LungCard(Frozen):
    """Machine-readable card, stored as ``card.json`` beside the weights."""

    version: str  # e.g. "lungs-1"
    created_at: str  # ISO 8601
    weights_sha256: str
    precision: Literal["float16"]
    parameters: int
    milliseconds: float  # CPU time of a radiograph of 1024 pixels, in batches of 8, where it was trained
    data_set: LungSetCard
    seed: int
    hyperparameters: dict[str, float | int | str]
    libraries: dict[str, str]
    folds: Agreement  # over the whole set, each radiograph by a network that had not seen the patient
    test: Agreement  # of these very weights
    held_out: tuple[str, ...]  # SHA-256 of the radiographs' files that ``test`` rests on
    learnt_from: tuple[str, ...] = ()  # patients of these very weights, see ``patient_mark``; empty: not recorded
    limits: tuple[str, ...]  # one sentence each
    credits: tuple[str, ...]

    @property
    def segmenter_id(self) -> str:
        """Version and the head of its hash, as reports print it."""
        return f"{self.version} ({self.weights_sha256[:12]})"

    def learnt(self, patients: Iterable[str]) -> list[bool] | None:
        """Tell of each patient, by the number that some data set gives, whether these weights have learnt from it.

        Returns:
            ``None`` where it was not recorded whom they learnt from.
        """
        if not self.learnt_from:
            return None
        known = set(self.learnt_from)
        return [patient_mark(patient, self.data_set.fingerprint) in known for patient in patients]


def patient_mark(patient: str, fingerprint: str) -> str:
    """SHA-256 that stands for a patient on the card of a segmenter that has learnt from the patient.

    Whoever can guess the number can tell that it is meant: a card lies where its masks and radiographs lie, and leaves
    that place only where these may.

    Args:
        patient: Number in the metadata of the set.
        fingerprint: Of the set with the masks, so that marks of two sets cannot be compared.
    """
    return hashlib.sha256(f"{fingerprint} {patient}".encode()).hexdigest()


def render_card(card: LungCard) -> str:
    """Return ``CARD.md``: what ``card.json`` says, for people."""
    sections = [
        f"# Lung segmenter {card.version}",
        "A prototype for research: not for medical use, and not for diagnosis. Written by code from `card.json`.",
        _table(
            {
                "Trained": card.created_at,
                "Weights, SHA-256": f"`{card.weights_sha256}`",
                "Parameters": f"{card.parameters:,}, stored as {card.precision}",
                "CPU time of a radiograph, milliseconds": f"{card.milliseconds:.1f}",
                "Seed": str(card.seed),
                "Data": f"{card.data_set.name}: {card.data_set.n} radiographs of {card.data_set.patients} patients",
                "Fingerprint of the data, SHA-256": f"`{card.data_set.fingerprint}`",
            }
        ),
        "## Agreement with masks drawn by people (Dice)",
        "\n".join(
            [
                "| | radiographs | patients | mean | 95 % interval | median | least | below 0.9 | implausible |",
                "|---|---|---|---|---|---|---|---|---|",
                _row(card.folds),
                _row(card.test),
            ]
        ),
        f"Intervals: {card.test.mean.method}. The test is of these weights, the folds of networks made the same way.",
        _learnt_from(card),
        "## Limits",
        "\n".join(f"- {limit}" for limit in card.limits),
        "## Hyperparameters",
        _table({name: str(value) for name, value in card.hyperparameters.items()}),
        "## Libraries",
        _table(card.libraries),
        "## Credits",
        "\n".join(f"- {credit}" for credit in card.credits),
    ]
    return "\n\n".join(sections) + "\n"


def _learnt_from(card: LungCard) -> str:
    if not card.learnt_from:
        return "It is not recorded which patients these weights have learnt from."
    return (
        f"These weights have learnt from {len(card.learnt_from)} patients, as the metadata number them; `card.json` "
        "has a hash of each. Their lung fields may be better than those of patients to come: a model's card counts "
        "the radiographs of its own set that show them."
    )


def _row(agreement: Agreement) -> str:
    mean = agreement.mean
    return (
        f"| {agreement.name} | {agreement.n} | {agreement.patients} | {mean.value:.3f} | {mean.low:.3f} to "
        f"{mean.high:.3f} | {agreement.median:.3f} | {agreement.least:.3f} | {agreement.poor} | "
        f"{agreement.implausible} |"
    )


def _table(rows: dict[str, str]) -> str:
    lines = [f"| {name} | {value.replace('|', '/')} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])
