from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cxrscreen.errors import WorkspaceError
from cxrscreen.radiograph.radiograph import Identity
from cxrscreen.screening.batch import open_batch
from cxrscreen.screening.pseudonym import Pseudonyms, load_pseudonyms
from cxrscreen.workspace import open_workspace
from tests.fakes import draw_png, stub_session

ANNA = Identity(study_instance_uid="1.2.3", patient_id="4711", issuer_of_patient_id="A", patient_name="Phantom, Anna")


def test_a_pseudonym_is_stable_under_one_key_and_different_under_another() -> None:
    one, other = Pseudonyms(b"a" * 32), Pseudonyms(b"b" * 32)
    assert one.patient(ANNA) == one.patient(ANNA)
    assert one.patient(ANNA) != other.patient(ANNA)


def test_a_pseudonym_shows_nothing_of_the_identifier() -> None:
    pseudonyms = Pseudonyms(b"a" * 32)
    shown = f"{pseudonyms} {pseudonyms.patient(ANNA)} {pseudonyms.study(ANNA, 'ff')} {ANNA}"
    assert not any(secret in shown for secret in ("4711", "1.2.3", "Phantom", "aaaa"))


def test_the_same_number_from_two_issuers_is_two_patients() -> None:
    pseudonyms = Pseudonyms(b"a" * 32)
    other = Identity(patient_id="4711", issuer_of_patient_id="B")
    assert pseudonyms.patient(ANNA) != pseudonyms.patient(other)


def test_files_of_one_study_share_its_key_and_a_lone_picture_is_its_own_study() -> None:
    pseudonyms = Pseudonyms(b"a" * 32)
    assert pseudonyms.study(ANNA, "aa") == pseudonyms.study(ANNA, "bb")
    assert pseudonyms.study(Identity(), "aa") != pseudonyms.study(Identity(), "bb")
    assert pseudonyms.patient(Identity()) is None


def test_the_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    key = open_workspace(tmp_path / "w").key
    first = key.read_bytes()
    open_workspace(tmp_path / "w")
    assert key.read_bytes() == first
    assert key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "w").stat().st_mode & 0o777 == 0o700


def test_a_damaged_key_is_never_replaced_silently(tmp_path: Path) -> None:
    key = open_workspace(tmp_path / "w").key
    key.write_bytes(b"short")
    with pytest.raises(WorkspaceError, match="backup"):
        load_pseudonyms(open_workspace(tmp_path / "w").key)
    assert key.read_bytes() == b"short"


def test_a_workspace_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WorkspaceError, match="--workspace"):
        open_workspace(tmp_path / "file" / "w")


@pytest.mark.parametrize("kept", ["reports/20260101T000000-abcd", "archive/2026-01-01", "quarantine/2026-01-01"])
def test_a_key_that_is_gone_from_a_workspace_in_use_is_not_made_anew(kept: str, tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    (workspace.root / kept).mkdir(parents=True)
    workspace.key.unlink()
    with pytest.raises(WorkspaceError, match="Restore it from the backup"):
        open_workspace(tmp_path / "w")
    assert not workspace.key.exists()


def test_a_key_that_is_gone_is_missed_as_soon_as_there_is_a_batch(tmp_path: Path) -> None:
    with stub_session(tmp_path / "w") as session:
        draw_png(session.workspace.intake / "a.png", 40)
        assert open_batch(session).batch_id is not None
    for top in ("reports", "archive", "quarantine"):
        for path in sorted((tmp_path / "w" / top).rglob("[!.]*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    (tmp_path / "w/pseudonym.key").unlink()
    with pytest.raises(WorkspaceError, match="pseudonyms have been given with it"):
        open_workspace(tmp_path / "w")


def test_a_process_of_ours_writes_for_its_owner_alone_and_leaves_no_core() -> None:
    program = (
        "import os, resource; from cxrscreen.workspace import private_process; private_process();"
        "print(oct(os.umask(0)), *resource.getrlimit(resource.RLIMIT_CORE), open('/proc/self/coredump_filter').read())"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert told.split() == ["0o77", "0", "0", "00000000"]
