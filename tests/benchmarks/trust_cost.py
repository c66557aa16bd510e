"""What trust costs: the whole screening of a study with it, against the same without.

Run it with ``python -m tests.benchmarks.trust_cost``. Two models screen the same radiographs in the same process, in
turn, decode to PDF, CPU seconds of all threads with the reader's process: the shipped one with lung fields, gate,
activation-map audit, calibration, band and all that its reports say, and one as they were before: recipe ``standard``,
whole radiographs, nobody looks for lungs, and a card that says nothing of trust. The numbers of its head are drawn:
its findings mean nothing, its cost does not depend on them.

Two things are told apart from the sum. The shipped model needs VGG16 up to its fourth block only, which pays for a good
part of the rest; and the self-test on golden phantoms is paid once for a screening, however many studies it has.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from cxrscreen.classifier.bundle import WEIGHTS_FILE, digest, load_classifier, pack_weights, read_weights, save_bundle
from cxrscreen.classifier.head import Head
from cxrscreen.classifier.operating_point import OperatingPoint
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION, Registry
from cxrscreen.lungs.changed import SIDE
from cxrscreen.lungs.framing import framed
from cxrscreen.lungs.gate import look_at
from cxrscreen.lungs.map_audit import audit_map
from cxrscreen.lungs.preparation import squeezed
from cxrscreen.lungs.regions import regions_of
from cxrscreen.radiograph.acceptance import acceptance_limits
from cxrscreen.radiograph.prepare import prepare
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.reporting.writer import ReportWriter
from cxrscreen.screening import golden
from cxrscreen.screening.looking import Tools, load_tools
from cxrscreen.screening.session import Session, open_session
from cxrscreen.settings import load_settings
from cxrscreen.types import Grey8
from tests.benchmarks.results import real_radiographs, save
from tests.benchmarks.whole_study import cpu_clock, cpu_seconds, screen_once

RADIOGRAPHS = 50
ROUNDS = 5
TRUSTED, PLAIN = "trusted", "plain"
OF_TRUST = ("calibration", "band", "shortcuts", "gate", "maps", "references")

_load_once = lru_cache(maxsize=2)(load_classifier)  # both stay: loading is no part of a study


def make_models(models: Path) -> None:
    """Write both models: the shipped one without its golden phantoms, and one as they were before there was trust."""
    shipped = SHIPPED_MODELS / SHIPPED_VERSION
    card, base, _ = read_weights(shipped)
    save_bundle(
        models, card.model_copy(update={"version": TRUSTED, "golden": ()}), (shipped / WEIGHTS_FILE).read_bytes()
    )
    recipe = recipe_named("standard")
    weights = pack_weights(base, Head(recipe, seed=1).arrays())
    untold = dict.fromkeys(OF_TRUST) | {
        "version": PLAIN,
        "recipe": recipe.name,
        "hyperparameters": recipe.hyperparameters(),
        "weights_sha256": digest(weights),
        "segmenter_sha256": "",
        "golden": (),
        "operating_point": OperatingPoint(threshold=0.5, sensitivity=0.9, specificity=0.9),
    }
    save_bundle(models, card.model_copy(update=untold), weights)


@contextmanager
def session_of(models: Path, version: str, workspace: Path) -> Iterator[Session]:
    """Open a new workspace that screens with one of the two."""
    with open_session(load_settings(workspace, settle_seconds=0, model=version)) as session:
        with_models = replace(session, registry=Registry((models,)), load_classifier=_load_once)
        if version == TRUSTED:
            yield with_models
        else:
            yield replace(with_models, load_segmenter=lambda _folder: None, load_gate=lambda _folder: None)


class Screened:
    """What screening has cost so far, for each model: CPU seconds a study, one entry for each round.

    Attributes:
        whole: Decode to PDF.
        pages: Of that, for the study's pictures, page and PDF.
    """

    def __init__(self, models: Path, files: Sequence[Path]) -> None:
        self._models, self._files = models, files
        self.whole: dict[str, list[float]] = {TRUSTED: [], PLAIN: []}
        self.pages: dict[str, list[float]] = {TRUSTED: [], PLAIN: []}

    def once(self, version: str) -> None:
        """Screen the files with one model."""
        written: list[float] = []
        study_files = ReportWriter.study_files

        def metered(writer: ReportWriter, report: Any) -> dict[str, bytes]:
            start = cpu_clock()
            files = study_files(writer, report)
            written.append(cpu_clock() - start)
            return files

        opened = partial(session_of, self._models, version)
        with patch.object(ReportWriter, "study_files", metered):
            spent = cpu_seconds(lambda: screen_once(self._files, opened))
        self.whole[version].append(spent / len(self._files))
        self.pages[version].append(sum(written) / len(self._files))


class Parts:
    """The functions that trust adds, on the same readings as screening has them; each takes one round.

    Attributes:
        cost: CPU seconds a study, by part, one entry for each round.
    """

    def __init__(self, trusted: Tools, plain: Tools, readings: Sequence[Grey8]) -> None:
        assert trusted.segmenter is not None
        assert trusted.gate is not None
        self._trusted, self._plain, self._readings = trusted, plain, readings
        self.cost: dict[str, list[float]] = {}

    def once(self) -> None:
        """Take one radiograph after the other through all parts."""
        tools, readings, timed = self._trusted, self._readings, self._timed
        squares, (fields, features) = timed("lung_fields", lambda: self._look(tools))
        cut = timed("framing", lambda: [framed(*one) for one in zip(squares, fields, strict=True)])
        whole = timed("plain_framing", lambda: [prepare(reading) for reading in readings])
        shown = np.stack([one.prepared for one in cut])
        found = timed("base_and_map", lambda: tools.classifier.classify(shown, explanation="guided"))
        plain = self._plain.classifier
        timed("plain_base_and_map", lambda: plain.classify(np.stack(whole), explanation="guided"))
        looks = zip(readings, found.block4, features, fields, strict=True)
        timed(
            "gate",
            lambda: tools.gate.admit([look_at(r, block4=b, lungs=u, fields=f) for r, b, u, f in looks]),
        )
        maps = zip(found.activation_maps, fields, readings, cut, strict=True)
        timed("map_audit", lambda: [audit_map(m, regions_of(f, r), box=c.box) for m, f, r, c in maps])

    def _look(self, tools: Tools) -> tuple[list[Grey8], Any]:
        squares = [squeezed(reading, SIDE) for reading in self._readings]
        return squares, tools.segmenter.look(squares)

    def _timed(self, part: str, work: Callable[[], Any]) -> Any:
        start = cpu_clock()
        result = work()
        self.cost.setdefault(part, []).append((cpu_clock() - start) / len(self._readings))
        return result


def self_test_seconds(workspace: Path) -> dict[str, float]:
    """CPU seconds of the golden self-test: as a new process pays it, and as ``watch`` does before its later batches."""
    with open_session(load_settings(workspace, settle_seconds=0)) as session:
        card = session.registry.card_of("champion")
        load_tools(session, card)
        golden.check_golden(session, card)  # traced
        golden._draw.cache_clear()
        return {
            "first": cpu_seconds(lambda: golden.check_golden(session, card)),
            "later": cpu_seconds(lambda: golden.check_golden(session, card)),
        }


def main() -> None:
    files = real_radiographs(RADIOGRAPHS)
    limits = acceptance_limits(load_settings())
    readings = [read_radiograph(file.read_bytes(), limits).pixels for file in files]
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder, "models")
        make_models(models)
        for version in (TRUSTED, PLAIN):
            screen_once(files[:10], partial(session_of, models, version))  # warm up: traced graphs, fonts, templates
        tools = {}
        for version in (TRUSTED, PLAIN):
            with session_of(models, version, Path(folder, version)) as session:
                tools[version] = load_tools(session, session.registry.card_of(version))
        gc.collect()
        gc.freeze()  # as screening does once its model is loaded
        screened, parts = Screened(models, files), Parts(tools[TRUSTED], tools[PLAIN], readings)
        for number in range(ROUNDS):
            for version in (TRUSTED, PLAIN) if number % 2 else (PLAIN, TRUSTED):
                screened.once(version)
            parts.once()
            print(f"round {number + 1} of {ROUNDS}: {screened.whole}", flush=True)
        self_test = self_test_seconds(Path(folder, "golden"))
    save("trust_cost", figures(screened, parts.cost, self_test))


def figures(screened: Screened, parts: dict[str, list[float]], self_test: dict[str, float]) -> dict[str, Any]:
    """Sum up: medians over the rounds, in milliseconds of CPU time a study unless the name says otherwise."""
    whole = {version: milliseconds(costs) for version, costs in screened.whole.items()}
    more = [t / p - 1 for t, p in zip(screened.whole[TRUSTED], screened.whole[PLAIN], strict=True)]
    cost = {part: milliseconds(costs) for part, costs in parts.items()}
    added = {
        "lung_fields": cost["lung_fields"],
        "framing": cost["framing"] - cost["plain_framing"],
        "gate": cost["gate"],
        "map_audit": cost["map_audit"],
        "pages": milliseconds(screened.pages[TRUSTED]) - milliseconds(screened.pages[PLAIN]),
    }
    return {
        "radiographs": RADIOGRAPHS,
        "rounds": ROUNDS,
        "with_trust_milliseconds": whole[TRUSTED],
        "without_milliseconds": whole[PLAIN],
        "more": statistics.median(more),
        "more_lowest": min(more),
        "more_highest": max(more),
        "parts_milliseconds": {part: round(value, 2) for part, value in added.items()},
        "parts_share": sum(added.values()) / whole[PLAIN],
        "shorter_base_milliseconds": round(cost["plain_base_and_map"] - cost["base_and_map"], 2),
        "self_test_seconds": self_test["first"],
        "self_test_again_seconds": self_test["later"],
    }


def milliseconds(seconds: Sequence[float]) -> float:
    return 1000 * statistics.median(seconds)


if __name__ == "__main__":
    main()
