"""Which of the files that have arrived a batch claims, and what the others wait for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cxrscreen.errors import loggable
from cxrscreen.radiograph.identity import identify
from cxrscreen.radiograph.radiograph import Identity
from cxrscreen.screening.intake import STILL_WRITTEN, Arrivals, Sighting
from cxrscreen.screening.moving import BY_HEAD, file_hash
from cxrscreen.screening.opening import open_regular, read_bytes
from cxrscreen.screening.outcomes import Claim
from cxrscreen.screening.pseudonym import Pseudonyms
from cxrscreen.screening.session import Session

FILES_IN_HAND = 128  # at most so many in one step, and of one study in a batch: their pixels are in memory together
HEAD_BYTES = 2**16  # of a DICOM file; patient and study stand in the first few thousand
CANNOT_BE_MOVED = "screened, but it cannot be moved: check who owns it and its folder"
TOO_LARGE_TO_COPY = "refused as too large, but it cannot be moved, nor is it copied to another disk: take it away"
_REMEMBERED = 100_000  # files of which the study is remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a batch takes.

    Attributes:
        claims: Whole studies, as far as they have arrived.
        waiting: Files that cannot be taken now, each with the cause.
        beyond: How many more could be taken, but are left to the next batch.
    """

    claims: tuple[Claim, ...]
    waiting: dict[str, str]
    beyond: int


def select(session: Session, folder: Path, arrivals: Arrivals, *, but: Collection[str]) -> Selection:
    """Choose the files of a new batch, in the order of their names.

    A file that is taken is read once here, for its hash. What lies beyond the bound is not read, but for the heads of
    the names that follow at once: they tell whether the last study goes on. A straggler of a study far behind in the
    order of names comes with a later batch, as if it had arrived later; so does what a study has beyond
    ``FILES_IN_HAND``.

    Args:
        session: The open workspace.
        folder: Where the files are.
        arrivals: The files, settled or not.
        but: Files that are not to be taken, nor counted.
    """
    waiting = {s.name: s.fault or STILL_WRITTEN for s in arrivals.waiting if s.name not in but}
    arriving = {key for s in arrivals.waiting if not s.fault and (key := _study_by_head(session, folder, s))}
    stuck = {
        (file.name, file.sha256)
        for batch_id in session.ledger.batches_with_leftovers(folder)
        for file in session.ledger.unplaced(batch_id)
    }
    most = session.settings.max_batch_files
    out_of_reach = session.ledger.claimed_names(folder).union(but)
    claims: list[Claim] = []
    studies: dict[str, set[str]] = {}  # the contents that are taken of each
    full: set[str] = set()
    beyond, near = 0, True  # near: all names since the bound was reached belong to studies that are taken
    for sighting in arrivals.settled:
        if sighting.name in out_of_reach:
            continue
        if len(claims) >= most and not (near := near and _study_by_head(session, folder, sighting) in studies):
            beyond += 1
            continue
        if full and _study_by_head(session, folder, sighting) in full:
            beyond += 1
            continue
        claim = _claim(session, folder, sighting, waiting)
        if claim is None:
            continue
        if (claim.name, claim.sha256) in stuck:
            waiting[claim.name] = TOO_LARGE_TO_COPY if claim.sha256.startswith(BY_HEAD) else CANNOT_BE_MOVED
        elif claim.study_key in arriving:
            waiting[claim.name] = "another file of its study is still arriving"
        elif claim.study_key in full and claim.sha256 not in studies[claim.study_key]:
            beyond += 1
        else:
            claims.append(claim)
            contents = studies.setdefault(claim.study_key, set())
            contents.add(claim.sha256)
            if len(contents) == FILES_IN_HAND:
                full.add(claim.study_key)
    taken = _whole_studies(claims, most)
    return Selection(claims=taken, waiting=waiting, beyond=beyond + len(claims) - len(taken))


def unchanged_since(folder: Path, seen: Sequence[Sighting]) -> Callable[[Claim], bool]:
    """Return the question whether a claimed file still is as it was seen."""
    sightings = {sighting.name: sighting for sighting in seen}

    def ask(claim: Claim) -> bool:
        before = sightings[claim.name]
        try:
            now = (folder / claim.name).lstat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns, now.st_ino) == (before.size, before.mtime_ns, before.inode)

    return ask


def _whole_studies(claims: Sequence[Claim], most: int) -> tuple[Claim, ...]:
    """Leave out the studies that were met last until at most ``most`` files remain, or a single study."""
    counts: dict[str, int] = {}
    for claim in claims:
        counts[claim.study_key] = counts.get(claim.study_key, 0) + 1
    left = len(claims)
    for key in reversed(counts.copy()):
        if left <= most or len(counts) == 1:
            break
        left -= counts.pop(key)
    return tuple(claim for claim in claims if claim.study_key in counts)


def _claim(session: Session, folder: Path, sighting: Sighting, waiting: dict[str, str]) -> Claim | None:
    """Return the file's hash and study; ``None`` where it is gone, or cannot be opened and waits."""
    try:
        if sighting.size > session.settings.max_file_bytes:
            with open_regular(folder, sighting.name) as file:
                sha256, identity = file_hash(file, like=BY_HEAD), Identity()
        else:
            content = read_bytes(folder, sighting.name, session.settings.max_file_bytes)
            sha256, identity = hashlib.sha256(content).hexdigest(), identify(content)
    except FileNotFoundError:
        return None  # taken away again: it has not arrived
    except (OSError, MemoryError) as exc:
        waiting[sighting.name] = f"cannot be opened: {loggable(exc)}"
        return None
    return Claim(name=sighting.name, sha256=sha256, study_key=session.pseudonyms.study(identity, sha256))


def _study_by_head(session: Session, folder: Path, sighting: Sighting) -> str:
    """Return the key of the study that a file's head names; "" where it names none, as in all JPEG and PNG."""
    looks = sighting.size, sighting.mtime_ns, sighting.inode
    try:
        return _study_in_head(session.pseudonyms, folder, sighting.name, looks)
    except (OSError, MemoryError):
        return ""


@lru_cache(maxsize=_REMEMBERED)
def _study_in_head(pseudonyms: Pseudonyms, folder: Path, name: str, _looks: tuple[int, ...]) -> str:
    with open_regular(folder, name) as file:
        identity = identify(file.read(HEAD_BYTES))
    return pseudonyms.study(identity, "") if identity.study_instance_uid else ""
