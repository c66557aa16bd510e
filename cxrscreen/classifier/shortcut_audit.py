"""Whether a score follows the lungs or the rest of the picture, as cards and evaluations record it."""

from __future__ import annotations

from cxrscreen.classifier.estimate import Estimate, Frozen

NOT_SHOWN = "This model has not been shown to use the lungs."

_GUESSING = 0.5


class ShortcutAudit(Frozen):
    """One model on one labelled set, scored whole, without its lungs, with nothing but its lungs, and mixed.

    Attributes:
        n: Radiographs whose lung fields were found; the figures rest on these.
        positives: Of them, labelled COVID-19.
        patients: Of them.
        without_fields: Radiographs of the set that were left out, because no plausible lung fields were found.
        intact: AUC of the radiographs as they are.
        lungs_out: AUC with the lungs blacked out; what the rest of the picture gives away.
        lungs_only: AUC with nothing but the lungs left.
        exchanged: AUC with the lungs set into a radiograph of the other class, by the label of the lungs; below 0.5
            where the rest of the picture decides.
        difference: ``intact`` minus ``lungs_out``, on the same radiographs.
        same_view: AUC of the radiographs as they are over pairs of one projection; ``None`` where no pair is known.
    """

    n: int
    positives: int
    patients: int
    without_fields: int
    intact: Estimate
    lungs_out: Estimate
    lungs_only: Estimate
    exchanged: Estimate
    difference: Estimate
    same_view: Estimate | None

    @property
    def shown_to_use_lungs(self) -> bool:
        """Beyond chance, the score loses by the loss of the lungs and follows lungs that were set into other pictures.

        The first alone proves little: the two whole-picture recipes of this project lose 0.2 of their AUC with the
        lungs, and yet call nearly every exchanged radiograph by its background.
        """
        return self.difference.low > 0 and self.exchanged.low > _GUESSING

    @property
    def follows_the_rest(self) -> bool:
        """Beyond chance, exchanged radiographs are called by the picture that the lungs were set into."""
        return self.exchanged.high < _GUESSING

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        if self.shown_to_use_lungs:
            verdict = "shown to use the lungs"
        elif self.follows_the_rest:
            verdict = "it follows the rest of the picture, not the lungs"
        else:
            verdict = "not shown to use the lungs"
        return (
            f"{verdict}; AUC {self.intact.value:.2f} as they are, {_shown(self.lungs_out)} without lungs, "
            f"{_shown(self.exchanged)} with exchanged lungs, n = {self.n}."
        )


def _shown(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"
