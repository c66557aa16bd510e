"""All recipes on the real set, the shortcut audit beside the AUC, and the table that names the winner.

Run it with ``python -m tests.benchmarks.recipe_comparison [--maps FOLDER] [--threads N]``: some 50 passes of VGG16, a
minute each on one core, and a quarter of an hour of fits. The folder keeps passes and finished rows, so that a run
which was killed goes on. The rules by which one recipe wins were fixed before, in
``deployments/recipes/criterion.md``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from cxrscreen.classifier.bundle import base_of_bundle
from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION
from cxrscreen.classifier.runtime import tf
from cxrscreen.durable import write_file
from cxrscreen.labelled.splits import FOLDS
from tests.benchmarks.recipe_figures import figures_of
from tests.benchmarks.recipe_list import RECIPES, Tried
from tests.benchmarks.recipe_passes import compute_passes, pass_file
from tests.benchmarks.recipe_poolings import vectors_of
from tests.benchmarks.recipe_set import SEEDS, DevelopmentSet, development_set
from tests.benchmarks.recipe_table import RESULTS, TABLE, table_of
from tests.benchmarks.results import FOLDER, real_folder, save

_ROWS = "rows.json"


def computed_rows(known: DevelopmentSet, folder: Path) -> dict[str, Any]:
    """Judge every recipe whose passes are there and that was not judged before; return all rows in their order."""
    file = folder / _ROWS
    rows: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    for name, tried in RECIPES.items():
        if name in rows or not _has_passes(tried, folder):
            continue
        vectors = {change: vectors_of(folder, tried.pieces, change) for change in tried.changes}
        with threadpool_limits(1):
            rows[name] = figures_of(known, vectors, tried.fit)
        write_file(file, json.dumps(rows, indent=1).encode())
        print(
            name, {key: figure["value"] for key, figure in rows[name].items() if isinstance(figure, dict)}, flush=True
        )
    return {
        name: {**rows[name], "sees": tried.sees, "about": tried.about}
        for name, tried in RECIPES.items()
        if name in rows
    }


def _has_passes(tried: Tried, folder: Path) -> bool:
    files = [pass_file(folder, piece.view, change) for piece in tried.pieces for change in tried.changes]
    return all(file.exists() for file in files)


def main(arguments: argparse.Namespace) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.maps or Path(temporary)
        known = development_set(real_folder())
        if not arguments.no_passes:
            compute_passes(known, base_of_bundle(SHIPPED_MODELS / SHIPPED_VERSION), folder)
        rows = computed_rows(known, folder)
    found = {
        "radiographs": len(known),
        "positives": int(known.seen.diseased.sum()),
        "patients": len(set(known.seen.patients)),
        "without_fields": known.seen.without_fields,
        "sources": int(known.sources.max()) + 1,
        "folds": FOLDS,
        "splits": len(SEEDS),
        "rows": rows,
        "not_judged": [name for name in RECIPES if name not in rows],
    }
    save(RESULTS, found, folder=arguments.results)
    arguments.table.write_text(table_of(found), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maps", type=Path, default=None, help="folder that keeps feature maps (4 GB) and rows")
    parser.add_argument("--no-passes", action="store_true", help="judge what the folder has feature maps for")
    parser.add_argument("--threads", type=int, default=1, help="of TensorFlow")
    parser.add_argument("--results", type=Path, default=FOLDER)
    parser.add_argument("--table", type=Path, default=TABLE)
    main(parser.parse_args())
