"""Processes that end when the serve that started them is gone. Real processes, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cxrscreen.owner import this_process
from flows import leash
from flows.leash import SERVED_BY, clear_left_behind, noted

CHILD = """
import signal, sys, time
sys.path.insert(0, {project!r})
import flows
{more}
print("tied", flush=True)
time.sleep(60)
"""
PARENT = """
import os, subprocess, sys, time
sys.path.insert(0, {project!r})
from cxrscreen.owner import this_process
child = subprocess.Popen([sys.executable, "-c", {child!r}], env=os.environ | {{{name!r}: this_process()}})
print(child.pid, flush=True)
time.sleep(60)
"""
DEAF = """
import os, tempfile
signal.signal(signal.SIGTERM, signal.SIG_IGN)
handle, path = tempfile.mkstemp()
os.rename(path, os.path.join(os.path.dirname(path), "font"))
"""
PROJECT = str(Path(__file__).resolve().parents[2])


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def start_child(home: Path, name: str, served_by: str, more: str = "") -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(project=PROJECT, more=more)],
        env=os.environ | {SERVED_BY: served_by, leash.RUN_ID: name, "PREFECT_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child.stdout as said:
        assert said.readline() == "tied\n"
    return child


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_run_follows_a_serve_that_was_killed(tmp_path: Path) -> None:
    child = CHILD.format(project=PROJECT, more="")
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(project=PROJECT, child=child, name=SERVED_BY)],
        env=os.environ | {leash.RUN_ID: "a-run", "PREFECT_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent.stdout as said:
        process = int(said.readline())
        assert said.readline() == "tied\n"
    (owner,) = noted(leash.processes_folder(tmp_path)).values()
    assert owner.split("/")[1] == str(process)
    time.sleep(1.5)
    assert is_running(process)
    parent.kill()
    parent.wait()
    until = time.monotonic() + 15
    while is_running(process) and time.monotonic() < until:
        time.sleep(0.1)
    assert not is_running(process)


def test_the_next_start_kills_what_a_killed_serve_left_and_what_does_not_end_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leash, "STOP_SECONDS", 0.5)
    monkeypatch.setattr(leash, "LOOK_SECONDS", 0.0)
    folder = leash.processes_folder(tmp_path)
    deaf = start_child(tmp_path, "deaf", this_process(), DEAF)
    (folder / "dead").write_text(this_process() + "0")  # the same number, another start
    (folder / "garbage").write_bytes(b"\xff\x00")
    assert (leash.temporary_folder(tmp_path) / "deaf" / "font").exists()
    assert clear_left_behind(tmp_path) == 1
    assert deaf.wait(10) == -signal.SIGKILL
    assert clear_left_behind(tmp_path) == 0
    assert list(folder.iterdir()) == []
    assert list(leash.temporary_folder(tmp_path).iterdir()) == []


def test_a_process_that_no_serve_has_started_is_tied_to_nothing(tmp_path: Path) -> None:
    child = start_child(tmp_path, "free", "", "import threading; assert threading.active_count() == 1")
    child.kill()
    child.wait()
    assert noted(leash.processes_folder(tmp_path)) == {}


def test_runs_are_told_to_end_and_the_server_is_left_to_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leash, "RUN_SECONDS", 10.0)
    server = start_child(tmp_path, leash.SERVER, this_process())
    run = start_child(tmp_path, "a-run", this_process())
    leash.end_runs(tmp_path)
    assert run.wait(5) == -signal.SIGTERM  # its other threads may end a moment later
    assert server.poll() is None
    server.kill()
    server.wait()


def test_a_run_that_ends_just_when_it_is_to_be_told_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_process: int, _number: int) -> None:
        raise ProcessLookupError

    leash.note(leash.processes_folder(tmp_path), "a-run")
    for name in ("RUN_SECONDS", "STOP_SECONDS", "LOOK_SECONDS", "KILL_SECONDS"):
        monkeypatch.setattr(leash, name, 0.0)
    monkeypatch.setattr(leash, "is_dead", lambda _owner: False)
    monkeypatch.setattr(os, "kill", gone)
    leash.end_runs(tmp_path)
    assert clear_left_behind(tmp_path) == 1
