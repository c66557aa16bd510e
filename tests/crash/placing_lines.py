"""Placing dies before every line of it in turn, or is done by two processes at once."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from cxrscreen import drafts, durable
from cxrscreen.drafts import drafts_in, sweep_drafts
from cxrscreen.screening import leases, ledger, moving, placing, records
from tests.crash.forked import ended_by, fork
from tests.screening.decided import BATCH_ID, decide, opened

WATCHED = {module.__file__ for module in (drafts, durable, leases, ledger, moving, placing, records)}
CONTENTS = {"ward/a.png": b"a", "notes.txt": b"notes"}


def die(at: str, arrives_in: str, stride: int) -> dict[str, int]:
    """Kill a run at every ``stride``-th line, from a random one on; check what lies where before and after the next."""
    root, intake = Path(at), Path(arrives_in)
    pristine = root.with_name("pristine")
    decide(root, CONTENTS, intake=intake, refused=["notes.txt"])
    shutil.copytree(root, pristine, symlinks=True)
    line = first = random.randint(1, stride)  # noqa: S311  # a place to begin, no secret
    deaths = in_two_places = 0
    while True:
        start_again(root, pristine, intake)
        if not ended_by(fork(partial(place_and_die, root, line))):
            return {"first": first, "lines": line, "deaths": deaths, "in_two_places": in_two_places}
        found = copies(root, intake)
        assert set(found) == {b"a", b"notes"}, f"lost at line {line}"
        in_two_places += found.total() - 2
        with opened(root) as decided:
            decided.place()
            assert [row.placed for row in decided.files.values()] == [True, True], f"killed at line {line}"
        assert copies(root, intake) == Counter([b"a", b"notes"]), f"killed at line {line}"
        recorded = root / "archive" / "2026-03-01" / f"{BATCH_ID}.records"
        assert len(list(recorded.iterdir())) == 2, f"killed at line {line}"
        sweep_drafts(root)
        assert not drafts_in(root), f"killed at line {line}"
        assert not [p for p in intake.rglob("*") if p.is_file() and not p.name.startswith(".")]
        deaths += 1
        line += stride


def start_again(root: Path, pristine: Path, intake: Path) -> None:
    shutil.rmtree(root)
    shutil.copytree(pristine, root, symlinks=True)
    for name, content in CONTENTS.items():
        (intake / name).parent.mkdir(parents=True, exist_ok=True)
        (intake / name).write_bytes(content)


def place_and_die(root: Path, line: int) -> None:
    """Place, and be killed without warning before the line of that number in what is watched."""
    left = line

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in WATCHED:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    with opened(root) as decided:
        sys.settrace(trace)
        decided.place()
        sys.settrace(None)


def copies(root: Path, intake: Path) -> Counter[bytes]:
    """Return how often each content lies in intake, archive and quarantine."""
    files = [p for top in {intake, root / "archive", root / "quarantine"} for p in top.rglob("*") if p.is_file()]
    contents = [p.read_bytes() for p in files if p.suffix != ".json"]
    return Counter(content for content in contents if content in CONTENTS.values())


def race(at: str, arrives_in: str, rounds: int) -> dict[str, int]:
    """Let two processes place the same leftovers at the same time."""
    root, intake = Path(at), Path(arrives_in)
    for attempt in range(rounds):
        contents = {f"{n}.png": f"content {attempt} {n}".encode() for n in range(20)}
        decide(root, contents, intake=intake, finished=True)
        waiting, go = os.pipe()
        runs = [fork(partial(place_when_told, root, waiting, go)) for _ in range(2)]
        os.close(waiting)
        os.close(go)
        for run in runs:
            assert ended_by(run) == 0
        check_race(root, intake, contents)
        shutil.rmtree(root)
    return {"races": rounds}


def place_when_told(root: Path, waiting: int, go: int) -> None:
    os.close(go)
    with opened(root) as decided:
        os.read(waiting, 1)  # returns in both at the moment when the last hand lets go of the other end
        decided.place()


def check_race(root: Path, intake: Path, contents: Mapping[str, bytes]) -> None:
    with opened(root) as decided:
        for name, content in contents.items():
            row = decided.files[name]
            assert row.placed, f"{row.detail!r} was said of a file that the other run has brought"
            assert decided.where(name).read_bytes() == content
    assert not list(intake.rglob("*.png"))
    assert len(list((root / "archive").rglob("*.png"))) == len(contents)
    assert not drafts_in(root)
