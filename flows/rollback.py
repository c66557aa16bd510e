"""The flow by which a person returns to the champion before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from cxrscreen.errors import CxrscreenError
from cxrscreen.labelled.site import site_of
from cxrscreen.screening.stopped import clear_stop
from cxrscreen.settings import load_settings
from cxrscreen.workspace import open_workspace
from flows.nameless import nameless
from flows.training_artifacts import publish_champions, which_screens


def _run_name() -> str:
    return f"rollback {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"


@flow(name="rollback", flow_run_name=_run_name)
def rollback(who: str, why: str) -> State[Any]:
    """Return to the model that the champion replaced; again and again, as far as the shipped one.

    Runs that have begun keep their model. The model that is left stays in the registry.

    Args:
        who: Who decides. It is kept in the log of the champion.
        why: In your own words, without patient data. It is kept in the log of the champion.
    """
    try:
        settings = load_settings()
        with nameless():
            open_workspace(settings.workspace)
            registry = site_of(settings).registry
            move = registry.rollback(who=who, why=why)
            clear_stop(settings.workspace, move.version)  # the next batch tests it
        publish_champions(registry)
    except CxrscreenError as exc:
        return Failed(message=str(exc))
    moved = f"{move.version} is the champion again, in place of {move.former}."
    return Completed(message=f"{moved}{which_screens(settings)}")
