from __future__ import annotations

import io
import struct
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from cxrscreen.radiograph.messages import REPLY, Found, Reply, receive, receive_radiograph, send, with_pixels
from cxrscreen.radiograph.radiograph import Acquisition, FileType, Identity, Radiograph, View
from tests.radiograph.drawn import LIMITS, chest

FACTS = Acquisition(file_type=FileType.DICOM, rows=400, columns=420, bits_stored=12, encoding="RLE", view=View.PA)
WHO = Identity(patient_name="Åkesson, Günay", patient_id="0042\x00")
PIXELS = chest()
FOUND = Found(identity=WHO, acquisition=FACTS, notices=("One.",), shape=(400, 420), reading_shape=(200, 210))
SOUND = Radiograph(
    identity=WHO,
    acquisition=FACTS,
    pixels=PIXELS,
    reading=np.ascontiguousarray(PIXELS[::2, ::2]),
    notices=("One.",),
)


def pipe_with(*messages: bytes | memoryview) -> io.BytesIO:
    pipe = io.BytesIO()
    send(pipe, *messages)
    pipe.seek(0)
    return pipe


def test_a_radiograph_arrives_as_it_was_sent() -> None:
    reply = REPLY.validate_json(REPLY.dump_json(Reply(found=FOUND)))
    assert reply == Reply(found=FOUND)
    assert reply.found is not None
    arrived = receive_radiograph(pipe_with(*with_pixels(FOUND, SOUND)), reply.found, LIMITS)
    assert (arrived.identity, arrived.acquisition, arrived.notices) == (WHO, FACTS, ("One.",))
    assert (arrived.pixels == SOUND.pixels).all()
    assert (arrived.reading == SOUND.reading).all()
    assert arrived.pixels.flags.writeable


@pytest.mark.parametrize("shape", [(400, 421), (0, 420), (-400, -420), (2**20, 2**20), (8000, 8001)])
def test_a_picture_of_another_size_than_said_or_allowed_is_not_received(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="another size"):
        receive_radiograph(pipe_with(*with_pixels(FOUND, SOUND)), replace(FOUND, shape=shape), LIMITS)


def test_a_message_longer_than_allowed_is_not_received() -> None:
    with pytest.raises(ValueError, match="longer"):
        receive(io.BytesIO(struct.pack(">Q", 2**62) + b"x"), at_most=2**20)


@pytest.mark.parametrize("kept", [0, 5, 8, 100, 168_007, 168_008, 168_020, 200_000])
def test_an_end_in_the_middle_is_told(kept: int) -> None:
    whole = pipe_with(*with_pixels(FOUND, SOUND)).getvalue()
    with pytest.raises(EOFError):
        receive_radiograph(io.BytesIO(whole[:kept]), FOUND, LIMITS)


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b'{"found": 1}', b'{"refused": {"reason": "whim", "detail": ""}}', b'{"identity": {"patient_id": 7}}'],
)
def test_a_reply_of_another_form_is_none(text: bytes) -> None:
    with pytest.raises(ValidationError):
        REPLY.validate_json(text)
