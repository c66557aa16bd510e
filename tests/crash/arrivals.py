"""Sixty files of a night: studies of several images, single pictures, copies, and what must be refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pydicom

from cxrscreen.phantom.dicom_file import Sheet, dicom_bytes

STUDIES, PICTURES, COPIES, BROKEN = 10, 14, 8, 8  # a study has three files


def draw_night(night: int) -> dict[str, bytes]:
    """Return the files by their names; other nights have other contents."""
    files: dict[str, bytes] = {}
    for study in range(STUDIES):
        for view, place in (("PA", "pa"), ("PA", "again"), ("LL", "side")):
            person = 1000 * night + study
            files[f"ward {study % 3}/study{study:02}-{place}.dcm"] = _dicom(person, view, len(files))
    for picture in range(PICTURES):
        files[f"picture{picture:02}.png"] = _png(10 * picture + 20, night)
    originals = list(files)
    for copy in range(COPIES):
        files[f"copies/copy{copy}"] = files[originals[copy * len(originals) // COPIES]]
    for broken in range(BROKEN):
        whole = _png(30 + broken, night + 100)
        content = {0: whole[: len(whole) // 2], 1: f"no picture {night} {broken}".encode()}.get(broken % 3)
        files[f"broken{broken}.png"] = content or _png(30 + broken, night, side=64)
    return files


def arrive(intake: Path, files: Mapping[str, bytes]) -> None:
    """Put the files into the intake."""
    for name, content in files.items():
        (intake / name).parent.mkdir(parents=True, exist_ok=True)
        (intake / name).write_bytes(content)
        os.utime(intake / name, ns=(0, 1_700_000_000_000_000_000 + len(name)))


def _dicom(person: int, view: str, instance: int) -> bytes:
    pixels = (np.add.outer(np.arange(320), np.arange(320)) + 20 * instance).astype(np.uint16)
    dataset = pydicom.dcmread(BytesIO(dicom_bytes(pixels, person, Sheet(given_name="ANNA", view=view))))
    dataset.SOPInstanceUID = f"1.2.{person}.{instance}"
    written = BytesIO()
    dataset.save_as(written)
    return written.getvalue()


def _png(grey: int, night: int, *, side: int = 320) -> bytes:
    slope = np.linspace(0, 40, side, dtype=np.float32)
    pixels = np.clip(grey + np.add.outer(slope, slope), 0, 255).astype(np.uint8)
    pixels[-1, -1] = night % 256
    written, png = cv2.imencode(".png", pixels)
    assert written
    return bytes(png)
