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
EXITING = (sys.executable, "-c", "import no_module_of_this_name")
KILLED = (sys.executable, "-c", "import os; os.read(0, 8); os.kill(os.getpid(), 9)")  # as a kernel short of memory does
FORGETFUL = """
from cxrscreen.radiograph import decoder_process

def decode(content):
    raise {trouble}

decoder_process.decode = decode
decoder_process.main()
"""


def test_a_decoder_that_crashes_refuses_the_file_and_spares_the_process() -> None:
    decoder = IsolatedDecoder(CRASHING)
    for _ in range(2):  # the second time with a new process
        with pytest.raises(RefusedError) as refusal:
            decoder.decode(CONTENT)
        assert refusal.value.reason is Reason.DAMAGED
    decoder.close()


@pytest.mark.parametrize(
    ("command", "trouble"),
    [(HANGING, TimeoutError), (EXITING, ChildProcessError), (KILLED, ChildProcessError)],
    ids=["hang", "exit", "killed"],
)
def test_a_decoder_that_the_machine_stops_is_no_verdict_on_the_file(
    command: tuple[str, ...], trouble: type[OSError]
) -> None:
    decoder = IsolatedDecoder(command, seconds_at_most=1)
    for _ in range(2):
        with pytest.raises(trouble):
            decoder.decode(CONTENT)
    decoder.close()


@pytest.mark.parametrize(
    ("raised", "trouble"), [("MemoryError", MemoryError), ("OSError(28, 'No space left on device')", OSError)]
)
def test_what_the_machine_lacks_in_the_decoders_process_reaches_this_one(raised: str, trouble: type[Exception]) -> None:
    decoder = IsolatedDecoder((sys.executable, "-P", "-c", FORGETFUL.format(trouble=raised)))
    with pytest.raises(trouble):
        decoder.decode(CONTENT)
    decoder.close()


def test_bad_content_in_the_decoders_process_is_refused_though_it_comes_as_an_os_error() -> None:
    decoder = IsolatedDecoder((sys.executable, "-P", "-c", FORGETFUL.format(trouble="OSError('No tag to read')")))
    with pytest.raises(RefusedError) as refusal:
        decoder.decode(CONTENT)
    assert refusal.value.reason is Reason.UNREADABLE
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
