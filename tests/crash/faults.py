"""Disks that are full, gone or read-only, files that change, clocks that jump: what the command makes of it.

Each function breaks something in earnest, runs ``cxrscreen screen``, mends it, runs the command again, and returns
what the first run said. What is wrong in between is an error.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from cxrscreen.radiograph.isolation import READER
from cxrscreen.types import PreparedBatch
from tests.crash.accounts import check_at_any_moment, check_in_the_end
from tests.crash.arrivals import arrive
from tests.crash.command import run, stand_in_for_what_is_slow
from tests.crash.forked import fork
from tests.fakes import StubClassifier, draw_png

DAY_SECONDS = 86_400.0
NOBODY = 65534


class Interfering(StubClassifier):
    """A classifier in whose first call something happens to the machine."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__()
        self._happens = happens

    def classify(self, prepared: PreparedBatch, **options: object) -> object:  # type: ignore[override]  # passed on
        if not self.calls:
            self._happens()
        return super().classify(prepared, **options)  # type: ignore[arg-type]  # passed on


def pictures(folder: Path, count: int) -> dict[str, bytes]:
    """Put so many different pictures into an intake."""
    return {f"{n:02}.png": draw_png(folder / f"{n:02}.png", 20 + 4 * n) for n in range(count)}


def full_disk_of_workspace(mounted: str, mount: str) -> str:
    """A disk too small for what comes; later it has room."""
    return _full_disk(Path(mounted, "w"), Path(mounted), mount, code=1)


def full_disk_of_archive(mounted: str, mount: str) -> str:
    """The same, where the archive alone lies on that disk: reports are written, files cannot be moved."""
    return _full_disk(Path(mounted).parent, Path(mounted), mount, code=0)


def _full_disk(root: Path, disk: Path, mount: str, *, code: int) -> str:
    files = pictures(root / "intake", 24)
    stand_in_for_what_is_slow(chunk_studies=5)
    ended, said = run(root)
    assert ended == code, said
    check_at_any_moment(root, root / "intake", files, copied=True)
    _remount(mount, disk, "size=64m")
    for _ in range(2):
        assert run(root)[0] == 0
    assert check_in_the_end(root, root / "intake", files) == Counter(reported=24)
    return said


def read_only(mounted: str, mount: str) -> str:
    """The archive's disk becomes read-only in the middle of a batch, and is mended later."""
    archive = Path(mounted)
    root = archive.parent
    files = pictures(root / "intake", 8)
    stand_in_for_what_is_slow(Interfering(lambda: _remount(mount, archive, "ro")), chunk_studies=4)
    code, said = run(root)
    assert code == 0, said
    check_at_any_moment(root, root / "intake", files)
    _remount(mount, archive, "rw")
    stand_in_for_what_is_slow()
    assert run(root)[0] == 0
    assert check_in_the_end(root, root / "intake", files) == Counter(reported=8)
    return said


def read_only_before(mounted: str, mount: str) -> str:
    """The archive's disk is read-only before a batch begins, run after run, and is mended later."""
    archive = Path(mounted)
    root = archive.parent
    stand_in_for_what_is_slow()
    files = {"first.png": draw_png(root / "intake" / "first.png", 20)}
    assert run(root)[0] == 0
    _remount(mount, archive, "ro")
    for number in (2, 3):
        files[f"{number}.png"] = draw_png(root / "intake" / f"{number}.png", 40 * number)
        code, said = run(root)
        assert code == 0, said
        check_at_any_moment(root, root / "intake", files)
        assert len(list((root / "reports").glob("*/S-*"))) == number, "each run reports what has arrived"
    _remount(mount, archive, "rw")
    assert run(root)[0] == 0
    assert check_in_the_end(root, root / "intake", files) == Counter(reported=3)
    assert len(list(archive.glob("*/*.records/batch.json"))) == 3, "each batch is recorded in the end"
    return said


def gone(at: str) -> str:
    """The whole workspace is taken away in the middle of a batch, as a disk that is unplugged, and comes back."""
    root = Path(at)
    away = root.with_name("away")
    files = pictures(root / "intake", 8)
    stand_in_for_what_is_slow(Interfering(lambda: root.rename(away)), chunk_studies=4)
    code, said = run(root)
    assert code == 1, said
    assert not list(root.rglob("*.png")), "nothing is begun anew where the disk was"
    if root.exists():
        subprocess.run(["rm", "-r", str(root)], check=True)  # noqa: S607  # whichever it is
    away.rename(root)
    check_at_any_moment(root, root / "intake", files)
    stand_in_for_what_is_slow()
    assert run(root)[0] == 0
    assert check_in_the_end(root, root / "intake", files) == Counter(reported=8)
    return said


