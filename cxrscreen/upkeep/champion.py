"""Which model screens next, and whether its files are still those of its card."""

from __future__ import annotations

from cxrscreen.classifier.bundle import CHAMPION, check_weights
from cxrscreen.classifier.registry import SHIPPED_MODELS, Registry
from cxrscreen.errors import ModelError
from cxrscreen.settings import Settings
from cxrscreen.upkeep.state import ModelState
from cxrscreen.workspace import Workspace


def registry_of(settings: Settings) -> Registry:
    """Return the models that this installation knows."""
    return Registry((Workspace(settings.workspace).models, SHIPPED_MODELS))


def model_state(settings: Settings) -> ModelState:
    """Find the model that the settings ask for and hash its weights; damage is told, not raised."""
    registry, champion = registry_of(settings), settings.model == CHAMPION
    try:
        version = registry.champion() if champion else settings.model
    except ModelError as exc:
        return ModelState(version="unknown", champion=champion, verified=False, detail=str(exc))
    try:
        check_weights(registry.folder_of(version), registry.card_of(version))
    except ModelError as exc:
        return ModelState(version=version, champion=champion, verified=False, detail=str(exc))
    return ModelState(version=version, champion=champion, verified=True, detail="")
