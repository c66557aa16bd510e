"""All commands by name, in the order in which ``--help`` lists them.

Exit codes: 0 done; 1 could not be done, the message says why; 2 wrong usage; 3 done, but the software failed on
some files, which are kept.
"""

from __future__ import annotations

from collections.abc import Callable

import typer

from cxrscreen.cli import installation, learning, screening, versions
from cxrscreen.cli.console import err, say
from cxrscreen.errors import CxrscreenError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Screen chest radiographs in batches. A prototype for research: not for medical use, and not for diagnosis.",
)

_PANELS: dict[str, dict[str, Callable[..., None]]] = {
    "Screening": {"screen": screening.screen_folder, "watch": screening.watch_intake},
    "Learning": {"retrain": learning.retrain, "evaluate": learning.evaluate, "cache": learning.cache},
    "Models": {
        "models": versions.models,
        "compare": versions.compare,
        "promote": versions.promote,
        "rollback": versions.rollback,
    },
    "This installation": {"doctor": installation.doctor, "demo": installation.demo, "serve": installation.serve},
}
for _panel, _commands in _PANELS.items():
    for _name, _command in _commands.items():
        app.command(_name, rich_help_panel=_panel)(_command)


def main() -> None:
    """Run the command line; an error of ours becomes one sentence and exit code 1."""
    try:
        app()
    except CxrscreenError as exc:
        say(err, f"{type(exc).__name__}: {exc}")
        raise SystemExit(1) from exc
