"""Judge a model on a site's own labelled folder, for a committee to sign: the use case ``site-acceptance``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.evaluation.site_acceptance import SiteAcceptance, site_acceptance
from cxrscreen.evaluation.site_page import SiteFiles, write_site_acceptance
from cxrscreen.labelled.evaluate import SEED, Evaluated, evaluate
from cxrscreen.labelled.local_choice import choose_locally
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.types import Progress


@dataclass(frozen=True, slots=True)
class JudgedSite:
    """The verdict with its paper, and the evaluation that it rests on with its report."""

    acceptance: SiteAcceptance
    files: SiteFiles
    evaluated: Evaluated


def accept_at_site(  # noqa: PLR0913  # as ``evaluate``
    folder: Path,
    *,
    bundle: Path,
    limits: AcceptanceLimits,
    cache: FeatureMapCache,
    into: Path,
    segmenters: Path,
    prevalence: float | None = None,
    progress: Progress | None = None,
) -> JudgedSite:
    """Evaluate a model on local radiographs, choose what they would choose, judge, and write the paper.

    All arguments and errors are those of ``evaluate``, whose report is written, too. The paper lies beside it in a
    folder of the same name that begins with ``site-acceptance``.
    """
    evaluated = evaluate(
        folder,
        bundle=bundle,
        limits=limits,
        cache=cache,
        into=into,
        segmenters=segmenters,
        prevalence=prevalence,
        progress=progress,
    )
    scored, choice = evaluated.scored, choose_locally(evaluated.scored, seed=SEED)
    patients = np.asarray(scored.patients)
    acceptance = site_acceptance(
        evaluated.evaluation,
        healthy_patients=len(np.unique(patients[~scored.diseased])),
        diseased_patients=len(np.unique(patients[scored.diseased])),
        local_point=choice.point,
        local_band=choice.band,
        local_notes=choice.notes,
    )
    report = evaluated.files.html.parent
    name = report.name.replace("evaluation", "site-acceptance", 1)
    files = write_site_acceptance(acceptance, evaluated.evaluation, into / name, report=report.name)
    if progress:
        progress("paper", 1, 1)
    return JudgedSite(acceptance, files, evaluated)


def site_as_json(judged: JudgedSite) -> dict[str, Any]:
    """What ``cxrscreen site-acceptance --json`` prints."""
    return judged.acceptance.model_dump(mode="json") | {
        "site_html": str(judged.files.html),
        "site_pdf": str(judged.files.pdf),
        "report_html": str(judged.evaluated.files.html),
        "report_pdf": str(judged.evaluated.files.pdf),
    }
