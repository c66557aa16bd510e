"""A few hundred runs of ``screen_intake`` under ``cxrscreen serve``: what grows?

Run it with ``python -m tests.benchmarks.served_life [RUNS [MINUTES]]``. Everything is real: server, watcher, the
process of each run, and, where a file has dropped in, the shipped model. A run is started when the one before has
ended, as the schedule would; every tenth by a file that drops into the intake. All of it lives in a network namespace
of its own that has no way out (Linux, as root), and each process tells what it tries to reach.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from cxrscreen.phantom.golden import golden_phantom
from tests.benchmarks.arrivals import faults, fingerprint
from tests.benchmarks.metering import children, slope, usage
from tests.benchmarks.results import save
from tests.outward import attempts, can_be_cut_off, cut_off, overheard, raise_loopback
from tests.radiograph.drawn import encoded

Found = TypeVar("Found")

RUNS, EVERY = 220, 10
ANSWER = "answer.json"
START_SECONDS, RUN_SECONDS = 240.0, 300.0
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def main(runs: int, minutes: float) -> None:
    if not can_be_cut_off():
        sys.exit("Needs Linux and the right to make a network namespace.")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.benchmarks.served_life", "--inside", str(runs), str(minutes), folder]
        subprocess.run(cut_off(command), check=True, env=overheard(Path(folder)))
        figures = json.loads(Path(folder, ANSWER).read_text())
    save("served_life", figures)
    if figures["faults"] or figures["tried_to_reach"]:
        sys.exit("Not every file is accounted for, or something tried to reach a network.")


def inside(runs: int, minutes: float, folder: Path) -> None:
    """Serve within a network namespace; leave the figures in ``folder``."""
    raise_loopback()
    figures = served(folder, runs, minutes)
    figures["tried_to_reach"] = dict(Counter(line.split()[1] for line in attempts(folder)))
    (folder / ANSWER).write_text(json.dumps(figures))


class Served:
    """A workspace served by ``cxrscreen serve``, with a folder of its own for temporary files."""

    def __init__(self, folder: Path) -> None:
        self.root, self.temporary = folder / "w", folder / "tmp"
        self.temporary.mkdir()
        self.port = free_port()
        outside = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "CXRSCREEN_"))}
        self.log = (folder / "serve.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cxrscreen.cli", "serve", "--workspace", str(self.root)],
            env=outside
            | {
                "TMPDIR": str(self.temporary),
                "CXRSCREEN_UI_PORT": str(self.port),
                "CXRSCREEN_REPORTS_PORT": str(free_port()),
                "CXRSCREEN_SETTLE_SECONDS": "0",
                "CXRSCREEN_SCREEN_EVERY_MINUTES": "1440",  # this script is the schedule
            },
            stdout=self.log,
            stderr=self.log,
        )

    def wait_for(self, condition: Callable[[], Found], seconds: float) -> Found:
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                if found := condition():
                    return found
            except OSError:
                pass  # not up yet, or its database is busy
            time.sleep(0.3)
        raise SystemExit(f"serve has ended, or a run does not end:\n{Path(self.log.name).read_text()[-4000:]}")

    def post(self, path: str, body: dict[str, Any]) -> Any:
        api, client = f"http://127.0.0.1:{self.port}/api", str(uuid4())
        with urllib.request.urlopen(f"{api}/csrf-token?client={client}", timeout=30) as answer:
            token = json.loads(answer.read())["token"]
        headers = {"Content-Type": "application/json", "Prefect-Csrf-Client": client, "Prefect-Csrf-Token": token}
        with urllib.request.urlopen(
            urllib.request.Request(f"{api}/{path}", json.dumps(body).encode(), headers), timeout=30
        ) as answer:
            return json.loads(answer.read())

    def deployment(self) -> str:
        found = self.post("deployments/filter", {"deployments": {"name": {"any_": ["intake"]}}})
        return str(found[0]["id"]) if found else ""

    def ended(self) -> Counter[str]:
        """Return how many runs there have been, by their last state."""
        states = {s: self.post("flow_runs/count", {"flow_runs": {"state": {"type": {"any_": [s]}}}}) for s in FINAL}
        return Counter(states)

    def sample(self) -> dict[str, float]:
        """Return what serve, Prefect's server and everything below them use, and what lies on the disk."""
        below = {p: Path(f"/proc/{p}/cmdline").read_bytes() for p in children(self.process.pid)}
        servers = [p for p, command in below.items() if b"server" in command]
        server = max(servers, key=lambda process: usage(process).get("rss_mib", 0.0))
        database = sum(file.stat().st_size for file in (self.root / "prefect").glob("prefect.db*"))
        return {
            **{f"serve_{what}": value for what, value in usage(self.process.pid).items()},
            **{f"server_{what}": value for what, value in usage(server).items()},
            "temporary_files": sum(1 for _ in self.temporary.rglob("*")),
            "prefect_files": sum(1 for _ in (self.root / "prefect").rglob("*")),
            "database_kib": database / 1024,
        }

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(120)
        self.log.close()
        return self.process.returncode


def served(folder: Path, runs: int, minutes: float) -> dict[str, Any]:
    """Serve a new workspace for so many runs, or as many as the minutes allow; return what was used and left."""
    service = Served(folder)
    dropped: Counter[str] = Counter()
    samples: list[dict[str, float]] = []
    start = time.monotonic()
    try:
        deployment = service.wait_for(service.deployment, START_SECONDS)
        for number in range(runs):
            if time.monotonic() - start > 60 * minutes:
                break
            before = service.wait_for(service.ended, RUN_SECONDS).total()
            if number % EVERY == EVERY - 1:
                content = encoded(".png", golden_phantom(number, opacities=False))  # it has lungs: the gate lets it in
                dropped[fingerprint(content)] += 1
                (service.root / "intake" / f"{number:05}.png").write_bytes(content)  # the watcher starts the run
            else:
                path = f"deployments/{deployment}/create_flow_run"
                service.wait_for(lambda path=path: service.post(path, {}), RUN_SECONDS)
            service.wait_for(lambda before=before: service.ended().total() > before, RUN_SECONDS)
            time.sleep(1)  # the run's process goes after its state
            samples.append(service.wait_for(service.sample, RUN_SECONDS))
        ended = dict(service.wait_for(service.ended, RUN_SECONDS))
    finally:
        status = service.stop()
    left = [file for file in service.temporary.rglob("*") if file.is_file()]
    warm = samples[len(samples) // 2 :]
    return {
        "runs": len(samples),
        "states": ended,
        "seconds_a_run": (time.monotonic() - start) / len(samples),
        "exit_status": status,
        "faults": faults(service.root, dropped, Counter(reported=dropped.total())),
        "temporary_files_after_the_end": len(left),
        "growth_a_run_in_the_second_half": {what: slope([s[what] for s in warm]) for what in samples[0]},
        "samples": [{"run": i + 1} | samples[i] for i in range(0, len(samples), max(1, len(samples) // 20))],
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
    else:
        given = [float(word) for word in sys.argv[1:]]
        main(int(given[0]) if given else RUNS, given[1] if len(given) > 1 else float("inf"))
