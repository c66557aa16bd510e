from __future__ import annotations

import os
import warnings

import pytest

from cxrscreen.radiograph.decoder_warnings import first_damage, hear_decoders


def test_a_line_of_libjpeg_means_damage_and_goes_no_further(capfd: pytest.CaptureFixture[str]) -> None:
    with hear_decoders() as heard:
        os.write(2, b"Corrupt JPEG data: premature end of data segment\n")
    assert heard.damage == "Corrupt JPEG data: premature end of data segment"
    assert capfd.readouterr().err == ""


def test_what_other_threads_print_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with hear_decoders() as heard:
        os.write(2, b"2026-11-23: I tensorflow/core: oneDNN is on\n")
        os.write(2, b"libpng warning: iCCP: known incorrect sRGB profile\n")
    assert heard.damage is None
    assert capfd.readouterr().err == "2026-11-23: I tensorflow/core: oneDNN is on\n"


def test_standard_error_comes_back_after_an_exception(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), hear_decoders():
        raise KeyError
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"


def test_blocks_may_be_nested() -> None:
    with hear_decoders() as outer, hear_decoders() as inner:
        os.write(2, b"libpng error: IDAT: CRC error\n")
    assert inner.damage is not None
    assert outer.damage is None


def test_python_warnings_are_silent_inside_since_they_quote_tags() -> None:
    with hear_decoders():
        warnings.warn("Invalid value for VR DA: 'Sari^Dewi'", stacklevel=1)


@pytest.mark.parametrize(
    "line", [b"", b"Unsupported JPEG data precision 12\n", b"Invalid SOS parameters for sequential JPEG\n"]
)
def test_what_gdcm_says_while_it_looks_for_the_right_codec_is_no_damage(line: bytes) -> None:
    assert first_damage(line) is None
