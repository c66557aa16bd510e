"""The command line as a script uses it: real processes, the shipped model."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cxrscreen.classifier.bundle import save_bundle
from cxrscreen.classifier.registry import SHIPPED_MODELS, Registry
from cxrscreen.cli import main
from cxrscreen.phantom.intake import write_demonstration_intake
from tests.classifier.random_model import random_base, random_bundle


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "cxrscreen.cli", *map(str, arguments)]


def cxrscreen(*arguments: str | Path, cwd: Path, columns: int = 80) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"COLUMNS": str(columns)}
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=600, check=False, cwd=cwd, env=environment
    )


def within(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Run a command in this process, where a process of its own would prove no more; return its exit code."""
    monkeypatch.setattr("sys.argv", ["cxrscreen", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def answered(*arguments: str | Path, cwd: Path) -> Any:
    done = cxrscreen(*arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def screened(*arguments: str | Path, cwd: Path) -> dict[str, Any]:
    answer: dict[str, Any] = answered("screen", *arguments, cwd=cwd)
    return answer


@pytest.fixture
def challenger(tmp_path: Path) -> str:
    """A sound model in the workspace ``w``, of which nobody has judged anything yet."""
    card, weights = random_bundle("random-1", random_base(0).rounded())
    comparison = {"champion": "standard-1", "verdict": "promote"}
    save_bundle(tmp_path / "w" / "models", card, weights, {"comparison.json": json.dumps(comparison).encode()})
    return card.version


@pytest.mark.tensorflow
def test_a_folder_gives_one_json_object_whose_sums_hold(tmp_path: Path) -> None:
    folder = tmp_path / "drawn"
    drawn = write_demonstration_intake(folder)
    answer = screened(folder, "--workspace", tmp_path / "w", cwd=tmp_path)
    outcomes = ("reported", "refused", "duplicate", "failed", "pending")
    assert answer["arrived"] == len(drawn) == sum(answer[outcome] for outcome in outcomes)
    assert answer["failed"] == answer["pending"] == 0
    assert Path(answer["batch_report"]).exists()
    assert {study["file"] for study in answer["studies"]} == {p.relative_to(folder).as_posix() for p in drawn}
    for study in answer["studies"]:
        if study["outcome"] == "reported":
            assert 0 <= study["score"] <= 1
            assert Path(study["report_html"]).exists()
            assert Path(study["report_pdf"]).exists()
        if study["outcome"] == "refused":
            assert study["reason"]
            assert study["score"] is None
    assert all(path.exists() for path in drawn)


def test_an_empty_intake_never_imports_tensorflow(tmp_path: Path) -> None:
    program = (
        "import sys; sys.argv = ['cxrscreen', 'screen', '--json', '--workspace', 'w']\n"
        "from cxrscreen.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["arrived"] == 0


def test_without_a_workspace_the_default_one_is_used_and_named(tmp_path: Path) -> None:
    done = cxrscreen("screen", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "cxrscreen-workspace" in done.stderr
    assert (tmp_path / "cxrscreen-workspace" / "intake").is_dir()


def test_a_mistake_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    done = cxrscreen("screen", tmp_path / "nowhere", "--workspace", tmp_path / "w", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("WorkspaceError: ")
    assert "Traceback" not in done.stderr


def test_wrong_usage_is_exit_code_2(tmp_path: Path) -> None:
    assert cxrscreen("screen", "--speed", "fast", cwd=tmp_path).returncode == 2


def test_models_are_listed_without_tensorflow(tmp_path: Path) -> None:
    done = cxrscreen("models", "--json", "--workspace", tmp_path / "w", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [card["version"] for card in json.loads(done.stdout) if card["champion"]] == ["standard-1"]


@pytest.mark.tensorflow
def test_the_doctor_finds_this_installation_healthy(tmp_path: Path) -> None:
    done = cxrscreen("doctor", "--json", "--workspace", tmp_path / "w", cwd=tmp_path)
    findings = json.loads(done.stdout)
    assert done.returncode == 0, findings
    assert {"model", "golden phantoms", "report fonts", "workspace"} <= {f["subject"] for f in findings}


@pytest.mark.tensorflow
def test_the_doctor_refuses_a_model_that_was_tampered_with(tmp_path: Path) -> None:
    shipped = Path(__file__).resolve().parents[1] / "deployments" / "models" / "standard-1"
    copy = tmp_path / "w" / "models" / "standard-1"
    copy.mkdir(parents=True)
    for file in shipped.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    weights = bytearray((copy / "weights.npz").read_bytes())
    weights[len(weights) // 2] ^= 1
    (copy / "weights.npz").write_bytes(weights)
    done = cxrscreen("doctor", "--json", "--workspace", tmp_path / "w", cwd=tmp_path)
    assert done.returncode == 1
    assert [f["subject"] for f in json.loads(done.stdout) if not f["healthy"]] == ["model"]


def test_screening_the_current_folder_never_makes_a_workspace_inside_it(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"no picture")
    done = cxrscreen("screen", ".", cwd=tmp_path)
    assert done.returncode == 1
    assert "WorkspaceError" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_brackets_in_a_path_are_printed_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "odd [/red] x").mkdir(parents=True)
    done = cxrscreen("screen", tmp_path / "odd [/red] x", "--workspace", tmp_path / "w [bold]", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Nothing to screen." in done.stdout


def test_an_unknown_model_is_an_error_even_where_there_is_nothing_to_screen(tmp_path: Path) -> None:
    done = cxrscreen("screen", "--model", "bogus", "--workspace", tmp_path / "w", cwd=tmp_path)
    assert done.returncode == 1
    assert "Known versions: standard-1" in done.stderr


def test_the_help_names_every_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert within(monkeypatch, "--help") == 0
    said = capsys.readouterr().out
    for name in (
        *("screen", "watch", "retrain", "evaluate", "cache", "models", "compare", "promote", "rollback"),
        *("doctor", "demo", "serve"),
    ):
        assert f" {name} " in said


def test_a_promotion_and_its_rollback_are_told_listed_and_logged(tmp_path: Path, challenger: str) -> None:
    here = ("--workspace", tmp_path / "w")
    moved = answered("promote", challenger, "--why", "fewer [red] misses", "--who", "A. Tester", *here, cwd=tmp_path)
    assert (moved["version"], moved["former"], moved["who"]) == (challenger, "standard-1", "A. Tester")
    listed = {card["version"]: card for card in answered("models", *here, cwd=tmp_path)}
    assert {version: card["champion"] for version, card in listed.items()} == {challenger: True, "standard-1": False}
    assert {version: card["verdict"] for version, card in listed.items()} == {challenger: "promote", "standard-1": None}
    back = cxrscreen("rollback", "--why", "more misses", *here, cwd=tmp_path)
    assert back.stdout.startswith(f"standard-1 screens from the next batch on, in place of {challenger}.")
    log = answered("models", "--log", *here, cwd=tmp_path)
    assert [(move["kind"], move["why"]) for move in log] == [
        ("promote", "fewer [red] misses"),
        ("rollback", "more misses"),
    ]
    assert log[1]["who"], "whoever is logged in"
    shown = cxrscreen("models", "--log", *here, cwd=tmp_path).stdout
    assert shown.index("rolled back") < shown.index("promoted")
    assert "fewer [red] misses" in shown


def test_a_move_without_a_reason_is_wrong_usage_and_an_empty_one_is_refused(tmp_path: Path, challenger: str) -> None:
    here = ("--workspace", tmp_path / "w")
    assert cxrscreen("promote", challenger, *here, cwd=tmp_path).returncode == 2
    refused = cxrscreen("promote", challenger, "--why", " ", *here, cwd=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith("ModelError: Name who moves the champion, and why")
    assert not (tmp_path / "w" / "models" / "champion.jsonl").exists()


def test_a_verdict_is_overruled_only_by_saying_so(tmp_path: Path, challenger: str) -> None:
    here = ("--workspace", tmp_path / "w")
    judged = tmp_path / "w" / "models" / challenger / "comparison.json"
    judged.write_text(json.dumps({"champion": "standard-1", "verdict": "keep"}))
    refused = cxrscreen("promote", challenger, "--why", "hope", *here, cwd=tmp_path)
    assert refused.returncode == 1
    assert "the verdict was 'keep'" in refused.stderr
    assert answered("models", *here, cwd=tmp_path)[0]["verdict"] == "keep"
    assert answered("promote", challenger, "--why", "hope", "--overrule", *here, cwd=tmp_path)["version"] == challenger
    judged.write_text("{")
    assert {card["verdict"] for card in answered("models", *here, cwd=tmp_path)} == {"damaged", None}


def test_the_list_of_models_fits_80_columns_and_marks_the_champion(tmp_path: Path, challenger: str) -> None:
    shown = cxrscreen("models", "--workspace", tmp_path / "w", cwd=tmp_path, columns=80).stdout
    assert max(map(len, shown.splitlines())) <= 80
    for said in ("* standard-1", f"  {challenger}", "standard, 2026-01-01, n 40", "0.90", "0.80-0.95", "promote"):
        assert said in shown


def test_two_cards_stand_side_by_side(
    tmp_path: Path, challenger: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("compare", "champion", challenger, "--workspace", tmp_path / "w")
    assert within(monkeypatch, *arguments) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].split() == ["standard-1", challenger]
    assert "0.900 (0.800 to 0.950)" in shown
    assert "They were tested on different radiographs" in shown
    assert within(monkeypatch, *arguments, "--json") == 0
    assert [card["version"] for card in json.loads(capsys.readouterr().out)] == ["standard-1", challenger]


def test_a_promotion_killed_at_any_moment_leaves_a_champion_and_a_log_that_agree(
    tmp_path: Path, challenger: str
) -> None:
    models = tmp_path / "w" / "models"
    registry = Registry((models, SHIPPED_MODELS))
    goals = {"standard-1": challenger, challenger: "standard-1"}

    def start() -> subprocess.Popen[bytes]:
        goal = goals[registry.champion()]
        options = ("--why", "to and fro", "--overrule", "--workspace", tmp_path / "w")
        return subprocess.Popen(command("promote", goal, *options), stdout=subprocess.DEVNULL)

    began = time.monotonic()
    assert start().wait() == 0
    whole = time.monotonic() - began
    before = registry.log()
    for _ in range(5):
        process = start()
        time.sleep(random.uniform(0.5, 1.1) * whole)  # noqa: S311  # a moment to be killed at, no secret
        process.kill()
        process.wait()
        after = registry.log()
        assert after[: len(before)] == before
        assert len(after) - len(before) <= 1
        assert registry.champion() == after[-1].version
        assert registry.card_of("champion").version in goals
        before = after
    assert start().wait() == 0


@pytest.mark.parametrize("option", [("--copies", "99"), ("--space", "nowhere.toml"), ("--seed", "-1")])
def test_a_retraining_that_cannot_be_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: tuple[str, str]
) -> None:
    assert within(monkeypatch, "retrain", tmp_path, *option, "--workspace", tmp_path / "w") == 1
    assert capsys.readouterr().err.startswith("SettingsError: ")


def test_the_cache_tells_its_size_and_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ("--workspace", tmp_path / "w")
    assert within(monkeypatch, "cache", "--json", *here) == 0
    assert json.loads(capsys.readouterr().out) == {"entries": 0, "bytes": 0, "bytes_freed": 0}
    assert within(monkeypatch, "cache", "--clear", *here) == 0
    assert capsys.readouterr().out == "0.0 MB were freed.\n0 feature maps, 0.0 MB of at most 2 GB.\n"


@pytest.mark.tensorflow
def test_from_a_labelled_folder_to_a_champion_that_screens_and_back(tmp_path: Path) -> None:
    here = ("--workspace", tmp_path / "w")
    for label, width in (("covid", 320), ("normal", 360)):
        for number in range(12):
            (tmp_path / "set" / label).mkdir(parents=True, exist_ok=True)
            coarse = np.random.default_rng(number + width).integers(0, 256, size=(80, 80)).astype(np.uint8)
            assert cv2.imwrite(str(tmp_path / "set" / label / f"{number}.png"), cv2.resize(coarse, (width, 320)))
    (tmp_path / "set" / "covid" / "notes.txt").write_text("no picture")

    made = answered("retrain", tmp_path / "set", "--version", "site-1", *here, cwd=tmp_path)
    assert made["version"] == made["card"]["version"] == "site-1"
    assert made["verdict"] in ("promote", "keep", "cannot tell")
    assert made["reasons"]
    assert not made["promoted"]
    assert Path(made["report_html"]).exists()
    assert Path(made["report_pdf"]).exists()

    found = answered("evaluate", tmp_path / "set", "--model", "site-1", *here, cwd=tmp_path)
    assert (found["model"], found["n"], found["positives"], found["refused"]) == ("site-1", 24, 12, 1)
    assert found["seen"] == made["card"]["folds"]["n"]
    assert found["operating_point"] == made["card"]["operating_point"]["threshold"]
    for figure in ("auc", "sensitivity", "specificity"):
        low, high = found[f"{figure}_ci"]
        assert 0 <= low <= found[figure] <= high <= 1
    assert len(found["files"]) == 24
    assert {row["label"] for row in found["files"]} == {"covid", "normal"}
    caught = sum(row["score"] >= found["operating_point"] for row in found["files"] if row["label"] == "covid")
    assert found["sensitivity"] == caught / 12

    answered("promote", "site-1", "--why", "a trial", "--overrule", *here, cwd=tmp_path)
    assert screened(tmp_path / "set" / "covid", *here, cwd=tmp_path)["model"] == "site-1"
    answered("rollback", "--why", "the trial is over", *here, cwd=tmp_path)
    assert screened(tmp_path / "set" / "normal", *here, cwd=tmp_path)["model"] == "standard-1"
    cleared = answered("cache", "--clear", *here, cwd=tmp_path)
    assert cleared["entries"] == 0
    assert cleared["bytes_freed"] > 24 * 7 * 7 * 512 * 4
