from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.bundle import digest, save_bundle
from cxrscreen.classifier.card import GoldenScore
from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION, Registry
from cxrscreen.errors import ModelError
from tests.classifier.random_model import card_for, random_bundle
from tests.evaluation.evaluation_samples import COMPARISON

WEIGHTS = b"cards are read without looking at the weights"


def put(models: Path, *versions: str) -> Path:
    for version in versions:
        save_bundle(models, card_for(version, digest(WEIGHTS)), WEIGHTS)
    return models


@pytest.fixture
def site(saved: Path, tmp_path: Path) -> Path:
    """A site's folder of models that holds the sound version "random-1"."""
    return Path(shutil.copytree(saved, tmp_path / "site"))


def judge(bundle: Path, verdict: str, champion: str = SHIPPED_VERSION) -> None:
    (bundle / "comparison.json").write_text(json.dumps({"champion": champion, "verdict": verdict, "n": 53}))


def test_cards_of_all_folders_are_listed_by_version(tmp_path: Path) -> None:
    registry = Registry([put(tmp_path / "a", "v3", "v1"), put(tmp_path / "b", "v2"), tmp_path / "nowhere"])
    assert [card.version for card in registry.cards()] == ["v1", "v2", "v3"]
    assert registry.card_of("v2").version == "v2"


def test_an_earlier_folder_outranks_a_later_one(tmp_path: Path) -> None:
    registry = Registry([put(tmp_path / "a", "v1"), put(tmp_path / "b", "v1")])
    assert registry.folder_of("v1") == tmp_path / "a" / "v1"
    assert len(registry.cards()) == 1


def test_a_half_written_version_is_not_listed(tmp_path: Path) -> None:
    put(tmp_path, "v1")
    partial = (tmp_path / "v1").rename(tmp_path / ".partial-abc")
    (tmp_path / "v2").mkdir()
    (tmp_path / "v2" / "weights.npz").write_bytes(b"")
    assert partial.is_dir()
    assert Registry([tmp_path]).cards() == []
    with pytest.raises(ModelError, match="Known versions: none"):
        Registry([tmp_path]).folder_of("v2")


