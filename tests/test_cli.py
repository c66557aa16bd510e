"""The command line as a script uses it: real processes, the shipped model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cxrscreen.phantom.intake import write_demonstration_intake


def cxrscreen(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cxrscreen.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=cwd)


def screened(*arguments: str | Path, cwd: Path) -> dict[str, Any]:
    done = cxrscreen("screen", *arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


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
