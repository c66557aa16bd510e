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
from cxrscreen.upkeep import security
from cxrscreen.upkeep.installed import CODE_FOLDERS, exchangeable_above, locked_packages, own_software
from cxrscreen.upkeep.own_processes import own_processes
from cxrscreen.upkeep.security import examine_security
from cxrscreen.upkeep.self_test import Finding

LISTENS = """
import os, resource, socket, sys
os.umask(int(sys.argv[2], 8))
held = [open(path) for path in sys.argv[3:]]
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
    monkeypatch.setattr("cxrscreen.upkeep.security._CONFINES", "raise SystemExit(10)")


@contextmanager
def process_of(root: Path, host: str, umask: str = "077", *, holds: Path | None = None) -> Iterator[int]:
    """Run a process of the workspace that listens; yield its port. It is known by its environment, or by ``holds``."""
    environment = os.environ | ({} if holds else {"CXRSCREEN_WORKSPACE": str(root)})
    arguments = [sys.executable, "-c", LISTENS, host, umask, *([str(holds)] if holds else [])]
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


@pytest.mark.parametrize(
    ("mode", "healthy", "by_choice", "words"),
    [
        (0o700, True, False, "only its owner"),
        (0o750, True, True, "may read it"),
        (0o2770, True, True, "may read and write to it"),
        (0o701, False, False, "everybody"),
        (0o755, False, False, "everybody"),
        (0o777, False, False, "everybody"),
    ],
)
def test_it_is_said_who_may_read_and_write_to_the_intake(
    root: Path, mode: int, words: str, *, healthy: bool, by_choice: bool
) -> None:
    (root / "intake").chmod(mode)
    intake = found(root, "intake")
    assert (intake.healthy, intake.by_choice) == (healthy, by_choice)
    assert words in intake.detail


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_workspace_that_others_can_exchange_is_found(root: Path, mode: int) -> None:
    root.parent.chmod(mode)
    above = found(root, "folders above")
    assert str(root.parent) in above.detail
    root.parent.chmod(0o1777)  # as /tmp is
    assert not [one for one in examine_security(load_settings(root)) if one.subject == "folders above"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_above_that_somebody_else_owns_is_found(root: Path) -> None:
    os.chown(root.parent, 65534, 65534)
    assert str(root.parent) in found(root, "folders above").detail


def test_a_folder_that_lies_elsewhere_is_looked_at_there(root: Path) -> None:
    elsewhere = root.parent / "disk" / "archive"
    (root / "archive").rename(root / "moved")
    elsewhere.mkdir(parents=True, mode=0o700)
    (root / "archive").symlink_to(elsewhere)
    assert found(root, "rights").healthy
    elsewhere.chmod(0o755)
    assert "open to others: archive." in found(root, "rights").detail
    elsewhere.parent.chmod(0o770)
    assert str(elsewhere.parent) in found(root, "folders above").detail
    elsewhere.rename(elsewhere.with_name("gone"))
    assert found(root, "rights").healthy


def test_each_link_on_the_way_is_followed_step_by_step(tmp_path: Path) -> None:
    """The folder with the second of three links is on no path as it is written, and on none as it resolves."""
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    for folder in (first, second, third / "goal"):
        folder.mkdir(parents=True, mode=0o700)
    third.chmod(0o700)
    (first / "link").symlink_to("../second/link")
    (second / "link").symlink_to(third)
    assert str(second) not in exchangeable_above(first / "link" / "goal")
    second.chmod(0o770)
    assert str(second) in exchangeable_above(first / "link" / "goal")
    second.chmod(0o1777)
    assert str(second) not in exchangeable_above(first / "link" / "goal")
    (first / "loop").symlink_to("loop")
    assert str(first) not in exchangeable_above(first / "loop" / "goal")
    if os.geteuid() == 0:  # in a sticky folder, who owns a link may exchange it
        os.chown(second / "link", 65534, 65534, follow_symlinks=False)
        assert str(second / "link") in exchangeable_above(first / "link" / "goal")


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
@pytest.mark.parametrize("holds", [None, "ledger.sqlite"])
def test_a_process_that_writes_for_others_is_found(root: Path, umask: str, holds: str | None, *, healthy: bool) -> None:
    """Started for the workspace by the environment, or by an argument: then it has the ledger open."""
    with process_of(root, "127.0.0.1", umask, holds=root / holds if holds else None) as port:
        assert found(root, "processes").healthy is healthy
        assert f":{port}" in found(root, "listening").detail


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


@pytest.mark.parametrize(("came_of", "by_choice"), [("raise SystemExit(10)", False), ("raise SystemExit(11)", True)])
def test_a_reader_that_the_kernel_does_not_confine_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, came_of: str, *, by_choice: bool
) -> None:
    monkeypatch.setattr("cxrscreen.upkeep.security._CONFINES", came_of)
    reader = found(root, "reader")
    assert (reader.healthy, reader.by_choice) == (True, by_choice)
    assert by_choice is ("no Landlock" in reader.detail)


@pytest.mark.parametrize("died", ["import no_such_module", "import os; os.abort()", ""])
def test_that_the_readers_trial_broke_is_not_taken_for_a_kernel_without_landlock(
    root: Path, monkeypatch: pytest.MonkeyPatch, died: str
) -> None:
    monkeypatch.setattr("cxrscreen.upkeep.security._CONFINES", died)
    reader = found(root, "reader")
    assert not reader.healthy
    assert "could not be looked at" in reader.detail


def test_the_readers_trial_as_it_is_gives_an_answer(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    (reader,) = security._reader(load_settings(root))
    assert reader.healthy


def test_identities_on_reports_are_a_choice(root: Path) -> None:
    assert not found(root, "identities").by_choice
    assert found(root, "identities", show_patient_identity=True).by_choice


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        ("numpy==0.0.1 \\\n    --hash=sha256:00\n", "instead of 0.0.1"),
        ("coverage[toml]==0.0.1 \\\n    --hash=sha256:00\n", "instead of 0.0.1"),
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


def test_a_package_that_is_in_no_lock_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    further = tmp_path / "Evil_Package-1.0.dist-info"
    further.mkdir()
    (further / "METADATA").write_text("Metadata-Version: 2.1\nName: Evil_Package\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    (finding,) = locked_packages()
    assert not finding.healthy
    assert finding.detail.startswith("Evil_Package 1.0 is in no lock file.")


@pytest.fixture
def software(tmp_path: Path) -> tuple[Path, Path]:
    """An installation: its project and its packages."""
    project, packages = tmp_path / "project", tmp_path / "site-packages"
    for folder in (packages, *(project / name for name in CODE_FOLDERS)):
        folder.mkdir(mode=0o755, parents=True)
    for path in (project / "flows" / "tasks.py", packages / "library.py"):
        path.touch()
        path.chmod(0o644)
    return project, packages


def test_code_that_others_may_change_is_found(tmp_path: Path, software: tuple[Path, Path]) -> None:
    project, packages = software
    module, library = project / "flows" / "tasks.py", packages / "library.py"
    assert all(one.healthy for one in own_software(project, packages))
    for path, mode in ((module, 0o664), (library, 0o646), (project, 0o775), (packages, 0o777), (tmp_path, 0o770)):
        was = path.stat().st_mode
        path.chmod(mode)
        (finding,) = own_software(project, packages)
        assert not finding.healthy
        assert str(path) in finding.detail
        path.chmod(was)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_code_that_others_own_is_found(software: tuple[Path, Path]) -> None:
    module = software[0] / "flows" / "tasks.py"
    os.chown(module, 65534, 65534)
    (finding,) = own_software(*software)
    assert str(module) in finding.detail


def test_a_folder_of_models_that_others_may_write_to_is_found(root: Path) -> None:
    (root / "models").chmod(0o770)
    assert not found(root, "models").healthy


def test_a_check_that_breaks_is_a_finding(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(_root: Path) -> list[object]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("cxrscreen.upkeep.security.own_processes", unreadable)
    assert not found(root, "listening").healthy
    assert found(root, "rights").healthy
