"""From measured differences to "promote", "keep" or "cannot tell", with the reasons in words.

Promote: AUC and sensitivity lose less than their margins, AUC, specificity or Brier score gain beyond chance, and
nothing loses beyond chance. Keep: AUC or sensitivity loses beyond chance, or anything does where nothing gains.
Everything else is for a person to weigh.
"Beyond chance" means that the 95 % interval of the difference lies on one side of 0.

Where a model has an uncertain band, its findings follow from that and from no operating point: COVID-19 that is not
called negative then stands in the place of sensitivity, normal radiographs that are not called positive in the place of
specificity, and COVID-19 that is called positive counts besides: its gain is one beyond chance like theirs, and it must
not be lost either, as it would be by leaving more to a human.

Better figures may come from the background. So the shortcut audits on both cards have the last word: a challenger that
has not been shown to use the lungs is never promoted over a champion that has, and a champion that has not is never
kept for its figures against a challenger that has. Of a model that is shown the lungs alone the audit shows no more
than that: the reasons say so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import count

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.shortcut_audit import ShortcutAudit
from cxrscreen.evaluation.intervals import tango
from cxrscreen.evaluation.result import FOUND, NOT_MISSED, SPARED, Verdict

SENSITIVITY_MARGIN = 0.05
"""No other gain is worth one more missed patient in twenty: operating points are chosen to find 95 of 100 patients,
and with 90 a negative finding reassures too many who are ill."""

AUC_MARGIN = 0.05
"""One more wrongly ordered pair in twenty: about the half-width of the interval from a test part of 50 radiographs."""


BY_FRAMING = (
    "It is shown the lungs alone, so this is so by construction: nothing else is read, but which sign in the lungs is "
    "not shown."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BandDifferences:
    """Challenger minus champion, of what screening says; a model without a band leaves nothing to a human.

    Attributes:
        not_missed: Of COVID-19, positive or uncertain.
        found: Of COVID-19, positive.
        spared: Of normal radiographs, negative or uncertain.
    """

    not_missed: Estimate
    found: Estimate
    spared: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Challenger minus champion; a lower Brier score is better. ``band`` where one of the two has one."""

    auc: Estimate
    sensitivity: Estimate
    specificity: Estimate
    brier: Estimate
    band: BandDifferences | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """One difference as the rules see it: gain and loss are upwards and downwards, whatever the figure."""

    name: str
    difference: Estimate
    margin: float | None = None  # the largest loss that may stand
    lower_is_better: bool = False

    @property
    def gains(self) -> bool:
        return self.difference.high < 0 if self.lower_is_better else self.difference.low > 0

    @property
    def loses(self) -> bool:
        return self.difference.low > 0 if self.lower_is_better else self.difference.high < 0

    @property
    def may_lose_too_much(self) -> bool:
        return self.margin is not None and self.difference.low <= -self.margin

    def in_words(self) -> str:
        if self.gains:
            judgement = "better beyond chance"
        elif self.loses:
            judgement = "worse beyond chance"
        elif self.margin is None:
            judgement = "no difference beyond chance"
        elif self.may_lose_too_much:
            judgement = f"a loss of {self.margin} cannot be excluded"
        else:
            judgement = f"a loss of {self.margin} can be excluded"
        found = self.difference
        interval = f"{found.low:+.3f} to {found.high:+.3f}"
        name = self.name[0].upper() + self.name[1:]
        return f"{name}: challenger minus champion {found.value:+.3f} ({interval}), n = {found.n}; {judgement}."


def judge(
    differences: Differences, *, diseased_patients: int, seen_by_champion: int
) -> tuple[Verdict, tuple[str, ...]]:
    """Apply the rules.

    Args:
        differences: Each with its 95 % interval.
        diseased_patients: Patients that the sensitivities rest on.
        seen_by_champion: Radiographs that were left out, for the reasons alone.

    Returns:
        The verdict, and its reasons: first the one that decided, then every difference.
    """
    auc = _Change(name="AUC", difference=differences.auc, margin=AUC_MARGIN)
    brier = _Change(name="Brier score", difference=differences.brier, lower_is_better=True)
    if (band := differences.band) is None:
        sensitivity = _Change(name="sensitivity", difference=differences.sensitivity, margin=SENSITIVITY_MARGIN)
        specificity = _Change(name="specificity", difference=differences.specificity)
        may_win: tuple[_Change, ...] = (auc, specificity, brier)
        changes: tuple[_Change, ...] = (auc, sensitivity, specificity, brier)
    else:
        sensitivity = _Change(name=NOT_MISSED, difference=band.not_missed, margin=SENSITIVITY_MARGIN)
        specificity = _Change(name=SPARED, difference=band.spared)
        found = _Change(name=FOUND, difference=band.found)
        may_win = (auc, found, specificity, brier)
        changes = (auc, sensitivity, found, specificity, brier)
    verdict, decisive = _rule(changes, must_hold=(auc, sensitivity), may_win=may_win)
    reasons = [decisive, *(change.in_words() for change in changes)]
    enough = next(n for n in count(1) if tango(0, 0, n)[0] > -SENSITIVITY_MARGIN)
    if sensitivity.may_lose_too_much and not sensitivity.loses and diseased_patients < enough:
        reasons.append(
            f"To exclude a loss of {sensitivity.name} of {SENSITIVITY_MARGIN}, even without a single patient lost, "
            f"takes {enough} patients with COVID-19 where both models find the same; here there are "
            f"{diseased_patients}."
        )
    return verdict, (*reasons, *_left_out(seen_by_champion))


