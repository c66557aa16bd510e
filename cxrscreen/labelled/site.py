"""Where evaluations and retrainings read and write, and by which rules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.registry import Registry
from cxrscreen.radiograph.acceptance import AcceptanceLimits, acceptance_limits
from cxrscreen.settings import Settings
from cxrscreen.workspace import Workspace

_GIGABYTE = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One installation, as far as labelled folders need it.

    Attributes:
        models: Of this site; new ones go there.
        runs: What retrainings have finished so far, and the record of the test parts.
        reports: Evaluation reports go there.
        segmenters: Lung segmenters that were trained here; the shipped one is known without.
        cache: Of feature maps.
        registry: Knows the champion.
        limits: Of the gate, the same that hold where the model will screen; what they refuse is left out.
        automatic_promotion: A challenger whose verdict is "promote" becomes champion at once.
    """

    models: Path
    runs: Path
    reports: Path
    segmenters: Path
    cache: FeatureMapCache
    registry: Registry
    limits: AcceptanceLimits
    automatic_promotion: bool


def site_of(settings: Settings) -> Site:
    """The site of a workspace that is open already, so that its folders are there."""
    workspace = Workspace(settings.workspace)
    return Site(
        models=workspace.models,
        runs=workspace.retraining,
        reports=workspace.reports,
        segmenters=workspace.lungs,
        cache=FeatureMapCache(workspace.feature_maps, max_bytes=int(settings.feature_cache_gigabytes * _GIGABYTE)),
        registry=Registry.at_site(workspace.models),
        limits=acceptance_limits(settings),
        automatic_promotion=settings.automatic_promotion,
    )
