"""What is left to chance when a radiograph is changed for the training of the segmenter; ``lung_changes`` applies it.

Other hospitals differ in posture, field, exposure, processing and what lies on the picture; each draw is one such
difference, mostly small, seldom large. Left and right may change places: a mask does not know sides. Dark and bright
never do: air is dark. Some copies lie on their side or upside down; their masks are empty, so that the
network learns to find nothing there instead of something.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

WORDS = ("L", "R", "AP", "SUPINE", "PORTABLE", "ERECT", "12:04", "PA 180 cm")
_SIDES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """How the picture is turned and cut; lengths are parts of its side."""

    quarter_turns: int  # 0: upright; otherwise nothing is to be found
    turn_degrees: float
    scale: float
    stretch: float  # height grows by it as width shrinks
    down: float
    across: float
    mirrored: bool
    rim: float | None  # grey of what lies outside, 0 to 1; None: the picture's edge goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How grey became grey."""

    gamma: float
    steepness: float | None  # of a logistic curve around ``toe``; None: no curve
    toe: float
    slope_down: float  # brightness over the whole height
    slope_across: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Processing:
    """What a machine or a format did to the picture afterwards."""

    blur: float  # standard deviation in pixels of the input, 0: none
    sharpening: float  # radius of an unsharp mask, likewise
    noise: float  # standard deviation, of a scale of 1
    jpeg_quality: int | None
    seed: int  # of noise and haze


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """Something rectangular on the picture; places and sizes are parts of its side."""

    top: float
    left: float
    height: float
    width: float
    level: float  # 0: the darkest grey of the picture, 1: the brightest


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """Burnt-in text."""

    text: str
    top: float
    left: float
    size: float  # of OpenCV's font
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """All of one change."""

    pose: Pose
    exposure: Exposure
    processing: Processing
    haze: float | None  # opacity in the lungs, 0 to 1
    haze_width: float  # of its clouds, pixels of the input
    patches: tuple[Patch, ...]
    writing: Writing | None


def draw_change(generator: np.random.Generator) -> Change:
    """Draw one change. How often and how far: by eye, so that a person could still outline the lungs."""
    hazy = _seldom(generator, 0.15)
    return Change(
        pose=_pose(generator),
        exposure=_exposure(generator),
        processing=_processing(generator),
        haze=generator.uniform(0.2, 0.9) if hazy else None,
        haze_width=generator.uniform(5, 14),
        patches=(*_blocks(generator), *_bars(generator)),
        writing=_writing(generator) if _seldom(generator, 0.3) else None,
    )


def _pose(generator: np.random.Generator) -> Pose:
    scale = math.exp(generator.normal(0, 0.14))
    if _seldom(generator, 0.15):
        scale *= generator.uniform(0.6, 1)  # a chest in a large field, as in babygrams and bedside pictures
    grey = None if _seldom(generator, 0.35) else generator.choice([0.0, generator.uniform(0, 0.5)])
    return Pose(
        quarter_turns=int(generator.integers(1, 4)) if _seldom(generator, 0.05) else 0,
        turn_degrees=generator.normal(0, 7),
        scale=scale,
        stretch=math.exp(generator.normal(0, 0.09)),
        down=generator.normal(0, 0.06),
        across=generator.normal(0, 0.06),
        mirrored=_seldom(generator, 0.5),
        rim=None if grey is None else float(grey),
    )


def _exposure(generator: np.random.Generator) -> Exposure:
    sloped = _seldom(generator, 0.25)
    return Exposure(
        gamma=math.exp(generator.normal(0, 0.35)),
        steepness=generator.uniform(3, 9) if _seldom(generator, 0.3) else None,
        toe=generator.uniform(0.35, 0.65),
        slope_down=generator.normal(0, 0.25) if sloped else 0.0,
        slope_across=generator.normal(0, 0.25) if sloped else 0.0,
    )


def _processing(generator: np.random.Generator) -> Processing:
    return Processing(
        blur=generator.uniform(0.4, 2) if _seldom(generator, 0.25) else 0.0,
        sharpening=generator.uniform(1, 4) if _seldom(generator, 0.15) else 0.0,
        noise=generator.uniform(0.01, 0.07) if _seldom(generator, 0.3) else 0.0,
        jpeg_quality=int(generator.integers(15, 70)) if _seldom(generator, 0.15) else None,
        seed=int(generator.integers(2**32)),
    )


def _blocks(generator: np.random.Generator) -> list[Patch]:
    many = generator.integers(1, 3) if _seldom(generator, 0.35) else 0
    return [
        Patch(
            top=generator.uniform(0, 0.9),
            left=generator.uniform(0, 0.9),
            height=generator.uniform(0.06, 0.35),
            width=generator.uniform(0.06, 0.35),
            level=float(generator.choice([0.0, 0.5, 1.0])),
        )
        for _ in range(many)
    ]


def _bars(generator: np.random.Generator) -> list[Patch]:
    """A bar along one side: a collimator's blade, a scanner's rim, white paper."""
    if not _seldom(generator, 0.2):
        return []
    side, deep, level = generator.integers(_SIDES), generator.uniform(0.02, 0.12), float(generator.choice([0.0, 1.0]))
    upright = side % 2 == 1
    return [
        Patch(
            top=1 - deep if side == 0 else 0.0,
            left=1 - deep if side == 1 else 0.0,
            height=1.0 if upright else deep,
            width=deep if upright else 1.0,
            level=level,
        )
    ]


def _writing(generator: np.random.Generator) -> Writing:
    return Writing(
        text=str(generator.choice(WORDS)),
        top=generator.uniform(0.06, 0.98),
        left=generator.uniform(0, 0.86),
        size=generator.uniform(0.25, 0.6),
        weight=int(generator.integers(1, 3)),
    )


def _seldom(generator: np.random.Generator, chance: float) -> bool:
    return bool(generator.random() < chance)
