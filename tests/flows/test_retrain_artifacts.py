"""What a bar does while its server fails, and what the promotion card says."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.evaluation.result import Comparison, Verdict
from flows import growing_artifacts, training_artifacts
from flows.growing_artifacts import Bar
from flows.training_artifacts import promotion_card

pytestmark = pytest.mark.filterwarnings("default")  # warnings of Prefect are not ours to mend


class Shown(list[tuple[float, str]]):
    """Stands in for the server's side of a bar."""

    fails = False

    def update(self, _artifact: object, percent: float, *, description: str) -> None:
        if self.fails:
            raise httpx.ConnectError("refused")
        self.append((percent, description))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    shown = Shown()
    monkeypatch.setattr(growing_artifacts, "create_progress_artifact", lambda *_, **__: uuid4())
    monkeypatch.setattr(growing_artifacts, "update_progress_artifact", shown.update)
    return shown


@pytest.mark.usefixtures("shown")
def test_a_server_that_is_gone_for_a_moment_does_not_end_the_run(shown: Shown) -> None:
    bar = Bar("Retraining")
    shown.fails = True
    bar.part(0, 50)("reading", 10, 10)
    shown.fails = False
    bar.end()
    assert shown == [(100.0, "Retraining: done")]


def test_each_step_fills_its_share_and_the_server_is_not_flooded(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(growing_artifacts.time, "monotonic", lambda: 0.1 * next(clock))
    progress = Bar("Retraining").part(50, 90)
    for done in range(1, 101):
        progress("feature maps", done, 100)
    assert 2 < len(shown) < 12
    assert shown[-1] == (90.0, "Retraining: feature maps, 100 of 100")
    assert all(50 < percent <= 90 for percent, _ in shown)


def compared(verdict: Verdict) -> Comparison:
    difference = Estimate(value=0.02, low=-0.01, high=0.05, n=54, method="paired bootstrap by patient, 2000 draws")
    return Comparison(
        champion="standard-1",
        challenger="new",
        n=54,
        positives=27,
        patients=50,
        seen_by_champion=3,
        auc=difference,
        sensitivity=difference,
        specificity=difference,
        brier=difference,
        verdict=verdict,
        reasons=("Because it is so.",),
    )


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
    card = promotion_card(compared(verdict), "new", promoted=promoted)
    assert card.startswith(f"## Promotion: {verdict}\n\nAgainst standard-1, on 54 radiographs of 50 patients:")
    assert "- Because it is so." in card
    assert said in card
    assert unsaid not in card
