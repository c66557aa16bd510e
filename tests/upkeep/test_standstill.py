"""Locks that a command holds alone, while another only asks whether they are held."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cxrscreen.errors import LedgerError
from cxrscreen.locks import hold, is_held
from cxrscreen.settings import load_settings
from cxrscreen.upkeep.service import service_state
from cxrscreen.upkeep.standstill import standstill
from cxrscreen.workspace import open_workspace
from deployments.serve import only_one


@contextmanager
def asked_for(path: Path, seconds: float) -> Iterator[None]:
    """Hold a lock in part for a while, as ``is_held`` does for a moment."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(handle, fcntl.LOCK_SH)
    asking = threading.Timer(seconds, os.close, (handle,))
    asking.start()
    yield
    asking.join()


def test_serve_and_recover_wait_a_moment_for_a_status_that_asks_for_their_locks(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    with asked_for(workspace.serve_lock, 0.3), only_one(workspace):
        assert is_held(workspace.serve_lock)
    with asked_for(workspace.ledger_lock, 0.3), standstill(workspace):
        assert is_held(workspace.ledger_lock)


def test_a_lock_that_stays_held_is_refused_in_words(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    began = time.monotonic()
    with only_one(workspace):
        with pytest.raises(SystemExit, match=r"serves .* already"), only_one(workspace):
            pass
        with pytest.raises(LedgerError, match="Stop it first"), standstill(workspace):
            pass
    assert time.monotonic() - began < 10
    assert not is_held(workspace.serve_lock)


def test_a_lock_that_nobody_has_made_is_not_held_and_asking_makes_none(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "lock")
    assert not (tmp_path / "lock").exists()
    with hold(tmp_path / "lock", ""):
        assert is_held(tmp_path / "lock")


def test_a_workspace_that_is_being_recovered_is_not_served(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    settings = load_settings(tmp_path / "w")
    with standstill(workspace):
        assert not service_state(settings).serving
    with only_one(workspace):
        assert service_state(settings).serving
