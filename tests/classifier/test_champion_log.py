from __future__ import annotations

import errno
import json
import random
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from cxrscreen.classifier.champion_log import LOG_FILE, ChampionLog
from cxrscreen.errors import ModelError

ALTERNATING = """
import sys
from itertools import cycle
from pathlib import Path
from cxrscreen.classifier.champion_log import ChampionLog
from cxrscreen.errors import ModelError

def move_for_ever(folder, versions):
    log = ChampionLog(folder, origin="shipped-1")
    for version in cycle(versions):
        try:
            log.promote(version, who="A. Tester", why="to and fro")
        except ModelError as exc:
            assert "champion already" in str(exc), exc
"""

KILLED = (
    ALTERNATING
    + """
import os, random, signal, time

folder, kills = Path(sys.argv[1]), int(sys.argv[2])
chance = random.Random(int(sys.argv[3]))
before = b""
for _ in range(kills):
    child = os.fork()
    if not child:
        move_for_ever(folder, ["a-1", "b-1"])
    time.sleep(chance.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    log = ChampionLog(folder, origin="shipped-1")
    after = (folder / "champion.jsonl").read_bytes() if (folder / "champion.jsonl").exists() else b""
    assert after.startswith(before), "a line was lost or changed"
    assert log.champion() == (log.entries()[-1].version if after else "shipped-1")
    before = after
print(len(ChampionLog(folder, origin="shipped-1").entries()))
"""
)

RACING = (
    ALTERNATING
    + """

mine = sys.argv[2]
log = ChampionLog(Path(sys.argv[1]), origin="shipped-1")
for number in range(40):
    log.promote(f"{mine}-{number}", who=mine, why="at the same time as others")
"""
)


def a_log(folder: Path) -> ChampionLog:
    return ChampionLog(folder, origin="shipped-1")


def moved(folder: Path, *versions: str) -> ChampionLog:
    log = a_log(folder)
    for version in versions:
        log.promote(version, who="A. Tester", why=f"{version} is better")
    return log


def test_before_any_move_the_origin_is_champion(tmp_path: Path) -> None:
    assert a_log(tmp_path / "nowhere").champion() == "shipped-1"
    assert a_log(tmp_path / "nowhere").entries() == ()
    assert not (tmp_path / "nowhere").exists()


def test_a_move_says_who_when_why_and_in_whose_place(tmp_path: Path) -> None:
    move = a_log(tmp_path / "models").promote("a-1", who=" A. Tester ", why="fewer misses")
    assert (move.kind, move.version, move.former) == ("promote", "a-1", "shipped-1")
    assert (move.who, move.why) == ("A. Tester", "fewer misses")
    assert datetime.fromisoformat(move.at).tzinfo is not None
    assert a_log(tmp_path / "models").entries() == (move,)
    assert (tmp_path / "models" / LOG_FILE).read_bytes().count(b"\n") == 1


def test_lines_are_only_ever_added(tmp_path: Path) -> None:
    log = moved(tmp_path, "a-1")
    contents = [(tmp_path / LOG_FILE).read_bytes()]
    for act in (
        lambda: log.promote("b-1", who="w", why="y"),
        lambda: log.rollback(who="w", why="y"),
        lambda: log.promote("c-1", who="w", why="y"),
    ):
        act()
        contents.append((tmp_path / LOG_FILE).read_bytes())
        assert contents[-1].startswith(contents[-2])
    assert [len(content.splitlines()) for content in contents] == [1, 2, 3, 4]


def test_rollbacks_walk_back_through_what_each_champion_replaced(tmp_path: Path) -> None:
    log = moved(tmp_path, "a-1", "b-1")
    assert log.rollback(who="w", why="y").version == "a-1"
    log.promote("c-1", who="w", why="y")
    walked = [log.rollback(who="w", why="y").version for _ in range(2)]
    assert walked == ["a-1", "shipped-1"]
    with pytest.raises(ModelError, match="no model to go back to: shipped-1 replaced none"):
        log.rollback(who="w", why="y")
    assert log.champion() == "shipped-1"


def test_the_champion_is_not_promoted_again(tmp_path: Path) -> None:
    log = moved(tmp_path, "a-1")
    with pytest.raises(ModelError, match="a-1 is the champion already"):
        log.promote("a-1", who="w", why="y")
    assert len(log.entries()) == 1


@pytest.mark.parametrize(("who", "why"), [("", "y"), ("w", " \n"), ("w", "y" * 4001)])
def test_a_move_needs_a_name_and_a_reason_of_some_length(tmp_path: Path, who: str, why: str) -> None:
    log = moved(tmp_path, "a-1")
    for act in (lambda: log.promote("b-1", who=who, why=why), lambda: log.rollback(who=who, why=why)):
        with pytest.raises(ModelError, match="Name who moves the champion, and why"):
            act()
    assert log.champion() == "a-1"


@pytest.mark.parametrize(("who", "why"), [("A\nB", "y"), ("w", "red\x1b[31m"), ("w", "y\r\nz"), ("\udcff", "y")])
def test_a_name_or_reason_with_control_characters_is_refused_in_words(tmp_path: Path, who: str, why: str) -> None:
    log = moved(tmp_path, "a-1")
    for act in (lambda: log.promote("b-1", who=who, why=why), lambda: log.rollback(who=who, why=why)):
        with pytest.raises(ModelError, match="one line each, without control characters"):
            act()
    assert log.champion() == "a-1"


