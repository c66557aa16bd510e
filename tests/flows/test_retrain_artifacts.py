"""What is shown of a run while its server fails, and what is said of a promotion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from prefect.exceptions import ObjectNotFound

from cxrscreen.classifier.registry import SHIPPED_MODELS, Registry
from cxrscreen.errors import WorkspaceError
from cxrscreen.evaluation.page import EvaluationFiles
from cxrscreen.settings import load_settings
from flows import growing_artifacts, training_artifacts
from flows.growing_artifacts import Bar, SearchTable
from flows.training_artifacts import (
    link_faults,
    promotion_card,
    publish_champions,
    publish_comparison,
    publish_data,
    publish_figures,
    publish_report,
    which_screens,
)
from tests.evaluation.evaluation_samples import BIAS, COMPARISON, evaluation, grid_point, made_up_search

pytestmark = pytest.mark.filterwarnings("default")  # warnings of Prefect are not ours to mend


GONE = httpx.ConnectError("refused")
DELETED = ObjectNotFound(httpx.HTTPError("404"))  # by a person, in the UI


class Shown(list[tuple[float, str]]):
    """Stands in for the server's side of a bar."""

    failure: Exception | None = None

    def update(self, _artifact: object, percent: float, *, description: str) -> None:
        if self.failure:
            raise self.failure
        self.append((percent, description))


def failing(failure: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise failure

    return fail


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    shown = Shown()
    monkeypatch.setattr(growing_artifacts, "create_progress_artifact", lambda *_, **__: uuid4())
    monkeypatch.setattr(growing_artifacts, "update_progress_artifact", shown.update)
    return shown


@pytest.mark.parametrize("failure", [GONE, DELETED])
def test_a_bar_that_cannot_be_shown_for_a_moment_does_not_end_the_run(shown: Shown, failure: Exception) -> None:
    bar = Bar("Retraining")
    shown.failure = failure
    bar.part(0, 50)("reading", 10, 10)
    shown.failure = None
    bar.end()
    assert shown == [(100.0, "Retraining: done")]


@pytest.mark.parametrize("failure", [GONE, DELETED])
def test_what_cannot_be_shown_at_all_is_logged_in_words_and_does_not_end_the_run(
    shown: Shown, failure: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    for artifacts in (growing_artifacts, training_artifacts):
        for kind in ("progress", "table", "markdown"):
            monkeypatch.setattr(artifacts, f"create_{kind}_artifact", failing(failure), raising=False)
    settings, evaluated = load_settings(tmp_path), evaluation()
    files = EvaluationFiles(*(tmp_path / "reports" / "r" / name for name in ("i.html", "i.pdf", "e.json")))
    registry = Registry([tmp_path, SHIPPED_MODELS])
    monkeypatch.setattr(registry, "log", failing(WorkspaceError("The log cannot be read.")))

    bar = Bar("Retraining")
    bar.part(0, 50)("reading", 10, 10)
    bar.end()
    SearchTable(1).add(made_up_search().points)
    publish_data(BIAS, run="retrain")
    publish_figures(evaluated, run="retrain")
    publish_comparison(COMPARISON)
    publish_report(settings, evaluated, files, run="retrain", after="")
    publish_champions(registry)
    link_faults(settings, files.html, "Mend it.")

    assert shown == []
    said = [record.getMessage() for record in caplog.records if record.name == "cxrscreen.publishing"]
    assert len(said) == 8
    assert f"Prefect could not be shown the links to the report ({type(failure).__name__}). The run goes on." in said


def test_a_growing_table_that_was_deleted_does_not_end_the_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(growing_artifacts, "create_table_artifact", lambda *_, **__: uuid4())
    monkeypatch.setattr(growing_artifacts, "get_client", failing(DELETED))
    table = SearchTable(2)
    for stage in ("coarse", "fine"):
        table.add([grid_point(stage, 0.1, 5, 10)])
    (said,) = caplog.messages
    assert "the table of the search (ObjectNotFound)" in said


def test_a_bar_never_goes_down_while_the_steps_of_one_part_follow_each_other(shown: Shown) -> None:
    part = Bar("Retraining").part(0, 10)
    part("reading", 10, 10)
    part("look-alikes", 0, 0)
    part("shortcuts", 1, 1)
    assert [percent for percent, _ in shown] == [10.0, 10.0, 10.0]
    assert shown[-1] == (10.0, "Retraining: shortcuts, 1 of 1")


def test_each_step_fills_its_share_and_the_server_is_not_flooded(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(growing_artifacts.time, "monotonic", lambda: 0.1 * next(clock))
    progress = Bar("Retraining").part(50, 90)
    for done in range(1, 101):
        progress("feature maps", done, 100)
    assert 2 < len(shown) < 12
    assert shown[-1] == (90.0, "Retraining: feature maps, 100 of 100")
    assert all(50 < percent <= 90 for percent, _ in shown)


@pytest.mark.parametrize(
    ("verdict", "promoted", "said", "unsaid"),
    [
        ("promote", True, "It has been promoted", "promote it"),
        ("promote", False, "may run `promote`.", "overruled"),
        ("keep", False, "where the verdict has to be overruled", "has been promoted"),
        ("cannot tell", False, "where the verdict has to be overruled", "has been promoted"),
    ],
)
def test_the_promotion_card_says_what_a_person_can_do_now(
    *,
    verdict: Any,
    promoted: bool,
    said: str,
    unsaid: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training_artifacts, "_promotion", lambda _version: "run `promote`")
    comparison = COMPARISON.model_copy(update={"verdict": verdict})
    card = promotion_card(comparison, "standard-0", promoted=promoted)
    assert card.startswith(f"## Promotion: {verdict}\n\nAgainst standard-2, on 53 radiographs of 40 patients:")
    assert f"- {COMPARISON.reasons[0]}\n- " in card
    assert said in card
    assert unsaid not in card


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("champion", ""),
        ("standard-2", " But the settings name standard-2: that one screens until they say 'champion' again."),
    ],
)
def test_a_champion_is_not_said_to_screen_where_the_settings_name_another_model(
    model: str, said: str, tmp_path: Path
) -> None:
    assert which_screens(load_settings(tmp_path, model=model)) == said
