"""What the page of a digest says of drift."""

from __future__ import annotations

from cxrscreen.reporting.digest import CheckedInstallation, ComparedQuantity, Digest, DriftCheck
from cxrscreen.reporting.digest_page import compose_digest_page
from cxrscreen.reporting.words import load_words

ENGLISH = load_words("en")
DRIFT = DriftCheck(
    model="standard-2",
    referenced=True,
    first_day="2026-03-01",
    last_day="2026-03-04",
    radiographs=80,
    quantities=(
        ComparedQuantity(quantity="scores", n=80, reference_n=213, psi=0.61, p=1e-9, difference=0.4, drifted=True),
        ComparedQuantity(quantity="lung_shares", n=80, reference_n=213, psi=0.7, p=1e-9, difference=0.5, drifted=True),
    ),
    prevalence=None,
    best_share=0.31,
)


def summary(drift: DriftCheck | None, **changes: object) -> str:
    digest = Digest(
        date="2026-03-05",
        since=None,
        until="2026-03-05T06:00:00+07:00",
        site="",
        phantoms=False,
        must_act=(),
        counts={"reported": 80},
        under_way=0,
        in_intake=0,
        places=(),
        files_checked=80,
        disagreements=(),
        failed=(),
        waiting=(),
        refused=(),
        studies=80,
        flagged=(),
        batches=(),
        model="standard-2",
        model_verified=True,
        moves=(),
        self_test=CheckedInstallation(at="2026-03-05T06:00:00+07:00", healthy=True, failed=()),
        drift=drift,
        free_bytes=2**30,
        folder_bytes={},
    ).model_copy(update=changes)
    return compose_digest_page(digest, ENGLISH).drift_summary


def test_what_has_drifted_is_named_in_words() -> None:
    assert "by much, in scores; activation on the lungs, over chance." in summary(DRIFT)


def test_the_share_that_days_are_held_against_is_told_with_where_it_comes_from() -> None:
    assert "as if it were 31\u00a0%, which fits the scores best" in summary(DRIFT)
    told = summary(DRIFT.model_copy(update={"prevalence": 0.05}))
    assert "as if 5\u00a0% of the card's radiographs showed COVID-19" in told
    assert "fits the scores best" not in told
    assert "as if" not in summary(DRIFT.model_copy(update={"quantities": ()}))


def test_a_workspace_without_an_intake_is_told_that_nothing_was_compared() -> None:
    assert "No radiograph of the intake was screened yet" in summary(None)
    assert summary(None, phantoms=True) == ""
    assert summary(None, compared=False) == ""