def test_what_the_check_of_the_new_champion_raises_stops_the_move(tmp_path: Path) -> None:
    log = moved(tmp_path, "a-1", "b-1")
    checked = []

    def refuse(version: str) -> None:
        checked.append(version)
        raise ModelError("damaged")

    with pytest.raises(ModelError, match="damaged"):
        log.promote("c-1", who="w", why="y", verify=refuse)
    with pytest.raises(ModelError, match="damaged"):
        log.rollback(who="w", why="y", verify=refuse)
    assert checked == ["c-1", "a-1"]
    assert log.champion() == "b-1"


def test_a_site_that_went_back_to_the_shipped_model_goes_on_to_the_next_releases_one(tmp_path: Path) -> None:
    old = ChampionLog(tmp_path, origin="shipped-1")
    old.promote("site-1", who="A. Tester", why="fewer misses")
    old.rollback(who="A. Tester", why="more misses")
    new = ChampionLog(tmp_path, origin="shipped-2", formerly=("shipped-1",))
    assert new.champion() == "shipped-2"
    new.promote("site-1", who="A. Tester", why="fewer misses after all")
    assert new.line() == ("shipped-2", "site-1")
    assert new.rollback(who="A. Tester", why="no").version == "shipped-2"
    assert [move.former for move in new.entries()] == ["shipped-1", "site-1", "shipped-2", "site-1"]


def test_a_site_that_had_promoted_the_next_shipped_model_by_hand_is_there_already(tmp_path: Path) -> None:
    ChampionLog(tmp_path, origin="shipped-1").promote("shipped-2", who="A. Tester", why="it is better")
    new = ChampionLog(tmp_path, origin="shipped-2", formerly=("shipped-1",))
    assert new.line() == ("shipped-2",)
    new.promote("site-1", who="A. Tester", why="fewer misses")
    assert new.line() == ("shipped-2", "site-1")


def test_another_release_with_another_shipped_model_reads_the_log_of_before(tmp_path: Path) -> None:
    moved(tmp_path, "a-1")
    newer = ChampionLog(tmp_path, origin="shipped-2")
    assert newer.champion() == "a-1"
    assert newer.rollback(who="w", why="y").version == "shipped-1"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense\n", "Line 3 .* is damaged"),
        ("\n", "Line 3 .* is damaged"),
        ('{"kind": "promote"}\n', "Line 3 .* is damaged"),
        ("{}", "Line 3 .* is cut off"),
    ],
)
def test_a_damaged_line_is_named_and_nothing_is_guessed(tmp_path: Path, line: str, said: str) -> None:
    log = moved(tmp_path, "a-1", "b-1")
    with (tmp_path / LOG_FILE).open("a") as file:
        file.write(line)
    for act in (log.champion, log.entries, lambda: log.promote("c-1", who="w", why="y")):
        with pytest.raises(ModelError, match=said):
            act()


@pytest.mark.parametrize(
    ("kind", "version", "former"),
    [
        ("promote", "c-1", "shipped-1"),  # replaces one that was no champion
        ("promote", "b-1", "b-1"),
        ("rollback", "shipped-1", "b-1"),  # skips one
        ("promote", "../b", "b-1"),
    ],
)
def test_a_line_written_by_hand_that_does_not_follow_is_an_error(
    tmp_path: Path, kind: str, version: str, former: str
) -> None:
    log = moved(tmp_path, "a-1", "b-1")
    line = {"at": "2026-01-01T00:00:00+00:00", "kind": kind, "version": version, "former": former, "who": "", "why": ""}
    with (tmp_path / LOG_FILE).open("a") as file:
        file.write(json.dumps(line) + "\n")
    with pytest.raises(ModelError, match=r"does not follow|version is 1 to 64"):
        log.champion()


def test_a_log_without_its_first_lines_is_an_error(tmp_path: Path) -> None:
    log = moved(tmp_path, "a-1", "b-1", "c-1")
    lines = (tmp_path / LOG_FILE).read_text().splitlines(keepends=True)
    (tmp_path / LOG_FILE).write_text(lines[0] + lines[2])
    with pytest.raises(ModelError, match=r"Line 2 .* does not follow"):
        log.champion()


def test_a_full_disk_leaves_the_champion_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = moved(tmp_path, "a-1")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ModelError, match="champion was not changed: No space left"):
        log.promote("b-1", who="w", why="y")
    assert log.champion() == "a-1"
    assert not list(tmp_path.glob(".draft-*"))


def test_killed_at_random_moments_it_leaves_the_old_champion_or_the_new_and_a_log_that_agrees(tmp_path: Path) -> None:
    seed = random.randrange(10**6)  # noqa: S311  # moments to be killed at, no secrets
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), "200", str(seed)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, (seed, done.stderr)
    moves = int(done.stdout)
    assert moves > 20, "the kills came before anything was moved"
    assert a_log(tmp_path).promote("c-1", who="w", why="the lock of the dead is free").version == "c-1"


def test_processes_that_move_at_the_same_time_lose_no_line(tmp_path: Path) -> None:
    racers = [subprocess.Popen([sys.executable, "-c", RACING, str(tmp_path), name]) for name in ("a", "b", "c")]
    assert [racer.wait(timeout=120) for racer in racers] == [0, 0, 0]
    moves = a_log(tmp_path).entries()
    assert len(moves) == 120
    for name in ("a", "b", "c"):
        assert [m.version for m in moves if m.who == name] == [f"{name}-{number}" for number in range(40)]
