"""What ties the processes of `cxrscreen serve` to it: Prefect's server and each run end when serve has ended.

Else a serve that was killed would leave a server on the port, which the next start finds taken, and runs that nobody
watches. Each of them notes itself in a folder, so that the next start can wait for those that are still on their way
out, and a look from outside can tell a run that goes on from one that died unseen. Each run has a folder of its own
for temporary files, too, which goes with it, however it ends.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path

from cxrscreen.owner import is_dead, is_here, this_process

SERVED_BY = "CXRSCREEN_SERVED_BY"  # the owner string of the serve that started this process
RUN_ID = "PREFECT__FLOW_RUN_ID"  # Prefect gives it to the process of a run
LOOK_SECONDS = 1.0
STOP_SECONDS = 20.0  # for an orderly end
RUN_SECONDS = 10.0  # for a run to put down what it has in hand
KILL_SECONDS = 5.0
SERVER = "ui-server"  # what Prefect's server notes itself as; a run takes its id

log = logging.getLogger("cxrscreen.serve")


def tie() -> None:
    """Tie this process to the serve that started it; does nothing where none did."""
    served_by = os.environ.get(SERVED_BY, "")
    if not served_by or served_by == this_process():
        return
    if run := os.environ.get(RUN_ID):
        home = Path(os.environ["PREFECT_HOME"])
        note(processes_folder(home), run)
        _use_folder(temporary_folder(home) / run)
    threading.Thread(target=_hold, args=(served_by,), daemon=True, name="leash").start()


def _hold(served_by: str) -> None:
    while not is_dead(served_by):
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def processes_folder(prefect_home: Path) -> Path:
    """Return where the processes of a serve note themselves."""
    return prefect_home / "processes"


def temporary_folder(prefect_home: Path) -> Path:
    """Return where a serve and its runs keep temporary files."""
    return prefect_home / "temporary"


def _use_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # a full disk is no reason not to work
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ["TMPDIR"] = str(folder)  # for children
        tempfile.tempdir = None  # Python looks there again when it needs one


def note(folder: Path, name: str) -> None:
    """Write down that this process is ``name``."""
    with contextlib.suppress(OSError):  # a full disk is no reason not to work
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / name).write_text(this_process())


def noted(folder: Path) -> dict[str, str]:
    """Return the owner strings of all that noted themselves, by their names."""
    found = {}
    for path in folder.glob("*"):
        with contextlib.suppress(OSError, UnicodeError):
            found[path.name] = path.read_text()
    return found


def forget(prefect_home: Path, name: str) -> None:
    """Remove what a process that has ended left: its note and its temporary files."""
    (processes_folder(prefect_home) / name).unlink(missing_ok=True)
    shutil.rmtree(temporary_folder(prefect_home) / name, ignore_errors=True)


def clear_left_behind(prefect_home: Path) -> int:
    """Wait until the processes of a serve that is gone have ended, and kill those that do not; return how many.

    Only for who holds the workspace's lock: then none of them has anybody to work for. Their notes and temporary files
    are removed.
    """
    folder = processes_folder(prefect_home)
    left = {name: owner for name, owner in noted(folder).items() if is_here(owner) and not is_dead(owner)}
    if left:
        log.info("waiting for %d processes that another serve has left behind", len(left))
        if not _wait(left, STOP_SECONDS + 2 * LOOK_SECONDS):
            for owner in left.values():
                _send(owner, signal.SIGKILL)
            _wait(left, KILL_SECONDS)
    for path in folder.glob("*"):
        path.unlink(missing_ok=True)
    shutil.rmtree(temporary_folder(prefect_home), ignore_errors=True)
    temporary_folder(prefect_home).mkdir(mode=0o700, parents=True)
    return len(left)


def end_runs(prefect_home: Path) -> None:
    """Tell the runs that go on to end, and wait until they have, or for ``RUN_SECONDS``."""
    runs = {n: owner for n, owner in noted(processes_folder(prefect_home)).items() if n != SERVER and is_here(owner)}
    for owner in runs.values():
        _send(owner, signal.SIGTERM)
    _wait(runs, RUN_SECONDS)


def _send(owner: str, number: signal.Signals) -> None:
    if not is_dead(owner):
        with contextlib.suppress(ProcessLookupError):  # it has ended this very moment
            os.kill(int(owner.split("/")[1]), number)


def _wait(left: dict[str, str], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (ended := all(is_dead(owner) for owner in left.values())) and time.monotonic() < deadline:
        time.sleep(0.2)
    return ended
