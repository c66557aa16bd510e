from __future__ import annotations

from pathlib import Path

import pytest

from cxrscreen.errors import WorkspaceError
from cxrscreen.radiograph.radiograph import Identity
from cxrscreen.screening.pseudonym import Pseudonyms, load_pseudonyms
from cxrscreen.workspace import open_workspace

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
