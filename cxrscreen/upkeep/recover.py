"""Set a damaged ledger aside and put a new one in its place, from all that can still be read."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from cxrscreen.classifier.registry import Registry
from cxrscreen.drafts import draft_for
from cxrscreen.durable import sync_folder
from cxrscreen.errors import LedgerError, WorkspaceError
from cxrscreen.screening.ledger_queries import is_held
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.settings import Settings
from cxrscreen.upkeep.evidence import collect
from cxrscreen.upkeep.plausible import Row
from cxrscreen.upkeep.rebuild import Rebuilt, Surroundings, rebuild, write_ledger
from cxrscreen.upkeep.salvage import SIDE_FILES, Salvage, copy_database, salvage
from cxrscreen.upkeep.standstill import standstill
from cxrscreen.workspace import Workspace

Sums = dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What became of the ledger.

    Attributes:
        set_aside: The old ledger under its new name; ``None`` where there was none, or where it was left as it is.
        rewritten: A new ledger stands in its place; otherwise the old one is sound and agrees with the folders.
        before: Files by outcome as far as the old ledger could be read; "open" are those without an outcome.
        after: The same in the ledger as it is now.
        unfinished: Batches that the next run will finish.
        lost: What could not be restored, one sentence each, without names of files.
    """

    set_aside: Path | None
    rewritten: bool
    before: Sums
    after: Sums
    unfinished: tuple[str, ...]
    lost: tuple[str, ...]


def recover(settings: Settings) -> Recovered:
    """Rebuild the ledger of a workspace from what SQLite can still read, the records, the reports and the files.

    A sound ledger that agrees with the folders is left as it is. Nothing is deleted: the old ledger stays beside the
    new one as ``ledger.sqlite.damaged-TIME``. Killed at any moment, it can be called again: the new ledger is built
    under another name first, and until it is in place the old one is either there or under its name of a damaged one.

    Raises:
        WorkspaceError: There is no such workspace, or one of its folders is not mounted.
        LedgerError: Something is running in it, a newer version wrote the ledger, or the disk is full or unreadable.
    """
    workspace = Workspace(settings.workspace)
    if not workspace.root.is_dir():
        raise WorkspaceError(f"There is no workspace {workspace.root}. Name it with --workspace.")
    workspace.check_in_place()  # else all that lies there would count as lost
    try:
        with standstill(workspace):
            scratch = draft_for(workspace.ledger)
            scratch.mkdir(mode=0o700)
            try:
                return _recover(settings, workspace, scratch)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    except (OSError, sqlite3.Error) as exc:
        cause = exc.strerror if isinstance(exc, OSError) else exc
        raise LedgerError(
            f"The ledger cannot be rebuilt: {cause}. Nothing is lost. Make room, see that the workspace can be read "
            "and written, and call recover again."
        ) from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """A ledger and the folders, renewed.

    Attributes:
        salvaged: What the ledger says.
        rebuilt: What it should say.
        fresh: A new ledger that says so; ``None`` where the old one is sound and agrees.
    """

    salvaged: Salvage
    rebuilt: Rebuilt
    fresh: Path | None


def renew_ledger(around: Surroundings, ledger: Path | None, scratch: Path, *, anew: bool) -> Renewed:
    """Compare a ledger with the folders, and write a new one into ``scratch`` where they disagree.

    Args:
        around: Where the folders are.
        ledger: The old one, which is left as it is; ``None`` where there is none.
        scratch: An empty folder.
        anew: Write a new one in any case.
    """
    salvaged = Salvage()
    if ledger is not None:
        copy = scratch / "old.sqlite"
        copy_database(ledger, copy)
        salvaged = salvage(copy)
    rebuilt = rebuild(around, salvaged, collect(around.workspace))
    fresh = scratch / "new.sqlite"
    if not anew and salvaged.sound and not _differ(salvaged, rebuilt):
        return Renewed(salvaged=salvaged, rebuilt=rebuilt, fresh=None)
    write_ledger(fresh, rebuilt)
    return Renewed(salvaged=salvaged, rebuilt=rebuilt, fresh=fresh)


