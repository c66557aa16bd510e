from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from cxrscreen.classifier.bundle import save_bundle
from cxrscreen.evaluation.result import Comparison
from cxrscreen.labelled.site import Site
from cxrscreen.training.promotion import promoted_by_itself
from tests.classifier.random_model import random_base, random_bundle


def compared(verdict: str, champion: str = "v1") -> Comparison:
    return Comparison(
        champion=champion,
        challenger="v2",
        n=0,
        positives=0,
        patients=0,
        seen_by_champion=0,
        auc=None,
        sensitivity=None,
        specificity=None,
        brier=None,
        verdict=verdict,  # type: ignore[arg-type]  # one of the three
        reasons=("It is better.",),
    )


def scored(looks: int) -> Any:  # stands for an evaluation, of which nothing else counts
    return SimpleNamespace(looks=looks)


@pytest.fixture
def judged(site: Site, request: pytest.FixtureRequest) -> tuple[Site, Comparison]:
    """A site with the champion v1 and the challenger v2."""
    comparison, base = compared(request.param), random_base(0)
    save_bundle(site.models, *random_bundle("v1", base))
    save_bundle(site.models, *random_bundle("v2", base), {"comparison.json": comparison.model_dump_json().encode()})
    site.registry.promote("v1", who="A person", why="The first.", overrule=True)
    return replace(site, automatic_promotion=True), comparison


@pytest.mark.parametrize("judged", ["promote"], indirect=True)
def test_a_good_verdict_at_the_first_look_promotes(judged: tuple[Site, Comparison]) -> None:
    site, comparison = judged
    assert promoted_by_itself(site, scored(0), comparison)
    assert site.registry.champion() == "v2"
    assert site.registry.log()[-1].who == "automatic"
    moves = site.registry.log()
    assert promoted_by_itself(site, scored(0), comparison), "asked again after a crash"
    assert site.registry.log() == moves


@pytest.mark.parametrize("judged", ["promote"], indirect=True)
def test_a_good_verdict_at_a_later_look_is_left_to_a_person(
    judged: tuple[Site, Comparison], caplog: pytest.LogCaptureFixture
) -> None:
    site, comparison = judged
    assert not promoted_by_itself(site, scored(1), comparison)
    assert site.registry.champion() == "v1"
    assert "v2 is not promoted by itself" in caplog.text


@pytest.mark.parametrize("judged", ["keep", "cannot tell"], indirect=True)
def test_another_verdict_promotes_nobody(judged: tuple[Site, Comparison]) -> None:
    site, comparison = judged
    assert not promoted_by_itself(site, scored(0), comparison)
    assert not promoted_by_itself(site, scored(0), None)
    assert site.registry.champion() == "v1"


@pytest.mark.parametrize("judged", ["promote"], indirect=True)
def test_a_site_that_does_not_allow_it_promotes_nobody(judged: tuple[Site, Comparison]) -> None:
    site, comparison = judged
    assert not promoted_by_itself(replace(site, automatic_promotion=False), scored(0), comparison)
    assert site.registry.champion() == "v1"


@pytest.mark.parametrize("judged", ["promote"], indirect=True)
def test_a_champion_that_changed_meanwhile_leaves_it_to_a_person(
    judged: tuple[Site, Comparison], caplog: pytest.LogCaptureFixture
) -> None:
    site, comparison = judged
    save_bundle(site.models, *random_bundle("v3", random_base(0)))
    site.registry.promote("v3", who="A person", why="The second.", overrule=True)
    assert not promoted_by_itself(site, scored(0), comparison)
    assert site.registry.champion() == "v3"
    assert "the champion is now v3" in caplog.text
