"""The files of one night, each counted once, and where each was found."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cxrscreen.classifier.operating_point import Finding
from cxrscreen.reporting.digest import DigestBatch, FlaggedStudy, Places, RefusedReason
from cxrscreen.screening.intake import UNFINISHED_SUFFIXES
from cxrscreen.screening.opening import holds_anything
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.upkeep.below import is_gone
from cxrscreen.upkeep.ledger_view import BatchLine, FileLine, LedgerView

UNDECIDED = (Outcome.PENDING, Outcome.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What came of the files between two digests."""

    batches: tuple[DigestBatch, ...]
    places: tuple[Places, ...]
    under_way: int
    vanished: tuple[str, ...]  # waited in the intake, and were taken away unscreened
    refused: tuple[RefusedReason, ...]
    studies: int
    flagged: tuple[FlaggedStudy, ...]  # by falling score
    uncertain: tuple[FlaggedStudy, ...] = ()  # likewise, none of them flagged
    review: tuple[FlaggedStudy, ...] = ()  # likewise, neither flagged nor uncertain, but a person should look


@dataclass(frozen=True, slots=True)
class _Seen:
    batch: BatchLine
    file: FileLine


def sum_up_night(root: Path, view: LedgerView, *, but: Collection[str] = ()) -> Night:
    """Sum up the batches that are finished and were not summed up before; no clock has a say in which.

    Args:
        root: The workspace.
        view: Its ledger.
        but: Batches that were summed up before.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    finished = view.finished(but=but)
    unfinished = view.unfinished()
    taken = {(line.folder, file.name) for line in unfinished for file in view.files(line.batch_id) if file.sha256}
    rows = {line.batch_id: view.files(line.batch_id) for line in finished}
    seen = _each_file_once(finished, rows)
    seen = [
        s
        for s in seen
        if s.file.outcome not in UNDECIDED or not ((s.batch.folder, s.file.name) in taken or _renamed_by_sender(s))
    ]
    places, vanished = _found(root, seen)
    reported = [s for s in seen if s.file.outcome == Outcome.REPORTED]
    flagged = _listed(s for s in reported if s.file.positive)
    uncertain = _but(_listed(s for s in reported if s.file.finding == Finding.UNCERTAIN), flagged)
    review = _but(_listed(s for s in reported if s.file.review), flagged + uncertain)
    return Night(
        batches=tuple(_batch(line, rows[line.batch_id]) for line in finished),
        places=places,
        under_way=sum(line.claimed - line.done for line in unfinished),
        vanished=vanished,
        refused=_refused(seen),
        studies=len({(s.batch.batch_id, s.file.study_key) for s in reported}),
        flagged=flagged,
        uncertain=uncertain,
        review=review,
    )


def _each_file_once(batches: Iterable[BatchLine], rows: dict[str, list[FileLine]]) -> list[_Seen]:
    """Leave out rows that a later one overtakes: a file that waited, or that failed and was tried again."""
    seen: list[_Seen | None] = []
    last: dict[tuple[Path, str], int] = {}
    for batch in batches:
        for file in rows[batch.batch_id]:
            key = batch.folder, file.name
            former = seen[last[key]] if key in last else None
            if former is not None and _overtaken(former.file, file):
                seen[last[key]] = None
            last[key] = len(seen)
            seen.append(_Seen(batch, file))
    return [one for one in seen if one is not None]


def _overtaken(former: FileLine, later: FileLine) -> bool:
    if former.outcome == Outcome.PENDING:
        return True
    return former.outcome == Outcome.FAILED and later.sha256 in ("", former.sha256)


def _renamed_by_sender(seen: _Seen) -> bool:
    """The name of a file in transfer, which has gone as senders let it go: it has arrived under its own."""
    in_transfer = seen.file.name.lower().endswith(UNFINISHED_SUFFIXES)
    return in_transfer and is_gone(seen.batch.folder / seen.file.name)


def _found(root: Path, seen: Sequence[_Seen]) -> tuple[tuple[Places, ...], tuple[str, ...]]:
    intake = Path(os.path.realpath(root / "intake"))
    counts: dict[str, Counter[str]] = {str(outcome): Counter() for outcome in Outcome}
    vanished = []
    for one in seen:
        place = _place(root, one)
        if place == "vanished":
            place = "explained"  # of failed files the status tells
            if one.file.outcome == Outcome.PENDING and one.batch.folder == intake:
                place = "missing"
                vanished.append(one.file.name)
        counts[str(one.file.outcome)][place] += 1
    rows = tuple(Places(outcome=outcome, ledger=sum(n.values()), **n) for outcome, n in counts.items())
    return rows, tuple(vanished)


def _place(root: Path, seen: _Seen) -> str:
    file = seen.file
    # Of a folder whose disk is not mounted no file was taken away.
    waits = not is_gone(seen.batch.folder / file.name) or not holds_anything(seen.batch.folder)
    if file.destination is not None:
        if not is_gone(root / file.destination):
            return PurePosixPath(file.destination).parts[0]
        return "source" if waits and not file.placed else "missing"
    if waits:
        return "source"
    return "vanished" if file.outcome in UNDECIDED else "explained"


def _batch(line: BatchLine, files: Sequence[FileLine]) -> DigestBatch:
    counts = Counter(str(file.outcome or Outcome.PENDING) for file in files)
    screened = counts.total() > counts[Outcome.PENDING]
    return DigestBatch(
        batch=line.batch_id,
        started_at=line.started_at,
        finished_at=line.finished_at or "",
        model=line.model,
        counts={str(outcome): counts[outcome] for outcome in Outcome},
        report=f"../{line.batch_id}/index.html" if screened else None,
    )


def _refused(seen: Iterable[_Seen]) -> tuple[RefusedReason, ...]:
    refused = [s for s in seen if s.file.outcome == Outcome.REFUSED]
    counts = Counter(s.file.reason for s in refused)
    return tuple(
        RefusedReason(
            reason=reason,
            files=n,
            batches=tuple(dict.fromkeys(s.batch.batch_id for s in refused if s.file.reason == reason)),
        )
        for reason, n in counts.most_common()
    )


def _listed(reported: Iterable[_Seen]) -> tuple[FlaggedStudy, ...]:
    best: dict[tuple[str, str], FileLine] = {}
    for one in reported:
        key = one.batch.batch_id, one.file.study_key
        if key not in best or (one.file.score or 0) > (best[key].score or 0):
            best[key] = one.file
    studies = [
        FlaggedStudy(
            study=study,
            batch=batch_id,
            score=file.score or 0.0,
            report=str(PurePosixPath("..", *PurePosixPath(file.report or "").parts[1:], "report")),
        )
        for (batch_id, study), file in best.items()
    ]
    return tuple(sorted(studies, key=lambda one: (-one.score, one.study)))


def _but(studies: Iterable[FlaggedStudy], listed: Iterable[FlaggedStudy]) -> tuple[FlaggedStudy, ...]:
    already = {(one.batch, one.study) for one in listed}
    return tuple(one for one in studies if (one.batch, one.study) not in already)
