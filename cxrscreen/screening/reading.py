"""The files of one study, read: accepted radiographs, and a verdict on every other file."""

from __future__ import annotations

import errno
import hashlib
import logging
from dataclasses import dataclass, replace

from cxrscreen.errors import LedgerError, RefusedError, ReportError, WorkspaceError
from cxrscreen.radiograph.acceptance import acceptance_limits
from cxrscreen.radiograph.radiograph import Radiograph
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.screening.claiming import FILES_IN_HAND
from cxrscreen.screening.moving import BY_HEAD
from cxrscreen.screening.opening import holds_anything, read_bytes
from cxrscreen.screening.outcomes import TAKEN_AWAY, BatchRecord, FileRecord, Outcome, Verdict
from cxrscreen.screening.placing import archive_path, quarantine_path
from cxrscreen.screening.session import Session

log = logging.getLogger(__name__)

FAILED = "failed"  # stands where a refusal has its reason
REUSED_UID = "Another image of this study has the same SOP Instance UID but other content."
PART = f"A report holds at most {FILES_IN_HAND} files of a study; what it has beyond is in reports of other batches."


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A radiograph that may be screened."""

    file: FileRecord
    radiograph: Radiograph  # pixels at reading resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The claimed files of one study.

    Attributes:
        key: Pseudonym.
        accepted: Radiographs to be scored, one for each content.
        verdicts: On the files that are decided, by ``file_id``.
        originals: The files, one for each content.
        copies: Each other file, with the ``file_id`` of the original whose verdict it follows.
    """

    key: str
    accepted: tuple[Accepted, ...]
    verdicts: dict[int, Verdict]
    originals: tuple[FileRecord, ...]
    copies: tuple[tuple[FileRecord, int], ...]


def read_study(session: Session, batch: BatchRecord, study_key: str) -> Study:
    """Read the claimed files of a study that have no outcome yet. Whatever one file holds, the others are read."""
    files = [f for f in session.ledger.files(batch.batch_id, study_key) if f.outcome is None]
    by_content: dict[str, FileRecord] = {}
    for file in files:
        by_content.setdefault(file.sha256, file)
    copies = tuple((f, by_content[f.sha256].file_id) for f in files if by_content[f.sha256] is not f)
    accepted: list[Accepted] = []
    verdicts: dict[int, Verdict] = {}
    for file in by_content.values():
        session.ledger.renew_lease(batch.batch_id)
        read = _read_file(session, batch, file)
        if isinstance(read, Verdict):
            verdicts[file.file_id] = read
        else:
            accepted.append(read)
    return Study(
        key=study_key,
        accepted=_mark_part(_mark_reused_uids(accepted), len(by_content)),
        verdicts=verdicts,
        originals=tuple(by_content.values()),
        copies=copies,
    )


def _read_file(session: Session, batch: BatchRecord, file: FileRecord) -> Accepted | Verdict:
    known = session.ledger.first_report(file.sha256)
    if known is not None:
        return duplicate_of(known, batch, file)
    try:
        content = _claimed_content(batch, file, session.settings.max_file_bytes)
        if isinstance(content, Verdict):
            return content
        radiograph = read_radiograph(content, acceptance_limits(session.settings))
        return Accepted(file=file, radiograph=replace(radiograph, pixels=radiograph.reading))
    except RefusedError as exc:
        return refusal(session, batch, file, exc)
    except Exception as exc:
        if stops_everything(exc):
            raise
        return failure(session, batch, file, "reading", exc)


