"""Which radiographs were set aside for each data set, and which models have been scored on them.

A test part wears out: whoever tries until a model does well on it has trained on it. So every look is written down
before the scores are computed, and the number of earlier looks stands on each evaluation.

One file for each data fingerprint, one JSON object a line, to which lines are only ever added.
"""

from __future__ import annotations

import fcntl
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from cxrscreen.classifier.estimate import Frozen
from cxrscreen.durable import write_file
from cxrscreen.errors import DataSetError, WorkspaceError

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
class TestPart:
    """The test part of one data set.

    Attributes:
        folder: Of all test parts of the site.
        fingerprint: Of the data set.
    """

    folder: Path
    fingerprint: str

    def set_aside(self, members: Sequence[str]) -> None:
        """Record the members, before any model is fitted.

        Other members than before are possible only where someone has corrected who is whose patient: files and labels
        make the fingerprint. The looks at the former part go on counting.

        Raises:
            DataSetError: The record is damaged.
            WorkspaceError: The record cannot be written.
        """
        wanted = tuple(sorted(members))
        with self._locked():
            lines = self._lines()
            former = [line.members for line in lines if isinstance(line, SetAside)]
            if former and former[-1] == wanted:
                return
            if former:
                _log.warning("The patients of this data set have changed: its test part is another one than before.")
            self._write([*lines, SetAside(at=_now(), members=wanted)])

    def look(self, version: str) -> int:
        """Record that ``version`` is about to be scored, and return how many other models have been.

        Called again for the same version, as after a crash, it counts once.

        Raises:
            DataSetError: The record is damaged.
            WorkspaceError: The record cannot be written.
        """
        with self._locked():
            lines = self._lines()
            looked = {line.version for line in lines if isinstance(line, Look)}
            if version not in looked:
                self._write([*lines, Look(at=_now(), version=version)])
            return len(looked - {version})

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.fingerprint}.jsonl"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # closing the file lets go
            yield

    def _lines(self) -> list[SetAside | Look]:
        try:
            return [_Line.validate_json(line) for line in self._file.read_text(encoding="utf-8").splitlines()]
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError, ValidationError) as exc:
            raise DataSetError(
                f"The record of the test part {self._file.name} is damaged: it cannot be known how often that part has "
                "been looked at. Restore the file, or put it aside if the count may begin anew."
            ) from exc

    def _write(self, lines: Sequence[SetAside | Look]) -> None:
        try:
            write_file(self._file, "".join(f"{json.dumps(line.model_dump())}\n" for line in lines).encode())
        except OSError as exc:
            raise WorkspaceError(f"The record of the test part cannot be written: {exc.strerror}.") from exc


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
