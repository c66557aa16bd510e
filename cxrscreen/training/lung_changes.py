"""Apply what ``lung_draws`` drew: one radiograph and its mask to one training pair; nothing here is left to chance."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.lungs.fields import MASK_SIDE
from cxrscreen.lungs.preparation import Grey, Square, standardised
from cxrscreen.training.lung_draws import Change, Exposure, Pose, Processing, Writing

_INSIDE = 0.5
_TEXT = 100  # of 255: OpenCV's letters have soft edges


def changed(square: Square, mask: NDArray[np.uint8], change: Change) -> tuple[Grey, NDArray[np.float32]]:
    """Change a radiograph and its mask alike.

    Args:
        square: The radiograph squeezed to any square, 0 to 255.
        mask: The same of its mask, 0 or 255 in each pixel and in between at the rim.
        change: From ``draw_change``.

    Returns:
        The segmenter's input, as ``standardised`` gives it, and the mask, 0 or 1; both (MASK_SIDE, MASK_SIDE).
    """
    grey, lungs = _posed(square, mask, change.pose)
    grey = _exposed(grey, change.exposure)
    generator = np.random.default_rng(change.processing.seed)
    if change.haze is not None:
        grey = _hazed(grey, lungs, generator, strength=change.haze, width=change.haze_width)
    grey = _processed(grey, change.processing, generator)
    darkest, brightest = float(grey.min()), float(grey.max())
    for patch in change.patches:
        rows = slice(round(patch.top * MASK_SIDE), round((patch.top + patch.height) * MASK_SIDE))
        columns = slice(round(patch.left * MASK_SIDE), round((patch.left + patch.width) * MASK_SIDE))
        grey[rows, columns] = darkest + patch.level * (brightest - darkest)
    if change.writing is not None:
        grey[_drawn(change.writing)] = brightest
    return standardised(grey), lungs.astype(np.float32)


def _posed(square: Square, mask: NDArray[np.uint8], pose: Pose) -> tuple[Grey, NDArray[np.bool_]]:
    angle = np.deg2rad(pose.turn_degrees)
    wide, high = pose.scale / pose.stretch, pose.scale * pose.stretch
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = np.diag([-wide if pose.mirrored else wide, high]) @ turn * (MASK_SIDE / len(square))
    middle = (MASK_SIDE - 1) / 2 + MASK_SIDE * np.array([pose.across, pose.down])
    affine = np.column_stack([linear, middle - linear @ np.full(2, (len(square) - 1) / 2)])
    edge, level = (cv2.BORDER_REPLICATE, 0.0) if pose.rim is None else (cv2.BORDER_CONSTANT, 255 * pose.rim)
    size = (MASK_SIDE, MASK_SIDE)
    if pose.quarter_turns:
        square, mask = np.rot90(square, pose.quarter_turns).copy(), np.zeros_like(mask)
    grey = cv2.warpAffine(square, affine, size, flags=cv2.INTER_LINEAR, borderMode=edge, borderValue=level)
    lungs = cv2.warpAffine(mask, affine, size, flags=cv2.INTER_LINEAR)
    return grey.astype(np.float32) / 255, lungs > 255 * _INSIDE


def _exposed(grey: Grey, exposure: Exposure) -> Grey:
    grey = (grey**exposure.gamma).astype(np.float32)
    if exposure.steepness is not None:
        grey = (1 / (1 + np.exp(-exposure.steepness * (grey - exposure.toe)))).astype(np.float32)
    along = (np.arange(MASK_SIDE, dtype=np.float32) + 0.5) / MASK_SIDE - 0.5
    slope = exposure.slope_down * along[:, np.newaxis] + exposure.slope_across * along
    return grey + slope.astype(np.float32)


def _hazed(
    grey: Grey, lungs: NDArray[np.bool_], generator: np.random.Generator, *, strength: float, width: float
) -> Grey:
    """Cloud the lungs towards the brightness of bone, as consolidation does."""
    clouds = cv2.GaussianBlur(generator.standard_normal(grey.shape, dtype=np.float32), (0, 0), width)
    opacity = strength * np.clip(clouds / clouds.std(), 0, 2) / 2 * lungs
    hazed: Grey = (grey + opacity * np.maximum(np.percentile(grey, 95) - grey, 0)).astype(np.float32)
    return hazed


def _processed(grey: Grey, processing: Processing, generator: np.random.Generator) -> Grey:
    if processing.blur:
        grey = cv2.GaussianBlur(grey, (0, 0), processing.blur)
    if processing.sharpening:
        grey = grey + 0.8 * (grey - cv2.GaussianBlur(grey, (0, 0), processing.sharpening))
    if processing.noise:
        grey = grey + processing.noise * generator.standard_normal(grey.shape, dtype=np.float32)
    if processing.jpeg_quality is not None:
        bytes_ = np.clip(255 * grey, 0, 255).astype(np.uint8)
        _, packed = cv2.imencode(".jpg", bytes_, [cv2.IMWRITE_JPEG_QUALITY, processing.jpeg_quality])
        grey = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), dtype=np.float32) / np.float32(255)
    return grey


def _drawn(writing: Writing) -> NDArray[np.bool_]:
    canvas = np.zeros((MASK_SIDE, MASK_SIDE), dtype=np.uint8)
    place = round(writing.left * MASK_SIDE), round(writing.top * MASK_SIDE)
    cv2.putText(canvas, writing.text, place, cv2.FONT_HERSHEY_SIMPLEX, writing.size, 255, writing.weight)
    letters: NDArray[np.bool_] = canvas > _TEXT
    return letters
