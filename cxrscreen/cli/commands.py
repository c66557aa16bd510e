"""All commands by name, in the order in which ``--help`` lists them.

Exit codes: 0 done; 1 could not be done, the message says why; 2 wrong usage; 3 done, but the software failed on
some files, which are kept; 4 ``status`` and ``digest``: someone must act.

A command's module is imported when the command is called: ``status`` must answer at once, and page layout and
decoders take a second to load.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command_from_info
from typer.models import CommandInfo

from cxrscreen.cli.console import err, say
from cxrscreen.errors import CxrscreenError

PANELS: dict[str, dict[str, str]] = {  # panel, command, "module:function" in this package
    "Screening": {"screen": "screening:screen_folder", "watch": "screening:watch_intake"},
    "Learning": {
        "retrain": "learning:retrain",
        "evaluate": "learning:evaluate",
        "site-acceptance": "learning:site_acceptance",
        "train-lungs": "lungs:train_lungs",
        "cache": "learning:cache",
    },
    "Models": {
        "models": "versions:models",
        "compare": "versions:compare",
        "promote": "versions:promote",
        "rollback": "versions:rollback",
    },
    "Upkeep": {
        "status": "overview:status",
        "digest": "installation:digest",
        "doctor": "installation:doctor",
        "backup": "upkeep:backup",
        "restore": "upkeep:restore",
        "recover": "upkeep:recover",
        "expire": "upkeep:expire",
        "rotate-key": "keys:rotate_key",
    },
    "This installation": {"demo": "installation:demo", "serve": "installation:serve"},
}


class Commands(TyperGroup):
    """The commands of ``PANELS``, each imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002  # typer keeps its context's type to itself
        """Return all names, in the order of the help."""
        return [name for commands in PANELS.values() for name in commands]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002  # likewise
        """Import a command."""
        for panel, commands in PANELS.items():
            if cmd_name in commands:
                module, _, function = commands[cmd_name].partition(":")
                callback = getattr(import_module(f"cxrscreen.cli.{module}"), function)
                info = CommandInfo(name=cmd_name, callback=callback, rich_help_panel=panel)
                return get_command_from_info(info, pretty_exceptions_short=True, rich_markup_mode="markdown")
        return None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)


@app.callback()
def _about() -> None:
    """Screen chest radiographs in batches. A prototype for research: not for medical use, and not for diagnosis."""


def main() -> None:
    """Run the command line; an error of ours becomes one sentence and exit code 1."""
    try:
        app()
    except CxrscreenError as exc:
        say(err, f"{type(exc).__name__}: {exc}")
        raise SystemExit(1) from exc
