"""A server of Prefect's that ends, hangs, or never comes up. Real processes, real signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from flows import guard as guarding
from flows.guard import Guard
from tests.flows.served import free_port, wait_for


@pytest.fixture
def server() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


@pytest.fixture
def told_to_end() -> Iterator[threading.Event]:
    """Stand in for serve, which the guard tells to end by a signal to its own process."""
    told = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda _signal, _frame: told.set())
    yield told
    signal.signal(signal.SIGTERM, before)


def test_a_server_that_hangs_ends_serve_as_a_failure(
    server: subprocess.Popen[bytes], told_to_end: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(guarding, "GRACE_SECONDS", 0.05)
    guard = Guard(server, f"http://127.0.0.1:{free_port()}/api/health")
    guard.start()
    wait_for("serve to be told", told_to_end.is_set, seconds=10)
    server.terminate()  # as serve does
    with pytest.raises(SystemExit, match="server has ended"):
        guard.leave()
    guard.join(5)
    assert not guard.is_alive()


@pytest.mark.usefixtures("told_to_end")
def test_a_server_that_ends_together_with_serve_is_no_failure(server: subprocess.Popen[bytes]) -> None:
    guard = Guard(server, f"http://127.0.0.1:{free_port()}/api/health")
    guard.start()
    server.terminate()
    guard.leave()
    guard.join(5)
    assert not guard.is_alive()


def test_a_server_that_does_not_come_up_is_said_in_words(
    server: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "SERVER_START_SECONDS", 0)
    guard = Guard(server, f"http://127.0.0.1:{free_port()}/api/health")
    with pytest.raises(SystemExit, match="did not answer"):
        guard.wait_for_start()
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    with pytest.raises(SystemExit, match="ended at its start"):
        guard.wait_for_start()


def test_a_server_that_answers_nonsense_has_not_answered(
    server: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def talk() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"nonsense\r\n\r\n")

    monkeypatch.setattr(guarding, "SERVER_START_SECONDS", 0)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        talking = threading.Thread(target=talk)
        talking.start()
        guard = Guard(server, f"http://127.0.0.1:{listening.getsockname()[1]}/api/health")
        with pytest.raises(SystemExit, match="did not answer"):
            guard.wait_for_start()
        talking.join()
