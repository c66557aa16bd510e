"""One test part for each data set, and who has been scored on it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cxrscreen.classifier.bundle import read_making
from cxrscreen.errors import ModelError, WorkspaceError
from cxrscreen.labelled.site import Site
from cxrscreen.training import retraining
from cxrscreen.training.retraining import Retraining, retrain
from tests.training.drawn import SPACE, asked, essence, site_in

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("_cheap", "_no_report")]


def test_the_test_part_is_the_same_for_every_seed_and_each_look_at_it_is_counted(folder: Path, site: Site) -> None:
    made = [retrain(site, asked(folder, seed=seed, version=f"v{seed}")) for seed in (1, 2, 3)]
    assert [one.evaluation.looks for one in made] == [0, 1, 2]
    makings = [read_making(site.models / one.version) for one in made]
    assert len({making.test for making in makings if making}) == 1
    (record,) = (site.runs / "test-parts").glob("*.jsonl")
    kinds = [json.loads(line)["kind"] for line in record.read_text().splitlines()]
    assert kinds == ["set aside", "look", "look", "look"]


def test_the_same_request_again_makes_another_model_that_is_equal(folder: Path, site: Site) -> None:
    request = asked(folder, search=True, space=SPACE)
    first = retrain(site, request)
    second = retrain(site, request)
    assert second.version != first.version
    assert essence(second) == essence(first)
    assert (first.evaluation.looks, second.evaluation.looks) == (0, 1)


def test_a_run_that_failed_in_its_last_step_goes_on_with_its_version_and_looks_once(
    folder: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = asked(folder, search=True, space=SPACE)

    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(retraining, "save_bundle", fail)
        with pytest.raises(KeyboardInterrupt):
            retrain(site, request)
    (record,) = (site.runs / "test-parts").glob("*.jsonl")
    looked_as = json.loads(record.read_text().splitlines()[-1])["version"]
    made = retrain(site, request.model_copy(update={"note": "Once more."}))
    assert made.version == looked_as
    assert made.evaluation.looks == 0
    assert [path.name for path in site.runs.glob("[!.]*")] == ["test-parts"]


def test_models_of_another_folder_count_where_they_were_scored_on_the_same_radiographs(
    folder: Path, other_folder: Path, site: Site, tmp_path: Path
) -> None:
    """One radiograph has changed meanwhile, and with it the fingerprint; and one model came from elsewhere."""
    retrain(site, asked(other_folder, version="of-others"))
    earlier = retrain(site, asked(folder, version="earlier"))
    tested = {file.file for file in earlier.evaluation.files}
    changed = tmp_path / "changed"
    shutil.copytree(folder, changed)
    shutil.copy(other_folder / "covid" / "40a.png", changed / "covid" / "00a.png")
    made = retrain(site, asked(changed, version="later"))
    assert made.evaluation.data_set.fingerprint != earlier.evaluation.data_set.fingerprint
    assert tested & {file.file for file in made.evaluation.files}
    assert made.evaluation.looks == 1

    elsewhere = site_in(tmp_path / "elsewhere")
    (site.models / "later").rename(elsewhere.models / "later")
    assert retrain(elsewhere, asked(changed, version="here")).evaluation.looks == 1


def test_the_test_part_stays_though_it_would_be_drawn_otherwise_by_now(
    folder: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    retrain(site, asked(folder, version="v1"))
    monkeypatch.setattr("cxrscreen.labelled.splits.TEST_SEED", 7)
    second = retrain(site, asked(folder, version="v2"))
    one, other = (read_making(site.models / version) for version in ("v1", "v2"))
    assert one is not None
    assert other is not None
    assert one.test == other.test
    assert not set(one.test) & set(other.development)
    assert second.evaluation.looks == 1


def test_a_retraining_that_is_under_way_is_not_begun_twice(folder: Path, site: Site) -> None:
    first = Retraining(site, asked(folder))
    first.examine()
    with pytest.raises(WorkspaceError, match="This retraining is under way already"):
        retrain(site, asked(folder))
    made = first.finish()
    assert made.evaluation.looks == 0
    assert [path.name for path in site.models.iterdir()] == [made.version]
    assert retrain(site, asked(folder)).evaluation.looks == 1


def test_a_version_that_another_retraining_is_about_to_make_is_refused(folder: Path, site: Site) -> None:
    first = Retraining(site, asked(folder, version="v1"))
    first.examine()
    with pytest.raises(ModelError, match="under way, will make v1"):
        retrain(site, asked(folder, seed=2, version="v1"))
    assert first.finish().version == "v1"
