"""What is installed is what the lock files say, file by file; as far as that can be seen without a network."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from cxrscreen.settings import PROJECT

FOLDER = PROJECT / "deployments"
LOCKS = ("requirements.lock", "requirements-dev.lock")
PYTHONS = ("3.11.0", "3.11.9", "3.12.4", "3.13.1")
NOT_LOCKED = {"cxrscreen", "pip"}  # ourselves, and what Python brings to install the rest
_ENTRY = re.compile(
    r"(?P<pin>[a-z0-9][\w.-]*(?:\[[\w, ]+\])?==[^ ;\\]+(?: ; [^\\]+)?)"
    r"(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n"
)


@dataclass(frozen=True)
class Pin:
    requirement: Requirement
    hashes: frozenset[str]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> Version:
        (specifier,) = self.requirement.specifier
        return Version(specifier.version)

    def holds_for(self, python: str) -> bool:
        return self.requirement.marker is None or self.requirement.marker.evaluate(
            {"python_full_version": python, "python_version": python.rpartition(".")[0]}
        )


def pins(lock: str) -> list[Pin]:
    return [
        Pin(Requirement(entry["pin"]), frozenset(entry["hashes"].split("sha256:")[1:]))
        for entry in _ENTRY.finditer((FOLDER / lock).read_text())
    ]


def pinned(lock: str, python: str | None = None) -> dict[str, Version]:
    """Return the versions that a lock file gives one Python on this machine."""
    python = python or default_environment()["python_full_version"]
    return {pin.name: pin.version for pin in pins(lock) if pin.holds_for(python)}


def named_in_pyproject(*groups: str) -> Iterator[Requirement]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    lists = [project["project"]["dependencies"], project["build-system"]["requires"]]
    for requirements in [*lists, *(project["dependency-groups"][group] for group in groups)]:
        yield from map(Requirement, requirements)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_file_is_one_exact_version_with_its_hashes(lock: str) -> None:
    left = _ENTRY.sub("", (FOLDER / lock).read_text())
    assert left == ""  # no option, no address, no folder, nothing without a hash
    assert len(pins(lock)) > 100


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", LOCKS)
def test_no_python_is_given_two_versions_of_one_package(lock: str, python: str) -> None:
    names = [pin.name for pin in pins(lock) if pin.holds_for(python)]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("python", PYTHONS)
def test_what_pyproject_names_is_in_the_lock_in_a_version_that_it_allows(python: str) -> None:
    for lock, groups in (("requirements.lock", ["build"]), ("requirements-dev.lock", ["build", "dev"])):
        versions = pinned(lock, python)
        for requirement in named_in_pyproject(*groups):
            assert versions[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_the_development_lock_holds_the_other_one_unchanged() -> None:
    development = {str(pin.requirement): pin.hashes for pin in pins("requirements-dev.lock")}
    assert {str(pin.requirement): pin.hashes for pin in pins("requirements.lock")}.items() <= development.items()


def test_installed_is_what_is_locked_nothing_else_and_nothing_less() -> None:
    installed = {canonicalize_name(d.metadata["Name"]): Version(d.version) for d in distributions()}
    assert {n: v for n, v in installed.items() if n not in NOT_LOCKED} == pinned("requirements-dev.lock")


def test_the_installed_packages_fit_one_another() -> None:
    checked = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_installer_builds_ourselves_from_what_is_there() -> None:
    _, ourselves = pip_commands()
    assert {"--no-index", "--no-deps", "--no-build-isolation"} <= set(ourselves)


@pytest.mark.parametrize(
    ("offered", "hashed", "installs"),
    [
        ("thing-1.0-py3-none-any.whl", "rightly", True),
        ("thing-1.0-py3-none-any.whl", "wrongly", False),
        ("thing-1.0-py3-none-any.whl", "", False),
        ("thing-1.0.tar.gz", "rightly", False),  # its build is foreign code, and fetches what it likes
    ],
)
def test_the_installer_takes_wheels_with_the_hash_of_the_lock_and_nothing_else(
    tmp_path: Path, offered: str, hashed: str, *, installs: bool
) -> None:
    found = tmp_path / offered
    found.write_bytes(wheel() if found.suffix == ".whl" else source(tmp_path / "ran"))
    digest = hashlib.sha256(found.read_bytes() if hashed == "rightly" else b"another").hexdigest()
    (tmp_path / "lock").write_text(f"thing==1.0 --hash=sha256:{digest}\n" if hashed else "thing==1.0\n")
    command = [{'"$lock"': str(tmp_path / "lock")}.get(word, word) for word in pip_commands()[0]]
    command[0] = sys.executable
    elsewhere = ["--no-index", "--find-links", str(tmp_path), "--target", str(tmp_path / "target")]
    done = subprocess.run([*command, *elsewhere], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is installs, done.stderr
    assert (tmp_path / "target" / "thing.py").exists() is installs
    assert not (tmp_path / "ran").exists()


def pip_commands() -> tuple[list[str], list[str]]:
    """Return the words of the installer's two calls of pip: for the packages, and for ourselves."""
    lines = [line.split() for line in (FOLDER / "install.sh").read_text().splitlines() if " pip install " in line]
    packages, ourselves = lines
    return packages, ourselves


def wheel() -> bytes:
    about = "thing-1.0.dist-info"
    files = {
        "thing.py": "",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{about}/RECORD"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def source(ran: Path) -> bytes:
    """Return a source package that builds itself without a network, and leaves a file where its code has run."""
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n',
        "own.py": f"open({str(ran)!r}, 'w').close()\n",
        "PKG-INFO": "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"thing-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()
