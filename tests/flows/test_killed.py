"""A night in which everything dies once: runs, Prefect's server, serve. Real processes, real signals, a real server.

One workspace goes through all of it, and each file is counted once in the end. The classifier is a stub.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import draw_png
from tests.flows.served import RUN, SERVER, Served, pids, processes, wait_for

AT_FIRST, LATER = 16, 2  # files: one batch long enough for all deaths, and a few that come meanwhile

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]


class Night:
    """A served workspace, and the hashes of all that was put into its intake."""

    def __init__(self, root: Path) -> None:
        self.put: set[str] = set()
        self.root = root
        (root / "intake").mkdir(parents=True)
        self.hand_in(AT_FIRST)  # what waits at the start is screened, too
        self.served = Served(root, stub=True, CXRSCREEN_CHUNK_STUDIES="3", CXRSCREEN_STUB_SECONDS="0.3")
        self.served.wait_until_up()

    def hand_in(self, count: int) -> None:
        """Put the next files into the intake."""
        for _ in range(count):
            number = len(self.put)
            content = draw_png(self.root / "drawn.png", 40 + number)
            (self.root / "drawn.png").rename(self.root / "intake" / f"{number:03}.png")
            self.put.add(hashlib.sha256(content).hexdigest())

    def wait_until_mid_batch(self) -> int:
        """Wait until a run has reported some studies of a batch and has more to do; return its process."""
        before = len(self.reported())

        def is_mid_batch() -> bool:
            return (
                before < len(self.reported()) < len(self.put) and len(self.unfinished()) > 0 and bool(self.run_pids())
            )

        wait_for("a run in the middle of a batch", is_mid_batch)
        (process,) = self.run_pids()
        return process

    def run_pids(self) -> list[int]:
        return pids(self.root, RUN)

    def reported(self) -> list[Path]:
        return list(self.root.glob("reports/*/S-*/report.json"))

    def rows(self, query: str) -> list[tuple[str, ...]]:
        ledger = sqlite3.connect(f"file:{self.root / 'ledger.sqlite'}?mode=ro", uri=True)
        try:
            return ledger.execute(query).fetchall()
        finally:
            ledger.close()

    def unfinished(self) -> list[tuple[str, ...]]:
        return self.rows("SELECT batch_id FROM batch WHERE finished_at IS NULL")

    def all_is_done(self) -> bool:
        outcomes = self.rows("SELECT outcome, count(*) FROM file GROUP BY outcome")
        return not self.unfinished() and [tuple(row) for row in outcomes] == [("reported", len(self.put))]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    made = Night(tmp_path / "w")
    yield made
    made.served.stop()


def test_each_file_is_counted_once_after_a_night_in_which_everything_died(night: Night) -> None:
    served = night.served

    os.kill(night.wait_until_mid_batch(), signal.SIGKILL)  # a run: the watcher starts another within seconds
    wait_for("the server to know", lambda: len(served.runs("CRASHED")) == 1)
    night.hand_in(LATER)
    os.kill(night.wait_until_mid_batch(), signal.SIGTERM)
    wait_for("the server to know", lambda: len(served.runs("CRASHED")) == 2)

    night.hand_in(LATER)  # Prefect's server dies: serve ends in words, as a failure, with its run
    night.wait_until_mid_batch()
    (server,) = pids(night.root, SERVER)
    os.kill(server, signal.SIGKILL)
    assert served.process.wait(60) == 1
    assert "Prefect's server has ended" in served.said()
    served.start()
    served.wait_until_up()

    night.hand_in(
        LATER
    )  # serve dies and leaves its server and its run behind: they follow it, and the next start is clear
    run = night.wait_until_mid_batch()
    assert len(pids(night.root, SERVER)) == 1
    served.process.kill()
    served.process.wait()
    served.start()
    served.wait_until_up()
    assert run not in night.run_pids()
    assert len(pids(night.root, SERVER)) == 1

    night.hand_in(LATER)  # systemd stops it
    night.wait_until_mid_batch()
    stopped_at = time.monotonic()
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(60) == 0
    assert time.monotonic() - stopped_at < 55  # TimeoutStopSec is 60
    assert processes(night.root) == {}
    served.start()
    served.wait_until_up()
    wait_for("all files to be reported", night.all_is_done, seconds=300)
    # The run that got SIGTERM itself, and the one that serve told to end before it ended.
    in_order = [run for run in served.runs("CRASHED") if "termination signal" in run["state"]["message"]]
    assert len(in_order) >= 2

    assert not [path for path in (night.root / "intake").iterdir() if not path.name.startswith(".")]
    archived = [path for path in night.root.glob("archive/*/*/*") if path.suffix == ".png"]
    hashes = Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in archived)
    assert hashes == Counter(night.put)
    assert len(night.reported()) == len(night.put)
    assert not list((night.root / "quarantine").glob("*/*"))
    wait_for("no run to be under way", lambda: not served.runs("RUNNING", "PENDING", "CANCELLING"))
