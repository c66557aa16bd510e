from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from cxrscreen.classifier.base_weights import BaseWeights
from cxrscreen.evaluation.data_report import DataReport
from cxrscreen.labelled.bias import examine
from cxrscreen.labelled.labelled_set import LabelledSet
from cxrscreen.labelled.site import Site
from cxrscreen.phantom.golden import golden_phantom
from cxrscreen.types import Progress
from tests.classifier.random_model import random_base

EXAMINED: dict[str, DataReport] = {}
PHANTOMS = cache(golden_phantom)


@pytest.fixture(scope="session")
def rounded_base() -> BaseWeights:
    return random_base(0).rounded()


@pytest.fixture
def _cheap(monkeypatch: pytest.MonkeyPatch, rounded_base: BaseWeights) -> None:
    cheapen(monkeypatch, rounded_base)


def cheapen(monkeypatch: pytest.MonkeyPatch, rounded_base: BaseWeights) -> None:
    """Train on block averages instead of VGG16's feature maps; examine a set and draw a phantom once a session."""
    from cxrscreen.classifier import backbone  # noqa: PLC0415  # starts TensorFlow
    from cxrscreen.lungs import golden as phantoms  # noqa: PLC0415  # likewise
    from cxrscreen.training import examined, golden  # noqa: PLC0415  # likewise
    from tests.training.drawn import CheapBackbone  # noqa: PLC0415  # likewise

    def examined_once(labelled: LabelledSet, *, seed: int, progress: Progress | None) -> DataReport:
        report = EXAMINED.get(labelled.fingerprint) or examine(labelled, seed=seed, progress=progress)
        return EXAMINED.setdefault(labelled.fingerprint, report)

    monkeypatch.setattr(backbone, "Backbone", CheapBackbone)
    monkeypatch.setattr(golden, "Backbone", CheapBackbone)
    monkeypatch.setattr(phantoms, "golden_phantom", PHANTOMS)
    monkeypatch.setattr(examined, "examine", examined_once)
    monkeypatch.setattr(examined, "base_weights", lambda _named: rounded_base)


@pytest.fixture
def _no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    without_reports(monkeypatch)


def without_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the pages out, which cost seconds and have tests of their own."""
    from cxrscreen.training import retraining  # noqa: PLC0415  # starts TensorFlow

    monkeypatch.setattr(retraining, "gallery_of", lambda *_, **__: ())
    monkeypatch.setattr(retraining, "write_evaluation", lambda *_, **__: None)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.training.drawn import draw_folder  # noqa: PLC0415  # starts TensorFlow

    return draw_folder(tmp_path_factory.mktemp("drawn") / "labelled")


@pytest.fixture(scope="session")
def other_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of other patients."""
    from tests.training.drawn import draw_folder  # noqa: PLC0415  # starts TensorFlow

    return draw_folder(tmp_path_factory.mktemp("other") / "labelled", first=40)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    from tests.training.drawn import site_in  # noqa: PLC0415  # starts TensorFlow

    return site_in(tmp_path / "site")


@pytest.fixture
def different_phantoms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take phantoms for different people: they are one anatomy in variations, and count as alike."""
    from cxrscreen.training import lung_set  # noqa: PLC0415  # OpenCV: for these tests alone

    monkeypatch.setattr(lung_set, "exposures_alike", lambda *_: {})
