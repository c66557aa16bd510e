"""Models that were really trained, one on a marker in the corner, one on the lungs; what is said of them everywhere.

Nothing is put in the place of the software but the base, whose maps are block averages of the picture, and the search
for look-alikes, which takes drawn chests for one person's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.bundle import read_making
from cxrscreen.classifier.shortcut_audit import NOT_SHOWN
from cxrscreen.errors import DataSetError
from cxrscreen.evaluation.result import SeenBy
from cxrscreen.labelled.evaluate import evaluate
from cxrscreen.labelled.site import Site
from cxrscreen.labelled.site_acceptance import JudgedSite, accept_at_site, site_as_json
from cxrscreen.training.retraining import Retrained, retrain
from tests.training.conftest import cheapen, without_reports
from tests.training.drawn import asked, site_in
from tests.training.marked import draw_chests, stored_anew

pytestmark = pytest.mark.tensorflow

EACH = 22  # of each class, so that the development part is large enough for a gate
UNSEEN = 12
READS_MARKER, READS_LUNGS = "reads-marker", "reads-lungs"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, rounded_base: BaseWeights) -> Iterator[Site]:
    from cxrscreen.labelled import bias, compare  # noqa: PLC0415  # starts TensorFlow

    with pytest.MonkeyPatch.context() as patched:
        cheapen(patched, rounded_base)
        for module in (bias, compare):
            patched.setattr(module, "alike", lambda *_: ())
        yield site_in(tmp_path_factory.mktemp("workshop"))


def trained(site: Site, folder: Path, *, recipe: str, version: str) -> Retrained:
    with pytest.MonkeyPatch.context() as patched:
        without_reports(patched)
        return retrain(site, asked(folder, recipe=recipe, version=version))


@pytest.fixture(scope="module")
def reads_marker(workshop: Site, tmp_path_factory: pytest.TempPathFactory) -> Retrained:
    """A whole-picture recipe, trained where a marker is all that tells the classes apart."""
    folder = draw_chests(tmp_path_factory.mktemp("marked") / "marked", 0, EACH, markers=True)
    return trained(workshop, folder, recipe="standard", version=READS_MARKER)


@pytest.fixture(scope="module")
def diseased(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_chests(tmp_path_factory.mktemp("diseased") / "diseased", 1000, EACH, opacities=True)


@pytest.fixture(scope="module")
def reads_lungs(workshop: Site, diseased: Path) -> Retrained:
    """The recipe that is shown the lungs, trained where there is something in them."""
    return trained(workshop, diseased, recipe="lung-focused", version=READS_LUNGS)


@pytest.fixture(scope="module")
def unseen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other patients, with markers and without opacities."""
    return draw_chests(tmp_path_factory.mktemp("unseen") / "unseen", 2000, UNSEEN, markers=True)


def judged(site: Site, folder: Path, version: str) -> JudgedSite:
    return accept_at_site(
        folder,
        bundle=site.models / version,
        limits=site.limits,
        cache=site.cache,
        into=site.reports,
        segmenters=site.segmenters,
    )


def outcomes(found: JudgedSite) -> dict[str, str]:
    return {rule.name: rule.outcome for rule in found.acceptance.rules}


def test_the_card_of_a_model_that_learnt_a_marker_says_that_it_follows_the_rest_of_the_picture(
    reads_marker: Retrained, workshop: Site
) -> None:
    card, audit = reads_marker.card, reads_marker.card.shortcuts
    assert card.test.auc.value > 0.95  # no figure warns of it
    assert audit is not None
    assert audit.n == card.folds.n
    assert audit.lungs_out.value > 0.95
    assert audit.exchanged.high < 0.5
    assert audit.follows_the_rest
    assert NOT_SHOWN in card.limits
    assert NOT_SHOWN in (workshop.models / READS_MARKER / "CARD.md").read_text()


def test_it_is_not_promoted_over_a_model_that_uses_the_lungs_however_much_better_its_figures_are(
    reads_marker: Retrained, reads_lungs: Retrained, workshop: Site, unseen: Path
) -> None:
    from cxrscreen.labelled.compare import compare_on  # noqa: PLC0415  # starts TensorFlow

    assert reads_marker.card.shortcuts is not None
    assert reads_lungs.card.shortcuts is not None
    assert reads_lungs.card.shortcuts.shown_to_use_lungs
    found = compare_on(
        unseen,
        champion=workshop.models / READS_LUNGS,
        challenger=workshop.models / READS_MARKER,
        limits=workshop.limits,
        cache=workshop.cache,
        segmenters=workshop.segmenters,
    )
    assert found.auc is not None
    assert found.auc.low > 0.2
    assert found.verdict == "cannot tell"
    assert found.reasons[0] == "The champion has been shown to use the lungs, the challenger has not."
    assert found.reasons[1].startswith("The challenger is better beyond chance in AUC")
    by_name = {reason.split(",")[0]: reason for reason in found.reasons}
    assert "follows the rest of the picture" in by_name["Challenger"]
    assert "so by construction" in by_name["Champion"]


