from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cxrscreen.evaluation.page import EvaluationFiles
from cxrscreen.evaluation.result import Evaluation
from cxrscreen.evaluation.scored import Scored
from cxrscreen.labelled import site_acceptance as module
from cxrscreen.labelled.evaluate import Evaluated
from cxrscreen.labelled.looked_at import Task
from cxrscreen.labelled.site_acceptance import JudgedSite, accept_at_site, site_as_json
from tests.evaluation.evaluation_samples import evaluation

PATIENTS = 24  # of each class, two radiographs each


def judged(monkeypatch: pytest.MonkeyPatch, into: Path, shown: Evaluation) -> JudgedSite:
    """Judge an evaluation that is there already; its model does well."""
    diseased = np.arange(4 * PATIENTS) < 2 * PATIENTS
    scores = np.where(diseased, 0.8, 0.2) + np.random.default_rng(1).normal(0, 0.1, len(diseased))
    scored = Scored(np.clip(scores, 0, 1), diseased, [str(number // 2) for number in range(len(diseased))])
    report = into / "evaluation-20260314T021409-0a1b2c3d-standard-0"
    files = EvaluationFiles(report / "index.html", report / "index.pdf", report / "evaluation.json")
    asked: dict[str, Any] = {}

    def looked_at(task: Task) -> SimpleNamespace:
        asked.update(folder=task.folder, bundle=task.bundle, segmenters=task.segmenters)
        return SimpleNamespace(has_both_classes=True)

    monkeypatch.setattr(Task, "looked_at", looked_at)
    monkeypatch.setattr(module, "reported", lambda *_: Evaluated(shown, files, scored))
    some: Any = object()
    found = accept_at_site(
        Path("local"), bundle=Path("model"), limits=some, cache=some, into=into, segmenters=Path("lungs")
    )
    assert (asked["folder"], asked["bundle"], asked["segmenters"]) == (Path("local"), Path("model"), Path("lungs"))
    return found


def test_the_paper_lies_beside_the_report_that_it_rests_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = judged(monkeypatch, tmp_path, evaluation())
    assert found.files.pdf == tmp_path / "site-acceptance-20260314T021409-0a1b2c3d-standard-0" / "index.pdf"
    assert found.files.pdf.read_bytes().startswith(b"%PDF")
    assert found.acceptance.verdict == "unfit"  # the sample's scores follow the background
    assert (found.acceptance.diseased_patients, found.acceptance.healthy_patients) == (PATIENTS, PATIENTS)
    assert found.acceptance.local_point is not None
    assert found.acceptance.local_band is not None


def test_the_json_for_scripts_has_verdict_rules_and_both_papers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record = site_as_json(judged(monkeypatch, tmp_path, evaluation()))
    assert record["verdict"] == "unfit"
    assert {rule["outcome"] for rule in record["rules"]} == {"met", "open", "failed"}
    assert Path(record["site_pdf"]).is_file()
    assert record["report_html"].endswith("index.html")
