from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom.uid import JPEGBaseline8Bit

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.isolation import IsolatedDecoder
from cxrscreen.radiograph.refusal import Reason
from tests.radiograph.drawn import chest, dicom_around, encoded

if TYPE_CHECKING:
    from pathlib import Path

CHEST = chest()
CONTENT = dicom_around(encoded(".jpg", CHEST), CHEST, bits=8, syntax=JPEGBaseline8Bit)
CRASHING = (sys.executable, "-c", "import os; os.read(0, 8); os.abort()")
HANGING = (sys.executable, "-c", "import time; time.sleep(600)")


@pytest.mark.parametrize("command", [CRASHING, HANGING], ids=["crash", "hang"])
def test_a_decoder_that_crashes_or_hangs_refuses_the_file_and_spares_the_process(command: tuple[str, ...]) -> None:
    decoder = IsolatedDecoder(command, seconds_at_most=1)
    for _ in range(2):  # the second time with a new process
        with pytest.raises(RefusedError) as refusal:
            decoder.decode(CONTENT)
        assert refusal.value.reason is Reason.DAMAGED
    decoder.close()


def test_a_decoder_that_died_between_two_files_is_started_again() -> None:
    decoder = IsolatedDecoder()
    first, _ = decoder.decode(CONTENT)
    process = decoder._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
    again, photometric = decoder.decode(CONTENT)
    assert (first == again).all()
    assert photometric == "MONOCHROME2"
    decoder.close()


def test_threads_share_one_decoder_without_mixing_their_pictures() -> None:
    decoder = IsolatedDecoder()
    pictures = [np.roll(CHEST, 40 * shift, axis=1) for shift in range(6)]
    files = [dicom_around(encoded(".jpg", p), p, bits=8, syntax=JPEGBaseline8Bit) for p in pictures]
    with ThreadPoolExecutor(4) as pool:
        decoded = list(pool.map(decoder.decode, files))
    decoder.close()
    for picture, (pixels, _) in zip(pictures, decoded, strict=True):
        assert np.abs(pixels.astype(int) - picture).mean() < 4


def test_a_folder_named_dl_in_the_working_directory_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dl").mkdir()
    monkeypatch.chdir(tmp_path)
    decoder = IsolatedDecoder()
    assert decoder.decode(CONTENT)[0].shape == CHEST.shape
    decoder.close()