def test_evaluation_and_site_acceptance_expose_the_marker(
    reads_marker: Retrained, workshop: Site, unseen: Path
) -> None:
    found = judged(workshop, unseen, reads_marker.version)
    assert found.evaluated is not None
    evaluation, told = found.evaluated.evaluation, outcomes(found)
    assert evaluation.figures.auc.value > 0.95
    assert evaluation.shortcuts is not None
    assert evaluation.shortcuts.follows_the_rest
    assert "it follows the rest of the picture" in found.evaluated.files.html.read_text(encoding="utf-8")
    assert found.acceptance.verdict == "unfit"
    assert told["Exchanged lungs"] == "failed"
    assert told["Unseen radiographs"] == "open"  # it has no gate that would know radiographs stored anew
    by_name = {one.name: one.auc.value for one in evaluation.data.bias.shortcuts}
    assert by_name["border without the lungs"] > 0.9
    assert {"source", "view", "age", "sex", "age and sex"} <= set(by_name)
    assert "exchanged lungs" in site_as_json(found)["reason"]
    assert found.files.pdf.read_bytes().startswith(b"%PDF")


def test_radiographs_that_a_model_has_learnt_from_are_known_again_in_other_files(
    reads_lungs: Retrained, workshop: Site, diseased: Path, tmp_path: Path
) -> None:
    making = read_making(workshop.models / reads_lungs.version)
    assert making is not None
    learnt = [
        file
        for label in ("covid", "normal")
        for file in [
            one
            for one in sorted((diseased / label).iterdir())
            if hashlib.sha256(one.read_bytes()).hexdigest() in making.development
        ][:4]
    ]
    folder = draw_chests(tmp_path / "local", 3000, 4, opacities=True)
    (folder / "metadata.csv").unlink()
    found = judged(workshop, stored_anew(folder, learnt), reads_lungs.version)
    assert found.evaluated is not None
    evaluation = found.evaluated.evaluation
    assert (evaluation.seen, evaluation.seen_by) == (8, SeenBy(files=0, content=8))
    assert evaluation.figures.n > 8
    html = found.evaluated.files.html.read_text(encoding="utf-8")
    assert "Known by their files: 0; by what they show, in other files: 8." in html
    assert outcomes(found)["Unseen radiographs"] == "open"
    assert found.acceptance.verdict != "fit for a trial"


@pytest.mark.parametrize("turned", [("covid", "normal"), ("covid",)])
def test_where_a_model_refuses_a_class_the_verdict_is_about_that_and_the_evaluation_says_why(
    turned: tuple[str, ...], reads_lungs: Retrained, workshop: Site, diseased: Path, tmp_path: Path
) -> None:
    files = [file for label in ("covid", "normal") for file in sorted((diseased / label).iterdir())[:4]]
    folder = stored_anew(tmp_path / "local", files, upside_down=turned)
    found = judged(workshop, folder, reads_lungs.version)
    assert found.evaluated is None
    assert found.acceptance.verdict == "unfit"
    assert outcomes(found)["Refusals"] == "failed"
    assert (found.acceptance.scored, found.acceptance.positives) == (8 - 4 * len(turned), 0)
    said = f"no score to 4 of 4 COVID-19 radiographs and to {4 * (len(turned) - 1)} of 4 normal ones"
    assert said in found.files.html.read_text(encoding="utf-8")
    assert site_as_json(found)["report_html"] is None
    with pytest.raises(DataSetError, match=said):
        evaluate(
            folder,
            bundle=workshop.models / reads_lungs.version,
            limits=workshop.limits,
            cache=workshop.cache,
            into=tmp_path / "reports",
            segmenters=workshop.segmenters,
        )


def test_a_folder_of_one_class_cannot_be_judged(reads_lungs: Retrained, workshop: Site, tmp_path: Path) -> None:
    folder = draw_chests(tmp_path / "local", 4000, 1)
    (folder / "normal" / "4001.png").unlink()
    with pytest.raises(DataSetError, match="no usable radiograph in local/normal"):
        judged(workshop, folder, reads_lungs.version)
