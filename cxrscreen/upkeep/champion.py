"""Which model screens next, and whether its files are still those of its card, and itself as it was."""

from __future__ import annotations

from cxrscreen.classifier.bundle import CHAMPION, check_weights
from cxrscreen.classifier.registry import Registry
from cxrscreen.errors import ModelError
from cxrscreen.screening.model_choice import check_segmenter, last_good
from cxrscreen.screening.stopped import Stopped, stop_of
from cxrscreen.settings import Settings
from cxrscreen.upkeep.state import ModelState
from cxrscreen.workspace import Workspace


def model_state(settings: Settings) -> ModelState:
    """Find the model that the settings ask for and hash its weights and its segmenter's; damage is told, not raised."""
    workspace, champion = Workspace(settings.workspace), settings.model == CHAMPION
    registry = Registry.at_site(workspace.models)
    try:
        version = registry.champion() if champion else settings.model
    except ModelError as exc:
        return ModelState(version="unknown", champion=champion, verified=False, detail=str(exc))
    try:
        card = registry.card_of(version)
        check_weights(registry.folder_of(version), card)
        check_segmenter(workspace.lungs, card)
    except ModelError as exc:
        may_stand_in = champion and settings.damaged_model == "last-good"
        found = last_good(registry, workspace.lungs) if may_stand_in else None
        stand_in = "" if found is None else found.version
        return ModelState(version=version, champion=champion, verified=False, detail=str(exc), stand_in=stand_in)
    return ModelState(version=version, champion=champion, verified=True, detail="")


def stop_of_model(settings: Settings, model: ModelState) -> Stopped | None:
    """Return why the model that screens next has stopped screening; what stopped another one is past."""
    stopped = stop_of(settings.workspace)
    return stopped if stopped is not None and stopped.model == (model.stand_in or model.version) else None
