"""The command about the pseudonym key."""

from __future__ import annotations

from typing import Annotated

import typer

from cxrscreen.cli.console import Workspace, out, say, say_sentences
from cxrscreen.errors import WorkspaceError
from cxrscreen.settings import load_settings
from cxrscreen.upkeep import key_change
from cxrscreen.workspace import Workspace as Folders
from cxrscreen.workspace import private_process

CONSEQUENCES = (
    "Reports from now on call the same patients and studies by other pseudonyms than the reports so far: the two can "
    "no longer be matched by name. Copies of files are still recognised, by their content. The former key is kept "
    "beside the new one; move it to a safe place, or destroy it if nobody is ever to trace the earlier pseudonyms."
)


def rotate_key(
    *, workspace: Workspace = None, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Change the key behind the pseudonyms, e.g. when others may have seen it, or make one where it was lost."""
    settings = load_settings(workspace)
    private_process()
    folders = Folders(settings.workspace)
    if not (folders.is_marked or folders.ledger.exists() or folders.key.exists()):
        raise WorkspaceError(f"There is no workspace {settings.workspace}. Name it with --workspace.")
    if not yes:
        say_sentences(CONSEQUENCES)
        typer.confirm("Change the key?", abort=True)
    aside = key_change.rotate_key(folders)
    say(out, "There is a new key. Back it up.")
    if aside is not None:
        say(out, f"The former one: {aside}")
