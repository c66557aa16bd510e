"""Which model a new batch screens with: the one that is asked for, if its files are sound."""

from __future__ import annotations

import logging

from cxrscreen.classifier.bundle import CHAMPION
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.registry import SHIPPED_VERSION, Registry
from cxrscreen.errors import ModelError
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
        return session.registry.sound_card_of(wanted), ""
    except ModelError as exc:
        if wanted != CHAMPION:
            raise
        if session.settings.damaged_model == "wait":
            raise ModelError(
                f"{exc} Nothing was taken up, the files wait. Or roll back, or allow the champion before it to stand "
                'in: damaged_model = "last-good".'
            ) from exc
        *earlier, meant = session.registry.line()  # a damaged log names no champion before this one: it raises
        card = _last_good(session.registry, earlier)
        if card is None:
            raise
        log.warning("%s Model %s stands in for %s.", exc, card.version, meant)
        return card, meant


def _last_good(registry: Registry, earlier: list[str]) -> ModelCard | None:
    for version in [*reversed(earlier), SHIPPED_VERSION]:
        try:
            return registry.sound_card_of(version)
        except ModelError as exc:
            log.warning("%s", exc)
    return None
