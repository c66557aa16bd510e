from __future__ import annotations

from typing import IO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cxrscreen.radiograph.dicom_identity import iso_date
from cxrscreen.radiograph.identity import identify
from cxrscreen.radiograph.messages import send
from cxrscreen.radiograph.radiograph import Identity
from tests.radiograph.drawn import chest, dicom, encoded


def test_identifiers_are_read_and_normalised() -> None:
    identity = identify(
        dicom(
            chest(),
            bits=8,
            PatientName="Sari^Dewi^Putri^Dr.",
            PatientID=" 0042 ",
            IssuerOfPatientID="RSUD",
            PatientBirthDate="19580312",
        )
    )
    assert identity == Identity(
        study_instance_uid="1.2.826.0.1.1",
        sop_instance_uid="1.2.826.0.1.1.3",
        patient_id="0042",
        issuer_of_patient_id="RSUD",
        patient_name="Sari, Dewi",
        patient_birth_date="1958-03-12",
    )


def test_blank_values_are_none() -> None:
    identity = identify(dicom(chest(), bits=8, PatientName="", PatientID="  ", PatientBirthDate=""))
    assert (identity.patient_name, identity.patient_id) == (None, None)
    assert identity.patient_birth_date is None


def test_a_family_name_alone_has_no_comma() -> None:
    assert identify(dicom(chest(), bits=8, PatientName="Sukarno")).patient_name == "Sukarno"


def test_names_in_other_scripts_are_decoded() -> None:
    content = dicom(chest(), bits=8, SpecificCharacterSet="ISO_IR 192", PatientName="Åkesson^Günay")
    assert identify(content).patient_name == "Åkesson, Günay"


def test_the_pixels_are_not_needed() -> None:
    content = dicom(chest(), bits=8, PatientID="0042")
    assert identify(content[: len(content) - 100_000]).patient_id == "0042"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("note", ["", "x" * 400_000], ids=["short header", "long header"])
def test_a_large_file_is_identified_from_its_beginning_where_that_is_enough(
    syntax: UID, note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(3).integers(0, 4096, (600, 500), dtype=np.uint16)
    content = dicom(noise, syntax=syntax, PatientID="0042", LongCodeValue=note, StudyInstanceUID="1.2.3")
    sent: list[int] = []

    def counted(pipe: IO[bytes], *messages: bytes) -> None:
        sent.append(len(messages[1]))
        send(pipe, *messages)

    monkeypatch.setattr("cxrscreen.radiograph.isolation.send", counted)
    found = identify(content)
    assert (found.patient_id, found.study_instance_uid) == ("0042", "1.2.3")
    head_is_enough = not note and syntax != DeflatedExplicitVRLittleEndian
    assert sent == ([2**18] if head_is_enough else [2**18, len(content)])


def test_a_large_file_cut_in_its_header_identifies_as_far_as_it_goes() -> None:
    content = dicom(chest(), bits=8, PatientID="0042", LongCodeValue="x" * 400_000)
    assert identify(content[:300_000]).patient_id is None
    assert identify(content[: len(content) - 100_000]).patient_id == "0042"


def test_a_file_without_preamble_is_identified() -> None:
    content = dicom(chest(), bits=8, syntax=ImplicitVRLittleEndian, PatientID="0042")
    assert identify(content[132:]).patient_id == "0042"


def test_a_picture_identifies_nobody() -> None:
    assert identify(encoded(".jpg", chest())) == Identity()


@pytest.mark.parametrize(
    ("written", "iso"),
    [("20240229", "2024-02-29"), ("1958.03.12", "1958-03-12"), ("20230229", None), ("", None), ("1958", None)],
)
def test_dates_are_iso_or_none(written: str, iso: str | None) -> None:
    assert iso_date(written) == iso


def test_identity_never_shows_in_a_representation() -> None:
    assert "Sari" not in repr(identify(dicom(chest(), bits=8, PatientName="Sari^Dewi")))


@given(
    st.binary(max_size=400), st.sampled_from([b"", b"\0" * 128 + b"DICM", b"\x08\x00\x05\x00CS", b"\x08\x00\x16\x00UI"])
)
def test_no_content_makes_it_raise(content: bytes, head: bytes) -> None:
    assert isinstance(identify(head + content), Identity)
