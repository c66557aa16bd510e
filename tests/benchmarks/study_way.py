"""The study's way against ours, on the same radiographs, up to the overlay.

Run it with ``python -m tests.benchmarks.study_way [RADIOGRAPHS]``. The study's way: for each image
``model.predict`` on base and head in one, then a new gradient model and an eager tape through it, guided
Grad-CAM, and a thumbnail of 224 pixels with the map on it. Two of ours, both with the base in batches, scores and maps
from the feature maps, overlays at reading resolution:

- *same network*: recipe, base and head are those of the study's way, so scores and maps must agree; the head's numbers
  are drawn, for no trained head of that recipe is shipped, and neither cost nor agreement depends on them;
- *shipped*: what screening does today, lung fields and framing included. Its scores are another model's.

All start from decoded radiographs, in the same process, in turn.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.backbone import Backbone
from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.bundle import read_weights
from cxrscreen.classifier.contract import Classified
from cxrscreen.classifier.head import COVID, Head
from cxrscreen.classifier.heads import head_of
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.classifier.registry import SHIPPED_MODELS, Registry
from cxrscreen.classifier.runtime import keras, tf
from cxrscreen.classifier.vgg16 import Vgg16Classifier
from cxrscreen.lungs.bundle import SHIPPED_LUNGS
from cxrscreen.lungs.segmenter import Segmenter
from cxrscreen.lungs.sight import sights
from cxrscreen.radiograph.acceptance import acceptance_limits
from cxrscreen.radiograph.prepare import prepare, to_reading_resolution
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.reporting.overlay import blend_overlay
from cxrscreen.settings import load_settings
from cxrscreen.types import Grey8
from tests.benchmarks.results import real_radiographs, save

RADIOGRAPHS = 16
ROUNDS = 3
SIDE = 224
ALPHA = 0.5


def study_base(base: BaseWeights) -> keras.Model:
    """VGG16 up to block5_pool as Keras builds it, frozen, with the weights of ours."""
    vgg = keras.applications.VGG16(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3))
    for layer in vgg.layers:
        layer.trainable = False
        if layer.weights:
            layer.set_weights([base.arrays[f"{layer.name}/kernel"], base.arrays[f"{layer.name}/bias"]])
    return vgg


def study_model(base: BaseWeights, head: Head) -> keras.Model:
    """Base and head as one Keras model, as the study built it, with the weights of ours."""
    vgg = study_base(base)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(head.recipe.pooled_cells)(vgg.output))
    for units in head.recipe.hidden_units:
        x = keras.layers.Dense(units, activation="relu")(x)
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.Dropout(head.recipe.dropout)(x))
    model = keras.Model(vgg.input, outputs)
    arrays = head.arrays()
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for layer, name in zip(dense, ("hidden1", "hidden2", "outputs"), strict=True):
        layer.set_weights([arrays[f"{name}/kernel"], arrays[f"{name}/bias"]])
    return model


def the_studys_way(model: keras.Model, radiographs: list[Grey8]) -> Classified:
    """Image by image, nothing kept between score and explanation."""
    explained = [explain_as_the_study(model, pixels) for pixels in radiographs]
    scores, maps = np.array([score for score, _ in explained]), np.stack([cam for _, cam in explained])
    return Classified(scores, maps, np.zeros((len(maps), 0), np.float32))  # it kept nothing else


def explain_as_the_study(model: keras.Model, pixels: Grey8) -> tuple[float, NDArray[np.float32]]:
    prepared = prepare(pixels)
    image = prepared[None].astype(np.float32) / 255
    score = float(model.predict(image, verbose=0)[0, COVID])
    gradient_model = keras.Model(model.inputs, [model.get_layer("block5_pool").output, model.output])
    with tf.GradientTape() as tape:
        activations, predictions = gradient_model(tf.constant(image))
        loss = predictions[:, COVID]
    gradients = tape.gradient(loss, activations)
    guided = tf.cast(activations > 0, tf.float32) * tf.cast(gradients > 0, tf.float32) * gradients
    weights = tf.reduce_mean(guided[0], axis=(0, 1))
    cam = tf.reduce_sum(weights * activations[0], axis=-1).numpy()
    heat = cv2.resize(cam / max(cam.max(), 1e-30), (SIDE, SIDE))
    colours = cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)
    cv2.addWeighted(prepared, ALPHA, colours, 1 - ALPHA, 0)
    return score, cam / max(cam.max(), 1e-30)


def our_way(classifier: Vgg16Classifier, radiographs: list[Grey8]) -> Classified:
    """All together, the map from the feature map of the score."""
    classified = classifier.classify(np.stack([prepare(pixels) for pixels in radiographs]), explanation="guided")
    for pixels, activation_map in zip(radiographs, classified.activation_maps, strict=True):
        if activation_map.any():
            blend_overlay(to_reading_resolution(pixels), activation_map, alpha=ALPHA)
    return classified


def shipped_way(classifier: Vgg16Classifier, segmenter: Segmenter, radiographs: list[Grey8]) -> Classified:
    """Likewise, of the lungs alone."""
    seen = sights([to_reading_resolution(pixels) for pixels in radiographs], segmenter, "lungs")
    prepared = [one.prepared for one in seen if one.prepared is not None]
    if len(prepared) < len(seen):
        raise SystemExit("In one of the radiographs no lungs were found: leave it out.")
    classified = classifier.classify(np.stack(prepared), explanation="guided")
    for pixels, activation_map, one in zip(radiographs, classified.activation_maps, seen, strict=True):
        if activation_map.any():
            blend_overlay(to_reading_resolution(pixels), activation_map, alpha=ALPHA, box=one.box)
    return classified


@dataclass(frozen=True)
class Timed:
    """A result, and seconds for each radiograph."""

    result: Classified
    wall: float
    cpu: float


def timed(work: Callable[[], Classified], n: int) -> Timed:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return Timed(result, (time.perf_counter() - wall) / n, (time.process_time() - cpu) / n)


def median(rounds: list[Timed]) -> Timed:
    return Timed(rounds[0].result, statistics.median(r.wall for r in rounds), statistics.median(r.cpu for r in rounds))


def main(count: int) -> None:
    limits = acceptance_limits(load_settings())
    radiographs = [read_radiograph(f.read_bytes(), limits).pixels for f in real_radiographs(count)]
    card, base, arrays = read_weights(Registry((SHIPPED_MODELS,)).folder_of("champion"))
    recipe = recipe_named(card.recipe)
    head = Head(recipe_named("study-2020"), seed=1)
    model = study_model(base, head)
    same = Vgg16Classifier(card.model_copy(update={"calibration": None}), Backbone(base), head)
    shipped = Vgg16Classifier(card, Backbone(base, block=recipe.block), head_of(recipe, arrays))
    segmenter = Segmenter.of(SHIPPED_LUNGS)
    ways: dict[str, Callable[[], Classified]] = {
        "study": lambda: the_studys_way(model, radiographs),
        "same": lambda: our_way(same, radiographs),
        "shipped": lambda: shipped_way(shipped, segmenter, radiographs),
    }
    the_studys_way(model, radiographs[:1])  # warm up all, and all sizes of batches
    ways["same"]()
    ways["shipped"]()

    rounds: dict[str, list[Timed]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            rounds[name].append(timed(way, count))
    theirs, ours, today = (median(rounds[name]) for name in ways)
    print(f"seconds for each of {count} radiographs")
    for name, cost in (("study's way", theirs), ("ours, same network", ours), (f"ours, {card.model_id}", today)):
        print(f"{name:<40} wall {cost.wall:8.4f}   CPU {cost.cpu:8.4f}")
    save(
        "study_way",
        {
            "radiographs": count,
            "rounds": ROUNDS,
            "study_wall_seconds": theirs.wall,
            "study_cpu_seconds": theirs.cpu,
            "our_wall_seconds": ours.wall,
            "our_cpu_seconds": ours.cpu,
            "shipped_wall_seconds": today.wall,
            "shipped_cpu_seconds": today.cpu,
            "wall_ratio": theirs.wall / ours.wall,
            "cpu_ratio": theirs.cpu / ours.cpu,
            "shipped_wall_ratio": theirs.wall / today.wall,
            "shipped_cpu_ratio": theirs.cpu / today.cpu,
            "largest_score_difference": float(np.abs(ours.result.scores - theirs.result.scores).max()),
            "largest_map_difference": float(np.abs(ours.result.activation_maps - theirs.result.activation_maps).max()),
        },
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RADIOGRAPHS)
