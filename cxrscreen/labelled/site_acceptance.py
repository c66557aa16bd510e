"""Judge a model on a site's own labelled folder, for a committee to sign: the use case ``site-acceptance``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxrscreen.classifier.bias_report import BiasReport
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.evaluation.site_acceptance import SiteAcceptance, site_acceptance
from cxrscreen.evaluation.site_page import SiteFiles, write_site_acceptance
from cxrscreen.labelled.evaluate import Evaluated, report_name, reported
from cxrscreen.labelled.evaluation import SEED
from cxrscreen.labelled.local_choice import choose_locally
from cxrscreen.labelled.looked_at import LookedAt, Task
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.types import Progress

_PAPER = "site-acceptance"


@dataclass(frozen=True, slots=True)
class JudgedSite:
    """What was judged.

    Attributes:
        acceptance: The verdict.
        files: Its paper.
        bias: What is known of the set without any model.
        evaluated: The evaluation that it rests on, with its report; ``None`` where a class has no scores.
    """

    acceptance: SiteAcceptance
    files: SiteFiles
    bias: BiasReport
    evaluated: Evaluated | None


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
    folder of the same name that begins with ``site-acceptance``. Where the model refuses all radiographs of a class,
    there is a paper without that report.
    """
    task = Task(
        folder=folder,
        bundle=bundle,
        limits=limits,
        cache=cache,
        into=into,
        segmenters=segmenters,
        prevalence=prevalence,
        progress=progress,
    )
    looked = task.looked_at()
    judged = _judged(task, looked) if looked.has_both_classes else _refused(task, looked)
    if progress:
        progress("paper", 1, 1)
    return judged


def _judged(task: Task, looked: LookedAt) -> JudgedSite:
    evaluated = reported(task, looked)
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
    folder = task.into / report.name.replace("evaluation", _PAPER, 1)
    files = write_site_acceptance(acceptance, evaluated.evaluation, folder, report=report.name)
    return JudgedSite(acceptance, files, evaluated.evaluation.data.bias, evaluated)


def _refused(task: Task, looked: LookedAt) -> JudgedSite:
    unscored, diseased = looked.unscored(), looked.sighted.labelled.diseased
    patients = np.asarray(looked.patients)[looked.measured.part]
    acceptance = site_acceptance(
        unscored,
        healthy_patients=len(np.unique(patients[~diseased[looked.measured.part]])),
        diseased_patients=len(np.unique(patients[diseased[looked.measured.part]])),
        local_point=None,
        local_band=None,
        local_notes=(unscored.sentence,),
    )
    files = write_site_acceptance(acceptance, unscored, task.into / report_name(_PAPER, unscored), report=None)
    return JudgedSite(acceptance, files, unscored.data.bias, None)


def site_as_json(judged: JudgedSite) -> dict[str, Any]:
    """What ``cxrscreen site-acceptance --json`` prints."""
    evaluated = judged.evaluated
    return judged.acceptance.model_dump(mode="json") | {
        "site_html": str(judged.files.html),
        "site_pdf": str(judged.files.pdf),
        "report_html": None if evaluated is None else str(evaluated.files.html),
        "report_pdf": None if evaluated is None else str(evaluated.files.pdf),
    }
