"""A retraining that is killed without warning and started again, each time in a process of its own.

``python -m tests.training.killed_run FOLDER SITE=STEP...`` makes one start for each step and prints, for each, the
signal that ended it or what it had to compute. The processes are forked from one that has imported TensorFlow but not
used it: only the import, which takes most of the time, is shared.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cxrscreen.classifier import backbone
from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.classifier.making import Augmentation, GridPoint
from cxrscreen.lungs import golden as phantoms
from cxrscreen.training import examined, golden, retraining, search
from cxrscreen.training.held_out import HeldOut
from cxrscreen.training.request import RetrainRequest
from cxrscreen.training.search_space import FixedSettings, SearchSpace, Stage
from cxrscreen.types import Grey8
from tests.classifier.random_model import random_base
from tests.training.drawn import CheapBackbone, site_in

TO_THE_END, AFTER_THE_LOOK, AFTER_SAVING, AFTER_SETTLING = "to the end", "look", "save_bundle", "promoted_by_itself"
SPACE = SearchSpace(
    start="best",
    stages=(
        Stage(name="coarse", learning_rate=(0.001, 0.005), batch_size=(5, 8), fixed=FixedSettings(epochs=4)),
        Stage(name="fine", epochs=(2, 4)),
    ),
)


def request_for(folder: Path) -> RetrainRequest:
    return RetrainRequest(
        data_folder=folder, recipe="standard", search=True, space=SPACE, augmentation=Augmentation(copies=2), seed=3
    )


def main(folder: Path, starts: list[str]) -> None:
    rounded = random_base(0).rounded()
    for site, step in (one.split("=") for one in starts):
        root = Path(site)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            try:
                start(folder, root, step, rounded)
            except BaseException:  # noqa: BLE001  # told, and answered with the status of the process
                traceback.print_exc()
                os._exit(1)
            sys.stdout.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            print(json.dumps({"killed by": os.WTERMSIG(status), "site": contents(root)}))
        elif os.WEXITSTATUS(status):
            sys.exit(f"The start that was to be killed at {step!r} failed.")


def start(folder: Path, root: Path, step: str, rounded: BaseWeights) -> None:
    computed: list[GridPoint] = []
    compute = search._computed

    def count(*given: object, **named: object) -> GridPoint:
        computed.append(compute(*given, **named))  # type: ignore[arg-type]  # passed on
        return computed[-1]

    def progress(name: str, done: int, _total: int) -> None:
        if step == f"{name} {done}":
            kill()

    backbone.Backbone = golden.Backbone = CheapBackbone  # type: ignore[misc]  # the base costs nothing
    phantoms.golden_phantom = a_picture
    examined.base_weights = lambda _named: rounded
    retraining.gallery_of = lambda *_, **__: ()
    retraining.write_evaluation = lambda *_, **__: None  # type: ignore[assignment,return-value]  # has its own tests
    search._computed = count
    if step == AFTER_THE_LOOK:
        HeldOut.look = and_die(HeldOut.look)  # type: ignore[method-assign]  # the process ends here
    if step in {AFTER_SAVING, AFTER_SETTLING}:
        setattr(retraining, step, and_die(getattr(retraining, step)))
    site = site_in(root)
    made = retraining.retrain(site, request_for(folder), progress)
    result = {"version": made.version, "looks": made.evaluation.looks}
    print(json.dumps(result | {"maps": site.cache.computed, "points": len(computed), "site": contents(root)}))


def contents(root: Path) -> dict[str, int]:
    return {
        "maps": sum(file.is_file() for file in (root / "feature-maps").rglob("*")),
        "points": len(list((root / "retraining").glob("*/[!r]*.json"))),
        "models": len(list((root / "models").glob("*"))),
        "runs": len(list((root / "retraining").glob("*/run.json"))),
    }


def a_picture(seed: int, *, opacities: bool) -> Grey8:
    """In place of a phantom, which takes half a second to draw."""
    return np.random.default_rng([seed, opacities]).integers(0, 256, size=(448, 448), dtype=np.uint8)


def and_die(function: Callable[..., object]) -> Callable[..., object]:
    def last(*given: object, **named: object) -> None:
        function(*given, **named)
        kill()

    return last


def kill() -> None:
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