def sums(files: Iterable[Row]) -> Sums:
    """Count files by outcome."""
    found = Counter("open" if row["outcome"] is None else str(Outcome(row["outcome"])) for row in files)
    return {name: found[name] for name in (*map(str, Outcome), "open")}


def surroundings(settings: Settings, workspace: Workspace, intake: Path) -> Surroundings:
    """Return what the settings say about batches of which nothing else tells."""
    registry = Registry.at_site(workspace.models)
    return Surroundings(
        workspace=workspace,
        intake=Path(os.path.realpath(intake)),
        card=lambda: registry.card_of(settings.model),
        language=settings.language,
        explanation=settings.explanation,
    )


def _recover(settings: Settings, workspace: Workspace, scratch: Path) -> Recovered:
    there = workspace.ledger.exists()
    # Without a ledger, a recovery may have died just before its end: what it has set aside still tells.
    old = workspace.ledger if there else _newest_set_aside(workspace.ledger)
    renewed = renew_ledger(surroundings(settings, workspace, workspace.intake), old, scratch, anew=not there)
    _refuse_living_run(renewed.salvaged.batches)
    set_aside = None
    if renewed.fresh is not None:
        set_aside = _set_aside(workspace.ledger) if there else None
        renewed.fresh.replace(workspace.ledger)
        sync_folder(workspace.root)
    return Recovered(
        set_aside=set_aside,
        rewritten=renewed.fresh is not None,
        before=sums(renewed.salvaged.files),
        after=sums(renewed.rebuilt.files),
        unfinished=tuple(row["batch_id"] for row in renewed.rebuilt.batches if row["finished_at"] is None),
        lost=renewed.rebuilt.lost,
    )


def _refuse_living_run(batches: Iterable[Row]) -> None:
    """See that no run holds a batch, on this machine or on another one.

    Raises:
        LedgerError: One does.
    """
    now = time.time()
    for row in batches:
        if row["finished_at"] is None and is_held(row, now):  # type: ignore[arg-type]  # it asks by name alone
            until = datetime.fromtimestamp(row["lease_until"]).astimezone()
            raise LedgerError(
                f"Batch {row['batch_id']} is in the hands of a run that may be alive. Stop it, or wait until "
                f"{until:%H:%M:%S}, when its lease ends."
            )


def _differ(salvaged: Salvage, rebuilt: Rebuilt) -> bool:
    """Return whether a ledger says something that the next run would not put right by itself."""
    if _folders(salvaged.batches) != _folders(rebuilt.batches):
        return True
    told = {row["file_id"]: row for row in salvaged.files}
    return len(told) != len(rebuilt.files) or any(
        row["file_id"] not in told or _differs(told[row["file_id"]], row) for row in rebuilt.files
    )


def _folders(batches: Iterable[Row]) -> dict[str, str]:
    """Return where batches found their files; those in the workspace's own intake are found wherever that is now."""
    return {row["batch_id"]: os.fsdecode(row["folder"]) if row["keeps_source"] else "" for row in batches}


def _differs(told: Row, row: Row) -> bool:
    """Compare what a ledger says of a file; that one lies in its place already, the next run notices by itself."""
    return told["placed"] > row["placed"] or any(told[name] != row[name] for name in told if name != "placed")


def _set_aside(ledger: Path) -> Path:
    """Rename a ledger and what belongs to it; the ledger first, for a journal left alone harms no new ledger."""
    stem = f"{ledger.name}.damaged-{datetime.now().astimezone():%Y%m%dT%H%M%S}"
    kept = ledger.with_name(stem)
    for number in count(2):
        if not kept.exists():
            break
        kept = ledger.with_name(f"{stem}-{number}")
    ledger.rename(kept)
    for suffix in SIDE_FILES:
        side = ledger.with_name(ledger.name + suffix)
        if side.exists():
            side.rename(kept.with_name(kept.name + suffix))
    sync_folder(ledger.parent)
    return kept


def _newest_set_aside(ledger: Path) -> Path | None:
    found = sorted(
        path for path in ledger.parent.glob(f"{ledger.name}.damaged-*") if not path.name.endswith(SIDE_FILES)
    )
    return found[-1] if found else None
