from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from cxrscreen.errors import DataSetError
from cxrscreen.settings import Settings
from cxrscreen.types import Progress
from flows import site_acceptance as module
from flows import site_artifacts
from flows.site_acceptance import site_acceptance
from tests.evaluation.evaluation_samples import evaluation, site

pytestmark = pytest.mark.filterwarnings("default")  # warnings of Prefect are not ours to mend


class _Silent:
    def __init__(self, _title: str) -> None:
        pass

    def part(self, _start: float, _end: float) -> Progress:
        return lambda *_: None

    def end(self) -> None:
        pass


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, object]:
    """Put a verdict in the place of the evaluation, and keep what would be written into the UI."""
    kept: dict[str, object] = {}

    def judge(settings: Settings, folder: Path, bundle: Path, _progress: Progress) -> SimpleNamespace:
        if folder.name == "empty":
            raise DataSetError("There is no usable radiograph in empty/covid. Put some there.")
        kept["bundle"] = bundle.name
        reports = settings.workspace / "reports"
        files = SimpleNamespace(pdf=reports / "site-acceptance-1/index.pdf")
        evaluated = SimpleNamespace(
            evaluation=evaluation(), files=SimpleNamespace(html=reports / "evaluation-1/index.html")
        )
        bias = evaluation().data.bias
        if folder.name == "refused":
            return SimpleNamespace(acceptance=site(), files=files, bias=bias, evaluated=None)
        return SimpleNamespace(acceptance=site(), files=files, bias=bias, evaluated=evaluated)

    def markdown(text: str, *, key: str, description: str) -> None:
        kept[key] = text + description

    def table(rows: list[dict[str, str]], *, key: str, description: str) -> None:
        kept[key] = [*rows, description]

    monkeypatch.setenv("CXRSCREEN_WORKSPACE", str(tmp_path / "w"))
    monkeypatch.setattr(module, "judge_site", judge)
    monkeypatch.setattr(module, "Bar", _Silent)
    monkeypatch.setattr(module, "publish_data", lambda *_, **__: None)
    monkeypatch.setattr(module, "publish_figures", lambda *_, **__: None)
    monkeypatch.setattr(site_artifacts, "create_markdown_artifact", markdown)
    monkeypatch.setattr(site_artifacts, "create_table_artifact", table)
    return kept


def test_the_state_and_the_artifacts_tell_the_verdict_and_link_the_paper(
    written: dict[str, object], tmp_path: Path
) -> None:
    state = site_acceptance.fn(f" {tmp_path} ")
    assert state.is_completed()
    assert "standard-0: unfit. " in str(state.message)
    page = str(written["site-acceptance"])
    assert "/site-acceptance-1/index.pdf" in page
    assert "/evaluation-1/index.html" in page
    assert "exchanged lungs" in page
    rows = written["site-acceptance-rules"]
    assert isinstance(rows, list)
    assert {row["outcome"] for row in rows[:-1]} == {"met", "open", "failed"}


def test_a_folder_of_which_the_model_refuses_a_class_has_a_paper_and_no_report(
    written: dict[str, object], tmp_path: Path
) -> None:
    (tmp_path / "refused").mkdir()
    assert site_acceptance.fn(str(tmp_path / "refused")).is_completed()
    page = str(written["site-acceptance"])
    assert "/site-acceptance-1/index.pdf" in page
    assert "evaluation report" not in page


def test_a_folder_that_cannot_be_judged_fails_in_words(written: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    state = site_acceptance.fn(str(tmp_path / "empty"))
    assert state.is_failed()
    assert "no usable radiograph" in str(state.message)
    assert "site-acceptance" not in written
