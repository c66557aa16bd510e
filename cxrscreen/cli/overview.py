"""The command that tells at a glance how an installation stands. It imports little: it must answer at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import typer
from rich.table import Table
from rich.text import Text

from cxrscreen.cli.console import AsJson, Workspace, counted, out, print_json, say
from cxrscreen.reporting.page_parts import printable
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.settings import load_settings
from cxrscreen.upkeep.state import LedgerState, Run, Status
from cxrscreen.upkeep.status import status_of

MUST_ACT = 4  # exit code
NEED_LINES = 6  # of one screen; --json has all
NOT_READ = "not known, see above"


def status(*, workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Tell in one screen what waits, runs and failed. Exit code 4: someone must act, and the first lines say how."""
    settings = load_settings(workspace)
    found = status_of(settings)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        _print_needs(found)
        out.print(_grid(found))
    if found.must_act:
        raise typer.Exit(MUST_ACT)


def _print_needs(found: Status) -> None:
    say(out, f"{found.workspace}, {datetime.fromisoformat(found.at):%Y-%m-%d %H:%M}")
    if not found.must_act:
        out.print("[bold]All in order.[/]\n")
        return
    out.print("[bold]Someone must act:[/]")
    needs, left = Table.grid(padding=(0, 1)), NEED_LINES
    for number, sentence in enumerate(found.must_act):
        said = Text(str(printable(sentence)))
        left -= len(said.wrap(out, out.width - 2))
        if left < 0:
            needs.add_row("-", f"and {len(found.must_act) - number} more: see --json")
            break
        needs.add_row("-", said)
    out.print(needs)
    out.print()


def _grid(found: Status) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    for name, said in _lines(found):
        grid.add_row(name, Text(said))
    return grid


def _lines(found: Status) -> Iterator[tuple[str, str]]:
    """Name each line and say it."""
    now = datetime.fromisoformat(found.at)
    yield "waiting", _waiting(found)
    yield from _ledger_lines(found.ledger, now) if found.ledger else [("ledger", NOT_READ)]
    yield "disk", _disk(found)
    yield "model", _model(found)
    tested = found.self_test
    yield (
        "self-test",
        "never: run cxrscreen doctor"
        if tested is None
        else f"{'passed' if tested.healthy else 'failed'} {_ago(tested.at, now)}, model {tested.model}",
    )
    yield "serve", _service(found)
    yield "digest", "none yet" if found.digest is None else f"{found.digest.link}, {_ago(found.digest.until, now)}"
    yield from _drift_line(found)
    yield "backup", "none known" if found.backup is None else _ago(found.backup.at, now)


def _waiting(found: Status) -> str:
    waiting = found.waiting
    if waiting is None:
        return NOT_READ
    if waiting.oldest_seconds is None:
        return "nothing"
    too_long = f", {waiting.too_long:,} for too long" if waiting.too_long else ""
    return f"{_files(waiting.files)}, the oldest for {_span(waiting.oldest_seconds)}{too_long}"


def _ledger_lines(ledger: LedgerState, now: datetime) -> Iterator[tuple[str, str]]:
    running = [run for run in ledger.runs if run.alive]
    interrupted = [run for run in ledger.runs if not run.alive]
    yield "running", _running(running, now)
    if interrupted:
        left = sum(run.files - run.done for run in interrupted)
        batches = counted(len(interrupted), "batch", "batches")
        yield "interrupted", f"{batches}, {_files(left)} left for the next run"
    last = ledger.last
    done = {} if last is None else {outcome: last.counts.get(outcome, 0) for outcome in Outcome}
    counts = ", ".join(f"{n:,} {outcome}" for outcome, n in done.items() if n)
    yield "finished", "nothing yet" if last is None else f"{_ago(last.finished_at, now)}: {counts}"
    kept, gone = sum(file.quarantined for file in ledger.failed), sum(file.gone for file in ledger.failed)
    nowhere = f", {_files(gone)} nowhere" if gone else ""
    again = _files(len(ledger.failed) - kept - gone)
    yield "failed", f"{_files(kept)} in quarantine, {again} to be tried again{nowhere}"
    yield "refused", f"{_files(ledger.quarantined)} in quarantine"
    if ledger.leftovers:
        yield "stuck", f"{_files(ledger.leftovers)} screened, but not moved"
    batches = counted(ledger.batches, "batch", "batches")
    yield "ledger", f"sound, {_files(sum(ledger.counts.values()))} in {batches}"


def _running(running: list[Run], now: datetime) -> str:
    if not running:
        return "nothing"
    first, others = running[0], f", and {len(running) - 1} more" if running[1:] else ""
    return f"{first.batch}, {first.done:,} of {_files(first.files)}, began {_ago(first.started_at, now)}{others}"


def _disk(found: Status) -> str:
    disk = found.disk
    if disk is None:
        return NOT_READ
    held = f", the workspace holds {_size(disk.workspace)}" if disk.workspace is not None else ""
    drafts = f", {counted(found.drafts, 'draft')}" if found.drafts else ""
    return f"{_size(disk.free)} free of {_size(disk.total)}{held}{drafts}"


def _model(found: Status) -> str:
    model = found.model
    if model is None:
        return NOT_READ
    chosen = "the champion" if model.champion else "chosen in the settings"
    return f"{model.version}, {chosen}, {'files verified' if model.verified else 'DAMAGED'}"


def _service(found: Status) -> str:
    service = found.service
    if not service.serving:
        return "not running"
    return f"up, Prefect {'answers' if service.ui_answers else 'DOES NOT ANSWER'} at {service.ui}"


def _drift_line(found: Status) -> Iterator[tuple[str, str]]:
    drift = None if found.digest is None else found.digest.drift
    if drift is None or not drift.quantities:
        return
    days = drift.last_day if drift.first_day == drift.last_day else f"{drift.first_day} to {drift.last_day}"
    what = ", ".join(quantity.replace("_", " ") for quantity in drift.drifted) or "none"
    yield "drift", f"{what}, {counted(drift.radiographs, 'radiograph')} of {days}"


def _files(count: int) -> str:
    return counted(count, "file")


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _ago(moment: str, now: datetime) -> str:
    return f"{_span((now - datetime.fromisoformat(moment)).total_seconds())} ago"


def _span(seconds: float) -> str:
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            return counted(int(seconds // size), unit)
    return "less than a minute"
