"""The process that decodes compressed DICOM, started and fed by ``isolation``.

GDCM's JPEG codecs can crash on damaged streams: of files with random bytes changed, about one in a
thousand ended the whole process, and no exception handler sees that. So they run beside the screening, not inside it.

Protocol, on standard input and output: a length of 8 bytes, big endian, and that many bytes. A request is a DICOM
file. A reply is JSON, ``{"dtype", "shape", "photometric"}`` and then the pixels, or ``{"error", "errno"}`` and nothing
more; the errno is null unless the machine is to blame.
"""

from __future__ import annotations

import errno
import json
import os
import struct
import sys
from typing import IO

import numpy as np
from pydicom.pixels.decoders.base import get_decoder

from cxrscreen.radiograph import gdcm_extended
from cxrscreen.radiograph.dicom_file import read_file
from cxrscreen.radiograph.machine import machine_trouble
from cxrscreen.types import StoredPixels

_LENGTH = struct.Struct(">Q")


def send(pipe: IO[bytes], content: bytes | memoryview) -> None:
    """Write one message."""
    pipe.write(_LENGTH.pack(len(content)))
    pipe.write(content)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes:
    """Read one message.

    Raises:
        EOFError: The other side is gone.
    """
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    content = pipe.read(length)
    if len(content) < length:
        raise EOFError
    return content


def decode(content: bytes) -> tuple[StoredPixels, str]:
    """Return the first frame of a DICOM file and the photometric interpretation that it has after decoding."""
    tags = read_file(content)
    pixels, properties = get_decoder(tags.file_meta.TransferSyntaxUID).as_array(tags, index=0)
    return pixels, str(properties["photometric_interpretation"])


def main() -> None:
    """Answer requests until standard input ends."""
    gdcm_extended.register()
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a decoder prints must not come between the replies
    while True:
        try:
            content = receive(requests)
        except EOFError:
            return
        try:
            pixels, photometric = decode(content)
        except Exception as exc:  # noqa: BLE001  # decoders raise nearly anything on damaged content
            trouble = machine_trouble(exc)
            number = errno.ENOMEM if isinstance(trouble, MemoryError) else trouble and trouble.errno
            send(replies, json.dumps({"error": type(exc).__name__, "errno": number}).encode())
            continue
        facts = {"dtype": pixels.dtype.str, "shape": pixels.shape, "photometric": photometric}
        send(replies, json.dumps(facts).encode())
        send(replies, np.ascontiguousarray(pixels).data.cast("B"))


if __name__ == "__main__":
    main()
