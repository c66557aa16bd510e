"""Short slices of the measurements of load and long life; the real ones are run by hand (``tests/benchmarks``)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from cxrscreen.screening import claiming, screen
from tests.benchmarks import load
from tests.benchmarks.arrivals import arrivals, faults, fingerprint, write
from tests.benchmarks.life import live
from tests.benchmarks.metering import slope
from tests.fakes import stub_session

FILES, BATCH = 24, 6


def test_files_that_wait_for_a_later_batch_are_neither_read_nor_written_down_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = list(arrivals(FILES, seed=4))
    write(tmp_path / "w" / "intake", made)
    reads: Counter[str] = Counter()
    read_bytes = claiming.read_bytes

    def counted(folder: Path, name: str, most: int) -> bytes:
        reads[name] += 1
        return read_bytes(folder, name, most)

    monkeypatch.setattr(claiming, "read_bytes", counted)
    with stub_session(tmp_path / "w", max_batch_files=BATCH) as session:
        batches = [summary for _, summary in screen.drain(session) if summary is not None]
        rows = sum(len(session.ledger.files(batch.batch_id)) for batch in batches)
    assert all(batch.tally.arrived <= BATCH for batch in batches)
    assert len(batches) >= FILES / BATCH
    assert rows == FILES
    assert reads.total() <= FILES + 4 * len(batches)  # again only the study that the batch had no more room for
    dropped = Counter(fingerprint(arrival.content) for arrival in made)
    assert faults(tmp_path / "w", dropped, Counter(arrival.outcome for arrival in made)) == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="handles and threads are counted in /proc")
def test_a_day_of_watching_leaves_no_more_handles_and_threads_than_its_first_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "time", screen.time)  # put back afterwards
    day = live(tmp_path / "w", hours=0.25)
    assert day["faults"] == []
    assert day["looks"] == 450
    assert day["screenings"] >= 15
    assert day["handles"]["last"] <= day["handles"]["first"] + 1
    assert day["children"]["most"] <= day["children"]["first"] + 1


def test_growth_is_told_from_noise() -> None:
    assert slope([5.0, 7.0, 9.0]) == pytest.approx(2)
    assert slope([5.0, 6.0, 5.0, 6.0, 5.0]) == pytest.approx(0)


def test_the_last_thousand_files_are_compared_with_the_first_and_pay_for_the_last_report() -> None:
    files = [{"decided": count, "cpu_seconds": count * 1.0, "wall_seconds": count * 2.0} for count in range(11)]
    end = {"closed": 10, "cpu_seconds": 30.0, "wall_seconds": 20.0}
    parts = list(load.windows([*files, end], 4))
    assert [part["cpu_seconds"] for part in parts] == [1.0, pytest.approx(26 / 6)]
    assert [part["wall_seconds"] for part in parts] == [2.0, 2.0]


def test_a_file_that_is_lost_or_doubled_is_told(tmp_path: Path) -> None:
    made = list(arrivals(4, seed=2))
    write(tmp_path / "intake", made)
    with stub_session(tmp_path) as session:
        screen.screen(session)
    dropped = Counter(fingerprint(arrival.content) for arrival in made)
    expected = Counter(arrival.outcome for arrival in made)
    assert faults(tmp_path, dropped, expected) == []
    first, *_ = (file for file in (tmp_path / "archive").rglob("*.dcm"))
    (tmp_path / "quarantine" / "again.dcm").write_bytes(first.read_bytes())
    assert faults(tmp_path, dropped, expected) == ["files lost: 0, too many: 1"]
    (tmp_path / "quarantine" / "again.dcm").unlink()
    first.unlink()
    assert faults(tmp_path, dropped, expected) == ["files lost: 1, too many: 0"]
