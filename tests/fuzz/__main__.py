"""``python -m tests.fuzz --cases 100000``: break files, read them, and write what came of it beside the benchmarks."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from cxrscreen.radiograph.isolation import IsolatedReader
from tests.benchmarks.results import FOLDER, save
from tests.fuzz.corpus import Tally, peak_megabytes, run
from tests.fuzz.mutate import case

WORKERS = 2


def work(seed: int, numbers: range) -> tuple[Tally, float, float]:
    """Run a share of the cases with one reader; also for the workers' processes."""
    reader = IsolatedReader()
    try:
        tally = run(seed, numbers, reader)
    finally:
        reader.close()
    return tally, *peak_megabytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--save", type=int, metavar="NUMBER", help="write the content of one case to standard output")
    parser.add_argument("--into", type=Path, default=FOLDER, help="folder for fuzz.json")
    chosen = parser.parse_args()
    if chosen.save is not None:
        sys.stdout.buffer.write(case(chosen.seed, chosen.save)[2])
        return
    started = time.perf_counter()
    shares = [range(worker, chosen.cases, WORKERS) for worker in range(WORKERS)]
    with ProcessPoolExecutor(WORKERS) as pool:
        done = list(pool.map(work, [chosen.seed] * WORKERS, shares))
    seconds = time.perf_counter() - started
    total = Tally()
    for tally, _, _ in done:
        total.add(tally)
    save(
        "fuzz",
        {
            "cases": sum(total.ways.values()),
            "seed": chosen.seed,
            "by_way": dict(sorted(total.ways.items())),
            "outcomes": {kind: dict(counted.most_common()) for kind, counted in sorted(total.outcomes.items())},
            "reader_deaths": [{"case": number, "outcome": outcome} for number, outcome in sorted(total.deaths)],
            "machine_blamed": [{"case": number, "error": name} for number, name in total.troubles],
            "escaped": [{"case": number, "error": name} for number, name in total.escaped],
            "slowest": [{"case": number, "seconds": round(taken, 3)} for taken, number in total.slowest],
            "peak_megabytes_caller": round(max(here for _, here, _ in done)),
            "peak_megabytes_reader": round(max(readers for _, _, readers in done)),
            "seconds": round(seconds, 1),
            "cases_per_second": round(chosen.cases / seconds, 1),
        },
        folder=chosen.into,
    )


if __name__ == "__main__":
    main()
