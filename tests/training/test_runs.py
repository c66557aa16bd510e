from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cxrscreen.classifier.bundle import save_bundle
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.registry import Registry
from cxrscreen.errors import ModelError, WorkspaceError
from cxrscreen.labelled.site import Site
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.training import runs
from cxrscreen.training.request import RetrainRequest
from cxrscreen.training.runs import Run, check_version, open_run
from tests.classifier.random_model import random_base, random_bundle


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Time stands still."""
    monkeypatch.setattr(runs, "_now", lambda: datetime(2026, 3, 1, 12, tzinfo=UTC))
    for name in ("models", "retraining"):
        (tmp_path / name).mkdir()
    return Site(
        models=tmp_path / "models",
        runs=tmp_path / "retraining",
        reports=tmp_path / "reports",
        segmenters=tmp_path / "lungs",
        cache=FeatureMapCache(tmp_path / "feature-maps", max_bytes=1),
        registry=Registry((tmp_path / "models",)),
        limits=AcceptanceLimits(min_side_pixels=300, max_pixels=64_000_000, max_aspect=2.0),
        automatic_promotion=False,
    )


def begun(site: Site, *, seed: int = 1, version: str = "") -> Run:
    request = RetrainRequest(data_folder=Path("labelled"), recipe="standard", seed=seed, version=version)
    return open_run(site, request, fingerprint="f" * 64, base_sha256="b" * 64)


def save(site: Site, run: Run) -> None:
    card, weights = random_bundle(run.version, random_base(0))
    run.about_to_save(card)
    save_bundle(site.models, card, weights)


def test_retrainings_of_one_second_make_different_versions(home: Site) -> None:
    opened = [begun(home, seed=seed) for seed in (1, 2, 3)]
    name = "standard-20260301-120000"
    assert [run.version for run in opened] == [name, f"{name}-2", f"{name}-3"]
    opened[1].let_go()
    assert begun(home, seed=2).version == f"{name}-2"


def test_a_version_that_exists_is_not_given_again(home: Site) -> None:
    save_bundle(home.models, *random_bundle("standard-20260301-120000", random_base(0)))
    assert begun(home).version == "standard-20260301-120000-2"


def test_a_run_is_held_until_it_is_let_go(home: Site) -> None:
    run = begun(home)
    with pytest.raises(WorkspaceError, match="This retraining is under way already"):
        begun(home)
    run.let_go()
    again = begun(home)
    assert again.version == run.version
    assert not again.saved


def test_a_run_that_was_closed_is_another_one_next_time(home: Site) -> None:
    run = begun(home)
    save(home, run)
    run.close()
    again = begun(home)
    assert not again.saved
    assert again.version != run.version


def test_a_run_knows_its_own_model_and_no_other_one(home: Site) -> None:
    run = begun(home, version="v1")
    run.let_go()
    save(home, run)
    check_version(home, "v1")
    again = begun(home, version="v1")
    assert again.saved
    again.let_go()
    (home.models / "v1" / "card.json").write_text(random_bundle("v1", random_base(1))[0].model_dump_json())
    with pytest.raises(ModelError, match="never overwritten"):
        check_version(home, "v1")
    with pytest.raises(ModelError, match="never overwritten"):
        begun(home, version="v1")
    assert begun(home).version == "standard-20260301-120000"


def test_a_version_may_be_named_again_once_the_run_that_was_to_make_it_is_dead(home: Site) -> None:
    first = begun(home, version="v1")
    with pytest.raises(ModelError, match="under way, will make v1"):
        begun(home, seed=2, version="v1")
    first.let_go()
    assert begun(home, seed=2, version="v1").version == "v1"


def test_a_folder_that_cannot_be_written_is_told_in_words(home: Site) -> None:
    home.runs.rmdir()
    home.runs.write_text("in the way")
    with pytest.raises(WorkspaceError, match="cannot be used"):
        begun(home)
