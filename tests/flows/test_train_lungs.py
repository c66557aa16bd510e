from __future__ import annotations

from pathlib import Path

import pytest

from cxrscreen.errors import DataSetError
from cxrscreen.lungs.card import LungCard
from cxrscreen.settings import Settings
from cxrscreen.training.lung_request import LungRequest
from cxrscreen.types import Progress
from flows import train_lungs as module
from flows.train_lungs import train_lungs
from tests.lungs.cards import lung_card

pytestmark = pytest.mark.filterwarnings("default")  # warnings of Prefect are not ours to mend


class _Silent:
    def __init__(self, _title: str) -> None:
        self.ended = False

    def part(self, _start: float, _end: float) -> Progress:
        return lambda *_: None

    def end(self) -> None:
        self.ended = True


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[LungRequest]:
    """Put a card in the place of half an hour's training."""
    requests: list[LungRequest] = []

    def trained(_settings: Settings, request: LungRequest, _progress: Progress) -> LungCard:
        requests.append(request)
        if request.note == "few":
            raise DataSetError("Masks of 3 patients are there; at least 10 are needed. Add some.")
        return lung_card(b"weights")

    monkeypatch.setenv("CXRSCREEN_WORKSPACE", str(tmp_path / "w"))
    monkeypatch.setattr(module, "train", trained)
    monkeypatch.setattr(module, "publish_agreement", lambda _card: None)
    monkeypatch.setattr(module, "Bar", _Silent)
    return requests


def test_the_form_becomes_a_request_and_the_state_tells_the_figures(asked: list[LungRequest], tmp_path: Path) -> None:
    state = train_lungs.fn(f" {tmp_path} ", epochs=3, note=" by hand ", version=" lungs-9 ")
    assert state.is_completed()
    assert "lungs-drawn. Held-out test, by patient: mean Dice 0.900" in str(state.message)
    (request,) = asked
    assert (request.data_folder, request.epochs, request.note, request.version) == (tmp_path, 3, "by hand", "lungs-9")


@pytest.mark.parametrize(
    ("folder", "note", "words"), [("masks", "", "no absolute path"), ("", "few", "at least 10 are needed")]
)
def test_what_cannot_be_trained_fails_in_words(
    asked: list[LungRequest], tmp_path: Path, folder: str, note: str, words: str
) -> None:
    state = train_lungs.fn(folder or str(tmp_path), note=note)
    assert state.is_failed()
    assert words in str(state.message)
    assert len(asked) == (1 if note else 0)
