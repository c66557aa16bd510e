from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxrscreen.errors import DataSetError, ModelError, SettingsError
from cxrscreen.training.lung_request import lung_request_of
from cxrscreen.training.lung_set import read_lung_set
from tests.lungs.drawn_lungs import draw_lung_folder, phantom

SMALL = (4, 8, 8, 16)  # filters at the upper levels of a network that learns phantoms in seconds


@pytest.fixture(scope="session")
def lung_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_lung_folder(tmp_path_factory.mktemp("lungs") / "drawn", patients=12)


@pytest.fixture(autouse=True)
def _different(different_phantoms: None) -> None:
    pass


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    from cxrscreen.lungs import network  # noqa: PLC0415  # starts TensorFlow

    monkeypatch.setattr(network, "WIDTHS", (*SMALL, network.WIDTHS[-1]))


@pytest.mark.parametrize(("field", "value"), [("epochs", 0), ("seed", -1), ("note", "x" * 501)])
def test_what_is_out_of_range_is_told_by_its_name(field: str, value: object) -> None:
    with pytest.raises(SettingsError, match=field):
        lung_request_of(data_folder=Path("x"), **{field: value})


@pytest.mark.tensorflow
@pytest.mark.usefixtures("_small")
def test_one_network_learns_from_phantoms_and_repeats_itself(lung_folder: Path) -> None:
    from cxrscreen.training.lung_agreement import dice  # noqa: PLC0415  # starts TensorFlow beside the next
    from cxrscreen.training.lung_learning import found_by, learnt  # noqa: PLC0415  # starts TensorFlow

    radiographs = read_lung_set(lung_folder).radiographs
    told: list[tuple[str, int, int]] = []
    untrained = learnt(radiographs[:8], epochs=1, seed=3, step="x")
    weights = learnt(radiographs[:8], epochs=50, seed=3, step="x", progress=lambda *step: told.append(step))
    before, after = (
        [dice(fields.mask, one.mask) for fields, one in zip(found_by(made, radiographs), radiographs, strict=True)]
        for made in (untrained, weights)
    )
    assert np.mean(after[8:]) > 0.8  # of patients that it has not seen
    assert np.mean(after[8:]) > np.mean(before[8:]) + 0.2
    assert told[-1] == ("x", 50, 50)
    assert untrained == learnt(radiographs[:8], epochs=1, seed=3, step="x")


@pytest.mark.tensorflow
def test_a_folded_network_says_what_the_trained_one_says() -> None:
    from cxrscreen.classifier.runtime import keras  # noqa: PLC0415  # starts TensorFlow
    from cxrscreen.lungs.network import folded_arrays, network, network_of  # noqa: PLC0415  # likewise

    generator = np.random.default_rng(5)
    trained = network(folded=False)
    for layer in trained.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([generator.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    inputs = generator.standard_normal((2, 128, 128, 1)).astype(np.float32)
    expected = trained(inputs, training=False).numpy()
    said = network_of(folded_arrays(trained))(inputs, training=False).numpy()
    assert np.abs(expected).max() > 0.1
    assert np.allclose(said, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.tensorflow
@pytest.mark.usefixtures("_small")
def test_a_training_leaves_a_segmenter_whose_card_holds_for_it(
    lung_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cxrscreen.lungs.segmenter import Segmenter  # noqa: PLC0415  # starts TensorFlow
    from cxrscreen.training import lung_segmenter  # noqa: PLC0415  # likewise
    from cxrscreen.training.lung_agreement import agreement_of  # noqa: PLC0415  # likewise
    from cxrscreen.training.lung_segmenter import folds_by_patient, train_lungs  # noqa: PLC0415  # likewise

    monkeypatch.setattr(lung_segmenter, "FOLDS", 2)  # each network costs seconds before its first step
    request = lung_request_of(data_folder=lung_folder, version="drawn-1", epochs=2, seed=5, note="Drawn.", credit="Us.")
    made = train_lungs(request, into=tmp_path / "lungs")
    segmenter = Segmenter.of(made.folder)
    card, masked = segmenter.card, read_lung_set(lung_folder)
    assert card == made.card
    assert (card.data_set.n, card.data_set.patients, card.folds.n) == (12, 12, 12)
    assert "Drawn." in card.limits
    assert card.credits == ("Us.", "Radiographs of drawn. Licences as stated: drawn (12).")
    held_out = [one for one in masked.radiographs if one.sha256 in card.held_out]
    assert len(held_out) == card.test.n
    numbers = {one.patient for one in masked.radiographs}
    unseen = {one.patient for one in held_out}
    assert {number for number, known in zip(numbers, card.learnt(numbers) or [], strict=True) if known} == (
        numbers - unseen
    )
    again = agreement_of(
        card.test.name,
        segmenter.lung_fields([one.square for one in held_out]),
        [one.mask for one in held_out],
        [one.patient for one in held_out],
        seed=card.seed,
    )
    assert again == card.test
    assert segmenter.lung_fields([phantom(0)[0]])[0].mask.shape == (128, 128)
    everyone = np.concatenate([test for _, test in folds_by_patient(masked, seed=5)])
    assert sorted(everyone.tolist()) == list(range(12))
    with pytest.raises(ModelError, match="never overwritten"):
        train_lungs(request, into=tmp_path / "lungs")


@pytest.mark.tensorflow
def test_too_few_patients_are_told_before_anything_is_trained(tmp_path: Path) -> None:
    from cxrscreen.training.lung_segmenter import train_lungs  # noqa: PLC0415  # starts TensorFlow

    folder = draw_lung_folder(tmp_path / "few", patients=4)
    with pytest.raises(DataSetError, match="at least 10 are needed"):
        train_lungs(lung_request_of(data_folder=folder), into=tmp_path)
