"""What is open to others: addresses, passwords, rights, and software that is not what was locked.

Each finding says what was looked at. Not healthy is what must be closed; by choice is what a setting has opened.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from cxrscreen.access import AUTH_FILE, is_loopback, require_password
from cxrscreen.classifier.registry import SHIPPED_MODELS
from cxrscreen.errors import CxrscreenError, SettingsError
from cxrscreen.settings import Settings
from cxrscreen.upkeep.champion import model_state
from cxrscreen.upkeep.installed import OTHERS_WRITE, exchangeable_above, locked_packages, own_software
from cxrscreen.upkeep.own_processes import OwnProcess, listening, own_processes
from cxrscreen.upkeep.self_test import Finding
from cxrscreen.workspace import Workspace

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ACL = "system.posix_acl_access"
_CONFINED, _NOT_CONFINED = 10, 11  # exit codes that no crash has
_CONFINES = (
    "import sys; from cxrscreen.radiograph.confinement import confine; "
    f"sys.exit({_CONFINED} if confine() else {_NOT_CONFINED})"
)


def examine_security(settings: Settings) -> list[Finding]:
    """Look at everything; a check that breaks is a finding that must be closed. Nothing is changed."""
    checks: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("address", _address),
        ("password", _password),
        ("listening", _listening),
        ("workspace", _workspace),
        ("intake", _intake),
        ("processes", _processes),
        ("reader", _reader),
        ("identities", _identities),
        ("packages", lambda _: locked_packages()),
        ("software", lambda _: own_software()),
        ("model", _model),
    )
    findings: list[Finding] = []
    for subject, check in checks:
        try:
            findings.extend(check(settings))
        except (OSError, subprocess.SubprocessError, CxrscreenError) as exc:
            findings.append(Finding(subject, healthy=False, detail=f"could not be looked at: {exc}"))
    return findings


def _address(settings: Settings) -> Iterator[Finding]:
    where = f"{settings.host}, ports {settings.ui_port} and {settings.reports_port}"
    if is_loopback(settings.host):
        yield Finding("address", healthy=True, detail=f"{where}: this machine only")
        return
    yield Finding(
        "address",
        healthy=True,
        by_choice=True,
        detail=f"{where}: other machines reach it. Reports and password travel unencrypted: keep 127.0.0.1 and put a "
        "proxy with TLS before it, or an SSH tunnel.",
    )


def _password(settings: Settings) -> Iterator[Finding]:
    try:
        password = require_password(settings.host, settings.workspace)
    except SettingsError as exc:
        yield Finding("password", healthy=False, detail=str(exc))
        return
    if password is None:
        who = "whoever can log in on this machine can open reports and Prefect while serve runs"
        yield Finding("password", healthy=True, by_choice=True, detail=f"none: {who}")
        return
    length = len(password.partition(":")[2])
    yield Finding("password", healthy=True, detail=f"{length} characters, in {AUTH_FILE}")


def _listening(settings: Settings) -> Iterator[Finding]:
    """See at which addresses processes of this workspace listen, and whoever else listens at its ports."""
    found = listening(own_processes(settings.workspace), (settings.ui_port, settings.reports_port))
    beyond = sorted({f"{host}:{port}" for host, port in found if not is_loopback(host)})
    wanted = not is_loopback(settings.host)
    said = ", ".join(f"{host}:{port}" for host, port in sorted(found)) or "nothing listens"
    if beyond and not wanted:
        said = f"reached from other machines though the settings say {settings.host}: {', '.join(beyond)}. Stop it."
    yield Finding("listening", healthy=not beyond or wanted, by_choice=bool(beyond) and wanted, detail=said)


def _workspace(settings: Settings) -> Iterator[Finding]:
    """See that the workspace is its owner's alone, and that nobody else can put another one in its place."""
    root = settings.workspace
    if not root.is_dir():
        yield Finding("workspace", healthy=False, detail=f"there is no {root}")
        return
    open_to_others = [name for name, status in _entries(root) if _is_shared(name, status)]
    foreign = [name for name, status in _entries(root) if status.st_uid != os.geteuid()]
    yield Finding(
        "rights",
        healthy=not open_to_others,
        detail=f"open to others: {', '.join(open_to_others)}. Run chmod go= on each."
        if open_to_others
        else "folders 0700, files 0600",
    )
    if foreign:
        yield Finding("owner", healthy=False, detail=f"not owned by who asks: {', '.join(foreign)}. Run chown on each.")
    above = exchangeable_above(root, *(path for path in root.iterdir() if path.is_symlink()))
    if above:
        yield Finding(
            "folders above",
            healthy=False,
            detail=f"others own or may write to {', '.join(above)} and put another workspace there. Run chmod go-w or "
            "chown on it.",
        )
    key = Workspace(root).key
    if not key.is_file():
        yield Finding("key", healthy=False, detail=f"{key.name} is missing. Restore it from the backup.")


