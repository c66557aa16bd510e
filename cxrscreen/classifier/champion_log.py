"""Who made which model the champion, when and why; its last line is the pointer, so the two cannot disagree.

One line of JSON a move, in the text file ``champion.jsonl``. Lines are only ever added. A change is the old content
and one line more, written beside and renamed over under a lock: a process that dies leaves the old file or the new.
"""

from __future__ import annotations

import fcntl
import unicodedata
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from cxrscreen.classifier.bundle import checked_version
from cxrscreen.classifier.estimate import Frozen
from cxrscreen.durable import write_file
from cxrscreen.errors import ModelError

LOG_FILE = "champion.jsonl"
LONGEST_REASON = 4000  # characters: a reason may list all figures of a comparison, but is no report

_NO_TEXT = frozenset({"Cc", "Cs"})  # control characters, new lines among them, and bytes that are no text at all
_LOCK_FILE = ".champion.lock"


class Move(Frozen):
    """One change of the champion."""

    at: str  # ISO 8601 with zone
    kind: Literal["promote", "rollback"]
    version: str  # champion from then on
    former: str  # champion until then
    who: str
    why: str


class ChampionLog:
    """The moves of the champion in one folder of models.

    Args:
        folder: Holds the log; need not exist before the first move.
        origin: Champion as long as there has been no move.
        formerly: Names that it bore in earlier releases of the software; where the log has one of them, it is meant.
    """

    def __init__(self, folder: Path, *, origin: str, formerly: Collection[str] = ()) -> None:
        self._folder = folder
        self._file = folder / LOG_FILE
        self._origin = origin
        self._formerly = formerly

    def entries(self) -> tuple[Move, ...]:
        """All moves, the earliest first.

        Raises:
            ModelError: The file is damaged, or its lines contradict each other.
        """
        return self._parsed(self._content())

    def champion(self) -> str:
        """Version that screens unless another one is asked for.

        Raises:
            ModelError: See ``entries``.
        """
        return self.line()[-1]

    def line(self) -> tuple[str, ...]:
        """Champions that a rollback would walk through, the first one first, the present one last.

        Raises:
            ModelError: See ``entries``.
        """
        return tuple(self._line_of_champions(self.entries()))

    def promote(
        self, version: str, *, who: str, why: str, verify: Callable[[str], object] = lambda _version: None
    ) -> Move:
        """Make ``version`` the champion.

        Args:
            version: The new champion.
            who: Name of a person, or "automatic".
            why: One sentence, no patient data.
            verify: Called with the new champion before the pointer moves; what it raises stops the move.

        Raises:
            ModelError: It is the champion already, nobody or no reason is named, or not in one line each, or the log is
                damaged or unwritable.
        """

        def towards(champions: list[str]) -> str:
            if champions[-1] == version:
                raise ModelError(f"{version} is the champion already. Nothing was changed.")
            return version

        return self._move("promote", towards, who=who, why=why, verify=verify)

    def rollback(self, *, who: str, why: str, verify: Callable[[str], object] = lambda _version: None) -> Move:
        """Return to the model that the champion replaced; again and again, as far as the first one.

        Args:
            who: Name of a person.
            why: One sentence, no patient data.
            verify: Called with the new champion before the pointer moves; what it raises stops the move.

        Raises:
            ModelError: There is nothing to go back to; or see ``promote``.
        """

        def towards(champions: list[str]) -> str:
            if len(champions) == 1:
                raise ModelError(f"There is no model to go back to: {champions[0]} replaced none. Promote one by name.")
            return champions[-2]

        return self._move("rollback", towards, who=who, why=why, verify=verify)

    def _move(
        self,
        kind: Literal["promote", "rollback"],
        towards: Callable[[list[str]], str],
        *,
        who: str,
        why: str,
        verify: Callable[[str], object],
    ) -> Move:
        who, why = who.strip(), why.strip()
        if not who or not why or len(who) + len(why) > LONGEST_REASON:
            raise ModelError(f"Name who moves the champion, and why, in at most {LONGEST_REASON} characters together.")
        if any(unicodedata.category(character) in _NO_TEXT for character in who + why):
            raise ModelError("Who moves the champion, and why, must be one line each, without control characters.")
        try:
            with self._locked():
                content = self._content()
                champions = self._line_of_champions(self._parsed(content))
                goal = checked_version(towards(champions))
                verify(goal)
                now = datetime.now(UTC).isoformat(timespec="seconds")
                move = Move(at=now, kind=kind, version=goal, former=champions[-1], who=who, why=why)
                write_file(self._file, content + move.model_dump_json().encode() + b"\n")
        except OSError as exc:
            raise ModelError(
                f"The champion was not changed: {exc.strerror}. Its log must be writable, in the workspace's models/."
            ) from exc
        return move

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold off other processes; the system frees the lock of a process that dies."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / _LOCK_FILE).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _content(self) -> bytes:
        try:
            return self._file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return b""
        except OSError as exc:
            raise ModelError(f"The log of the champion cannot be read: {exc.strerror}. Restore {LOG_FILE}.") from exc

    @staticmethod
    def _parsed(content: bytes) -> tuple[Move, ...]:
        moves = []
        for number, line in enumerate(content.splitlines(keepends=True), start=1):
            try:
                if not line.endswith(b"\n"):
                    raise ModelError(f"Line {number} of {LOG_FILE} is cut off. Restore the file from its last copy.")
                moves.append(Move.model_validate_json(line))
            except ValidationError as exc:
                raise ModelError(
                    f"Line {number} of {LOG_FILE} is damaged. Restore the file from its last copy."
                ) from exc
        return tuple(moves)

    def _line_of_champions(self, moves: tuple[Move, ...]) -> list[str]:
        """Champions that a rollback would walk through, the first one first, the present one last.

        Raises:
            ModelError: A line does not follow from those before it, as after a change by hand.
        """
        champions = [self._today(moves[0].former) if moves else self._origin]
        for number, move in enumerate(moves, start=1):
            former, version = self._today(move.former), self._today(move.version)
            if former == champions[-1] == version and move.former != move.version:
                continue  # from the shipped model to the next one's, before that took its place by itself
            follows = former == champions[-1] != version
            if move.kind == "promote":
                champions.append(checked_version(version))
            elif len(champions) > 1:
                champions.pop()
            if not follows or champions[-1] != version:
                raise ModelError(
                    f"Line {number} of {LOG_FILE} does not follow from the lines before it, as if it had been changed "
                    "by hand. Restore the file from its last copy."
                )
        return champions

    def _today(self, version: str) -> str:
        return self._origin if version in self._formerly else version
