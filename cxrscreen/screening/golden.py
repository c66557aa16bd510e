"""Before anything is taken up: does the model still score drawn phantoms as it did when it was made?

Another library version, processor or setting may change scores without any error. So a few phantoms go the way of every
radiograph, and their scores are held against those on the model's card.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cxrscreen.classifier.card import GoldenScore, ModelCard
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.errors import SelfTestError
from cxrscreen.phantom.golden import golden_phantom
from cxrscreen.screening.looking import show
from cxrscreen.screening.model_choice import is_chosen
from cxrscreen.screening.session import Session
from cxrscreen.screening.stopped import clear_stop, note_stop
from cxrscreen.types import Grey8, PreparedBatch

MOST_CHANGE = 1e-4  # of a score
MOST_CHANGE_OF_LOG_ODDS = 0.05  # a phantom may score so near 0 or 1 that a change of the score would not show
BEFORE_SCREENING = 2  # phantoms, of those on the card: to draw one costs more than to score it
REMEDY = "Nothing is screened. Install the locked library versions again, then run cxrscreen doctor."

_draw = lru_cache(maxsize=8)(golden_phantom)  # 0.2 MB each; `watch` tests before each batch


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenChange:
    """By how much phantoms score otherwise than on the card.

    Attributes:
        phantoms: Scored.
        score: Largest difference of a score.
        log_odds: Largest difference of a score's log-odds.
    """

    phantoms: int
    score: float
    log_odds: float

    @property
    def small(self) -> bool:
        """Whether the installation may screen; a score that is no number is no small change."""
        return self.score <= MOST_CHANGE and self.log_odds <= MOST_CHANGE_OF_LOG_ODDS


def check_golden(session: Session, card: ModelCard) -> None:
    """See that the model scores as it did; under 3 s once it is loaded, which screening needs anyway.

    That it does not is kept for the status where it is the model of the next batch: another's failure stops nothing.

    Args:
        session: The open workspace.
        card: Of the model that is about to screen; one without golden scores is not tested.

    Raises:
        SelfTestError: It does not.
        ModelError: The model is missing or damaged.
    """
    telling = most_telling(card)
    if not telling:
        return
    try:
        _check(card, golden_change(session, card, telling))
    except SelfTestError as exc:
        if is_chosen(session, card):
            note_stop(session.workspace.root, card.version, str(exc))
        raise
    clear_stop(session.workspace.root, card.version)


def most_telling(card: ModelCard) -> list[GoldenScore]:
    """Return the few phantoms that are scored before a screening; none of a card without golden scores."""
    return sorted(card.golden, key=lambda golden: abs(golden.score - 0.5))[:BEFORE_SCREENING]  # most in the middle


def golden_change(session: Session, card: ModelCard, goldens: Sequence[GoldenScore]) -> GoldenChange:
    """Draw phantoms, show them to the model as it sees radiographs, and compare.

    Raises:
        SelfTestError: A phantom's lungs are not found any more.
        ModelError: The model is missing or damaged.
    """
    pictures = [_draw(golden.phantom_seed, opacities=golden.opacities) for golden in goldens]
    shown = _shown(session, card, pictures)
    scores = session.classifier(card.version).classify(shown, explanation=session.settings.explanation).scores
    compared = [(golden, float(score)) for golden, score in zip(goldens, scores, strict=True)]
    return GoldenChange(
        phantoms=len(compared),
        score=_largest(abs(score - golden.score) for golden, score in compared),
        log_odds=_largest(golden.drift(score) for golden, score in compared),
    )


def _check(card: ModelCard, change: GoldenChange) -> None:
    if not change.small:
        raise SelfTestError(
            "The self-test before screening failed: golden phantoms score otherwise than on the card of "
            f"{card.version}, by up to {change.score:.2g} (at most {MOST_CHANGE:.4f} is allowed), in log-odds "
            f"{change.log_odds:.2g} (at most {MOST_CHANGE_OF_LOG_ODDS}). {REMEDY}"
        )


def _shown(session: Session, card: ModelCard, pictures: Sequence[Grey8]) -> PreparedBatch:
    segmenter = None if recipe_named(card.recipe).framing == "whole" else session.segmenter(card)
    shown = [one.prepared for one in show(card, segmenter, pictures) if one.prepared is not None]
    if len(shown) < len(pictures):
        raise SelfTestError(
            f"The self-test before screening failed: the lung segmenter of {card.version} finds no lungs in a golden "
            f"phantom. {REMEDY}"
        )
    return np.stack(shown)


def _largest(differences: Iterable[float]) -> float:
    return float(np.max(list(differences)))  # not a number where one is none
