"""Which radiographs were set aside for each data set, and which models have been scored on them.

A test part wears out: whoever tries until a model does well on it has trained on it. So it is set aside once for each
data set, every look is written down before the scores are computed, and the number of models that had been scored on
any of its radiographs before stands on each evaluation.

One file for each data fingerprint, one JSON object a line, to which lines are only ever added. A look is one at the
members above it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from cxrscreen.classifier.bundle import read_making
from cxrscreen.classifier.estimate import Frozen
from cxrscreen.classifier.registry import Registry
from cxrscreen.durable import write_file
from cxrscreen.errors import DataSetError, ModelError, WorkspaceError
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.labelled.site import Site
from cxrscreen.labelled.splits import Split, split_by_patient, split_with_test
from cxrscreen.locks import one_at_a_time

TEST_PARTS = "test-parts"

_log = logging.getLogger(__name__)


class SetAside(Frozen):
    """These radiographs are the test part from now on."""

    kind: Literal["set aside"] = "set aside"
    at: str  # ISO 8601 with zone
    members: tuple[str, ...]  # SHA-256 of the files, sorted


class Look(Frozen):
    """A model was scored on the test part."""

    kind: Literal["look"] = "look"
    at: str  # ISO 8601 with zone
    version: str


_Line: TypeAdapter[SetAside | Look] = TypeAdapter(Annotated[SetAside | Look, Field(discriminator="kind")])


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The test part of one data set.

    Attributes:
        folder: Of all test parts of the site.
        fingerprint: Of the data set.
    """

    folder: Path
    fingerprint: str

    @classmethod
    def of(cls, site: Site, labelled: LabelledSet) -> HeldOut:
        """Know the test part of a labelled set at a site."""
        return cls(site.runs / TEST_PARTS, labelled.fingerprint)

    def members(self) -> frozenset[str]:
        """SHA-256 of the files that were set aside last; none before the first time.

        Raises:
            DataSetError: The record is damaged.
        """
        return frozenset(_last_members(_lines_in(self._file)))

    def set_aside(self, members: Collection[str]) -> None:
        """Record the members, before any model is fitted.

        Raises:
            DataSetError: The record is damaged.
            WorkspaceError: The record cannot be written.
        """
        with one_at_a_time(self._lock):
            self._add(members)

    def look(self, version: str, members: Collection[str], *, scored: AbstractSet[str] = frozenset()) -> int:
        """Record that ``version`` is about to be scored, and return how many other models have been.

        Called again for the same version, as after a crash, it counts once.

        Args:
            version: Of the model.
            members: SHA-256 of the files that it is about to be scored on.
            scored: Versions that are known from elsewhere to have been scored on some of them; see ``scored_on``.

        Raises:
            DataSetError: A record is damaged.
            WorkspaceError: The record cannot be written.
        """
        with one_at_a_time(self._lock):
            if version not in _looks(_lines_in(self._file), members):
                self._add(members, Look(at=_now(), version=version))
            recorded = [_looks(_lines_in(file), members) for file in sorted(self.folder.glob("*.jsonl"))]
            return len(set().union(scored, *recorded) - {version})

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.fingerprint}.jsonl"

    @property
    def _lock(self) -> Path:
        return self.folder / ".lock"

    def _add(self, members: Collection[str], *looks: Look) -> None:
        lines, wanted = _lines_in(self._file), tuple(sorted(members))
        known = _last_members(lines) == wanted
        new = [*(() if known else (SetAside(at=_now(), members=wanted),)), *looks]
        if not new:
            return
        try:
            write_file(self._file, "".join(f"{json.dumps(line.model_dump())}\n" for line in [*lines, *new]).encode())
        except OSError as exc:
            raise WorkspaceError(f"The record of the test part cannot be written: {exc.strerror}.") from exc


def split_around(held_out: HeldOut, labelled: LabelledSet, patients: Sequence[str], *, seed: int) -> Split:
    """Split a set around the test part that was set aside for it; draw one only where that cannot be, or is none yet.

    Args:
        held_out: Of this set.
        labelled: The whole set.
        patients: Patient of each radiograph, length n; from ``groups.joined_patients``.
        seed: Of the folds.

    Raises:
        DataSetError: The record is damaged, or the set cannot be split.
    """
    members = held_out.members()
    is_member = np.array([radiograph.sha256 in members for radiograph in labelled.radiographs])
    groups, truth = np.asarray(patients), labelled.diseased[is_member]
    if not members:
        why = ""
    elif is_member.sum() < len(members):
        why = "some of its radiographs are gone"
    elif set(groups[is_member]) & set(groups[~is_member]):
        why = "by now it is known that some of its patients have other radiographs outside it"
    elif truth.all() or not truth.any():
        why = "it lacks one of the classes"
    else:
        return split_with_test(patients, labelled.diseased, np.flatnonzero(is_member), seed=seed)
    if why:
        _log.warning(
            "The test part that was set aside for this data set cannot stay: %s. Another one is drawn; whoever was "
            "scored on a radiograph of it goes on counting.",
            why,
        )
    return split_by_patient(patients, labelled.diseased, seed=seed)


def scored_on(members: Collection[str], registry: Registry) -> frozenset[str]:
    """Versions in the registry that were scored on some of these radiographs when they were made.

    A model whose record is damaged counts: nobody can say that it was not.

    Args:
        members: SHA-256 of the files.
        registry: Of the site, with the shipped model.
    """

    def was_scored(version: str) -> bool:
        try:
            making = read_making(registry.folder_of(version))
        except ModelError as exc:
            _log.warning("%s It counts as scored on the test part.", exc)
            return True
        return making is not None and not set(members).isdisjoint(making.test)

    return frozenset(card.version for card in registry.cards() if was_scored(card.version))


def _lines_in(file: Path) -> list[SetAside | Look]:
    try:
        return [_Line.validate_json(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, ValidationError) as exc:
        raise DataSetError(
            f"The record of the test part {file.name} is damaged: it cannot be known how often that part has been "
            "looked at. Restore the file, or put it aside if the count may begin anew."
        ) from exc


def _last_members(lines: Iterable[SetAside | Look]) -> tuple[str, ...]:
    return next((line.members for line in reversed(list(lines)) if isinstance(line, SetAside)), ())


def _looks(lines: Iterable[SetAside | Look], members: Collection[str]) -> set[str]:
    """Versions that looked at a part which has some of these members."""
    looked, overlaps = set(), False
    for line in lines:
        if isinstance(line, SetAside):
            overlaps = not set(members).isdisjoint(line.members)
        elif overlaps:
            looked.add(line.version)
    return looked


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
