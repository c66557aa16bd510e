"""A challenger against the champion, and what follows from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from cxrscreen.classifier.bundle import read_making
from cxrscreen.errors import ModelError
from cxrscreen.evaluation.comparison import Judged
from cxrscreen.evaluation.result import Comparison
from cxrscreen.labelled import compare as comparing
from cxrscreen.labelled.labelled_set import LabelledRadiograph, read_labelled
from cxrscreen.labelled.site import Site
from cxrscreen.training import retraining
from cxrscreen.training.retraining import retrain
from cxrscreen.types import Diseased
from tests.training.drawn import LIMITS, PATIENTS, asked, draw_folder, site_in

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("_cheap", "_no_report")]


def test_a_champion_is_compared_on_the_same_held_out_radiographs(
    folder: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = retrain(site, asked(folder, version="v1"))
    site.registry.promote("v1", who="A person", why="The first.", overrule=True)
    judged: list[tuple[Judged, Judged]] = []
    compare = comparing.compare

    def watch(before: Judged, after: Judged, patients: Sequence[str], diseased: Diseased, **named: int) -> Comparison:
        judged.append((before, after))
        return compare(before, after, patients, diseased, **named)

    monkeypatch.setattr(comparing, "compare", watch)
    second = retrain(site, asked(folder, seed=2, version="v2"))
    comparison = second.comparison
    assert comparison is not None
    assert (comparison.champion, comparison.challenger) == ("v1", "v2")
    assert (comparison.n, comparison.seen_by_champion) == (second.card.test.n, 0)
    ((before, after),) = judged
    assert np.allclose(before.scores, [file.score for file in first.evaluation.files])
    assert np.allclose(after.scores, [file.score for file in second.evaluation.files])
    assert before.threshold == first.card.operating_point.threshold
    assert json.loads((site.models / "v2" / "comparison.json").read_text())["verdict"] == comparison.verdict


def test_radiographs_of_patients_that_the_champion_was_developed_on_do_not_count(tmp_path: Path) -> None:
    """Half the patients were there already when the champion was made, with another radiograph of theirs."""
    site = site_in(tmp_path / "site")
    folder = draw_folder(tmp_path / "later" / "labelled")
    earlier = draw_folder(tmp_path / "earlier" / "labelled", first=PATIENTS // 2)
    for second in earlier.glob("*/*b.png"):
        second.unlink()
    assert retrain(site, asked(earlier, version="v1")).comparison is None
    site.registry.promote("v1", who="A person", why="The first.", overrule=True)
    made = retrain(site, asked(folder, version="v2"))
    making, comparison = read_making(site.models / "v1"), made.comparison
    assert making is not None
    assert comparison is not None
    known = {one.file_name[:-5] for one in _radiographs(earlier) if one.sha256 in making.development}
    unseen = [file.file for file in made.evaluation.files if file.file[:-5] not in known]
    assert comparison.n == len(unseen)
    assert comparison.seen_by_champion == made.card.test.n - len(unseen) > 0


def _radiographs(folder: Path) -> Sequence[LabelledRadiograph]:
    return read_labelled(folder, limits=LIMITS).radiographs


def test_a_champion_whose_making_nobody_knows_gives_no_verdict(
    folder: Path, other_folder: Path, tmp_path: Path
) -> None:
    site = site_in(tmp_path / "site")
    retrain(site, asked(other_folder, version="v1"))
    (site.models / "v1" / "making.json").unlink()
    site.registry.promote("v1", who="A person", why="The first.", overrule=True)
    comparison = retrain(site, asked(folder, version="v2")).comparison
    assert comparison is not None
    assert (comparison.verdict, comparison.seen_by_champion) == ("cannot tell", 0)
    assert comparison.auc is not None
    assert "not recorded which radiographs v1 learnt from" in comparison.reasons[0]


@pytest.mark.parametrize("damaged", ["card.json", "making.json", "champion.jsonl"])
def test_a_damaged_champion_is_told_and_not_taken_for_none(folder: Path, tmp_path: Path, damaged: str) -> None:
    site = site_in(tmp_path / "site")
    retrain(site, asked(folder, version="v1"))
    site.registry.promote("v1", who="A person", why="The first.", overrule=True)
    file = next(site.models.rglob(damaged))
    file.write_text("{\n")
    made = retrain(site, asked(folder, version="v2"))
    assert made.comparison is not None
    assert (made.comparison.verdict, made.comparison.n, made.comparison.auc) == ("cannot tell", 0, None)
    assert "damaged" in made.comparison.reasons[0]


def test_a_promotion_that_a_crash_left_open_is_settled_by_the_next_start(
    folder: Path, other_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = site_in(tmp_path / "site", automatic_promotion=True)
    retrain(site, asked(other_folder, version="v1"))
    site.registry.promote("v1", who="A person", why="The first.", overrule=True)
    compare = comparing.compare
    monkeypatch.setattr(
        comparing,
        "compare",
        lambda *judged, **named: compare(*judged, **named).model_copy(update={"verdict": "promote"}),
    )

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(retraining, "promoted_by_itself", fail)
        with pytest.raises(KeyboardInterrupt):
            retrain(site, asked(folder, version="v2"))
    assert site.registry.champion() == "v1"
    card = site.registry.card_of("v2")
    made = retrain(site, asked(folder, version="v2"))
    assert (made.card, made.promoted, made.evaluation.looks) == (card, True, 0)
    assert site.registry.champion() == "v2"
    with pytest.raises(ModelError, match="never overwritten"):
        retrain(site, asked(folder, version="v2"))
