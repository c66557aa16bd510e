"""Processes that are forked from one that has imported everything, so that each of many lives costs nothing.

``python -m tests.crash.forked`` reads one request a line, a function and what to call it with, calls it in a process
of its own and answers when that has ended. A test's own process may have threads, which a fork does not copy.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
PRELOADED = ("tests.crash.placing_lines", "tests.crash.nights", "tests.crash.faults")


class ForkServer:
    """Runs functions of the helpers in processes of their own."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.crash.forked"]
        self._process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, work: str, *arguments: object) -> Any:
        """Call e.g. ``nights:main`` and return what it returns; an error there is an error here."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = [work, [str(a) if isinstance(a, Path) else a for a in arguments]]
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def fork(work: Callable[[], object]) -> int:
    """Do the work in a process of its own and return its number."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    except BaseException:  # noqa: BLE001  # told, and answered with the status of the process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def ended_by(child: int) -> int:
    """Wait for a process and return the signal that ended it, or 0; anything but a good end is an error."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code <= 0, f"ended with exit code {code}"
    return -code


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for module in PRELOADED:
        importlib.import_module(module)
    for line in requests:
        work, arguments = json.loads(line)
        reading, writing = os.pipe()
        child = fork(lambda: _answer(writing, work, arguments))  # noqa: B023  # it runs at once
        os.close(writing)
        with os.fdopen(reading) as answer:
            told = answer.read() or json.dumps({"error": "the helper itself died"})
        os.waitpid(child, 0)
        print(told, file=answers, flush=True)


def _answer(writing: int, work: str, arguments: list[Any]) -> None:
    module, _, name = work.partition(":")
    try:
        result = getattr(importlib.import_module(f"tests.crash.{module}"), name)(*arguments)
        told = {"result": result}
    except BaseException:  # noqa: BLE001  # the other side must be told
        told = {"error": traceback.format_exc()}
    with os.fdopen(writing, "w") as answer:
        json.dump(told, answer)


if __name__ == "__main__":
    main()
