"""The command line as a script uses it: real processes, the shipped model."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cxrscreen.classifier.bundle import save_bundle
from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION, Registry
from cxrscreen.cli import main
from cxrscreen.phantom.thorax import draw_thorax
from cxrscreen.screening.stopped import note_stop, stop_of
from tests.classifier.random_model import random_base, random_bundle

EACH = 10  # radiographs of either class; no fewer can be trained on


@pytest.fixture(autouse=True)
def _without_waiting_for_files_to_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXRSCREEN_SETTLE_SECONDS", "0")


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


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """A function that runs a command with --json in this process and returns its answer."""

    def asked(*arguments: str | Path) -> Any:
        assert within(monkeypatch, *arguments, "--json") == 0
        return json.loads(capfd.readouterr().out)

    return asked


def answered(*arguments: str | Path, cwd: Path) -> Any:
    done = cxrscreen(*arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def challenger(tmp_path: Path) -> str:
    """A sound model in the workspace ``w``, of which nobody has judged anything yet."""
    card, weights = random_bundle("random-1", random_base(0).rounded())
    comparison = {"champion": "standard-2", "verdict": "promote"}
    save_bundle(tmp_path / "w" / "models", card, weights, {"comparison.json": json.dumps(comparison).encode()})
    return card.version


@pytest.mark.tensorflow
def test_a_folder_gives_one_json_object_whose_sums_hold(tmp_path: Path) -> None:
    phantom = cv2.imencode(".png", (draw_thorax(9, rows=400, columns=400) >> 4).astype(np.uint8))[1].tobytes()
    drawn = {"a.png": phantom, "ward-1/again.png": phantom, "cut.png": phantom[:5000], "notes.txt": b"no picture"}
    folder = tmp_path / "drawn"
    (folder / "ward-1").mkdir(parents=True)
    for name, content in drawn.items():
        (folder / name).write_bytes(content)
    answer = answered("screen", folder, "--workspace", tmp_path / "w", cwd=tmp_path)
    outcomes = ("reported", "refused", "duplicate", "failed", "pending")
    assert [answer[outcome] for outcome in outcomes] == [1, 2, 1, 0, 0]
    assert answer["arrived"] == len(drawn)
    assert Path(answer["batch_report"]).exists()
    assert {study["file"] for study in answer["studies"]} == set(drawn)
    for study in answer["studies"]:
        if study["outcome"] == "reported":
            assert 0 <= study["score"] <= 1
            assert Path(study["report_html"]).exists()
            assert Path(study["report_pdf"]).exists()
        if study["outcome"] == "refused":
            assert study["reason"]
            assert study["score"] is None
    assert all((folder / name).exists() for name in drawn)


@pytest.mark.parametrize("words", [["screen"], ["models"], ["cache"]])
def test_what_computes_nothing_never_imports_tensorflow(tmp_path: Path, words: list[str]) -> None:
    program = (
        f"import sys; sys.argv = ['cxrscreen', *{words}, '--json', '--workspace', 'w']\n"
        "from cxrscreen.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)


def test_without_a_workspace_the_default_one_is_used_and_named(tmp_path: Path) -> None:
    done = cxrscreen("screen", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "cxrscreen-workspace" in done.stderr
    assert (tmp_path / "cxrscreen-workspace" / "intake").is_dir()


def test_a_mistake_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    done = cxrscreen("screen", tmp_path / "nowhere", "--workspace", tmp_path / "w", cwd=tmp_path)
    assert done.returncode == 1
    new, mistake = done.stderr.splitlines()
    assert new.startswith("A new workspace was made in ")
    assert mistake.startswith("WorkspaceError: ")
    assert "Traceback" not in done.stderr


def test_wrong_usage_is_exit_code_2(monkeypatch: pytest.MonkeyPatch) -> None:
    assert within(monkeypatch, "screen", "--speed", "fast") == 2


def test_without_any_promotion_the_shipped_model_is_the_champion(tmp_path: Path, ask: Callable[..., Any]) -> None:
    listed = ask("models", "--workspace", tmp_path / "w")
    assert [card["version"] for card in listed if card["champion"]] == ["standard-2"]


@pytest.mark.tensorflow
def test_the_doctor_finds_this_installation_healthy(tmp_path: Path, ask: Callable[..., Any]) -> None:
    findings = ask("doctor", "--workspace", tmp_path / "w")
    assert {"model", "golden phantoms", "report fonts", "workspace"} <= {f["subject"] for f in findings}


@pytest.mark.tensorflow
def test_the_doctor_refuses_a_model_that_was_tampered_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "w" / "models" / SHIPPED_VERSION
    shutil.copytree(SHIPPED_MODELS / SHIPPED_VERSION, copy)
    weights = bytearray((copy / "weights.npz").read_bytes())
    weights[len(weights) // 2] ^= 1
    (copy / "weights.npz").write_bytes(weights)
    assert within(monkeypatch, "doctor", "--json", "--workspace", tmp_path / "w") == 1
    assert [f["subject"] for f in json.loads(capfd.readouterr().out) if not f["healthy"]] == ["model"]


def test_screening_the_current_folder_never_makes_a_workspace_inside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_bytes(b"no picture")
    monkeypatch.chdir(tmp_path)
    assert within(monkeypatch, "screen", ".") == 1
    assert "WorkspaceError" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_brackets_in_a_path_are_printed_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd [/red] x").mkdir(parents=True)
    assert within(monkeypatch, "screen", tmp_path / "odd [/red] x", "--workspace", tmp_path / "w [bold]") == 0
    assert "Nothing to screen." in capfd.readouterr().out


def test_an_unknown_model_is_an_error_even_where_there_is_nothing_to_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert within(monkeypatch, "screen", "--model", "bogus", "--workspace", tmp_path / "w") == 1
    assert "Known versions: standard-2" in capfd.readouterr().err


def test_a_demonstration_is_its_owners_alone(tmp_path: Path) -> None:
    program = (
        "import os, sys; os.umask(0o022); from pathlib import Path; from cxrscreen.cli import installation;"
        "installation._run_script = installation.prepare_demonstration = lambda *_: (Path(sys.argv[1]).touch(), [])[1];"
        "installation.demo(workspace=Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "made")], check=True, capture_output=True)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


def test_the_help_names_every_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert within(monkeypatch, "--help") == 0
    said = capsys.readouterr().out
    for name in (
        *("screen", "watch", "retrain", "evaluate", "train-lungs", "cache", "models", "compare", "promote", "rollback"),
        *("doctor", "demo", "serve", "site-acceptance"),
    ):
        assert f" {name} " in said


def test_a_promotion_and_its_rollback_are_told_listed_and_logged(
    tmp_path: Path,
    challenger: str,
    ask: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    here = ("--workspace", tmp_path / "w")
    moved = ask("promote", challenger, "--why", "fewer [red] misses", "--who", "A. Tester", *here)
    assert (moved["version"], moved["former"], moved["who"]) == (challenger, "standard-2", "A. Tester")
    listed = {card["version"]: card for card in ask("models", *here)}
    assert {version: card["champion"] for version, card in listed.items()} == {challenger: True, "standard-2": False}
    verdicts = {version: card["verdict"] for version, card in listed.items()}
    assert verdicts == {challenger: "promote", "standard-2": "cannot tell"}
    assert within(monkeypatch, "rollback", "--why", "more misses", *here) == 0
    said = capfd.readouterr().out
    assert said.startswith(f"standard-2 screens from the next batch on, in place of {challenger}.")
    log = ask("models", "--log", *here)
    assert [(move["kind"], move["why"]) for move in log] == [
        ("promote", "fewer [red] misses"),
        ("rollback", "more misses"),
    ]
    assert log[1]["who"], "whoever is logged in"
    assert within(monkeypatch, "models", "--log", *here) == 0
    shown = capfd.readouterr().out
    assert shown.index("rolled back") < shown.index("promoted")
    assert "fewer [red] misses" in shown


def test_what_once_stopped_a_model_is_past_when_it_is_made_the_champion_anew(
    tmp_path: Path, challenger: str, ask: Callable[..., Any]
) -> None:
    root = tmp_path / "w"
    note_stop(root, "standard-2", "another library")
    ask("promote", challenger, "--why", "a trial", "--workspace", root)
    assert stop_of(root) is not None  # of another model, which has still failed
    ask("rollback", "--why", "the libraries are mended", "--workspace", root)
    assert stop_of(root) is None
    note_stop(root, challenger, "another library")
    ask("promote", challenger, "--why", "mended again", "--workspace", root)
    assert stop_of(root) is None


def test_where_the_settings_name_a_version_no_other_is_said_to_screen(
    tmp_path: Path, challenger: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CXRSCREEN_MODEL", "standard-2")
    here = ("--workspace", tmp_path / "w")
    for words in (("promote", challenger, "--why", "a trial"), ("models",), ("rollback", "--why", "its end")):
        assert within(monkeypatch, *words, *here) == 0
        said = " ".join(capfd.readouterr().out.split())
        assert "the settings name standard-2: that one screens until they say 'champion' again" in said
        assert "from the next batch on" not in said
        assert "* screens" not in said


def test_a_move_without_a_reason_is_wrong_usage_and_an_empty_one_is_refused(
    tmp_path: Path, challenger: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    here = ("--workspace", tmp_path / "w")
    assert within(monkeypatch, "promote", challenger, *here) == 2
    capfd.readouterr()
    assert within(monkeypatch, "promote", challenger, "--why", " ", *here) == 1
    assert capfd.readouterr().err.startswith("ModelError: Name who moves the champion, and why")
    assert not (tmp_path / "w" / "models" / "champion.jsonl").exists()


def test_a_verdict_is_overruled_only_by_saying_so(
    tmp_path: Path,
    challenger: str,
    ask: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    here = ("--workspace", tmp_path / "w")
    judged = tmp_path / "w" / "models" / challenger / "comparison.json"
    judged.write_text(json.dumps({"champion": "standard-2", "verdict": "keep"}))
    assert within(monkeypatch, "promote", challenger, "--why", "hope", *here) == 1
    assert "the verdict was 'keep'" in capfd.readouterr().err
    assert ask("models", *here)[0]["verdict"] == "keep"
    assert ask("promote", challenger, "--why", "hope", "--overrule", *here)["version"] == challenger
    judged.write_text("{")
    assert {card["verdict"] for card in ask("models", *here)} == {"damaged", "cannot tell"}


def test_the_list_of_models_fits_80_columns_and_marks_the_champion(tmp_path: Path, challenger: str) -> None:
    shown = cxrscreen("models", "--workspace", tmp_path / "w", cwd=tmp_path, columns=80).stdout
    assert max(map(len, shown.splitlines())) <= 80
    for said in ("* standard-2", f"  {challenger}", "standard, 2026-01-01, n 40", "0.90", "0.80-0.95", "promote"):
        assert said in shown


def test_two_cards_stand_side_by_side(
    tmp_path: Path, challenger: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("compare", "champion", challenger, "--workspace", tmp_path / "w")
    assert within(monkeypatch, *arguments) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].split() == ["standard-2", challenger]
    assert "0.900 (0.800 to 0.950)" in shown
    assert "They were tested on different radiographs" in shown
    assert within(monkeypatch, *arguments, "--json") == 0
    assert [card["version"] for card in json.loads(capsys.readouterr().out)] == ["standard-2", challenger]


def test_a_promotion_killed_at_any_moment_leaves_a_champion_and_a_log_that_agree(
    tmp_path: Path, challenger: str
) -> None:
    models = tmp_path / "w" / "models"
    registry = Registry((models, SHIPPED_MODELS))
    goals = {"standard-2": challenger, challenger: "standard-2"}

    def start() -> subprocess.Popen[bytes]:
        goal = goals[registry.champion()]
        options = ("--why", "to and fro", "--overrule", "--workspace", tmp_path / "w")
        return subprocess.Popen(command("promote", goal, *options), stdout=subprocess.DEVNULL)

    began = time.monotonic()
    assert start().wait() == 0
    whole = time.monotonic() - began
    before = registry.log()
    for _ in range(2):  # the log has a test of its own with many kills; this is the whole command
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


def test_a_space_to_search_and_no_search_are_not_asked_for_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ("--workspace", tmp_path / "w")
    assert within(monkeypatch, "retrain", tmp_path, "--no-search", "--space", "space.toml", *here) == 1
    assert "Leave one of them out" in capsys.readouterr().err


def test_a_retraining_cannot_take_the_place_of_the_shipped_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ("--workspace", tmp_path / "w")
    assert within(monkeypatch, "retrain", tmp_path, "--version", SHIPPED_VERSION, *here) == 1
    assert capsys.readouterr().err.startswith("ModelError: standard-2 is the name of a shipped model")


def test_the_cache_tells_its_size_and_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ("--workspace", tmp_path / "w")
    assert within(monkeypatch, "cache", "--json", *here) == 0
    assert json.loads(capsys.readouterr().out) == {"entries": 0, "bytes": 0, "bytes_freed": 0}
    assert within(monkeypatch, "cache", "--clear", *here) == 0
    assert capsys.readouterr().out == "0.0 MB were freed.\n0 feature maps, 0.0 MB of at most 2 GB.\n"


@dataclass(frozen=True)
class Trained:
    """A labelled folder with a copy and a file that is no picture, and what ``retrain --json`` made of it."""

    folder: Path
    workspace: Path
    made: dict[str, Any]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Takes half a minute, so all tests share it; none leaves another champion behind."""
    root = tmp_path_factory.mktemp("trained")
    for label, width in (("covid", 320), ("normal", 360)):
        (root / "set" / label).mkdir(parents=True)
        for number in range(EACH):
            coarse = np.random.default_rng(number + width).integers(0, 256, size=(80, 80)).astype(np.uint8)
            assert cv2.imwrite(str(root / "set" / label / f"{number}.png"), cv2.resize(coarse, (width, 320)))
    shutil.copy(root / "set" / "covid" / "0.png", root / "set" / "covid" / "again.png")
    (root / "set" / "covid" / "notes.txt").write_text("no picture")
    words = ("retrain", root / "set", "--recipe", "standard", "--version", "site-1", "--workspace", root / "w")
    return Trained(root / "set", root / "w", answered(*words, cwd=root))


