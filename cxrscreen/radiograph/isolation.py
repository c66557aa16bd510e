"""Decode compressed DICOM in a process of its own, so that a crash there refuses one file and nothing else."""

from __future__ import annotations

import atexit
import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.decoder_process import receive, send
from cxrscreen.radiograph.decoder_warnings import first_damage
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.types import StoredPixels

_SECONDS_AT_MOST = 60.0  # the largest accepted radiograph takes about five
_SECONDS_TO_DIE = 5.0
# What a codec brings upon itself. An exit, or a signal from outside, e.g. when memory runs short, says nothing about
# the file.
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
# -P keeps the working directory out of the path: a folder there named "dl" breaks GDCM's import.
_COMMAND = [sys.executable, "-P", "-W", "ignore", "-m", "cxrscreen.radiograph.decoder_process"]


class IsolatedDecoder:
    """A decoder process, started at the first use and started again after a crash. Safe to share among threads."""

    def __init__(self, command: Sequence[str] = _COMMAND, *, seconds_at_most: float = _SECONDS_AT_MOST) -> None:
        self._command = command
        self._seconds_at_most = seconds_at_most
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._printed: IO[bytes] | None = None
        self._owner = 0

    def decode(self, content: bytes) -> tuple[StoredPixels, str]:
        """Return the first frame of a DICOM file and its photometric interpretation after decoding.

        Raises:
            RefusedError: Reason DAMAGED where the decoder warns or crashes, UNREADABLE where it declines.
            TimeoutError: It took too long. The machine may be busy, so this is no verdict on the file.
            OSError: It cannot be started, ended by itself or was killed from outside, e.g. for want of memory.
            MemoryError: It ran out of memory.
        """
        with self._lock:
            process, printed = self._running()
            printed.seek(0)
            printed.truncate()
            too_late = threading.Event()
            watchdog = threading.Timer(self._seconds_at_most, _give_up, (process, too_late))
            watchdog.start()
            try:
                facts, pixels = _ask(process, content)
            except (EOFError, BrokenPipeError):
                with contextlib.suppress(subprocess.TimeoutExpired):  # a core dump may take its time
                    process.wait(_SECONDS_TO_DIE)
                self._end()
                if too_late.is_set():
                    raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None
                if -process.returncode in _CRASHES:
                    raise RefusedError(Reason.DAMAGED, "The decoder crashed on the compressed pixels.") from None
                raise ChildProcessError(errno.ECHILD, "the decoder process ended without an answer") from None
            finally:
                watchdog.cancel()
            printed.seek(0)
            damage = first_damage(printed.read())
        if damage:
            raise RefusedError(Reason.DAMAGED, f"The decoder warns: {damage}.")
        if facts.get("errno") == errno.ENOMEM:
            raise MemoryError
        if facts.get("errno") is not None:
            raise OSError(facts["errno"], os.strerror(facts["errno"]))
        if "error" in facts:
            raise RefusedError(Reason.UNREADABLE, f"No decoder reads the compressed pixels ({facts['error']}).")
        stored: StoredPixels = np.frombuffer(pixels, facts["dtype"]).reshape(facts["shape"])
        return stored, facts["photometric"]

    def close(self) -> None:
        """End the process, if there is one; the next use starts another."""
        with self._lock:
            self._end()

    def _running(self) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        if self._process is not None and self._process.poll() is not None:
            self._end()  # it died between two files, through no fault of the next one
        if self._process is None or self._printed is None or self._owner != os.getpid():
            with contextlib.ExitStack() as unless_started:
                printed = unless_started.enter_context(tempfile.TemporaryFile())
                self._process = subprocess.Popen(  # noqa: S603  # our own module by our own interpreter
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=printed,
                    start_new_session=True,  # a Ctrl-C ends the batch, which then ends the decoder
                )
                self._printed = printed
                unless_started.pop_all()  # the file lives as long as the process that writes to it
            self._owner = os.getpid()  # a forked copy of us must not speak into the same pipes
        return self._process, self._printed

    def _end(self) -> None:
        if self._process is None or self._printed is None or self._owner != os.getpid():
            return
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):  # an unsent rest of a request
            self._process.communicate()
        self._printed.close()
        self._process = self._printed = None


def _give_up(process: subprocess.Popen[bytes], too_late: threading.Event) -> None:
    too_late.set()
    process.kill()


def _ask(process: subprocess.Popen[bytes], content: bytes) -> tuple[dict[str, Any], bytes]:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    send(process.stdin, content)
    facts: dict[str, Any] = json.loads(receive(process.stdout))
    return facts, b"" if "error" in facts else receive(process.stdout)


DECODER = IsolatedDecoder()
atexit.register(DECODER.close)
