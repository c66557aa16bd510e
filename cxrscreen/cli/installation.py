"""Commands about the installation as a whole."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cxrscreen.cli.console import AsJson, Workspace, err, out, print_json, say
from cxrscreen.screening.demonstration import prepare_demonstration
from cxrscreen.screening.session import open_session
from cxrscreen.settings import PROJECT, load_settings
from cxrscreen.upkeep.doctor import examine


def doctor(*, workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Check libraries, fonts, folders and the model, and score a golden phantom against its recorded value."""
    with open_session(load_settings(workspace)) as session:
        findings = examine(session)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            say(out, f"{'ok  ' if finding.healthy else 'FAIL'}  {finding.subject}: {finding.detail}")
    if not all(finding.healthy for finding in findings):
        raise typer.Exit(1)


def demo(
    *, workspace: Annotated[Path | None, typer.Option(help="Folder to play in. Default: ./cxrscreen-demo.")] = None
) -> None:
    """Draw an intake of phantoms and screen it through the real Prefect flow."""
    home = (workspace or Path("cxrscreen-demo")).absolute()
    say(err, "Drawing phantom radiographs ...")
    drawn = prepare_demonstration(home)
    say(err, f"{len(drawn)} files in {home / 'intake'}.")
    _run_script("demo.py", home)


def serve(*, workspace: Workspace = None) -> None:
    """Start Prefect's server, the schedules, the watcher and the pages with the reports, all on this machine."""
    _run_script("serve.py", load_settings(workspace).workspace)


def _run_script(name: str, workspace: Path) -> NoReturn:
    """Become one of the scripts that know Prefect; this package does not."""
    script = PROJECT / "deployments" / name
    os.environ["CXRSCREEN_WORKSPACE"] = str(workspace)
    os.execv(sys.executable, [sys.executable, str(script)])  # noqa: S606  # our own interpreter and script