@pytest.mark.tensorflow
def test_a_retraining_answers_with_a_judged_model_that_nobody_has_promoted(trained: Trained) -> None:
    made = trained.made
    assert made["version"] == made["card"]["version"] == "site-1"
    assert made["verdict"] in ("promote", "keep", "cannot tell")
    assert made["reasons"]
    assert not made["promoted"]
    assert Path(made["report_html"]).exists()
    assert Path(made["report_pdf"]).exists()


@pytest.mark.tensorflow
def test_an_evaluation_is_one_json_object_even_where_files_are_left_out(trained: Trained, tmp_path: Path) -> None:
    here, card = ("--workspace", trained.workspace), trained.made["card"]
    found = answered("evaluate", trained.folder, "--model", "site-1", *here, cwd=tmp_path)
    assert (found["model"], found["n"], found["positives"]) == ("site-1", 2 * EACH, EACH)
    assert (found["refused"], found["copies"]) == (1, 1)
    assert found["seen"] == card["folds"]["n"]
    assert found["operating_point"] == card["operating_point"]["threshold"]
    for figure in ("auc", "sensitivity", "specificity"):
        low, high = found[f"{figure}_ci"]
        assert 0 <= low <= found[figure] <= high <= 1
    assert len(found["files"]) == 2 * EACH
    assert {row["label"] for row in found["files"]} == {"covid", "normal"}
    caught = sum(row["score"] >= found["operating_point"] for row in found["files"] if row["label"] == "covid")
    assert found["sensitivity"] == caught / EACH


@pytest.mark.tensorflow
def test_a_promoted_model_screens_and_after_the_rollback_the_shipped_one_does(
    trained: Trained, tmp_path: Path, ask: Callable[..., Any]
) -> None:
    here = ("--workspace", trained.workspace)
    for label in ("covid", "normal"):
        (tmp_path / label).mkdir()
        shutil.copy(trained.folder / label / "0.png", tmp_path / label)
    ask("promote", "site-1", "--why", "a trial", "--overrule", *here)
    assert ask("screen", tmp_path / "covid", *here)["model"] == "site-1"
    ask("rollback", "--why", "the trial is over", *here)
    assert ask("screen", tmp_path / "normal", *here)["model"] == "standard-2"


@pytest.mark.tensorflow
def test_the_feature_maps_of_a_retraining_are_kept_until_they_are_cleared(
    trained: Trained, ask: Callable[..., Any]
) -> None:
    cleared = ask("cache", "--clear", "--workspace", trained.workspace)
    assert cleared["entries"] == 0
    assert cleared["bytes_freed"] > 2 * EACH * 7 * 7 * 512 * 4
