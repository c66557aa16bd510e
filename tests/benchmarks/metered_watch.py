"""The screening process of ``load``: ``watch`` on a workspace, every function that may grow measured.

``python -m tests.benchmarks.metered_watch ROOT LOG [bare]`` writes a line of JSON after each study and each batch.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.benchmarks.arrivals import arrivals, write
from tests.benchmarks.metering import Meter, usage

SETTLE_SECONDS = 2.0
BARE = "bare"


def watch_metered(root: Path, log_file: Path, *, bare: bool) -> None:
    """Screen what arrives until interrupted; write what it takes after each study and each batch."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # also where a shell has put it into the background
    meter = Meter()
    meter.count_sleep()
    from cxrscreen.reporting import paper  # noqa: PLC0415  # after the sleep is counted
    from cxrscreen.screening import batch, intake, ledger, screen  # noqa: PLC0415
    from tests.fakes import stub_session  # noqa: PLC0415

    if bare:
        paper.Press.print_page = lambda *_: b"%PDF-1.7"  # type: ignore[method-assign]  # costs nothing
    _warm_up(root.parent / "warm")
    methods = [name for name, value in vars(ledger.Ledger).items() if callable(value) and name[0] != "_"]
    meter.time(ledger.Ledger, *methods)
    for module in (intake, batch, screen):
        meter.time(module, *({"look", "look_again", "place_files", "open_batch", "close_batch"} & set(vars(module))))
    decided = 0
    with log_file.open("a", buffering=1) as log, stub_session(root, settle_seconds=SETTLE_SECONDS) as session:
        record = ledger.Ledger.record

        def write_line(**event: object) -> None:
            log.write(json.dumps(event | meter.busy() | usage(os.getpid())) + "\n")

        def count(*given: Any, **named: Any) -> Any:
            nonlocal decided
            answer = record(*given, **named)
            verdicts = next(value for value in (*given, *named.values()) if isinstance(value, Mapping))
            decided += sum(verdict.outcome != "pending" for verdict in verdicts.values())
            write_line(decided=decided)
            return answer

        def report(opened: Any, _summary: Any) -> None:
            seconds, calls = dict(meter.seconds), dict(meter.calls)
            write_line(closed=decided, waiting=len(opened.pending), seconds=seconds, calls=calls)
            meter.seconds.clear()
            meter.calls.clear()

        ledger.Ledger.record = count  # type: ignore[method-assign]  # counted
        write_line(decided=0)
        with suppress(KeyboardInterrupt):
            screen.watch(session, report)


def _warm_up(root: Path) -> None:
    """Import and make what is made once a process, so that the first files do not pay for it."""
    from cxrscreen.screening.screen import screen  # noqa: PLC0415  # after the sleep is counted
    from tests.fakes import stub_session  # noqa: PLC0415

    write(root / "intake", list(arrivals(8, seed=1)))
    with stub_session(root) as session:
        screen(session)


if __name__ == "__main__":
    watch_metered(Path(sys.argv[1]), Path(sys.argv[2]), bare=BARE in sys.argv)
