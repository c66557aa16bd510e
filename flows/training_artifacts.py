"""What retraining, evaluation and promotion leave in the Prefect UI: sums, figures and links, and no file's name.

The keys stay the same from run to run, so that the page of a key shows how its figures have moved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.utilities.urls import url_for

from cxrscreen.classifier.bias_report import BiasReport
from cxrscreen.classifier.bundle import CHAMPION
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.registry import Registry
from cxrscreen.evaluation.result import Comparison, Evaluation
from cxrscreen.reporting.page_parts import printable
from cxrscreen.settings import Settings
from flows.environment import reports_url
from flows.markdown import plain
from flows.publishing import never_fatal

if TYPE_CHECKING:
    from cxrscreen.evaluation.page import EvaluationFiles

PROMOTION = "promote/on-demand"
PROTOTYPE = "A prototype: not for medical use, not for diagnosis."
FIGURES = (
    "auc",
    "sensitivity",
    "specificity",
    "accuracy",
    "balanced_accuracy",
    "precision",
    "average_precision",
    "brier",
)


@never_fatal("the leaks and biases of the data set")
def publish_data(bias: BiasReport, *, run: str) -> None:
    """Write what the labelled set can teach a model besides disease."""
    shortcuts = [
        f"- **{plain(shortcut.name)}**: AUC {_shown(shortcut.auc)}. {plain(shortcut.meaning)}"
        for shortcut in bias.shortcuts
    ]
    balance = [
        {"by": row.by, "value": printable(row.value), "COVID-19": row.diseased, "normal": row.healthy}
        for row in bias.balance
    ]
    create_markdown_artifact(
        "\n\n".join(
            [
                "# Leaks and biases of the data set",
                *map(plain, bias.summary),
                _counts(bias),
                "## What tells the classes apart without knowing disease",
                "\n".join(shortcuts) or "Too few patients to measure.",
                "## Who is in it",
                _table(balance),
            ]
        ),
        key=f"{run}-data",
        description="Leaks and biases of the data set",
    )


@never_fatal("the figures of the evaluation")
def publish_figures(evaluation: Evaluation, *, run: str) -> None:
    """Write the figures of an evaluation, each with its n and interval."""
    rows = []
    for name in FIGURES:
        estimate = getattr(evaluation.figures, name)
        if estimate is not None:
            rows.append(_figure(name.replace("_", " ").replace("auc", "AUC").replace("brier", "Brier score"), estimate))
    create_table_artifact(rows, key=f"{run}-figures", description=plain(f"{evaluation.model} on {evaluation.name}"))


@never_fatal("the comparison with the champion")
def publish_comparison(comparison: Comparison) -> None:
    """Write the differences between challenger and champion."""
    rows = [_figure(name, difference) for name, difference in comparison.differences if difference is not None]
    if not rows:
        return  # the promotion card says why
    title = f"{comparison.challenger} minus {comparison.champion}, on the same radiographs: {comparison.verdict}"
    create_table_artifact(rows, key="retrain-comparison", description=plain(title))


@never_fatal("the links to the report")
def publish_report(settings: Settings, evaluation: Evaluation, files: EvaluationFiles, *, run: str, after: str) -> None:
    """Write the page with the report's links; ``after`` is what follows them, in Markdown."""
    html, pdf = (report_url(settings, file) for file in (files.html, files.pdf))
    create_markdown_artifact(
        "\n\n".join(
            [
                f"# {plain(evaluation.model)}",
                f"**[Evaluation report]({html})** ([PDF]({pdf}))",
                _headline(evaluation),
                *map(plain, evaluation.data.bias.summary),
                after,
                PROTOTYPE,
                "The links work while `cxrscreen serve` runs on this machine.",
            ]
        ),
        key=f"{run}-report",
        description=plain(f"Evaluation report of {evaluation.model}"),
    )


