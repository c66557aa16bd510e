"""Hear the decoders' warnings, which only reach the process's standard error.

libjpeg fills the rest of a damaged picture with guesses, raises nothing and
prints one line, e.g. "Corrupt JPEG data: premature end of data segment". OpenCV, GDCM and Pillow all
pass the picture on. That line is the only sign of the damage, so it is caught where it is written: at
file descriptor 2, for the time of one decoding. It goes into a pipe, never to disk, and nothing of it is passed on.
"""

from __future__ import annotations

import contextlib
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

STDERR = 2
_PIPE_BYTES = 65_536  # what a pipe of Linux holds; what does not fit is lost, and never waited for

# libjpeg's warnings about entropy-coded data, libpng's errors, OpenCV's PNG reader at a file's early end, and
# OpenJPEG's errors.
_DAMAGE = re.compile(
    rb"Corrupt JPEG data|Premature end of (JPEG|input) file|Inconsistent progression sequence"
    rb"|libpng error|CRC error|input buffer is incomplete"
    rb"|Failed to decode|[Ss]egment too long|Stream too short|Error reading|marker ID was expected"
)


@dataclass(slots=True)
class Heard:
    """What the decoders complained about.

    Attributes:
        damage: The first line that means damaged content, or ``None``. Holds no metadata of the file.
        overflowed: More was printed than could be held. C++ streams print no more after that, so this process hears
            nothing of the next file's damage and should end.
    """

    damage: str | None = None
    overflowed: bool = False


@contextlib.contextmanager
def hear_decoders(heard: Heard) -> Iterator[None]:
    """Collect decoder warnings for the length of the block; ``heard`` is filled when it ends.

    For a process with one thread that does nothing else: file descriptor 2 belongs to all of it. Python's warnings
    are silenced, since pydicom's quote the values of tags.

    Raises:
        OSError: There are no file descriptors left.
    """
    listening, speaking = os.pipe()
    real_stderr = os.dup(STDERR)
    os.set_blocking(speaking, False)
    os.dup2(speaking, STDERR)
    os.close(speaking)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(real_stderr, STDERR)
        os.close(real_stderr)
        printed = os.read(listening, _PIPE_BYTES)
        os.close(listening)
        heard.overflowed = len(printed) > _PIPE_BYTES // 2
        heard.damage = first_damage(printed) or ("more lines than can be listened to" if heard.overflowed else None)


def first_damage(printed: bytes) -> str | None:
    """Return the first line of a decoder's output that means damaged content, or ``None``."""
    damage = next((line for line in printed.splitlines() if _DAMAGE.search(line)), None)
    return None if damage is None else damage.decode("ascii", "replace").strip()
