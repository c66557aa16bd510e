"""Which model a new batch screens with: the one that is asked for, if its files are sound."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from cxrscreen.classifier.bundle import CHAMPION, check_weights
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.registry import SHIPPED_VERSION, Registry
from cxrscreen.errors import ModelError
from cxrscreen.lungs.bundle import read_lung_card, segmenter_folder

if TYPE_CHECKING:  # it brings page layout, which the status does without
    from cxrscreen.screening.session import Session

log = logging.getLogger(__name__)


def choose_model(session: Session, wanted: str) -> tuple[ModelCard, str]:
    """Return the card of the model to screen with, and the version that it stands in for, or "".

    A damaged champion is replaced by the champion before it, where the settings allow that; a version that a person
    names never is.

    Args:
        session: The open workspace.
        wanted: A version, or "champion".

    Raises:
        ModelError: There is no such model, or its files are damaged and none may stand in for it.
    """
    try:
        return _sound(session.registry, session.workspace.lungs, wanted), ""
    except ModelError as exc:
        if wanted != CHAMPION:
            raise
        if session.settings.damaged_model == "wait":
            raise ModelError(
                f"{exc} Nothing was taken up, the files wait. Or roll back, or allow the champion before it to stand "
                'in: damaged_model = "last-good".'
            ) from exc
        meant = session.registry.champion()  # a damaged log names no champion before this one: it raises
        card = last_good(session.registry, session.workspace.lungs)
        if card is None:
            raise
        log.warning("%s Model %s stands in for %s.", exc, card.version, meant)
        return card, meant


def is_chosen(session: Session, card: ModelCard) -> bool:
    """Whether this is the model, with this card, that the settings choose for a new batch."""
    try:
        return choose_model(session, session.settings.model)[0] == card
    except ModelError:
        return False


def last_good(registry: Registry, lungs: Path) -> ModelCard | None:
    """Return the card of the last sound model before the champion, or ``None`` where there is none.

    Args:
        registry: Of the models.
        lungs: Folder of the site's lung segmenters.

    Raises:
        ModelError: The log of the champion is damaged.
    """
    *earlier, _champion = registry.line()
    for version in [*reversed(earlier), SHIPPED_VERSION]:
        try:
            return _sound(registry, lungs, version)
        except ModelError as exc:
            log.warning("%s", exc)
    return None


def _sound(registry: Registry, lungs: Path, version: str) -> ModelCard:
    card = registry.sound_card_of(version)
    check_segmenter(lungs, card)
    return card


def check_segmenter(lungs: Path, card: ModelCard) -> None:
    """See that the lung segmenter that a model was made with is here and whole.

    Raises:
        ModelError: It is not.
    """
    folder = segmenter_folder(lungs, card.segmenter_sha256)
    try:
        check_weights(folder, read_lung_card(folder))
    except ModelError as exc:
        raise ModelError(f"{card.version} cannot look for lungs, its lung segmenter is damaged. {exc}") from exc