def _claimed_content(batch: BatchRecord, file: FileRecord, max_file_bytes: int) -> bytes | Verdict:
    """Return the bytes that were claimed, or the verdict where the file is no longer what it was."""
    try:
        if file.sha256.startswith(BY_HEAD) and (batch.folder / file.name).lstat().st_size > max_file_bytes:
            raise RefusedError(Reason.TOO_LARGE, f"It has more than {max_file_bytes // 2**20} MiB.")
        content = read_bytes(batch.folder, file.name, max_file_bytes)
    except FileNotFoundError:
        if not holds_anything(batch.folder):
            return Verdict(outcome=Outcome.PENDING, detail="its folder is gone or empty: is the disk mounted?")
        return Verdict(outcome=Outcome.FAILED, reason=FAILED, detail=TAKEN_AWAY)
    except OSError as exc:
        return Verdict(outcome=Outcome.PENDING, detail=f"cannot be opened: {exc.strerror}")
    if len(content) > max_file_bytes or hashlib.sha256(content).hexdigest() != file.sha256:
        return Verdict(outcome=Outcome.PENDING, detail="changed after it was found; the next run takes it up")
    return content


def duplicate_of(known: FileRecord, batch: BatchRecord, file: FileRecord) -> Verdict:
    """Return the verdict on a copy of reported content; out of a folder that is not ours it is not stored again."""
    path = None if batch.keeps_source else archive_path(batch, file.name)
    return Verdict(outcome=Outcome.DUPLICATE, destination=path).as_first_reported(known)


def refusal(
    session: Session, batch: BatchRecord, file: FileRecord, refused: RefusedError, strangeness: float | None = None
) -> Verdict:
    """Return the verdict on a file that may not be screened; copied content that lies in the quarantine stays there."""
    large = file.sha256.startswith(BY_HEAD)  # such a file is not copied
    kept = batch.keeps_source and (large or session.ledger.is_quarantined(file.sha256))
    return Verdict(
        outcome=Outcome.REFUSED,
        reason=refused.reason,
        detail=refused.detail,
        destination=None if kept else quarantine_path(batch, file.name),
        strangeness=strangeness,
    )


def verdict_on_copy(original: Verdict, batch: BatchRecord, copy: FileRecord) -> Verdict:
    """Return the verdict on a file whose content was decided under another name in the same batch."""
    if original.outcome is Outcome.REPORTED:
        path = None if batch.keeps_source else archive_path(batch, copy.name)
        return replace(original, outcome=Outcome.DUPLICATE, destination=path)
    if original.destination is None:
        return original
    to_archive = original.outcome is Outcome.DUPLICATE
    return replace(original, destination=(archive_path if to_archive else quarantine_path)(batch, copy.name))


def stops_everything(exc: BaseException) -> bool:
    """Return whether going on is pointless: no room, nowhere to write a report, or no answer of the ledger.

    Nothing is recorded then.
    """
    full = isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
    unwritten = isinstance(exc, ReportError) and isinstance(exc.__cause__, OSError)
    return full or unwritten or isinstance(exc, (LedgerError, WorkspaceError))


def failure(session: Session, batch: BatchRecord, file: FileRecord, step: str, exc: BaseException) -> Verdict:
    """Return the verdict on a file that the software failed on: tried again by later runs, then quarantined.

    The exception's type reaches ledger and log, not its message, which may hold what the file says.
    """
    log.error("file %d of batch %s: %s failed with %s", file.file_id, batch.batch_id, step, type(exc).__name__)
    given_up = session.ledger.failures(file.sha256) + 1 >= session.settings.max_attempts
    return Verdict(
        outcome=Outcome.FAILED,
        reason=FAILED,
        detail=f"{step} failed with {type(exc).__name__}",
        destination=quarantine_path(batch, file.name) if given_up else None,
    )


def _mark_part(accepted: tuple[Accepted, ...], files: int) -> tuple[Accepted, ...]:
    """Say in the report of a study that it may have been cut, see ``claiming.select``."""
    if files < FILES_IN_HAND:
        return accepted
    return tuple(replace(a, radiograph=replace(a.radiograph, notices=(*a.radiograph.notices, PART))) for a in accepted)


def _mark_reused_uids(accepted: list[Accepted]) -> tuple[Accepted, ...]:
    uids = [a.radiograph.identity.sop_instance_uid for a in accepted]
    return tuple(
        replace(a, radiograph=replace(a.radiograph, notices=(*a.radiograph.notices, REUSED_UID)))
        if uid is not None and uids.count(uid) > 1
        else a
        for a, uid in zip(accepted, uids, strict=True)
    )
