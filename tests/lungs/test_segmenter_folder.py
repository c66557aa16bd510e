from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cxrscreen.classifier.bundle import digest, pack_weights, save_bundle
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.gate_card import GateCard, GateLimits
from cxrscreen.classifier.neighbours import Neighbours
from cxrscreen.classifier.pose import PoseReader
from cxrscreen.errors import ModelError
from cxrscreen.lungs.bundle import SHIPPED_LUNGS, read_lung_card, segmenter_folder, segmenter_named
from cxrscreen.lungs.gate import KINDS, Gate
from cxrscreen.lungs.gate_bundle import load_gate
from cxrscreen.radiograph.edges import SIGNATURE_WIDTH, WAYS
from tests.classifier.random_model import random_base, random_bundle


def test_the_shipped_segmenter_serves_where_nothing_else_is_asked_for(tmp_path: Path) -> None:
    assert segmenter_folder(tmp_path / "lungs", "") == SHIPPED_LUNGS
    assert segmenter_folder(tmp_path / "lungs", read_lung_card(SHIPPED_LUNGS).weights_sha256) == SHIPPED_LUNGS


def test_a_segmenter_of_the_site_is_found_by_its_digest_and_a_damaged_one_disturbs_nobody(tmp_path: Path) -> None:
    own = tmp_path / "lungs" / "lungs-own"
    shutil.copytree(SHIPPED_LUNGS, own)
    card = read_lung_card(own).model_copy(update={"version": "lungs-own", "weights_sha256": "7" * 64})
    (own / "card.json").write_text(card.model_dump_json())
    (tmp_path / "lungs" / "damaged").mkdir()
    (tmp_path / "lungs" / "damaged" / "card.json").write_text("{")
    assert segmenter_folder(tmp_path / "lungs", "7" * 64) == own


def test_a_segmenter_is_found_by_its_name(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED_LUNGS, tmp_path / "lungs-own")
    assert segmenter_named(tmp_path, "lungs-own") == tmp_path / "lungs-own"
    assert segmenter_named(tmp_path, "") == segmenter_named(tmp_path, SHIPPED_LUNGS.name) == SHIPPED_LUNGS


@pytest.mark.parametrize(
    ("version", "words"), [("other", "Those trained here: lungs-own;"), ("../lungs-own", "version")]
)
def test_a_segmenter_that_nobody_trained_is_refused_in_words(tmp_path: Path, version: str, words: str) -> None:
    shutil.copytree(SHIPPED_LUNGS, tmp_path / "lungs-own")
    with pytest.raises(ModelError, match=words):
        segmenter_named(tmp_path, version)


def test_a_segmenter_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="The lung segmenter that the model was made with"):
        segmenter_folder(tmp_path / "lungs", "9" * 64)


def test_a_model_of_before_there_were_gates_has_none(tmp_path: Path) -> None:
    assert load_gate(save_bundle(tmp_path, *random_bundle("random-1", random_base(0)))) is None


def test_a_gate_comes_back_from_a_models_folder_as_it_was_put_there(tmp_path: Path) -> None:
    card, _ = random_bundle("random-1", random_base(0))
    limits = GateLimits(
        segmenter_sha256="7" * 64,
        quantile=0.98,
        far_from=dict.fromkeys(KINDS, 0.1),
        strange_from=0.9,
        refused_from=1.2,
        lead=0.1,
        unmirrored_from=-0.1,
        pattern_from=9.0,
    )
    share = Estimate(value=0.0, low=0.0, high=0.1, n=40, method="Wilson")
    card_of_gate = GateCard(
        limits=limits,
        n=40,
        patients=40,
        refused=share,
        flagged=share,
        turned_found=share,
        negatives_found=share,
        mirrored_found=share,
    )
    generator = np.random.default_rng(3)
    neighbours = {kind: Neighbours.of(generator.random((6, 5))) for kind in KINDS}
    signatures = generator.random((12, WAYS, SIGNATURE_WIDTH), dtype=np.float32)
    gate = Gate(limits, neighbours, PoseReader.fitted(signatures))
    weights = pack_weights(random_base(0), {}, gate.arrays())
    changed = card.model_copy(update={"gate": card_of_gate, "weights_sha256": digest(weights)})
    found = load_gate(save_bundle(tmp_path, changed, weights))
    assert found is not None
    assert found.limits == limits
    assert found.arrays().keys() == gate.arrays().keys()
    assert all((found.arrays()[name] == array).all() for name, array in gate.arrays().items())
