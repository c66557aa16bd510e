"""What the judgement of a site leaves in the Prefect UI: the verdict, its rules and a link to the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from cxrscreen.evaluation.result import Evaluation
from cxrscreen.reporting.page_parts import printable
from cxrscreen.settings import Settings
from flows.markdown import plain
from flows.publishing import never_fatal
from flows.training_artifacts import PROTOTYPE, report_url

if TYPE_CHECKING:
    from cxrscreen.labelled.site_acceptance import JudgedSite


@never_fatal("the verdict on the site")
def publish_site(settings: Settings, judged: JudgedSite) -> None:
    """Write the verdict with its links, and the table of its rules."""
    acceptance = judged.acceptance
    diseased, healthy = acceptance.diseased_patients, acceptance.healthy_patients
    links = [f"**[Paper for the committee]({report_url(settings, judged.files.pdf)})**"]
    if judged.evaluated is not None:
        links.append(f"([evaluation report]({report_url(settings, judged.evaluated.files.html)}))")
    create_markdown_artifact(
        "\n\n".join(
            [
                f"# {plain(acceptance.model)}: {plain(acceptance.verdict)}",
                plain(acceptance.reason),
                " ".join(links),
                f"{acceptance.scored} radiographs of {diseased} patients with COVID-19 and {healthy} normal ones.",
                PROTOTYPE,
                "The links work while `cxrscreen serve` runs on this machine.",
            ]
        ),
        key="site-acceptance",
        description=plain(f"Site acceptance of {acceptance.model}"),
    )
    rows = [
        {"rule": rule.name, "met when": rule.asked, "found": printable(rule.found), "outcome": rule.outcome}
        for rule in acceptance.rules
    ]
    create_table_artifact(rows, key="site-acceptance-rules", description=plain(f"Rules: {acceptance.verdict}"))


def lungs_in_words(evaluation: Evaluation) -> str:
    """Say in Markdown whether the scores follow the lungs."""
    audit = evaluation.shortcuts
    return "" if audit is None else f"**Lungs:** {plain(audit.sentence)}"
