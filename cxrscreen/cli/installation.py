"""Commands about the installation as a whole."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cxrscreen.cli.console import AsJson, Workspace, err, out, print_json, say
from cxrscreen.cli.overview import MUST_ACT
from cxrscreen.screening.demonstration import prepare_demonstration
from cxrscreen.settings import PROJECT, load_settings
from cxrscreen.upkeep.digest import write_digest
from cxrscreen.upkeep.security import examine_security
from cxrscreen.upkeep.self_test import Finding, run_self_test
from cxrscreen.workspace import private_process


def doctor(
    *,
    workspace: Workspace = None,
    security: Annotated[bool, typer.Option("--security", help="Say instead what is open to others.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check libraries, fonts, folders and the model, and score a golden phantom against its recorded value."""
    settings = load_settings(workspace)
    findings = examine_security(settings) if security else list(run_self_test(settings).findings)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            say(out, f"{_mark(finding)}  {finding.subject}: {finding.detail}")
    if not all(finding.healthy for finding in findings):
        raise typer.Exit(1)


def digest(*, workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Write today's digest: sums since the last one, checked against the folders, and what needs a person."""
    settings = load_settings(workspace)
    with err.status("Testing the installation and comparing the ledger with the folders ..."):
        written = write_digest(settings)
    if as_json:
        print_json(written.digest.model_dump(mode="json") | {"html": str(written.html), "pdf": str(written.pdf)})
    else:
        say(out, written.digest.equation())
        for sentence in written.digest.must_act:
            say(out, f"Someone must act: {sentence}")
        say(out, f"Digest: {written.html}")
    if written.digest.must_act:
        raise typer.Exit(MUST_ACT)


def demo(
    *, workspace: Annotated[Path | None, typer.Option(help="Folder to play in. Default: ./cxrscreen-demo.")] = None
) -> None:
    """Draw an intake of phantoms and screen it through the real Prefect flow."""
    private_process()
    home = (workspace or Path("cxrscreen-demo")).absolute()
    say(err, "Drawing phantom radiographs ...")
    drawn = prepare_demonstration(home)
    say(err, f"{len(drawn)} files in {home / 'intake'}.")
    _run_script("demo.py", home)


def serve(*, workspace: Workspace = None) -> None:
    """Start Prefect's server, the schedules, the watcher and the pages with the reports, all on this machine."""
    _run_script("serve.py", load_settings(workspace).workspace)


def _mark(finding: Finding) -> str:
    if not finding.healthy:
        return "FAIL"
    return "note" if finding.by_choice else "ok  "


def _run_script(name: str, workspace: Path) -> NoReturn:
    """Become one of the scripts that know Prefect; this package does not."""
    script = PROJECT / "deployments" / name
    os.environ["CXRSCREEN_WORKSPACE"] = str(workspace)
    os.execv(sys.executable, [sys.executable, str(script)])  # noqa: S606  # our own interpreter and script
