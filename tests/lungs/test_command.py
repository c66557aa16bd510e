from __future__ import annotations

import json
from pathlib import Path

import pytest

from cxrscreen.cli import main
from cxrscreen.lungs.bundle import pack_arrays, save_segmenter
from cxrscreen.training.lung_request import LungRequest
from cxrscreen.types import Progress
from tests.lungs.cards import lung_card

pytestmark = pytest.mark.tensorflow

WEIGHTS = pack_arrays({})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[LungRequest]:
    """Put weights that nobody trained in the place of half an hour's training."""
    from cxrscreen.training import lung_segmenter  # noqa: PLC0415  # starts TensorFlow

    requests: list[LungRequest] = []

    def trained(request: LungRequest, *, into: Path, progress: Progress) -> lung_segmenter.TrainedLungs:
        requests.append(request)
        progress("network 1 of 5", 1, request.epochs)
        card = lung_card(WEIGHTS, request.version)
        return lung_segmenter.TrainedLungs(card, save_segmenter(into, card, WEIGHTS))

    monkeypatch.setattr(lung_segmenter, "train_lungs", trained)
    return requests


def command(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    monkeypatch.setattr("sys.argv", ["cxrscreen", "train-lungs", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_person_is_told_the_figures_and_the_folder(
    asked: list[LungRequest], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["--version", "lungs-7", "--epochs", "3", "--note", "By hand.", "--workspace", tmp_path / "w"]
    assert command(monkeypatch, tmp_path / "masks", *words) == 0
    said = " ".join(capfd.readouterr().out.split())
    assert "mean Dice 0.900 (0.800 to 0.950), median 0.910, least 0.800, on 3 radiographs of 2 patients" in said
    assert f"Segmenter: {tmp_path / 'w' / 'lungs' / 'lungs-7'}" in said
    (request,) = asked
    assert (request.data_folder, request.epochs, request.note) == (tmp_path / "masks", 3, "By hand.")


def test_a_script_is_given_the_card(
    asked: list[LungRequest], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command(monkeypatch, tmp_path, "--version", "lungs-7", "--json", "--workspace", tmp_path / "w") == 0
    answer = json.loads(capfd.readouterr().out)
    assert answer["card"] == lung_card(WEIGHTS, "lungs-7").model_dump(mode="json")
    assert len(asked) == 1


def test_what_is_out_of_range_is_one_sentence(
    asked: list[LungRequest], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command(monkeypatch, tmp_path, "--epochs", "0", "--workspace", tmp_path / "w") == 1
    assert "epochs" in capfd.readouterr().err
    assert not asked
