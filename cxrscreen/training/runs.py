"""The folder of one retraining: what it has finished, and the version that it will give its model.

Whoever has opened a run holds it, until its model is there or it has failed: the same retraining is never under way
twice, and no two retrainings that are under way make one version.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from pydantic import ValidationError

from cxrscreen.classifier.bundle import read_card
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.estimate import Frozen
from cxrscreen.durable import write_file
from cxrscreen.errors import ModelError, WorkspaceError
from cxrscreen.labelled.site import Site
from cxrscreen.locks import Hold, is_held, one_at_a_time
from cxrscreen.training.request import RetrainRequest

_RECORD = "run.json"
_LOCK = ".lock"  # in the folder of all runs for a moment, in a run's own for its length
_NOT_PART_OF_THE_KEY = {"data_folder", "version", "note", "base"}  # the data and the base are known by their content


class _Record(Frozen):
    started_at: str  # ISO 8601 with zone
    version: str
    card_sha256: str = ""  # of the model's card, from just before the model is saved


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One retraining, from its first start to its model.

    Attributes:
        folder: Keeps what is finished; gone once all is done.
        version: Of the model.
        saved: True where this run, before it was killed, had saved its model already.
        hold: On the folder.
    """

    folder: Path
    version: str
    saved: bool
    hold: Hold

    def about_to_save(self, card: ModelCard) -> None:
        """Note by which card the model of this run will be known.

        Raises:
            WorkspaceError: The folder cannot be written.
        """
        _write(self.folder, _Record(started_at=_now().isoformat(), version=self.version, card_sha256=_digest(card)))

    def let_go(self) -> None:
        """Leave the run as it is, for a later start to go on with."""
        self.hold.let_go()

    def close(self) -> None:
        """Forget what was kept: the model is on disk, and the next run with the same request is another one."""
        with one_at_a_time(self.folder.parent / _LOCK):
            shutil.rmtree(self.folder, ignore_errors=True)
            self.let_go()


def open_run(site: Site, request: RetrainRequest, *, fingerprint: str, base_sha256: str) -> Run:
    """Begin a run, or go on with the one of the same request, data and base that never came to its end.

    Raises:
        ModelError: The version that was asked for exists already, or is about to.
        WorkspaceError: This run is under way already, or the folder cannot be written.
    """
    key = hashlib.sha256(
        "\n".join((request.model_dump_json(exclude=_NOT_PART_OF_THE_KEY), fingerprint, base_sha256)).encode()
    ).hexdigest()
    folder = site.runs / key[:16]
    with one_at_a_time(site.runs / _LOCK):
        records = _records_in(site.runs)
        former = records.pop(folder, None)
        if former and request.version in {"", former.version} and _has_saved(former, site.models):
            return Run(folder, former.version, saved=True, hold=_held(folder))
        version = _version_for(request, former, records, site)
        hold = _held(folder)
        if former is None or former.version != version:
            _write(folder, _Record(started_at=_now().isoformat(), version=version))
    return Run(folder, version, saved=False, hold=hold)


def check_version(site: Site, version: str) -> None:
    """Refuse a version before any work, unless a run that was killed has saved its model under it.

    Raises:
        ModelError: The version exists already, or cannot be one.
    """
    records = _records_in(site.runs).values()
    if not any(record.version == version and _has_saved(record, site.models) for record in records):
        site.registry.check_free(version)


def _version_for(request: RetrainRequest, former: _Record | None, others: Mapping[Path, _Record], site: Site) -> str:
    """The version that was asked for, or that the run had before, or a new one."""
    under_way = {record.version for folder, record in others.items() if is_held(folder / _LOCK)}
    if request.version:
        site.registry.check_free(request.version)
        if request.version in under_way:
            raise ModelError(f"Another retraining, which is under way, will make {request.version}. Choose another.")
        return request.version
    if former and former.version not in under_way and _is_free(former.version, site):
        return former.version
    taken = {record.version for record in others.values()}
    name = f"{request.recipe}-{_now():%Y%m%d-%H%M%S}"
    candidates = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(version for version in candidates if version not in taken and _is_free(version, site))


def _is_free(version: str, site: Site) -> bool:
    try:
        site.registry.check_free(version)
    except ModelError:
        return False
    return True


def _has_saved(record: _Record, models: Path) -> bool:
    try:
        return _digest(read_card(models / record.version)) == record.card_sha256
    except ModelError:
        return False


def _held(folder: Path) -> Hold:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        return Hold(folder / _LOCK)
    except BlockingIOError as exc:
        raise WorkspaceError("This retraining is under way already. Wait for its end, or stop it first.") from exc
    except OSError as exc:
        raise _unwritable(exc) from exc


def _write(folder: Path, record: _Record) -> None:
    try:
        write_file(folder / _RECORD, record.model_dump_json().encode())
    except OSError as exc:
        raise _unwritable(exc) from exc


def _unwritable(exc: OSError) -> WorkspaceError:
    return WorkspaceError(f"The folder of the retraining cannot be written: {exc.strerror}.")


def _records_in(runs: Path) -> dict[Path, _Record]:
    """By the folders of the runs; a damaged one is left out: the points that are there prove themselves."""
    records = {}
    for file in runs.glob(f"*/{_RECORD}"):
        try:
            records[file.parent] = _Record.model_validate_json(file.read_bytes())
        except (OSError, ValidationError):
            continue
    return records


def _digest(card: ModelCard) -> str:
    return hashlib.sha256(card.model_dump_json().encode()).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
