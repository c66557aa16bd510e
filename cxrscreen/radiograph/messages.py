"""What passes between this process and the reader process: requests, replies, and their bounds.

A message is a length of 8 bytes, big endian, and that many bytes. A request is two messages: ``Request`` as JSON, and
the file. A reply is ``Reply`` as JSON and, where it holds a radiograph, its pixels and then those at reading
resolution, unless both are the same. Nothing is unpickled: a reader process that a file took over could send numbers
and texts of bounded size, never code.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import IO

import numpy as np
from pydantic import TypeAdapter

from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.radiograph.radiograph import Acquisition, Identity, Radiograph
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.types import Grey8

READING_SIDE = 1024  # pixels; the longest side at reading resolution
HEAD_BYTES_AT_MOST = 256 * 2**10  # of a request's or a reply's JSON
_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is wanted of a file: a radiograph within limits or, without limits, the identity alone.

    Attributes:
        limits: For a radiograph.
        is_cut: Only the beginning of the file follows; enough for most identities.
    """

    limits: AcceptanceLimits | None = None
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why the file may not be screened."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A radiograph without its pixels, which follow as messages of their own."""

    identity: Identity
    acquisition: Acquisition
    notices: tuple[str, ...]
    shape: tuple[int, int]
    reading_shape: tuple[int, int] | None  # None: the pixels are at reading resolution already


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of a request; one of the first six is set.

    Attributes:
        found: The radiograph.
        identity: Where that alone was asked for.
        needs_all: The beginning of the file was not enough.
        refused: The verdict on the file.
        errno: The machine is to blame.
        out_of_memory: More memory was needed than the reader process may have.
        retires: The process ends after this reply, so another must be started.
    """

    found: Found | None = None
    identity: Identity | None = None
    needs_all: bool = False
    refused: Refusal | None = None
    errno: int | None = None
    out_of_memory: bool = False
    retires: bool = False


REQUEST = TypeAdapter(Request)
REPLY = TypeAdapter(Reply)


def send(pipe: IO[bytes], *messages: bytes | memoryview) -> None:
    """Write messages."""
    for message in messages:
        for part in (_LENGTH.pack(len(message)), message):
            rest = memoryview(part)
            while rest:  # an unbuffered pipe takes what it has room for
                rest = rest[pipe.write(rest) :]
    pipe.flush()


def receive(pipe: IO[bytes], *, at_most: int) -> bytes:
    """Read one message.

    Raises:
        EOFError: The other side is gone.
        ValueError: The message is longer than ``at_most``.
    """
    length = _length(pipe)
    if length > at_most:
        raise ValueError("a message longer than any sound one")
    return _exactly(pipe, length)


def with_pixels(found: Found, radiograph: Radiograph) -> tuple[memoryview, ...]:
    """Return the messages that follow ``found``."""
    pictures = (radiograph.pixels,) if found.reading_shape is None else (radiograph.pixels, radiograph.reading)
    return tuple(np.ascontiguousarray(picture).data.cast("B") for picture in pictures)


def receive_radiograph(pipe: IO[bytes], found: Found, limits: AcceptanceLimits) -> Radiograph:
    """Read the pixels that follow ``found``; nothing is set aside for more than the limits allow.

    Raises:
        EOFError: The other side is gone.
        ValueError: The sizes contradict each other or the limits.
    """
    pixels = _receive_picture(pipe, found.shape, limits.max_pixels)
    reading = pixels if found.reading_shape is None else _receive_picture(pipe, found.reading_shape, READING_SIDE**2)
    return Radiograph(
        identity=found.identity,
        acquisition=found.acquisition,
        pixels=pixels,
        reading=reading,
        notices=found.notices,
    )


def _receive_picture(pipe: IO[bytes], shape: tuple[int, int], pixels_at_most: int) -> Grey8:
    rows, columns = shape
    if min(shape) < 1 or rows * columns > pixels_at_most or _length(pipe) != rows * columns:
        raise ValueError("a picture of another size than any sound one")
    picture: Grey8 = np.empty(shape, np.uint8)
    rest = picture.data.cast("B")
    while rest:
        count = pipe.readinto(rest)  # type: ignore[attr-defined]  # every binary pipe has it; typing.IO does not say so
        if not count:
            raise EOFError
        rest = rest[count:]
    return picture


def _length(pipe: IO[bytes]) -> int:
    length: int = _LENGTH.unpack(_exactly(pipe, _LENGTH.size))[0]
    return length


def _exactly(pipe: IO[bytes], length: int) -> bytes:
    """Read so many bytes; a buffered pipe gives them at once, an unbuffered one in parts."""
    content = pipe.read(length)
    while len(content) < length:
        more = pipe.read(length - len(content))
        if not more:
            raise EOFError
        content += more
    return content
