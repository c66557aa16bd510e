"""What is open to others: real modes, real sockets, real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cxrscreen.screening.session import open_session
from cxrscreen.settings import PROJECT, load_settings
from cxrscreen.upkeep.installed import locked_packages, own_software
from cxrscreen.upkeep.own_processes import own_processes
from cxrscreen.upkeep.security import examine_security
from cxrscreen.upkeep.self_test import Finding

LISTENS = """
import os, resource, socket, sys
os.umask(int(sys.argv[2], 8))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
with socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET) as listener:
    listener.bind((sys.argv[1], 0))
    listener.listen()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with open_session(load_settings(tmp_path / "w")):
        pass
    return tmp_path / "w"


@pytest.fixture(autouse=True)
def _what_is_installed_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxrscreen.upkeep.security.locked_packages", list)
    monkeypatch.setattr("cxrscreen.upkeep.security.own_software", list)


@contextmanager
def process_of(root: Path, host: str, umask: str = "077") -> Iterator[int]:
    """Run a process of the workspace that listens; yield its port."""
    environment = os.environ | {"CXRSCREEN_WORKSPACE": str(root)}
    arguments = [sys.executable, "-c", LISTENS, host, umask]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.communicate("")


def found(root: Path, subject: str, **values: object) -> Finding:
    (finding,) = [one for one in examine_security(load_settings(root, **values)) if one.subject == subject]
    return finding


def test_an_installation_as_it_is_made_has_nothing_that_must_be_closed(root: Path) -> None:
    findings = examine_security(load_settings(root))
    closed = {"rights", "intake", "identities", "model", "listening", "processes", "address", "password"}
    assert closed <= {one.subject for one in findings}
    assert [one for one in findings if one.subject in closed and not one.healthy] == []


@pytest.mark.parametrize(
    ("name", "mode"),
    [(".", 0o755), ("archive", 0o750), ("reports", 0o705), ("ledger.sqlite", 0o640), ("pseudonym.key", 0o644)],
)
def test_whatever_others_may_read_is_named(root: Path, name: str, mode: int) -> None:
    (root / name).chmod(mode)
    rights = found(root, "rights")
    assert not rights.healthy
    assert f"open to others: {name}." in rights.detail


def test_a_group_of_senders_may_pass_through_to_the_intake(root: Path) -> None:
    root.chmod(0o710)
    (root / "intake").chmod(0o770)
    assert found(root, "rights").healthy
    intake = found(root, "intake")
    assert (intake.healthy, intake.by_choice) == (True, True)
    (root / "intake").chmod(0o777)
    assert not found(root, "intake").healthy


