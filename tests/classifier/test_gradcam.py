from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cxrscreen.classifier.head import Head
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import ActivationMaps, FeatureMaps
from tests.classifier.random_model import random_head_arrays

pytestmark = pytest.mark.tensorflow

VARIANTS: tuple[ExplanationVariant, ...] = ("guided", "standard")


@pytest.fixture(scope="module")
def head() -> Head:
    return head_with(random_head_arrays())


def head_with(arrays: dict[str, NDArray[np.float32]], recipe: str = "standard") -> Head:
    return Head.from_arrays(recipe_named(recipe), arrays)


def maps_of(head: Head, feature_maps: FeatureMaps, variant: ExplanationVariant) -> ActivationMaps:
    from cxrscreen.classifier.gradcam import GradCam  # noqa: PLC0415  # starts TensorFlow

    return GradCam(head).activation_maps(feature_maps, variant=variant)


def reference(arrays: dict[str, NDArray[np.float32]], feature_map: FeatureMaps, variant: str) -> NDArray[np.float64]:
    """One radiograph, in double precision, from the gradient of the probability itself, as papers write it."""
    from cxrscreen.classifier.runtime import tf  # noqa: PLC0415  # starts TensorFlow

    weights = {name: tf.constant(array, tf.float64) for name, array in arrays.items()}
    watched = tf.constant(feature_map[None], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(watched)
        x = tf.reduce_mean(watched, axis=(1, 2))
        x = tf.nn.relu(x @ weights["hidden1/kernel"] + weights["hidden1/bias"])
        x = tf.nn.relu(x @ weights["hidden2/kernel"] + weights["hidden2/bias"])
        probability = tf.nn.softmax(x @ weights["outputs/kernel"] + weights["outputs/bias"])[:, 0]
    gradients = tape.gradient(probability, watched)[0].numpy()
    if variant == "guided":
        gradients = (feature_map > 0) * (gradients > 0) * gradients
    cam = np.maximum((gradients.mean(axis=(0, 1)) * feature_map).sum(axis=-1), 0)
    return np.asarray(cam / cam.max())


@pytest.mark.parametrize("variant", VARIANTS)
def test_maps_are_those_of_a_plain_tape_on_the_probability(
    head: Head, feature_maps: FeatureMaps, variant: ExplanationVariant
) -> None:
    maps = maps_of(head, feature_maps, variant)
    for one, feature_map in zip(maps, feature_maps, strict=True):
        assert one == pytest.approx(reference(random_head_arrays(), feature_map, variant), abs=1e-4)


def test_the_two_variants_differ(head: Head, feature_maps: FeatureMaps) -> None:
    assert np.abs(maps_of(head, feature_maps, "guided") - maps_of(head, feature_maps, "standard")).max() > 0.05


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_batch_gives_what_its_radiographs_give_alone(
    head: Head, feature_maps: FeatureMaps, variant: ExplanationVariant
) -> None:
    together = maps_of(head, feature_maps, variant)
    alone = [maps_of(head, feature_maps[row : row + 1], variant)[0] for row in range(len(feature_maps))]
    assert together == pytest.approx(np.stack(alone), abs=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_saturated_score_keeps_its_map(feature_maps: FeatureMaps, variant: ExplanationVariant) -> None:
    """The gradient of the probability is p (1 - p) times that of the log-odds: in single precision it is 0 here."""
    arrays = random_head_arrays()
    unsaturated = maps_of(head_with(arrays), feature_maps, variant)
    arrays["outputs/bias"][0] += 200
    head = head_with(arrays)
    assert (head.scores(feature_maps) == 1).all()
    assert maps_of(head, feature_maps, variant) == pytest.approx(unsaturated, abs=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_maps_lie_between_zero_and_one_and_reach_one(
    head: Head, feature_maps: FeatureMaps, variant: ExplanationVariant
) -> None:
    maps = maps_of(head, feature_maps, variant)
    assert maps.shape == (6, 7, 7)
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    assert maps.max(axis=(1, 2)).tolist() == [1] * 6


@pytest.mark.parametrize("variant", VARIANTS)
def test_where_nothing_speaks_for_covid_the_map_stays_zero(
    feature_maps: FeatureMaps, variant: ExplanationVariant
) -> None:
    arrays = {name: np.abs(array) for name, array in random_head_arrays().items()}
    arrays["outputs/kernel"][:, 0] = 0  # every channel speaks for normal
    assert not maps_of(head_with(arrays), feature_maps, variant).any()


def test_the_study_gets_its_gradient_from_the_upper_left_cells(feature_maps: FeatureMaps) -> None:
    """Channels that are silent there weigh nothing, however loud they are elsewhere."""
    quiet = feature_maps.copy()
    quiet[:, :4, :4] = 0
    head = head_with(random_head_arrays(), "study-2020")
    assert not maps_of(head, quiet, "guided").any()
    assert maps_of(head, feature_maps, "guided").any()


def test_no_radiographs_give_no_maps(head: Head) -> None:
    assert maps_of(head, np.empty((0, 7, 7, 512), np.float32), "guided").shape == (0, 7, 7)
