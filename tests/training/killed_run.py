"""A retraining in a process of its own, which kills itself without warning where it is told to.

``python -m tests.training.killed_run FOLDER SITE [STEP DONE]`` prints what it had to compute, if it comes to its end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from cxrscreen.classifier import backbone
from cxrscreen.classifier.making import Augmentation, GridPoint
from cxrscreen.training import golden, retraining, search
from cxrscreen.training.request import RetrainRequest
from cxrscreen.training.search_space import FixedSettings, SearchSpace, Stage
from tests.classifier.random_model import random_base
from tests.training.drawn import CheapBackbone, site_in

SPACE = SearchSpace(
    start="best",
    stages=(
        Stage(name="coarse", learning_rate=(0.001, 0.005), batch_size=(5, 8), fixed=FixedSettings(epochs=4)),
        Stage(name="fine", epochs=(2, 4)),
    ),
)


def request_for(folder: Path) -> RetrainRequest:
    return RetrainRequest(data_folder=folder, search=True, space=SPACE, augmentation=Augmentation(copies=2), seed=3)


def main(folder: Path, root: Path, last_step: tuple[str, int] | None) -> None:
    computed: list[GridPoint] = []
    compute = search._computed

    def count(*given: object, **named: object) -> GridPoint:
        computed.append(compute(*given, **named))  # type: ignore[arg-type]  # passed on
        return computed[-1]

    def progress(step: str, done: int, _total: int) -> None:
        if (step, done) == last_step:
            os.kill(os.getpid(), signal.SIGKILL)

    rounded = random_base(0).rounded()
    backbone.Backbone = golden.Backbone = CheapBackbone  # type: ignore[misc]  # the base costs nothing
    retraining.base_weights = lambda _named: rounded
    retraining.gallery_of = lambda *_, **__: ()
    retraining.write_evaluation = lambda *_, **__: None  # type: ignore[assignment,return-value]  # has its own tests
    search._computed = count
    site = site_in(root)
    made = retraining.retrain(site, request_for(folder), progress)
    print(json.dumps({"version": made.version, "maps": site.cache.computed, "points": len(computed)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), (sys.argv[3], int(sys.argv[4])) if len(sys.argv) > 3 else None)
