from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from cxrscreen.radiograph.decoder_warnings import Heard, first_damage, hear_decoders


def test_a_line_of_libjpeg_means_damage_and_goes_no_further(capfd: pytest.CaptureFixture[str]) -> None:
    heard = Heard()
    with hear_decoders(heard):
        os.write(2, b"libpng warning: iCCP: known incorrect sRGB profile\n")
        os.write(2, b"Corrupt JPEG data: premature end of data segment\n")
    assert heard.damage == "Corrupt JPEG data: premature end of data segment"
    assert not heard.overflowed
    assert capfd.readouterr().err == ""


def test_no_line_of_a_file_is_heard_with_the_next() -> None:
    with hear_decoders(Heard()):
        os.write(2, b"libpng error: IDAT: CRC error\n")
    heard = Heard()
    with hear_decoders(heard):
        pass
    assert heard.damage is None


def test_standard_error_comes_back_after_an_exception(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), hear_decoders(Heard()):
        raise KeyError
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"


def test_a_decoder_that_prints_without_end_is_not_waited_for_and_the_process_is_done_with() -> None:
    heard = Heard()
    line = b"libpng warning: this picture has one more comment\n"
    with hear_decoders(heard):
        while True:
            try:
                os.write(2, line)
            except BlockingIOError:
                break
    assert heard.overflowed
    assert heard.damage is not None


def test_no_file_descriptor_is_left_open() -> None:
    before = list(Path("/proc/self/fd").iterdir())
    for _ in range(5):
        with hear_decoders(Heard()):
            os.write(2, b"x")
    assert list(Path("/proc/self/fd").iterdir()) == before


def test_python_warnings_are_silent_inside_since_they_quote_tags() -> None:
    with hear_decoders(Heard()):
        warnings.warn("Invalid value for VR DA: 'Sari^Dewi'", stacklevel=1)


@pytest.mark.parametrize(
    "line", [b"", b"Unsupported JPEG data precision 12\n", b"Invalid SOS parameters for sequential JPEG\n"]
)
def test_what_gdcm_says_while_it_looks_for_the_right_codec_is_no_damage(line: bytes) -> None:
    assert first_damage(line) is None
