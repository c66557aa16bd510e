"""Labelled folders of drawn chests in which a marker in the corner follows the class, or an opacity in the lungs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from cxrscreen.lungs.changed import SIDE
from cxrscreen.types import Grey8
from tests.labelled.drawn_chests import PHANTOMS
from tests.lungs.drawn_lungs import phantom

MARKER = (slice(10, 115), slice(10, 105))  # beside the apex: a plate that block averages cannot overlook


def chest(number: int, *, opacity: bool, marker: bool) -> Grey8:
    """Draw one patient, (SIDE, SIDE): the lower half of the lungs is brighter where there is an opacity."""
    pixels, lungs = phantom(number % PHANTOMS)
    generator = np.random.default_rng(number)
    square = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    below = cv2.resize(lungs.astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST).astype(np.bool_)
    below[: SIDE // 2] = False
    square[below] += 60.0 * opacity
    rough = generator.normal(0, 1, (8, 8)).astype(np.float32)  # as bodies differ
    square += 6 * cv2.resize(rough, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) + generator.normal(0, 3, square.shape)
    square[MARKER] = 250 if marker else 10
    return np.clip(square, 0, 255).astype(np.uint8)


def draw_chests(root: Path, first: int, each: int, *, opacities: bool = False, markers: bool = False) -> Path:
    """Draw ``each`` patients of both classes; opacities, markers or neither follow the class.

    Sources, views, sexes and ages do not.
    """
    lines = ["filename,patient_id,source,view,sex,age"]
    for label, numbers in (("covid", range(first, first + each)), ("normal", range(first + each, first + 2 * each))):
        (root / label).mkdir(parents=True)
        for place, number in enumerate(numbers):
            sick = label == "covid"
            drawn = chest(number, opacity=sick and opacities, marker=sick and markers)
            write(root / label / f"{number}.png", drawn)
            traits = ("AB"[place % 2], ("PA", "AP")[place // 2 % 2], "MF"[place // 4 % 2], str(40 + place))
            lines.append(f"{label}/{number}.png,p{number},{','.join(traits)}")
    (root / "metadata.csv").write_text("\n".join([*lines, ""]))
    return root


def stored_anew(root: Path, files: Iterable[Path], *, upside_down: Iterable[str] = ()) -> Path:
    """Write radiographs into other files of the same pixels, without metadata.

    Args:
        root: Labelled folder to add them to.
        files: Below ``covid/`` or ``normal/`` of another.
        upside_down: Labels of those that are turned by 180 degrees.
    """
    for file in files:
        label, pixels = file.parent.name, cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        assert pixels is not None
        (root / label).mkdir(parents=True, exist_ok=True)
        write(root / label / f"anew-{file.name}", pixels[::-1, ::-1] if label in upside_down else pixels, compression=9)
    return root


def write(file: Path, pixels: Grey8, *, compression: int = 1) -> None:
    """Write a PNG."""
    assert cv2.imwrite(str(file), pixels, [cv2.IMWRITE_PNG_COMPRESSION, compression])
