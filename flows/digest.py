"""The scheduled flow of each morning: does everything add up, and does anything need a person?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from cxrscreen.reporting.digest import Digest
from cxrscreen.settings import Settings, load_settings
from cxrscreen.upkeep.digest import WrittenDigest, write_digest
from flows.environment import reports_url
from flows.markdown import plain
from flows.nameless import nameless
from flows.publishing import never_fatal

MOST_BATCHES = 50  # in the artifact; the digest has them all


def _run_name() -> str:
    return f"digest {datetime.now().astimezone():%Y-%m-%d %H:%M}"


@flow(name="digest", flow_run_name=_run_name)
def digest() -> State[Any]:
    """Reconcile the sums of the night with the folders, test the installation, and list what needs a person.

    The digest lies in the workspace under reports/digests, one for each day; run again on the same day, it is written
    anew. The run is completed where something needs a person, too: its message says so.
    """
    settings = load_settings()
    written = write(settings)
    publish(settings, written.digest)
    return Completed(message=_message(written.digest))


@task(
    name="write digest",
    task_run_name="reconcile, test and write",
    retries=1,
    retry_delay_seconds=60,
    cache_policy=NO_CACHE,
)
def write(settings: Settings) -> WrittenDigest:
    """Write the digest; it names files, so it stays in the workspace."""
    with nameless():
        return write_digest(settings)


@never_fatal("the digest")
def publish(settings: Settings, found: Digest) -> None:
    """Show sums, needs and links; no names of files."""
    base = reports_url(settings)
    needs = "\n".join(f"- {plain(sentence)}" for sentence in found.must_act) or "The installation is in order."
    disagreements = "\n".join(f"- {plain(one.what)} ({one.count})" for one in found.disagreements)
    agree = disagreements or f"All {found.files_checked} rows of the ledger agree with archive, quarantine and reports."
    counts = {"arrived": found.arrived, **found.counts}
    batches = "\n".join(
        f"| [{one.batch}]({base}/{one.batch}/index.html) | {' | '.join(str(n) for n in one.counts.values())} |"
        for one in found.batches[: -MOST_BATCHES - 1 : -1]
    )
    create_markdown_artifact(
        f"# Digest of {found.date}\n\n"
        f"**[Open the digest]({base}/digests/{found.date}.html)** ([PDF]({base}/digests/{found.date}.pdf))\n\n"
        f"## {'Someone must act' if found.must_act else 'Nothing to mend'}\n\n{needs}\n\n"
        f"## Files since {found.since or 'the beginning'}\n\n"
        f"| {' | '.join(counts)} |\n|{'--|' * len(counts)}\n| {' | '.join(str(n) for n in counts.values())} |\n\n"
        f"{len(found.flagged)} of {found.studies} reported studies are flagged for reading.\n\n{agree}\n\n"
        f"Self-test: {'passed' if found.self_test.healthy else 'not passed'}. Model: {found.model}.\n\n"
        "A prototype: not for medical use, not for diagnosis.\n\n"
        f"| batch | {' | '.join(found.counts)} |\n|{'--|' * (1 + len(found.counts))}\n{batches}\n\n"
        "The links work while `cxrscreen serve` runs on this machine.\n",
        key=f"digest-{found.date}",
        description="Sums, what needs a person, and where the digest lies",
    )


def _message(found: Digest) -> str:
    said = " ".join(["Someone must act:", *found.must_act]) if found.must_act else "The installation is in order."
    return f"{found.equation()}. {said}"
