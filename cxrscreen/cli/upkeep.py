"""Commands that keep a workspace: rebuild its ledger, back it up, restore it, delete what has expired."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cxrscreen.cli.console import (
    AsJson,
    Workspace,
    counted,
    out,
    print_json,
    progress_bars,
    say,
    say_list,
    say_sentences,
)
from cxrscreen.cli.screening import stopped_in_order
from cxrscreen.errors import WorkspaceError
from cxrscreen.screening.session import open_session
from cxrscreen.settings import load_settings
from cxrscreen.upkeep import backup as backing
from cxrscreen.upkeep import recover as recovering
from cxrscreen.upkeep import restore as restoring
from cxrscreen.upkeep import retention
from cxrscreen.upkeep.recover import Sums
from cxrscreen.workspace import Workspace as Folders

_MEGABYTE = 1e6


def recover(*, workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Rebuild a damaged or missing ledger from archive, quarantine and reports. Stop everything else first.

    The old ledger is kept beside the new one. A sound ledger that agrees with the folders is left as it is.
    """
    done = recovering.recover(load_settings(workspace))
    if as_json:
        print_json(asdict(done) | {"set_aside": None if done.set_aside is None else str(done.set_aside)})
        return
    if not done.rewritten:
        say(out, "The ledger is sound and agrees with the folders. Nothing was changed.")
    elif done.set_aside is not None:
        say(out, f"The old ledger is kept as {done.set_aside.name}.")
    say(out, f"Read from the old ledger: {_equation(done.before)}")
    say(out, f"In the ledger now:        {_equation(done.after)}")
    _tell_rest(done.unfinished, done.lost)


def backup(
    file: Annotated[Path, typer.Argument(help="New file, outside the workspace, e.g. /mnt/backup/2026-11-23.tar.")],
    *,
    verify: Annotated[bool, typer.Option("--verify", help="Read such a file to its end; write nothing.")] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Write all of a workspace that cannot be made again into one file. Screening may go on meanwhile.

    The file holds radiographs, reports and the pseudonym keys: keep it as safe as the workspace.
    """
    settings = load_settings(workspace)
    if verify:
        done = backing.verify(settings, file)
    else:
        with progress_bars() as progress, stopped_in_order():
            done = backing.backup(settings, file.absolute(), progress)
    if as_json:
        print_json(asdict(done) | {"file": str(done.file)})
        return
    what = "Every file in it is as it was written." if verify else "Written."
    say(out, f"{what} {counted(done.files, 'file')}, {done.bytes / _MEGABYTE:.1f} MB, of {done.made_at}.")
    if done.left_out:
        say_sentences(
            f"{done.left_out} entries are not in it: links and pipes, files that were still being written, and files "
            "that are too large to be screened."
        )


def restore(
    file: Annotated[Path, typer.Argument(help="A file that 'cxrscreen backup' wrote.")],
    *,
    workspace: Annotated[Path, typer.Option(help="A new or empty folder, e.g. where a new disk is mounted.")],
    as_json: AsJson = False,
) -> None:
    """Restore a backup into a new folder, after checking every file in it."""
    with stopped_in_order():
        done = restoring.restore(file, workspace.absolute())
    if as_json:
        print_json(asdict(done) | {"workspace": str(done.workspace)})
        return
    say(out, f"Restored to {done.workspace}: {counted(done.files, 'file')} of {done.made_at}.")
    say(out, f"In the ledger: {_equation(done.sums)}")
    if done.left_out:
        say_sentences(f"{done.left_out} entries were left out of the backup: no whole files, or too large ones.")
    _tell_rest(done.unfinished, done.lost)


def expire(
    *,
    yes: Annotated[bool, typer.Option("--yes/--dry-run", help="Delete; otherwise only say what would be.")] = False,
    even_all: Annotated[
        bool, typer.Option("--even-all", help="With --yes: also where nothing newer is kept, as after a long pause.")
    ] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Delete archived and quarantined files older than keep_archive_days and keep_quarantine_days.

    Reports and the ledger stay. Without --yes nothing is deleted.
    """
    settings = load_settings(workspace)
    folders = Folders(settings.workspace)
    if not (folders.is_marked or folders.ledger.exists()):  # to open it would make one
        raise WorkspaceError(f"There is no workspace {settings.workspace}. Name it with --workspace.")
    with open_session(settings) as session:
        found = retention.expire(session, delete=yes, even_all=even_all)
    if as_json:
        print_json(
            {"deleted": yes, **{part.place: asdict(part) | {"before": part.before.isoformat()} for part in found}}
        )
        return
    for part in found:
        if not part.keep_days:
            say(out, f"{part.place}: kept for ever (keep_{part.place}_days = 0)")
            continue
        verb = "deleted" if yes else "would be deleted"
        say(
            out,
            f"{part.place}: {counted(part.files, 'file')} of {counted(part.batches, 'batch', 'batches')}, "
            f"{part.bytes / _MEGABYTE:.1f} MB, {verb}: "
            f"screened and placed before {part.before}",
        )
        if part.unknown:
            say_sentences(
                f"{part.unknown} files as old are kept: the ledger does not know them. Run cxrscreen recover."
            )
    if not yes and any(part.files for part in found):
        say(out, "Nothing was deleted. To delete: cxrscreen expire --yes")


def _equation(counts: Sums) -> str:
    return f"{counted(sum(counts.values()), 'file')} = " + " + ".join(
        f"{count} {name}" for name, count in counts.items() if count or name != "open"
    )


def _tell_rest(unfinished: tuple[str, ...], lost: tuple[str, ...]) -> None:
    if unfinished:
        say_sentences(f"The next run will finish: {', '.join(unfinished)}.")
    if lost:
        say_list(lost)
