"""Commands that screen."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from cxrscreen.cli.console import AsJson, Model, Workspace, counted, err, out, print_json, progress_bars, say
from cxrscreen.errors import SelfTestError
from cxrscreen.reporting.page_parts import printable
from cxrscreen.screening.batch import BatchSummary, OpenedBatch, check_apart
from cxrscreen.screening.screen import Round, drain, resume, watch
from cxrscreen.screening.session import Session, open_session
from cxrscreen.screening.summary import summary_as_json
from cxrscreen.settings import Language, load_settings

MOST_LINES = 50  # of waiting files; `--json` has them all


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
    resumed: dict[str, BatchSummary | str] = {}
    rounds: list[Round] = []
    waits = False
    with open_session(settings) as session:
        try:
            with stopped_in_order(), progress_bars() as show:
                progress = partial(show, "Finishing an interrupted batch")
                try:
                    resume(session, progress=progress, report=resumed.__setitem__)
                except SelfTestError as exc:
                    if model is None:
                        raise
                    waits = True  # but the model that is asked for may be sound
                    say(err, f"An interrupted batch cannot be finished now: {exc}")
                rounds.extend(drain(session, folder, model=model, progress=partial(show, "Screening")))
        finally:  # what was done before an error is not hidden by it
            _print_all(session, folder, resumed, rounds, as_json=as_json)
    done = [summary for summary in (*resumed.values(), *(summary for _, summary in rounds)) if summary is not None]
    if waits or any(opened.trouble for opened, _ in rounds) or any(isinstance(summary, str) for summary in done):
        raise typer.Exit(1)
    if any(isinstance(summary, BatchSummary) and summary.tally.failed for summary in done):
        raise typer.Exit(3)


def watch_intake(*, workspace: Workspace = None) -> None:
    """Screen whatever arrives in the intake, until stopped with Ctrl-C. For use without Prefect."""
    with open_session(load_settings(workspace)) as session:
        say(err, f"Watching {session.workspace.intake}. Stop with Ctrl-C.")
        with contextlib.suppress(KeyboardInterrupt), stopped_in_order():
            watch(session, _print_round)


@contextlib.contextmanager
def stopped_in_order() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C: what is in hand is given back, and the next run goes on at once."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: the way out must not be cut off
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _print_all(
    session: Session,
    folder: Path | None,
    resumed: Mapping[str, BatchSummary | str],
    rounds: Sequence[Round],
    *,
    as_json: bool,
) -> None:
    if not (resumed or rounds):
        return
    finished = [done for done in resumed.values() if isinstance(done, BatchSummary)]
    unfinished = {batch_id: cause for batch_id, cause in resumed.items() if isinstance(cause, str)}
    if as_json:
        print_json(summary_as_json(session, rounds, folder=folder, resumed=finished, unfinished=unfinished))
        return
    for summary in finished:
        say(out, "An interrupted batch was finished:")
        _print_batch(summary)
    for batch_id, cause in unfinished.items():
        say(out, f"The interrupted batch {batch_id} cannot be finished now: {cause}")
    for opened, screened in rounds:
        _print_round(opened, screened)


def _print_round(opened: OpenedBatch, summary: BatchSummary | None) -> None:
    if summary is not None:
        _print_batch(summary)
        return
    if opened.trouble:
        say(err, opened.trouble)
    say(out, "Nothing to screen." if not opened.pending else f"{counted(len(opened.pending), 'file')} waiting:")
    for name, cause in list(opened.pending.items())[:MOST_LINES]:
        say(out, f"  {printable(name)}: {cause}")
    if len(opened.pending) > MOST_LINES:
        say(out, f"  and {len(opened.pending) - MOST_LINES} more")


def _print_batch(summary: BatchSummary) -> None:
    say(out, summary.tally.equation())
    say(out, f"Report: {summary.report_html}")
