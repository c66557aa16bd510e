"""The flow by which a person makes a challenger the champion.

Promotion is a run of its own and not a pause in the retraining. A run that waits for an answer either holds a
process, and dies with it, or is suspended, and then starts from its top once somebody resumes it, perhaps weeks
later and by an empty form. This one holds nothing while nobody decides, outlives every restart, can also be done from
the command line, and its form asks for what the log of the champion has to say: who, and why.
"""

from __future__ import annotations

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


@flow(name="promote", flow_run_name="promote {version}")
def promote(version: str, who: str, why: str, *, overrule: bool = False) -> State[Any]:
    """Make a model the champion: from the next batch on, it screens, unless the settings name a version.

    Runs that have begun keep their model.

    Refused where the comparison with the champion did not say "promote", unless that is overruled.

    Args:
        version: The challenger, as its retraining or its report names it.
        who: Who decides. It is kept in the log of the champion.
        why: In your own words, without patient data. It is kept in the log of the champion.
        overrule: Promote against the verdict, or without one.
    """
    try:
        settings = load_settings()
        with nameless():
            open_workspace(settings.workspace)
            registry = site_of(settings).registry
            move = registry.promote(version.strip(), who=who, why=why, overrule=overrule)
            clear_stop(settings.workspace, move.version)  # the next batch tests it
        publish_champions(registry)
    except CxrscreenError as exc:
        return Failed(message=str(exc))
    moved = f"{move.version} is the champion now, in place of {move.former}."
    return Completed(message=f"{moved}{which_screens(settings)}")