def nothing_to_judge(*, n: int, seen_by_champion: int) -> tuple[Verdict, tuple[str, ...]]:
    """Say why there are no differences: no radiograph is left, or only those of one class."""
    missing = "No radiograph is left" if n == 0 else f"Only radiographs of one class are left ({n})"
    return "cannot tell", (f"{missing} that both models may be judged on.", *_left_out(seen_by_champion))


def held_to_lungs(
    judged: tuple[Verdict, tuple[str, ...]],
    *,
    champion: ShortcutAudit | None,
    challenger: ShortcutAudit | None,
    framed: Collection[str] = (),
) -> tuple[Verdict, tuple[str, ...]]:
    """Let the shortcut audits have the last word.

    Args:
        judged: Verdict and reasons by the figures alone.
        champion: As on its card; ``None`` where it was never audited, which shows nothing.
        challenger: Likewise.
        framed: "champion", "challenger" or both: who is shown the lungs alone, so that its audit cannot end otherwise.

    Returns:
        As ``judged``, or "cannot tell" with the reason first; where either was audited, what was found comes last.
    """
    verdict, reasons = judged
    if champion is None and challenger is None:
        return judged
    used, uses = (audit is not None and audit.shown_to_use_lungs for audit in (champion, challenger))
    decisive: tuple[str, ...] = ()
    if verdict == "promote" and used and not uses:
        decisive = ("The champion has been shown to use the lungs, the challenger has not.",)
    elif verdict == "keep" and uses and not used:
        decisive = (
            (
                "The challenger has been shown to use the lungs, the champion has not: its better figures may come "
                "from the rest of the picture."
            ),
        )
    found = tuple(
        f"{name.capitalize()}, as its card says: {'never audited for shortcuts.' if audit is None else audit.sentence}"
        f"{f' {BY_FRAMING}' if audit is not None and name in framed else ''}"
        for name, audit in (("challenger", challenger), ("champion", champion))
    )
    return "cannot tell" if decisive else verdict, (*decisive, *reasons, *found)


def _rule(
    changes: Sequence[_Change], *, must_hold: Sequence[_Change], may_win: Sequence[_Change]
) -> tuple[Verdict, str]:
    lost = [change for change in changes if change.loses]
    won = [change for change in may_win if change.gains]
    unsafe = [change for change in must_hold if change.may_lose_too_much]
    if any(change.loses for change in must_hold) or (lost and not any(change.gains for change in changes)):
        return "keep", f"The challenger is worse beyond chance in {_listed(lost)}."
    if unsafe:
        return "cannot tell", f"The challenger may be worse by more than the margin in {_listed(unsafe)}."
    if not won:
        *first, last = (change.name for change in may_win)
        return "cannot tell", f"The challenger is not better beyond chance in {', '.join(first)} or {last}."
    if lost:
        return "cannot tell", f"The challenger is better in {_listed(won)} but worse in {_listed(lost)}."
    return (
        "promote",
        (
            f"The challenger is better beyond chance in {_listed(won)}, and neither "
            f"{' nor '.join(change.name for change in must_hold)} suffers."
        ),
    )


def _listed(changes: Sequence[_Change]) -> str:
    *others, last = (change.name for change in changes)
    return f"{', '.join(others)} and {last}" if others else last


def _left_out(seen_by_champion: int) -> tuple[str, ...]:
    if not seen_by_champion:
        return ()
    if seen_by_champion == 1:
        return ("1 radiograph was left out: the champion was developed on its patient.",)
    return (f"{seen_by_champion} radiographs were left out: the champion was developed on their patients.",)
