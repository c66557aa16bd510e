"""From path lengths to pixel values: attenuation, scatter, quantum noise, detector and display.

Beer-Lambert at one effective energy, 60 keV (about 110 kVp behind the patient). Mass attenuation
coefficients: NIST Standard Reference Database 126 (Hubbell and Seltzer), table 4, ICRU-44 tissues, 60 keV.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cxrscreen.phantom.rays import Lengths, Rays

# Linear attenuation in 1/cm: mass attenuation in cm2/g times density in g/cm3.
SOFT_TISSUE = 0.2048 * 1.06
CORTICAL_BONE = 0.3148 * 1.92
LUNG = 0.2053 * 0.26  # lung tissue, inflated (ICRU Report 44: 0.26 g/cm3)
AIR = 0.1875 * 0.0012
LEAD_LETTER = 9.0  # a letter that the beam hardly passes, for a nominal thickness of 1 cm
TRABECULAR_SHARE = 0.22  # of cortical bone in the space inside bones, the rest is marrow, as soft tissue

SCATTER = 0.13  # of the photons scattered once that reach the detector through the grid; set by eye, for want of a grid
SCATTER_SPREAD = 4.5  # cm, standard deviation
DETECTOR_BLUR = 0.012  # cm, standard deviation
FULL_SCALE = 4095  # 12 bits
PHOTONS = 1.2e5  # in a 0.04 cm pixel without patient; sets the grain, not the brightness


@dataclass(frozen=True, slots=True)
class Exposure:
    """How one picture is taken and shown.

    Attributes:
        photons: Relative number, 1 is average: more photons, less grain.
        middle: Minus log exposure that becomes mid-grey. Fixed by the person's thickness, as automatic exposure
            control does it, not by the histogram: one more shadow moves no other pixel's grey.
        latitude: Span of the grey scale around it, in log exposure.
        noise_seed: Of the quantum noise; ``None`` for none.
    """

    middle: float
    latitude: float
    photons: float = 1.0
    noise_seed: int | None = None


def expose(attenuation: Lengths, rays: Rays, exposure: Exposure) -> Lengths:
    """Return what the detector collects, as a share of the open beam.

    Args:
        attenuation: Line integrals of the linear attenuation, shape (rows, columns), 0 or more.
        rays: The rays they belong to.
        exposure: Dose and noise.

    Returns:
        exp(-a) plus scatter, blurred and noisy; shape (rows, columns), positive. Scatter in first order:
        photons that scatter once, a exp(-a) for each ray, spread by a Gaussian.
    """
    primary = np.exp(-attenuation)
    total = primary + SCATTER * _coarse_blur(attenuation * primary, rays, SCATTER_SPREAD)
    total = cv2.GaussianBlur(total, (0, 0), max(DETECTOR_BLUR / rays.pitch, 0.3))
    if exposure.noise_seed is not None:
        counts = PHOTONS * exposure.photons * (rays.pitch / 0.04) ** 2
        total = total + _quantum_noise(exposure.noise_seed, rays) * np.sqrt(total / rays.across.dtype.type(counts))
    collected: Lengths = np.maximum(total, 1e-6)
    return collected


def develop(collected: Lengths, rays: Rays, exposure: Exposure) -> Lengths:
    """Turn collected exposure into grey, 0 (black, open beam) to 1 (white), as a detector's processing does.

    Minus log exposure through a sigmoid (as DICOM PS3.3 C.11.2.1.3.1 writes it), after mild edge enhancement.
    """
    density = -np.log(collected)
    smooth = _coarse_blur(density, rays, 0.5)
    sharp = density + 0.45 * (density - smooth)
    black = 1 / (1 + math.exp(4 * exposure.middle / exposure.latitude))  # the open beam
    sigmoid = 1 / (1 + np.exp(-4 * (sharp - exposure.middle) / exposure.latitude))
    grey: Lengths = np.maximum((sigmoid - black) / (1 - black), 0)
    return grey


def _coarse_blur(field: Lengths, rays: Rays, spread: float) -> Lengths:
    """Blur by ``spread`` cm, on a coarser grid where the blur leaves nothing finer to see."""
    pixels = spread / rays.pitch
    step = max(1, int(pixels / 4))
    small = cv2.resize(field, (max(1, rays.columns // step), max(1, rays.rows // step)), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), pixels / step, borderType=cv2.BORDER_REPLICATE)
    grown: Lengths = cv2.resize(blurred, (rays.columns, rays.rows), interpolation=cv2.INTER_LINEAR)
    return grown


def _quantum_noise(seed: int, rays: Rays) -> Lengths:
    """Poisson counts in their normal limit (every pixel counts hundreds), drawn before they are scaled."""
    drawn: NDArray[np.float32] = np.random.default_rng(seed).standard_normal((rays.rows, rays.columns), np.float32)
    return drawn
