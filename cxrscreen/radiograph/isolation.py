"""Read files in a process of its own, so that what one of them does to a decoder refuses it and nothing else."""

from __future__ import annotations

import atexit
import contextlib
import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import IO, NamedTuple, NoReturn

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.radiograph.messages import (
    HEAD_BYTES_AT_MOST,
    REPLY,
    REQUEST,
    Reply,
    Request,
    receive,
    receive_radiograph,
    send,
)
from cxrscreen.radiograph.radiograph import Identity, Radiograph
from cxrscreen.radiograph.refusal import Reason

_SECONDS_AT_MOST = 20.0  # by the clock, for one file; the reader's own limit on processor time lies below it
_SECONDS_TO_DIE = 5.0
_PIPE_BYTES = 2**20  # what Linux grants everybody; a large file passes in fewer turns
_HEADER_BYTES = 2**18  # holds nearly every header; a file of 18 MB need not be sent whole to know whose it is
# What a codec brings upon itself. An exit, or a signal from outside, e.g. when memory runs short, says nothing about
# the file.
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
# -P keeps the working directory out of the path: a folder there named "dl" breaks GDCM's import. -B, since the reader
# may write no file, and no cache of compiled modules either.
_COMMAND = [sys.executable, "-P", "-B", "-W", "ignore", "-m", "cxrscreen.radiograph.reader_process"]
# What the interpreter needs to start. Passwords in the environment of a server stay there.
_PASSED_ON = {"LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "TMPDIR"}
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # less memory to begin with


class _Reader(NamedTuple):
    process: subprocess.Popen[bytes]
    requests: IO[bytes]
    replies: IO[bytes]


class IsolatedReader:
    """A reader process, started at the first use and started again after a crash. Safe to share among threads.

    A forked copy of this process starts a reader of its own (``forget``).
    """

    def __init__(self, command: Sequence[str] = _COMMAND, *, seconds_at_most: float = _SECONDS_AT_MOST) -> None:
        self._command = command
        self._seconds_at_most = seconds_at_most
        self._lock = threading.Lock()
        self._reader: _Reader | None = None

    @property
    def pid(self) -> int | None:
        """The process's number, ``None`` while there is none."""
        return None if self._reader is None else self._reader.process.pid

    def radiograph(self, content: bytes, limits: AcceptanceLimits) -> Radiograph:
        """Return what ``decode_radiograph`` makes of a file's content.

        Raises:
            RefusedError: It says so; or DAMAGED where the reader crashes, UNREADABLE where the file takes more
                processor time and TOO_LARGE where it takes more memory than any accepted radiograph.
            TimeoutError: It took too long by the clock. The machine may be busy, so this is no verdict on the file.
            OSError: The reader cannot be started, ended by itself or was killed from outside, e.g. for want of memory.
            MemoryError: This process has no memory for the pixels.
        """
        found = self._ask(content, Request(limits=limits))
        if not isinstance(found, Radiograph):
            raise ChildProcessError(errno.EPROTO, os.strerror(errno.EPROTO))
        return found

    def identity(self, content: bytes) -> Identity:
        """Return what ``decode_identity`` makes of a file's content.

        Raises:
            RefusedError, OSError: As above.
        """
        head = content[:_HEADER_BYTES]
        is_cut = len(head) < len(content)
        found = self._ask(head, Request(is_cut=is_cut))
        if found is None and is_cut:
            found = self._ask(content, Request())
        if not isinstance(found, Identity):
            raise ChildProcessError(errno.EPROTO, os.strerror(errno.EPROTO))
        return found

    def close(self) -> None:
        """End the process, if there is one; the next use starts another."""
        with self._lock:
            self._end()

    def forget(self) -> None:
        """Leave the process to whom it belongs; for a forked copy, which must not speak into the same pipes."""
        self._lock = threading.Lock()
        if self._reader is not None:
            self._reader.process.returncode = 0  # not ours to wait for
            self._reader.requests.close()
            self._reader.replies.close()
            self._reader = None

    def _ask(self, content: bytes, request: Request) -> Radiograph | Identity | None:
        deadline = time.monotonic() + self._seconds_at_most
        with self._lock:
            was_used = self._reader is not None
            reply, found = self._exchange(content, request, deadline)
            if reply.out_of_memory and was_used:  # earlier files may have left it little; a new one has all
                reply, found = self._exchange(content, request, deadline)
        if found is not None or reply.needs_all:
            return found
        if reply.refused is not None:
            raise RefusedError(reply.refused.reason, reply.refused.detail)
        if reply.out_of_memory:
            raise RefusedError(Reason.TOO_LARGE, "Reading it takes more memory than any radiograph within the limits.")
        number = reply.errno or errno.EPROTO
        raise OSError(number, os.strerror(number))

    def _exchange(
        self, content: bytes, request: Request, deadline: float
    ) -> tuple[Reply, Radiograph | Identity | None]:
        reader = self._running()
        too_late = threading.Event()
        watchdog = threading.Timer(max(0.0, deadline - time.monotonic()), _give_up, (reader.process, too_late))
        watchdog.start()
        answered = False
        try:
            send(reader.requests, REQUEST.dump_json(request), content)
            reply = REPLY.validate_json(receive(reader.replies, at_most=HEAD_BYTES_AT_MOST))
            found: Radiograph | Identity | None = reply.identity
            if reply.found is not None and request.limits is not None:
                found = receive_radiograph(reader.replies, reply.found, request.limits)
            answered = not (reply.retires or reply.out_of_memory)
        except (EOFError, BrokenPipeError):
            self._explain_death(reader.process, too_late)
        except ValueError:  # from None: a message that is none may quote the file
            raise RefusedError(Reason.DAMAGED, "The decoder crashed on the compressed pixels.") from None
        finally:
            watchdog.cancel()
            watchdog.join()
            if not answered or too_late.is_set():  # also when a Ctrl-C came between request and reply
                self._end()
        return reply, found

    def _explain_death(self, process: subprocess.Popen[bytes], too_late: threading.Event) -> NoReturn:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_DIE)
        if too_late.is_set():
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None
        died_of = -(process.returncode or 0)
        if died_of in _CRASHES:
            raise RefusedError(Reason.DAMAGED, "The decoder crashed on the compressed pixels.") from None
        if died_of == signal.SIGXCPU:
            raise RefusedError(Reason.UNREADABLE, "Decoding takes longer than for any radiograph.") from None
        raise ChildProcessError(errno.ECHILD, "the reader process ended without an answer") from None

    def _running(self) -> _Reader:
        if self._reader is not None and self._reader.process.poll() is not None:
            self._end()  # it died between two files, through no fault of the next one
        if self._reader is None:
            process = subprocess.Popen(  # noqa: S603  # our own module by our own interpreter
                self._command,
                bufsize=0,  # a forked copy must find no lock held and nothing to flush
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={name: os.environ[name] for name in _PASSED_ON & os.environ.keys()} | _ONE_THREAD,
                start_new_session=True,  # a Ctrl-C ends the batch, which then ends the reader
            )
            if process.stdin is None or process.stdout is None:  # for the type checker; both were asked for
                raise AssertionError
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):  # a site may allow less; then it only takes more turns
                    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            self._reader = _Reader(process, process.stdin, process.stdout)
        return self._reader

    def _end(self) -> None:
        if self._reader is not None:
            self._reader.process.kill()
            self._reader.requests.close()
            self._reader.replies.close()
            self._reader.process.wait()
            self._reader = None


def _give_up(process: subprocess.Popen[bytes], too_late: threading.Event) -> None:
    too_late.set()
    process.kill()


READER = IsolatedReader()
atexit.register(READER.close)
os.register_at_fork(after_in_child=READER.forget)
