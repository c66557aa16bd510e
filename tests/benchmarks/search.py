"""The whole five-stage search: ours, through the real rooms, against the way of the 2020 study.

Run it with ``python -m tests.benchmarks.search``. Ours is run three times, each in a process of its own, imports
counted: *cold* (empty workspace: radiographs read and examined, feature maps computed, 23 points of 5 folds searched),
*warm* (feature maps cached, all points computed anew) and *resumed* (feature maps and points are there, as after a
run that was killed at the end); once without augmentation and once with shifted copies. In the same run, before and
after: a few batches of the study's way, extrapolated to the same search.

The study's way is what ``GridSearchCV`` over a Keras wrapper does: a Keras model with the frozen VGG16 inside, trained
batch by batch on pictures that are shifted as they come, and its validation fold predicted. Left out in the study's
favour: reading, building and tracing 115 models, the final refit of each stage, and what the wrapper itself costs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrscreen.classifier.making import Augmentation, GridPoint
from tests.benchmarks.real_set import PARTS, as_the_study, first_of
from tests.benchmarks.results import FOLDER, save

SEED = 2020
COPIES = 2
BATCHES = 3  # timed, of each batch size, before and after our runs
PREDICTED = 32  # radiographs in a step of Keras' predict
MAX_SHIFT = 0.1


@dataclass(frozen=True)
class StudyCost:
    """Seconds for a radiograph that passes the study's network.

    Attributes:
        trained: By batch size, shift included.
        predicted: In a validation fold.
        shift: Of the above, for shifting one radiograph.
    """

    trained: dict[int, float]
    predicted: float
    shift: float


def extrapolated(points: Sequence[GridPoint], development: int, cost: StudyCost) -> tuple[int, float]:
    """Count what passes the study's network in the whole search, and the seconds that it takes.

    For each point the five training folds hold each of the ``development`` radiographs four times, in every epoch;
    the five validation folds hold it once.

    Returns:
        Radiographs through the network, seconds.
    """
    trained = dict.fromkeys(cost.trained, 0)
    for point in points:
        trained[point.batch_size] += (PARTS - 1) * development * point.epochs
    predicted = len(points) * development
    seconds = sum(cost.trained[size] * count for size, count in trained.items()) + cost.predicted * predicted
    return sum(trained.values()) + predicted, seconds


def ours(folder: Path, workspace: Path, copies: int) -> dict[str, Any]:
    """Search in this process; everything is imported here, so that imports are on the clock."""
    from cxrscreen.labelled.site import site_of  # noqa: PLC0415  # on the clock
    from cxrscreen.settings import load_settings  # noqa: PLC0415  # likewise
    from cxrscreen.training.request import RetrainRequest  # noqa: PLC0415  # likewise
    from cxrscreen.training.retraining import Retraining  # noqa: PLC0415  # likewise
    from cxrscreen.workspace import open_workspace  # noqa: PLC0415  # likewise

    augmentation = Augmentation(copies=copies, max_shift=MAX_SHIFT)
    request = RetrainRequest(data_folder=folder, recipe="study-2020", search=True, augmentation=augmentation, seed=SEED)
    open_workspace(workspace)
    run = Retraining(site_of(load_settings(workspace)), request)
    seconds: dict[str, float] = {}

    def timed(step: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        seconds[step] = time.perf_counter() - start
        return result

    report = timed("reading and examining", run.examine)
    computed = timed("feature maps", run.compute_feature_maps)
    points = [point for stage in run.stages for point in timed(stage, lambda stage=stage: run.search_stage(stage))]
    return {
        "radiographs": report.bias.radiographs,
        "feature_maps_computed": computed,
        "points": [point.model_dump(mode="json") for point in points],
        "seconds": seconds,
    }


def study_cost(folder: Path, batch_sizes: Sequence[int], batches: int) -> dict[str, Any]:
    """Time some batches of the study's way in this process, the model built and each size traced before."""
    from cxrscreen.classifier.bundle import base_of_bundle  # noqa: PLC0415  # not in the processes of ours
    from cxrscreen.classifier.head import COVID, NORMAL, Head  # noqa: PLC0415  # likewise
    from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION  # noqa: PLC0415  # likewise
    from cxrscreen.classifier.runtime import keras  # noqa: PLC0415  # likewise
    from cxrscreen.radiograph.acceptance import acceptance_limits  # noqa: PLC0415  # likewise
    from cxrscreen.radiograph.prepare import prepare  # noqa: PLC0415  # likewise
    from cxrscreen.radiograph.read import read_radiograph  # noqa: PLC0415  # likewise
    from cxrscreen.settings import load_settings  # noqa: PLC0415  # likewise
    from tests.benchmarks.study_way import study_model  # noqa: PLC0415  # likewise

    files = sorted(folder.glob("covid/*"))[: PREDICTED // 2] + sorted(folder.glob("normal/*"))[: PREDICTED // 2]
    limits = acceptance_limits(load_settings())
    prepared = np.stack([prepare(read_radiograph(file.read_bytes(), limits).pixels) for file in files])
    pictures = prepared / np.float32(255)
    targets = np.zeros((len(files), 2), dtype=np.float32)
    targets[: len(files) // 2, COVID] = 1
    targets[len(files) // 2 :, NORMAL] = 1
    recipe = as_the_study("study-2020")
    model = study_model(base_of_bundle(SHIPPED_MODELS / SHIPPED_VERSION), Head(recipe, seed=SEED))
    model.compile(keras.optimizers.Adam(recipe.learning_rate), "binary_crossentropy", metrics=["accuracy"])
    generator = np.random.default_rng(SEED)

    def step(size: int) -> None:
        rows = generator.choice(len(pictures), size)
        model.train_on_batch(shifted_as_they_come(pictures[rows], generator), targets[rows])

    trained: dict[int, list[float]] = {}
    for size in batch_sizes:
        step(size)  # traced
        trained[size] = [seconds_of(lambda size=size: step(size)) / size for _ in range(batches)]

    def predict() -> None:
        model.predict(pictures, batch_size=PREDICTED, verbose=0)

    def shift() -> None:
        shifted_as_they_come(pictures, generator)

    predict()  # traced
    return {
        "trained": trained,
        "predicted": [seconds_of(predict) / len(pictures) for _ in range(batches)],
        "shift": [seconds_of(shift) / len(pictures) for _ in range(batches)],
    }


def shifted_as_they_come(pictures: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
    """Shift each picture anew, edges repeated, as ``ImageDataGenerator`` does; by whole pixels, which is cheaper."""
    side = pictures.shape[1]
    most = int(MAX_SHIFT * side)
    places = np.arange(side)
    shifted = np.empty_like(pictures)
    for picture, target in zip(pictures, shifted, strict=True):
        down, right = generator.integers(-most, most, endpoint=True, size=2)
        target[:] = picture[np.ix_(np.clip(places - down, 0, side - 1), np.clip(places - right, 0, side - 1))]
    return shifted


def seconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_own_process(*command: object) -> tuple[float, dict[str, Any]]:
    """Run a part of this module in a new process; give its whole time, and what it printed last."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.search", *map(str, command)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={key: value for key, value in os.environ.items() if not key.startswith("CXRSCREEN_")},
    )
    return time.perf_counter() - start, json.loads(done.stdout.splitlines()[-1])


def three_times(folder: Path, copies: int) -> tuple[dict[str, dict[str, Any]], list[GridPoint]]:
    """Cold, warm and resumed, on one workspace.

    Raises:
        SystemExit: Two of them gave other points, or a run computed or reused what it should not.
    """
    timings: dict[str, dict[str, Any]] = {}
    points: list[Any] = []
    with tempfile.TemporaryDirectory() as temporary:
        workspace = Path(temporary, "w")
        for name in ("cold", "warm", "resumed"):
            if name == "warm":
                shutil.rmtree(workspace / "retraining")  # finished points; the feature maps stay
            wall, run = in_own_process("ours", folder, workspace, copies)
            points = points or run["points"]
            others = [one for one, cold in zip(run["points"], points, strict=True) if one != cold]
            if others:
                raise SystemExit(f"The {name} search gave {len(others)} other points than the cold one: {others[0]}")
            if (run["feature_maps_computed"] > 0) != (name == "cold"):
                raise SystemExit(f"The {name} search computed {run['feature_maps_computed']} feature maps.")
            timings[name] = {"wall_seconds": wall, "steps": run["seconds"]}
            print(f"{copies} copies, {name}: {wall:.1f} s, {run['seconds']}", flush=True)
    return timings, [GridPoint.model_validate(point) for point in points]


def main(arguments: argparse.Namespace) -> None:
    with first_of(arguments.radiographs) as folder:
        development, radiographs = development_of(folder)
        sizes = ",".join(map(str, study_batch_sizes()))
        study = [in_own_process("study", folder, sizes, arguments.batches)[1]]
        plain, points = three_times(folder, 0)
        augmented, _ = three_times(folder, COPIES)
        study.append(in_own_process("study", folder, sizes, arguments.batches)[1])
    cost = StudyCost(
        trained={int(size): median(s for part in study for s in part["trained"][size]) for size in study[0]["trained"]},
        predicted=median(s for part in study for s in part["predicted"]),
        shift=median(s for part in study for s in part["shift"]),
    )
    images, seconds = extrapolated(points, development, cost)
    save(
        "search",
        {
            "radiographs": radiographs,
            "development": development,
            "points": len(points),
            "folds": PARTS,
            "fits": len(points) * PARTS,
            "copies": COPIES,
            "plain": plain,
            "augmented": augmented,
            "study_batches": 2 * arguments.batches * (len(cost.trained) + 1),
            "study_seconds_per_trained_radiograph": cost.trained,
            "study_seconds_per_predicted_radiograph": cost.predicted,
            "study_seconds_per_shift": cost.shift,
            "study_radiographs_through_the_network": images,
            "study_seconds": seconds,
            "ratio": seconds / plain["cold"]["wall_seconds"],
            "ratio_augmented": seconds / augmented["cold"]["wall_seconds"],
            "ratio_warm": seconds / plain["warm"]["wall_seconds"],
            "how": (
                "Extrapolated: for each point, epochs times the training radiographs of the five folds, each at the "
                "median cost of a radiograph in a batch of that size, plus the five validation folds; before and after "
                "our runs, in processes of their own. Reading, model building, refits and the wrapper are not counted."
            ),
        },
        folder=arguments.results,
    )


def study_batch_sizes() -> list[int]:
    """Every size of batch that a point of the study's space can have."""
    from cxrscreen.training.search_space import STUDY_SPACE  # noqa: PLC0415  # not in the processes of ours

    of_stages = [size for stage in STUDY_SPACE.stages for size in stage.batch_size]
    fixed = [stage.fixed.batch_size for stage in STUDY_SPACE.stages if stage.fixed.batch_size is not None]
    return sorted({*of_stages, *fixed})


def development_of(folder: Path) -> tuple[int, int]:
    """Count the radiographs that the search runs on, and all."""
    from cxrscreen.labelled.groups import joined_patients  # noqa: PLC0415  # not in the processes of ours
    from cxrscreen.labelled.labelled_set import read_labelled  # noqa: PLC0415  # likewise
    from cxrscreen.labelled.likeness import alike  # noqa: PLC0415  # likewise
    from cxrscreen.labelled.splits import split_by_patient  # noqa: PLC0415  # likewise
    from cxrscreen.radiograph.acceptance import acceptance_limits  # noqa: PLC0415  # likewise
    from cxrscreen.settings import load_settings  # noqa: PLC0415  # likewise

    labelled = read_labelled(folder, limits=acceptance_limits(load_settings()))
    groups = joined_patients(labelled, alike(labelled))
    split = split_by_patient(groups, labelled.diseased, seed=SEED)
    return len(split.development), len(labelled.radiographs)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--radiographs", type=int, default=None, help="for trials: fewer, half of each class")
    parser.add_argument("--batches", type=int, default=BATCHES)
    parser.add_argument("--results", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["ours", folder, workspace, copies]:
            print(json.dumps(ours(Path(folder), Path(workspace), int(copies))))
        case ["study", folder, sizes, batches]:
            print(json.dumps(study_cost(Path(folder), [int(size) for size in sizes.split(",")], int(batches))))
        case _:
            main(read_arguments())
