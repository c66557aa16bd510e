"""Where a retraining reads and writes, and by which rules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.registry import SHIPPED_MODELS, Registry
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.settings import Settings

_GIGABYTE = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSite:
    """One installation, as far as training needs it.

    Attributes:
        models: Of this site; new ones go there.
        runs: What retrainings have finished so far, and the record of the test parts.
        reports: Evaluation reports go there.
        cache: Of feature maps.
        registry: Knows the champion.
        limits: Of the gate, the same that hold where the model will screen; what they refuse is left out.
        automatic_promotion: A challenger whose verdict is "promote" becomes champion at once.
    """

    models: Path
    runs: Path
    reports: Path
    cache: FeatureMapCache
    registry: Registry
    limits: AcceptanceLimits
    automatic_promotion: bool


def site_of(settings: Settings) -> TrainingSite:
    """The site of a workspace that is open already, so that its folders are there."""
    models = settings.workspace / "models"
    return TrainingSite(
        models=models,
        runs=settings.workspace / "retraining",
        reports=settings.workspace / "reports",
        cache=FeatureMapCache(
            settings.workspace / "feature-maps", max_bytes=int(settings.feature_cache_gigabytes * _GIGABYTE)
        ),
        registry=Registry((models, SHIPPED_MODELS)),
        limits=AcceptanceLimits(
            min_side_pixels=settings.min_side_pixels, max_pixels=settings.max_pixels, max_aspect=settings.max_aspect
        ),
        automatic_promotion=settings.automatic_promotion,
    )
