"""Commands that screen."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cxrscreen.cli.console import AsJson, Model, Workspace, err, out, print_json, progress_bars, say
from cxrscreen.reporting.page_parts import printable
from cxrscreen.screening.batch import BatchSummary, OpenedBatch, check_apart
from cxrscreen.screening.screen import resume, screen, watch
from cxrscreen.screening.session import open_session
from cxrscreen.screening.summary import summary_as_json
from cxrscreen.settings import Language, load_settings


def screen_folder(
    folder: Annotated[Path | None, typer.Argument(help="Left untouched. Default: the workspace's own intake.")] = None,
    *,
    workspace: Workspace = None,
    model: Model = None,
    language: Annotated[Language | None, typer.Option(help="Language of the reports.")] = None,
    as_json: AsJson = False,
) -> None:
    """Screen a folder of chest radiographs and write the reports."""
    settings = load_settings(workspace, language=language)
    if workspace is None:
        say(err, f"Workspace: {settings.workspace}")
    if folder is not None:
        check_apart(settings.workspace, folder)
    with open_session(settings) as session:
        with progress_bars() as show:
            resumed = resume(session, progress=partial(show, "Finishing an interrupted batch"))
            opened, summary = screen(session, folder, model=model, progress=partial(show, "Screening"))
        if as_json:
            answer = summary_as_json(session, opened, summary)
            answer["resumed"] = [str(earlier.report_html) for earlier in resumed]
            print_json(answer)
        else:
            for earlier in resumed:
                say(out, "An interrupted batch was finished:")
                _print_summary(opened, earlier)
            _print_summary(opened, summary)
    if any(done.tally.failed for done in [*resumed, summary] if done is not None):
        raise typer.Exit(3)


def watch_intake(*, workspace: Workspace = None) -> None:
    """Screen whatever arrives in the intake, until stopped with Ctrl-C. For use without Prefect."""
    with open_session(load_settings(workspace)) as session:
        say(err, f"Watching {session.workspace.intake}. Stop with Ctrl-C.")
        with contextlib.suppress(KeyboardInterrupt):
            watch(session, _print_summary)


def _print_summary(opened: OpenedBatch, summary: BatchSummary | None) -> None:
    if summary is None:
        say(out, "Nothing to screen." if not opened.pending else f"{len(opened.pending)} files wait:")
        for name, cause in opened.pending.items():
            say(out, f"  {printable(name)}: {cause}")
        return
    say(out, summary.tally.equation())
    say(out, f"Report: {summary.report_html}")
