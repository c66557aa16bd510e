"""What differs from one phantom to the next: every number is drawn here, before anything is built."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

AVERAGE_WALL = 1.9  # cm of soft tissue outside the ribs


@dataclass(frozen=True, slots=True, kw_only=True)
class Opacity:
    """One ground-glass patch.

    Attributes:
        side: +1 the patient's left lung, -1 the right one.
        height: Of its centre, z in cm.
        edge_distance: From the lateral wall of the lung to its centre, cm.
        half_width: cm.
        half_height: cm.
        filling: Share of the air that gives way to fluid at its densest, 0 to 1.
    """

    side: int
    height: float
    edge_distance: float
    half_width: float
    half_height: float
    filling: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy:
    """One imaginary adult, standing, and one exposure. Lengths in centimetres, angles in degrees."""

    size: float  # of everything, 1 is average
    width: float  # of lungs and ribs, 1 is average
    wall: float  # soft tissue outside the ribs
    breast: float  # radius; 0 draws none
    heart_width: float  # 1 is average
    aorta: float  # calibre, 1 is average
    inspiration: float  # lowers the diaphragm
    right_dome_above_left: float
    rotation_degrees: float  # about the long axis; turns the front of the body to the patient's left
    rib_slope: float  # 1 is average
    clavicle_raise: float
    shoulder_width: float
    gas_radius: float  # of the gastric air bubble; 0 draws none
    offset: tuple[float, float]  # of the patient on the detector
    exposure: float  # photons, 1 is average
    latitude: float  # width of the grey scale in log exposure, 1 is average
    marker_at: tuple[float, float]  # share of the picture's width and height
    texture_seed: int  # of vessels, parenchyma and quantum noise
    opacities: tuple[Opacity, ...]  # drawn for everybody, applied on request

    @classmethod
    def drawn(cls, seed: int) -> Anatomy:
        """Draw an anatomy; equal seeds give equal anatomies.

        Args:
            seed: Any integer of at least 0.
        """
        rng = np.random.default_rng(seed)

        def about(middle: float, spread: float) -> float:
            return float(rng.uniform(middle - spread, middle + spread))

        womanly = rng.random() < 0.5  # noqa: PLR2004  # half of the adults
        return cls(
            size=about(0.97 if womanly else 1.04, 0.04),
            width=about(1.0, 0.06),
            wall=about(AVERAGE_WALL, 0.6),
            breast=about(6.0, 0.9) if womanly else 0.0,
            heart_width=about(1.0, 0.10),
            aorta=about(1.0, 0.14),
            inspiration=about(0.0, 1.3),
            right_dome_above_left=about(1.3, 0.5),
            rotation_degrees=about(0.0, 3.0),
            rib_slope=about(1.0, 0.15),
            clavicle_raise=about(0.0, 0.7),
            shoulder_width=about(1.0, 0.05),
            gas_radius=about(1.7, 0.5) if rng.random() < 0.7 else 0.0,  # noqa: PLR2004  # most, not all
            offset=(about(0.0, 0.8), about(0.0, 0.7)),
            exposure=float(np.exp(about(0.0, 0.5))),
            latitude=about(1.0, 0.08),
            marker_at=(about(0.915, 0.02), about(0.085, 0.025)),
            texture_seed=int(rng.integers(2**31)),
            opacities=_drawn_opacities(rng),
        )


def _drawn_opacities(rng: np.random.Generator) -> tuple[Opacity, ...]:
    """Both lungs, near the wall, mostly low: where COVID-19 pneumonia is seen most (Wong et al., Radiology 2020)."""
    drawn = []
    for side in (-1, 1):
        for low, high in ((1.0, 3.5), (3.5, 7.0), (7.0, 10.5))[: int(rng.integers(2, 4))]:
            half_width = float(rng.uniform(1.8, 3.0))
            drawn.append(
                Opacity(
                    side=side,
                    height=float(rng.uniform(low, high)),
                    edge_distance=float(rng.uniform(1.3, 3.2)),
                    half_width=half_width,
                    half_height=half_width * float(rng.uniform(0.8, 1.35)),
                    filling=float(rng.uniform(0.18, 0.34)),
                )
            )
    return tuple(drawn)
