"""Stand-ins that more than one room's tests need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from cxrscreen.classifier.bundle import WEIGHTS_FILE, digest
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.contract import Classified
from cxrscreen.classifier.registry import Registry
from cxrscreen.durable import write_file
from cxrscreen.screening.session import Session, open_session
from cxrscreen.settings import ExplanationVariant, load_settings
from cxrscreen.types import PreparedBatch
from tests.reporting.report_samples import CARD

STUB_WEIGHTS = b"none: a stub scores by the mean grey value"
STUB_CARD = CARD.model_copy(update={"weights_sha256": digest(STUB_WEIGHTS)})


@dataclass
class StubClassifier:
    """Scores a radiograph by its mean grey value; breaks where a test says so."""

    card: ModelCard = STUB_CARD
    calls: list[int] = field(default_factory=list)
    breaks_on_grey: int | None = None  # a radiograph whose first pixel has this value

    def classify(self, prepared: PreparedBatch, *, explanation: ExplanationVariant) -> Classified:
        assert explanation in ("guided", "standard")
        self.calls.append(len(prepared))
        if self.breaks_on_grey is not None and (prepared[:, 0, 0, 0] == self.breaks_on_grey).any():
            raise MemoryError
        maps = np.zeros((len(prepared), 7, 7), np.float32)
        maps[:, 3, 3] = 1
        return Classified(prepared.mean(axis=(1, 2, 3)) / 255.0, maps, np.zeros((len(prepared), 512), np.float32))


@contextmanager
def stub_session(root: Path, classifier: StubClassifier | None = None, **settings: object) -> Iterator[Session]:
    """Open a workspace that screens with a stub and does not wait for files to settle."""
    model = root / "models" / CARD.version
    model.mkdir(parents=True, exist_ok=True)
    # Whole, for another process may be reading them; screening compares the hash of the weights with the card's.
    write_file(model / WEIGHTS_FILE, STUB_WEIGHTS)
    write_file(model / "card.json", STUB_CARD.model_dump_json().encode())
    chosen = load_settings(root, **{"settle_seconds": 0, "model": CARD.version} | settings)
    stub = classifier or StubClassifier()
    with open_session(chosen) as session:
        yield replace(
            session,
            registry=Registry((root / "models",)),
            load_classifier=lambda _folder: stub,
            load_segmenter=lambda _folder: None,
            load_gate=lambda _folder: None,
        )


def studies_of(session: Session, batch_id: str) -> list[str]:
    """Return the studies that a batch has left."""
    return [key for step in session.ledger.steps(batch_id, studies=100, files=1000) for key in step]


def draw_png(path: Path, grey: int, *, side: int = 320) -> bytes:
    """Write a picture that the gate accepts: a slope whose first pixel and mean follow ``grey``."""
    slope = np.linspace(0, 40, side, dtype=np.float32)
    pixels = np.clip(grey + np.add.outer(slope, slope), 0, 255).astype(np.uint8)
    written, png = cv2.imencode(".png", pixels)
    assert written
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(png))
    return bytes(png)
