"""Hear the decoders' warnings, which only reach the process's standard error.

libjpeg fills the rest of a damaged picture with guesses, raises nothing and
prints one line, e.g. "Corrupt JPEG data: premature end of data segment". OpenCV, GDCM and Pillow all
pass the picture on. That line is the only sign of the damage, so it is caught where it is written: at
file descriptor 2, for the time of one decoding.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

STDERR = 2

# One decoding at a time in a process: file descriptor 2 and Python's warning filters belong to all threads.
# A decoding costs a fiftieth of the forward pass through the network, so nobody waits for long.
_ONE_AT_A_TIME = threading.RLock()

# libjpeg's warnings about entropy-coded data, libpng's errors, OpenCV's PNG reader at a file's early end, and
# OpenJPEG's errors.
_DAMAGE = re.compile(
    rb"Corrupt JPEG data|Premature end of (JPEG|input) file|Inconsistent progression sequence"
    rb"|libpng error|CRC error|input buffer is incomplete"
    rb"|Failed to decode|[Ss]egment too long|Stream too short|Error reading|marker ID was expected"
)
# Everything that these libraries print; lines of other threads pass on to the real standard error.
_FROM_A_DECODER = re.compile(
    _DAMAGE.pattern + rb"|Unsupported JPEG data precision|JPEG parameter|JPEG library|JFIF|Adobe marker|libpng warning"
    rb"|global (grfmt_|loadsave|exif)"
)


@dataclass(slots=True)
class Heard:
    """What the decoders complained about.

    Attributes:
        damage: The first line that means damaged content, or ``None``. Holds no metadata of the file.
    """

    damage: str | None = None


@contextlib.contextmanager
def silence_python() -> Iterator[None]:
    """Silence Python's warnings for the length of the block: pydicom's quote the values of tags."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def hear_decoders() -> Iterator[Heard]:
    """Collect decoder warnings for the length of the block; ``Heard.damage`` is set when it ends.

    Lines that other threads print meanwhile are passed on afterwards, in order. Python warnings are
    silenced too.

    Raises:
        OSError: There is no temporary folder with space.
    """
    heard = Heard()
    with silence_python(), tempfile.TemporaryFile() as caught:
        try:
            real_stderr = os.dup(STDERR)
        except OSError:  # a daemon without standard error: the decoders' lines are lost with it
            yield heard
            return
        os.dup2(caught.fileno(), STDERR)
        try:
            yield heard
        finally:
            os.dup2(real_stderr, STDERR)
            os.close(real_stderr)
            caught.seek(0)
            heard.damage = _pass_on(caught.read())


def first_damage(printed: bytes) -> str | None:
    """Return the first line of a decoder's output that means damaged content, or ``None``."""
    damage = next((line for line in printed.splitlines() if _DAMAGE.search(line)), None)
    return None if damage is None else damage.decode("ascii", "replace").strip()


def _pass_on(printed: bytes) -> str | None:
    """Send foreign lines to standard error and return the first line that means damage."""
    lines = printed.splitlines(keepends=True)
    foreign = b"".join(line for line in lines if not _FROM_A_DECODER.search(line))
    if foreign:
        with contextlib.suppress(OSError):  # nobody listens any more
            os.write(STDERR, foreign)
    return first_damage(printed)