def test_a_damaged_card_is_logged_and_hides_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path, "v1", "v2")
    (tmp_path / "v1" / "card.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        assert [card.version for card in Registry([tmp_path]).cards()] == ["v2"]
    assert "v1 is damaged" in caplog.text
    with pytest.raises(ModelError, match="damaged"):
        Registry([tmp_path]).card_of("v1")


def test_a_renamed_folder_does_not_pass_for_another_version(tmp_path: Path) -> None:
    (put(tmp_path, "v1") / "v1").rename(tmp_path / "v9")
    with pytest.raises(ModelError, match="holds the model v1"):
        Registry([tmp_path]).card_of("v9")


def test_the_champion_is_the_one_that_the_first_folders_log_names_last(site: Path) -> None:
    registry = Registry([site, SHIPPED_MODELS])
    registry.promote("random-1", who="A. Tester", why="trial", overrule=True)
    assert registry.champion() == "random-1"
    assert registry.card_of("champion").version == "random-1"
    assert Registry([SHIPPED_MODELS, site]).champion() == SHIPPED_VERSION
    registry.rollback(who="A. Tester", why="end of the trial")
    assert registry.champion() == SHIPPED_VERSION
    assert [(move.kind, move.version, move.former) for move in registry.log()] == [
        ("promote", "random-1", SHIPPED_VERSION),
        ("rollback", SHIPPED_VERSION, "random-1"),
    ]


def test_without_any_move_the_shipped_version_is_meant(tmp_path: Path) -> None:
    assert Registry([tmp_path]).champion() == SHIPPED_VERSION
    assert Registry([tmp_path]).log() == ()


def test_a_champion_that_is_gone_is_an_error_and_no_other_model_steps_in(site: Path) -> None:
    put(site, "v1")
    Registry([site]).promote("random-1", who="A. Tester", why="trial", overrule=True)
    shutil.rmtree(site / "random-1")
    with pytest.raises(ModelError, match=r"no model 'random-1'\. Known versions: v1"):
        Registry([site]).folder_of("champion")


def test_a_challenger_whose_verdict_is_promote_becomes_champion(site: Path) -> None:
    judge(site / "random-1", "promote")
    registry = Registry([site, SHIPPED_MODELS])
    assert registry.verdict_of("random-1") == "promote"
    assert registry.promote("random-1", who="automatic", why="the gate passed").version == "random-1"


@pytest.mark.parametrize(
    ("verdict", "against", "said"),
    [
        ("keep", SHIPPED_VERSION, "compared with standard-2, the verdict was 'keep'"),
        ("cannot tell", SHIPPED_VERSION, "the verdict was 'cannot tell'"),
        ("promote", "random-0", "in place of random-0, but the champion is now standard-2"),
        (None, "", "never compared with a champion"),
    ],
)
def test_a_challenger_that_is_not_recommended_needs_somebody_who_overrules(
    site: Path, verdict: str | None, against: str, said: str
) -> None:
    if verdict is not None:
        judge(site / "random-1", verdict, against)
    registry = Registry([site, SHIPPED_MODELS])
    with pytest.raises(ModelError, match=f"{said}.*Read its evaluation report.*overrule this and say why, and the log"):
        registry.promote("random-1", who="A. Tester", why="hope")
    assert registry.champion() == SHIPPED_VERSION
    registry.promote("random-1", who="A. Tester", why="hope", overrule=True)
    assert registry.champion() == "random-1"


def test_a_damaged_model_never_becomes_champion_whoever_overrules(site: Path) -> None:
    content = bytearray((site / "random-1" / "weights.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (site / "random-1" / "weights.npz").write_bytes(content)
    registry = Registry([site, SHIPPED_MODELS])
    with pytest.raises(ModelError, match="damaged or were exchanged"):
        registry.promote("random-1", who="A. Tester", why="hope", overrule=True)
    assert registry.champion() == SHIPPED_VERSION
    assert registry.log() == ()


def test_a_rollback_to_a_model_that_is_gone_or_damaged_is_refused(site: Path, base: BaseWeights) -> None:
    save_bundle(site, *random_bundle("random-2", base))
    registry = Registry([site, SHIPPED_MODELS])
    for version in ("random-1", "random-2"):
        registry.promote(version, who="A. Tester", why="trial", overrule=True)
    (site / "random-1" / "weights.npz").unlink()
    with pytest.raises(ModelError, match="weights of random-1 cannot be read"):
        registry.rollback(who="A. Tester", why="worse")
    shutil.rmtree(site / "random-1")
    with pytest.raises(ModelError, match="no model 'random-1'"):
        registry.rollback(who="A. Tester", why="worse")
    assert registry.champion() == "random-2"


def test_the_word_champion_cannot_be_promoted_nor_be_a_models_name(site: Path) -> None:
    registry = Registry([site, SHIPPED_MODELS])
    with pytest.raises(ModelError, match="standard-2 is the champion already"):
        registry.promote("champion", who="A. Tester", why="a slip", overrule=True)
    with pytest.raises(ModelError, match="means whichever model screens"):
        put(site, "champion")


@pytest.mark.parametrize("written", ["", "{}", '{"verdict": "promote"}', "[]", '{"verdict": 1, "champion": "v1"}'])
def test_a_damaged_comparison_is_an_error_and_no_verdict(site: Path, written: str) -> None:
    (site / "random-1" / "comparison.json").write_text(written)
    registry = Registry([site, SHIPPED_MODELS])
    for act in (registry.verdict_of, lambda version: registry.promote(version, who="w", why="y")):
        with pytest.raises(ModelError, match=r"comparison of random-1 .* is damaged"):
            act("random-1")


def test_the_registry_reads_what_the_evaluation_writes(site: Path) -> None:
    assert COMPARISON.champion == SHIPPED_VERSION
    (site / "random-1" / "comparison.json").write_text(COMPARISON.model_dump_json())
    assert Registry([site]).verdict_of("random-1") == "cannot tell"


def test_a_site_model_that_bears_the_shipped_ones_name_never_screens_in_its_place(tmp_path: Path) -> None:
    registry = Registry([put(tmp_path / "site", SHIPPED_VERSION), put(tmp_path / "shipped", SHIPPED_VERSION)])
    assert registry.folder_of("champion") == tmp_path / "site" / SHIPPED_VERSION  # a copy is the same model
    card = tmp_path / "site" / SHIPPED_VERSION / "card.json"
    sha256 = registry.card_of("champion").weights_sha256
    card.write_text(card.read_text().replace(sha256, "7" * 64))
    with pytest.raises(ModelError, match="bears the name of the model that comes with this release"):
        registry.folder_of("champion")


@pytest.mark.parametrize("version", ["standard-1", "standard-2"])
def test_no_model_takes_a_name_that_a_shipped_one_bore(tmp_path: Path, version: str) -> None:
    with pytest.raises(ModelError, match="is the name of a shipped model"):
        Registry([tmp_path]).check_free(version)


def test_a_name_is_free_only_if_no_folder_holds_it_and_it_is_not_the_shipped_ones(tmp_path: Path) -> None:
    registry = Registry([put(tmp_path / "site", "v1"), put(tmp_path / "elsewhere", "v2")])
    registry.check_free("v3")
    for taken in ("v1", "v2"):
        with pytest.raises(ModelError, match=f"{taken} exists already"):
            registry.check_free(taken)
    with pytest.raises(ModelError, match="is the name of a shipped model"):
        registry.check_free(SHIPPED_VERSION)
    with pytest.raises(ModelError, match="means whichever model screens"):
        registry.check_free("champion")
    with pytest.raises(ModelError, match="version is 1 to 64"):
        registry.check_free("../v3")


def test_a_version_cannot_leave_the_folder(tmp_path: Path) -> None:
    put(tmp_path / "secret", "v1")
    with pytest.raises(ModelError, match="version is 1 to 64"):
        Registry([tmp_path / "models"]).folder_of("../secret/v1")


def test_reading_cards_does_not_start_tensorflow() -> None:
    program = (
        "import sys; from cxrscreen.classifier.registry import *; from cxrscreen.classifier.contract import *; "
        "import cxrscreen.training.retraining; import cxrscreen.cli; Registry([SHIPPED_MODELS]).cards(); "
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_drift_of_a_golden_score_shows_where_scores_are_near_zero() -> None:
    golden = GoldenScore(phantom_seed=1, opacities=False, score=0.00004)
    assert golden.drift(0.00004) == 0
    assert golden.drift(0.0000401) < 0.01
    assert golden.drift(0.0) > 5
    assert golden.drift(0.0002) > 1
