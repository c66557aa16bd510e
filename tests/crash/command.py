"""The command ``cxrscreen screen``, in a process that is to be killed or harmed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cxrscreen import cli
from cxrscreen.cli import screening
from cxrscreen.radiograph.decode import decode_identity, decode_radiograph
from cxrscreen.radiograph.decoder_warnings import Heard
from cxrscreen.radiograph.isolation import READER
from cxrscreen.reporting.paper import Press
from cxrscreen.reporting.writer import report_writer
from cxrscreen.screening.session import Session
from cxrscreen.settings import Settings
from tests.crash.forked import fork
from tests.fakes import StubClassifier, stub_session

SAID = "out.txt"


def stand_in_for_what_is_slow(classifier: StubClassifier | None = None, **settings: object) -> None:
    """Take stubs for network, reader's process and layout; what they give is real."""

    @contextmanager
    def with_stub(given: Settings) -> Iterator[Session]:
        with stub_session(given.workspace, classifier, **{"min_free_megabytes": 0} | settings) as session:
            yield session

    screening.open_session = with_stub
    Press.print_page = lambda *_given: _PDF  # type: ignore[method-assign]  # the stub
    READER.radiograph = lambda content, limits: decode_radiograph(content, limits, Heard())  # type: ignore[method-assign]
    READER.identity = decode_identity  # type: ignore[method-assign]


def screen(root: Path, said: Path | None = None) -> None:
    """Run the command in this process; what it says goes to a file."""
    sys.argv = ["cxrscreen", "screen", "--workspace", str(root), "--json"]
    with (said or root / SAID).open("ab") as told:
        os.dup2(told.fileno(), 1)
        os.dup2(told.fileno(), 2)
    cli.main()


def what_it_said(root: Path) -> str:
    """Return the last words of the processes that screened."""
    return (root / SAID).read_text()[-1500:]


def run(root: Path, *, at_first: Callable[[], object] = lambda: None) -> tuple[int, str]:
    """Run the command in a process of its own, after ``at_first``; return its exit code and what it said."""
    said = root.with_name(f"{os.getpid()}.said")
    said.unlink(missing_ok=True)

    def work() -> None:
        at_first()
        screen(root, said)

    code = os.waitstatus_to_exitcode(os.waitpid(fork(work), 0)[1])
    return code, said.read_text() if said.exists() else ""


for _encoding in ("unicode_escape", "utf-8-sig"):
    "".encode(_encoding)  # loads a module that a user without rights may not be able to
report_writer("en")  # read once, here, for all processes that are forked
_PDF = Press((), {}).print_page("<p>Report", {})