def test_a_workspace_that_others_can_exchange_is_found(root: Path) -> None:
    root.parent.chmod(0o777)
    above = found(root, "folders above")
    assert str(root.parent) in above.detail
    root.parent.chmod(0o1777)  # as /tmp is
    assert not [one for one in examine_security(load_settings(root)) if one.subject == "folders above"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_somebody_else_owns_is_named(root: Path) -> None:
    os.chown(root / "pseudonym.key", 65534, 65534)
    assert "pseudonym.key" in found(root, "owner").detail


def test_a_missing_key_is_found(root: Path) -> None:
    (root / "pseudonym.key").unlink()
    assert not found(root, "key").healthy


@pytest.mark.parametrize(
    ("auth", "healthy"),
    [
        ("night:6f2c1b9d04e7a853", True),
        ("night:short", False),
        ("night:aaaaaaaaaaaaaaaaaa", False),
        (":6f2c1b9d04e7a853", False),
        ("6f2c1b9d04e7a853", False),
    ],
)
def test_a_weak_password_must_be_changed(root: Path, auth: str, *, healthy: bool) -> None:
    (root / "auth").write_text(auth + "\n")
    (root / "auth").chmod(0o600)
    password = found(root, "password", host="192.0.2.1")
    assert password.healthy is healthy
    assert auth.rpartition(":")[2] not in password.detail


def test_other_machines_need_a_password(root: Path) -> None:
    assert found(root, "password").by_choice
    assert not found(root, "password", host="0.0.0.0").healthy  # noqa: S104  # nothing is bound
    address = found(root, "address", host="0.0.0.0")  # noqa: S104  # likewise
    assert address.by_choice
    assert "unencrypted" in address.detail


@pytest.mark.parametrize(("host", "closed"), [("127.0.0.1", True), ("0.0.0.0", False), ("::1", True), ("::", False)])  # noqa: S104  # on purpose
def test_a_process_of_ours_that_listens_for_other_machines_is_found(root: Path, host: str, *, closed: bool) -> None:
    with process_of(root, host) as port:
        listening = found(root, "listening")
        assert f":{port}" in listening.detail
        assert listening.healthy is closed
    assert found(root, "listening").detail == "nothing listens"


@pytest.mark.parametrize(("umask", "healthy"), [("077", True), ("022", False)])
def test_a_process_that_writes_for_others_is_found(root: Path, umask: str, *, healthy: bool) -> None:
    with process_of(root, "127.0.0.1", umask):
        assert found(root, "processes").healthy is healthy


@pytest.mark.parametrize(
    ("limit", "no_core"), [("0                    0", True), ("0                    unlimited", False)]
)
def test_a_process_that_may_leave_its_memory_behind_is_found(
    root: Path, monkeypatch: pytest.MonkeyPatch, limit: str, *, no_core: bool
) -> None:
    """As proc(5) writes it; a limit that the suite has given up cannot be raised again for a real process."""
    process = root.parent / "proc" / "77"
    process.mkdir(parents=True)
    (process / "environ").write_bytes(b"HOME=/\0CXRSCREEN_WORKSPACE=" + os.fsencode(root) + b"\0")
    (process / "status").write_text("Name:\tpython\nUmask:\t0077\n")
    (process / "limits").write_text(f"Limit  Soft  Hard  Units\nMax core file size        {limit}        bytes\n")
    monkeypatch.setattr("cxrscreen.upkeep.own_processes.PROC", process.parent)
    assert [one.no_core for one in own_processes(root)] == [no_core]
    assert found(root, "processes").healthy is no_core


def test_identities_on_reports_are_a_choice(root: Path) -> None:
    assert not found(root, "identities").by_choice
    assert found(root, "identities", show_patient_identity=True).by_choice


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        ("numpy==0.0.1 \\\n    --hash=sha256:00\n", "instead of 0.0.1"),
        ("no-such-package==1.0 \\\n    --hash=sha256:00\n", "no-such-package is missing"),
        ("no-such-package==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n", ""),
    ],
)
def test_a_package_that_is_not_the_locked_one_is_found(tmp_path: Path, lock: str, words: str) -> None:
    (tmp_path / "lock").write_text(lock)
    (finding,) = locked_packages(tmp_path / "lock")
    assert finding.healthy is not bool(words)
    assert words in finding.detail


def test_the_lock_file_of_the_project_is_read_whole() -> None:
    (finding,) = locked_packages()
    pinned = sum("==" in line for line in (PROJECT / "deployments" / "requirements.lock").read_text().splitlines())
    assert finding.healthy, finding.detail
    assert 0.9 * pinned < int(finding.detail.split()[0]) <= pinned


def test_code_that_others_may_change_is_found(tmp_path: Path) -> None:
    for name in ("cxrscreen", "flows", "templates", "deployments"):
        (tmp_path / name).mkdir(mode=0o755)
    module = tmp_path / "flows" / "tasks.py"
    module.touch()
    module.chmod(0o644)
    assert all(one.healthy for one in own_software(tmp_path))
    module.chmod(0o664)
    (finding,) = own_software(tmp_path)
    assert not finding.healthy
    assert "flows/tasks.py" in finding.detail


def test_a_folder_of_models_that_others_may_write_to_is_found(root: Path) -> None:
    (root / "models").chmod(0o770)
    assert not found(root, "models").healthy


def test_a_check_that_breaks_is_a_finding(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(_root: Path) -> list[object]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("cxrscreen.upkeep.security.own_processes", unreadable)
    assert not found(root, "listening").healthy
    assert found(root, "rights").healthy
