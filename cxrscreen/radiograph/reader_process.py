"""The process that reads files, started and fed by ``isolation``; ``messages`` says what passes between them.

Codecs can crash on damaged streams: of DICOM files with random bytes changed, about one in a thousand ended the whole
process, and no exception handler sees that. A header can ask for more memory or time than there is. So all work on the
bytes of a file is done beside the screening, not inside it: within bounds, confined, and with a short environment.
"""

from __future__ import annotations

import errno
import os
import resource
import sys
from typing import IO

import cv2

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph import gdcm_extended
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.radiograph.confinement import confine
from cxrscreen.radiograph.decode import decode_identity, decode_radiograph
from cxrscreen.radiograph.decoder_warnings import STDERR, Heard
from cxrscreen.radiograph.machine import machine_trouble
from cxrscreen.radiograph.messages import (
    HEAD_BYTES_AT_MOST,
    REPLY,
    REQUEST,
    Found,
    Refusal,
    Reply,
    Request,
    receive,
    send,
    with_pixels,
)

# Address space that a request may use: 0.4 GiB for the libraries and 0.6 GiB for a deflated file that inflates to
# 256 MiB; a share for each pixel that the limits allow (of the accepted files of 64 megapixels the greediest, JPEG in
# colour, takes 20 bytes a pixel); and the file itself, in several copies.
BASE_BYTES = 2**30
BYTES_PER_PIXEL = 24
COPIES_OF_CONTENT = 3

# Processor time. A radiograph of 9 megapixels takes 0.1 to 2 seconds, one of 64 up to eleven, a header takes a
# hundredth of one. (Colour of 64 megapixels in lossless JPEG 2000 takes more, and is refused.)
SECONDS_FOR_PIXELS = 15
SECONDS_FOR_HEADER = 2  # few, so that also on a busy machine it ends before the clock, which would be no verdict
_UNBOUNDED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def memory_bound(content_bytes: int, limits: AcceptanceLimits | None) -> int:
    """Return the bytes of address space that one request may use."""
    pixels = limits.max_pixels if limits else 0
    return BASE_BYTES + COPIES_OF_CONTENT * content_bytes + BYTES_PER_PIXEL * pixels


def answer(content: bytes, request: Request, replies: IO[bytes]) -> bool:
    """Read one file and reply; return whether this process must end."""
    heard = Heard()
    pictures: tuple[memoryview, ...] = ()
    try:
        if request.limits is None:
            identity = decode_identity(content, is_cut=request.is_cut)
            reply = Reply(identity=identity, needs_all=identity is None)
        else:
            radiograph = decode_radiograph(content, request.limits, heard)
            is_small = radiograph.reading is radiograph.pixels
            found = Found(
                identity=radiograph.identity,
                acquisition=radiograph.acquisition,
                notices=radiograph.notices,
                shape=radiograph.pixels.shape,
                reading_shape=None if is_small else radiograph.reading.shape,
            )
            reply, pictures = Reply(found=found), with_pixels(found, radiograph)
    except RefusedError as exc:
        reply = Reply(refused=Refusal(reason=exc.reason, detail=exc.detail), retires=heard.overflowed)
    except Exception as exc:  # noqa: BLE001  # whatever it is, the other side must be told
        trouble = machine_trouble(exc)
        reply = (
            Reply(errno=trouble.errno or errno.EIO)
            if isinstance(trouble, OSError)
            else Reply(out_of_memory=isinstance(trouble, MemoryError))
        )
    send(replies, REPLY.dump_json(reply), *pictures)
    return reply.retires


def main() -> None:
    """Answer requests until standard input ends."""
    cv2.setNumThreads(1)  # so that processor time is what one file costs
    gdcm_extended.register()
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)  # what a decoder prints must not come between the replies,
    os.dup2(silence, STDERR)  # nor a tag's value into a log
    confine()
    try:
        while True:
            request = REQUEST.validate_json(receive(requests, at_most=HEAD_BYTES_AT_MOST))
            content = receive(requests, at_most=sys.maxsize)
            _bound(content, request.limits)
            if answer(content, request, replies):
                return
            del content
            resource.setrlimit(resource.RLIMIT_AS, _UNBOUNDED)  # the next file may be larger; its bound follows it
    except (EOFError, BrokenPipeError):  # nobody asks any more
        return


def _bound(content: bytes, limits: AcceptanceLimits | None) -> None:
    memory = memory_bound(len(content), limits)
    resource.setrlimit(resource.RLIMIT_AS, (memory, resource.RLIM_INFINITY))
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = SECONDS_FOR_HEADER if limits is None else SECONDS_FOR_PIXELS
    until = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
