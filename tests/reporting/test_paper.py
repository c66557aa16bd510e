from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrscreen.errors import ReportError
from cxrscreen.reporting.paper import ASSETS, OwnAssetsOnly, Press
from cxrscreen.settings import PROJECT

OTHER_ADDRESSES = [
    "file:///etc/passwd",
    "http://127.0.0.1/picture.jpg",
    "https://example.org/picture.jpg",
    "data:image/png;base64,AAAA",
    "ftp://example.org/picture.jpg",
    f"{ASSETS}../picture.jpg",
    f"{ASSETS}other.jpg",
    f"{ASSETS}picture.jpg?x",
    "picture.jpg",
]


@pytest.mark.parametrize("address", OTHER_ADDRESSES)
def test_the_fetcher_refuses_what_is_not_its_own(address: str) -> None:
    with pytest.raises(ReportError, match="refused"):
        OwnAssetsOnly({"picture.jpg": b"own"}).fetch(address)


def test_the_fetcher_hands_out_its_own() -> None:
    assert OwnAssetsOnly({"picture.jpg": b"own"}).fetch(f"{ASSETS}picture.jpg").read() == b"own"


def test_a_page_cannot_draw_in_a_file_of_the_machine(tmp_path: Path) -> None:
    picture = cv2.imencode(".jpg", np.zeros((8, 8), np.uint8))[1].tobytes()
    (tmp_path / "other.jpg").write_bytes(picture)
    press = Press((), {})

    def print_with(address: str) -> bytes:
        page = f'<!doctype html><html lang="en"><title>t</title><img alt="a" src="{address}">'
        return press.print_page(page, {"picture.jpg": picture})

    assert b"/DCTDecode" in print_with("picture.jpg")
    assert b"/DCTDecode" not in print_with((tmp_path / "other.jpg").as_uri())


def test_a_process_leaves_no_fonts_behind(tmp_path: Path) -> None:
    program = (
        "import gc, os\n"
        "from pathlib import Path\n"
        "from cxrscreen.reporting.writer import report_writer\n"
        "report_writer('en')\n"
        "gc.freeze()\n"
        "print(len(list(Path(os.environ['TMPDIR']).iterdir())))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert told.stdout == "1\n"
    assert list(tmp_path.iterdir()) == []