def _intake(settings: Settings) -> Iterator[Finding]:
    """Say who may hand in files, and who may read those of others."""
    intake = Workspace(settings.workspace).intake
    status = intake.stat()
    acl = _ACL in os.listxattr(intake) if hasattr(os, "listxattr") else False
    if status.st_mode & stat.S_IRWXO:
        yield Finding(
            "intake",
            healthy=False,
            detail="everybody may read or write to it. Run chmod o= on it; give rights to a group or by ACL.",
        )
    elif status.st_mode & stat.S_IRWXG or acl:
        who = "whom its ACL names" if acl else f"group {status.st_gid}"
        verb = "read" if not acl and not status.st_mode & stat.S_IWGRP else "read and write to"
        yield Finding("intake", healthy=True, by_choice=True, detail=f"its owner and {who} may {verb} it")
    else:
        yield Finding("intake", healthy=True, detail="only its owner may read and write to it")


def _processes(settings: Settings) -> Iterator[Finding]:
    """See that running processes of this workspace write private files and leave no memory behind."""
    running = [process for process in own_processes(settings.workspace) if process.number != os.getpid()]
    careless = [str(process.number) for process in running if not _is_private(process)]
    said = f"{len(running)} running, umask 077 and no core dumps" if running else "none is running"
    if careless:
        said = f"umask or core dumps are not closed in {', '.join(careless)}. Start them again."
    yield Finding("processes", healthy=not careless, detail=said)


def _reader(_settings: Settings) -> Iterator[Finding]:
    """See in a process of its own that Landlock holds where files are read: it cannot be given up again."""
    tried = subprocess.run([sys.executable, "-P", "-c", _CONFINES], capture_output=True, check=False, timeout=60)  # noqa: S603  # our own code
    if tried.returncode not in (_CONFINED, _NOT_CONFINED):
        raise OSError(f"the process that tries it died with exit code {tried.returncode}")
    confined = tried.returncode == _CONFINED
    said = "may change no file" if confined else "only limits hold it: this kernel or container has no Landlock"
    yield Finding("reader", healthy=True, by_choice=not confined, detail=said)


def _identities(settings: Settings) -> Iterator[Finding]:
    printed = settings.show_patient_identity
    said = "names, identifiers and birth dates are printed on reports" if printed else "pseudonyms only"
    yield Finding("identities", healthy=True, by_choice=printed, detail=said)


def _model(settings: Settings) -> Iterator[Finding]:
    """See that the model's files are those of its card, and that nobody else may exchange both."""
    state = model_state(settings)
    yield Finding("model", healthy=state.verified, detail=state.detail or f"{state.version}, files verified")
    folders = [folder for folder in (Workspace(settings.workspace).models, SHIPPED_MODELS) if folder.is_dir()]
    writable = [folder.name for folder in folders if folder.stat().st_mode & OTHERS_WRITE]
    if writable:
        yield Finding(
            "models", healthy=False, detail=f"others may write to {', '.join(writable)}. Run chmod go-w on it."
        )


def _entries(root: Path) -> list[tuple[str, os.stat_result]]:
    """List the workspace itself and what lies right in it; a link counts as what it leads to."""
    return [
        (".", root.stat()),
        *((path.name, path.stat() if path.exists() else path.lstat()) for path in root.iterdir()),
    ]


def _is_shared(name: str, status: os.stat_result) -> bool:
    """Others may read or write it. A sender's group may pass through the workspace to the intake, which is its own."""
    if name == "intake" or stat.S_ISLNK(status.st_mode):  # a link that leads nowhere
        return False
    return bool(status.st_mode & _OTHERS & ~(stat.S_IXGRP if name == "." else 0))


def _is_private(process: OwnProcess) -> bool:
    return process.no_core and process.umask in (0o077, None)