def without_rights(at: str) -> str:
    """Somebody without rights screens: one file may not be read, those of a folder may be read but not moved."""
    root = Path(at)
    files = {name: draw_png(root / "intake" / name, grey) for name, grey in _THREE.items()}
    subprocess.run(["chown", "-R", str(NOBODY), str(root)], check=True)  # noqa: S607  # whichever it is
    os.chown(root / "intake" / "locked.png", 0, 0)
    (root / "intake" / "locked.png").chmod(0o600)
    os.chown(root / "intake" / "ward", 0, 0)
    (root / "intake" / "ward").chmod(0o755)
    root.parent.chmod(0o777)
    stand_in_for_what_is_slow()
    code, said = run(root, at_first=lambda: os.setuid(NOBODY))
    assert code == 0, said
    again = run(root, at_first=lambda: os.setuid(NOBODY))[1]
    check_at_any_moment(root, root / "intake", files)
    for name in ("locked.png", "ward", "ward/kept.png"):
        os.chown(root / "intake" / name, NOBODY, NOBODY)
    assert run(root, at_first=lambda: os.setuid(NOBODY))[0] == 0
    assert check_in_the_end(root, root / "intake", files) == Counter(reported=3)
    return said + again


_THREE = {"locked.png": 20, "ward/kept.png": 60, "plain.png": 100}


def changed_while_read(at: str) -> str:
    """While the first file is read, the second becomes another one and the third is taken away."""
    root = Path(at)
    files = pictures(root / "intake", 4)
    stand_in_for_what_is_slow()
    read = READER.radiograph

    def meanwhile(content: bytes, limits: object) -> object:
        READER.radiograph = read  # type: ignore[method-assign]  # once
        files["01.png"] = draw_png(root / "intake" / "01.png", 200)
        (root / "intake" / "02.png").unlink()
        return read(content, limits)  # type: ignore[arg-type]  # passed on

    READER.radiograph = meanwhile  # type: ignore[method-assign,assignment]  # the fault
    code, said = run(root)
    assert code == 3, said
    READER.radiograph = read  # type: ignore[method-assign]  # the fault is over
    files["01.png"] = (root / "intake" / "01.png").read_bytes()
    del files["02.png"]
    check_at_any_moment(root, root / "intake", files)
    assert run(root)[0] == 0
    assert not list((root / "intake").glob("*.png"))
    return said


def clock_jumps(at: str, days: int) -> str:
    """The clock jumps in the middle of a batch."""
    root = Path(at)
    files = pictures(root / "intake", 8)
    now = time.time

    def jump() -> None:
        time.time = lambda: now() + days * DAY_SECONDS  # type: ignore[assignment]  # the fault

    stand_in_for_what_is_slow(Interfering(jump), chunk_studies=3)
    code, said = run(root)
    assert code == 0, said
    assert run(root)[0] == 0
    assert check_in_the_end(root, root / "intake", files) == Counter(reported=8)
    return said


def clock_of_another_run_jumps(at: str) -> str:
    """A run hangs; another one, whose clock is a day ahead, takes its batch over; then the first one wakes up."""
    root = Path(at)
    files = pictures(root / "intake", 8)
    asleep, awake = os.pipe()
    begun, begin = os.pipe()

    def hang() -> None:
        os.write(begin, b"-")
        os.read(asleep, 1)

    def first() -> None:
        stand_in_for_what_is_slow(Interfering(hang), chunk_studies=4)
        code, said = run(root)
        (root.with_name("first")).write_text(f"{code} {said}")

    sleeper = fork(first)
    os.read(begun, 1)
    now = time.time
    stand_in_for_what_is_slow()
    code, said = run(root, at_first=lambda: setattr(time, "time", lambda: now() + DAY_SECONDS))
    assert code == 0, said
    os.write(awake, b"-")
    os.waitpid(sleeper, 0)
    assert check_in_the_end(root, root / "intake", files) == Counter(reported=8)
    return root.with_name("first").read_text()


def out_of_memory(at: str) -> str:
    """One study of eight needs more memory than there is, each time; at the third it is put aside."""
    root = Path(at)
    files = pictures(root / "intake", 8)
    stand_in_for_what_is_slow(StubClassifier(breaks_on_grey=20 + 4 * 3))
    for _ in range(3):
        code, said = run(root)
        assert code == 3, said
        check_at_any_moment(root, root / "intake", files)
    assert run(root)[0] == 0
    return said


def orderly_stop(at: str) -> str:
    """A run that is asked to stop gives its batch back: the next one goes on at once, and counts no death."""
    root = Path(at)
    arrived = pictures(root / "intake", 8)
    arrive(root / "intake", {})
    stand_in_for_what_is_slow(Interfering(lambda: os.kill(os.getpid(), signal.SIGTERM)), chunk_studies=4)
    code, said = run(root)
    assert code != 0, said
    check_at_any_moment(root, root / "intake", arrived)
    stand_in_for_what_is_slow()
    assert run(root)[0] == 0
    assert check_in_the_end(root, root / "intake", arrived) == Counter(reported=8)
    return said


def _remount(mount: str, folder: Path, option: str) -> None:
    subprocess.run([mount, "-o", f"remount,{option}", str(folder)], check=True)