@never_fatal("the log of the champion")
def publish_champions(registry: Registry) -> None:
    """Write the log of the champion, the latest move first."""
    rows = [
        {"at": move.at, "move": move.kind, "champion": move.version, "before": move.former, "who": move.who}
        | {"why": move.why}
        for move in reversed(registry.log())
    ]
    create_table_artifact(rows, key="champion-log", description="The champions: since when, by whom and why")


def which_screens(settings: Settings) -> str:
    """Say what a move of the champion means where the settings name a version; else nothing."""
    if settings.model == CHAMPION:
        return ""
    return f" But the settings name {settings.model}: that one screens until they say '{CHAMPION}' again."


def promotion_card(comparison: Comparison | None, version: str, *, promoted: bool) -> str:
    """Say in Markdown what the comparison found, and what a person can do now."""
    if comparison is None:
        found = ["## Promotion", "There was no champion to compare with."]
    else:
        against = f"Against {plain(comparison.champion)}"
        if comparison.n:
            against += f", on {comparison.n} radiographs of {comparison.patients} patients"
        reasons = [f"- {plain(reason)}" for reason in comparison.reasons]
        found = [f"## Promotion: {plain(comparison.verdict)}", f"{against}:", "\n".join(reasons)]
    if promoted:
        now = "It has been promoted: the site's settings allow it (`automatic_promotion`) and the gate was passed."
    else:
        now = f"The champion has not changed. Once the report has been read, a person may {_promotion(version)}"
        recommended = comparison is not None and comparison.verdict == "promote"
        now += "." if recommended else ", where the verdict has to be overruled."
    return "\n\n".join([*found, now])


@never_fatal("the link to the list of files at fault")
def link_faults(settings: Settings, page: Path, words: str) -> None:
    """Link a page that names the files of a data set that are at fault."""
    create_markdown_artifact(
        f"{plain(words)}\n\n**[Which files]({report_url(settings, page)})**",
        key="labelled-faults",
        description="What has to be mended in the labelled folder",
    )


def _counts(bias: BiasReport) -> str:
    return (
        f"{bias.radiographs} radiographs of {bias.patients} patients, {bias.positives} labelled COVID-19; "
        f"{bias.copies} copies left out; {bias.alike} pairs look alike, {bias.alike_across_classes} of them across "
        "the classes."
    )


def _headline(evaluation: Evaluation) -> str:
    figures = evaluation.figures
    looked = f" It had been scored {evaluation.looks} times before at this site." if evaluation.looks else ""
    return (
        f"On {plain(evaluation.name)}: {figures.n} radiographs of {figures.patients} patients, {figures.positives} "
        f"labelled COVID-19. AUC {_shown(figures.auc)}; sensitivity {_shown(figures.sensitivity)}; specificity "
        f"{_shown(figures.specificity)} at a threshold of {evaluation.threshold:.3f}.{looked}"
    )


def _promotion(version: str) -> str:
    """Link the form of the promotion, filled with the version, where such a deployment is served."""
    with suppress(httpx.HTTPError, ObjectNotFound), get_client(sync_client=True) as client:
        page = url_for("deployment", obj_id=client.read_deployment_by_name(PROMOTION).id)
        if page:
            return f"[promote it]({page}/run?parameters={quote(json.dumps({'version': version}))})"
    return f"run the deployment `{PROMOTION}`"


def _figure(name: str, estimate: Estimate) -> dict[str, object]:
    return {
        "figure": name,
        "value": f"{estimate.value:.3f}",
        "95 % interval": f"{estimate.low:.3f} to {estimate.high:.3f}",
        "n": estimate.n,
        "method": estimate.method,
    }


def _shown(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f}, n = {estimate.n})"


def _table(rows: Sequence[Mapping[str, object]]) -> str:
    if not rows:
        return ""
    lines = [list(rows[0]), ["--"] * len(rows[0]), *(row.values() for row in rows)]
    return "\n".join("| " + " | ".join(plain(str(cell)) for cell in line) + " |" for line in lines)


def report_url(settings: Settings, file: Path) -> str:
    """Return where people find a file below the reports."""
    return f"{reports_url(settings)}/{quote(file.relative_to(settings.workspace / 'reports').as_posix())}"
