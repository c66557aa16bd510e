"""The scheduled flow of each morning: does everything add up, and does anything need a person?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.events import emit_event
from prefect.states import Completed

from cxrscreen.reporting.digest import Digest, DriftCheck
from cxrscreen.settings import Settings, load_settings
from cxrscreen.upkeep.digest import WrittenDigest, write_digest
from flows.environment import reports_url
from flows.markdown import plain
from flows.nameless import nameless
from flows.publishing import never_fatal

DRIFT_EVENT = "cxrscreen.drift"
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
    tell_of_drift(written.digest)
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
    create_markdown_artifact(
        f"# Digest of {found.date}\n\n"
        f"**[Open the digest]({base}/digests/{found.name}.html)** ([PDF]({base}/digests/{found.name}.pdf))\n\n"
        f"## {'Someone must act' if found.must_act else 'Nothing to mend'}\n\n{needs}\n\n"
        f"## Files since {found.since or 'the beginning'}\n\n"
        f"{_sums(found) if found.compared else f'{found.equation()}.'}\n\n"
        f"Self-test: {'passed' if found.self_test.healthy else 'not passed'}. Model: {found.model}.\n\n"
        "A prototype: not for medical use, not for diagnosis.\n\n"
        f"{_drift(found)}"
        f"{_batches(found, base) if found.compared else ''}"
        "The links work while `cxrscreen serve` runs on this machine.\n",
        key=f"digest-{found.name}",
        description="Sums, what needs a person, and where the digest lies",
    )


@never_fatal("that radiographs have drifted")
def tell_of_drift(found: Digest) -> None:
    """Emit an event where what arrives is unlike what the model was calibrated on, for automations to act on."""
    drift = found.drift
    if drift is None or not drift.drifted:
        return
    emit_event(
        event=DRIFT_EVENT,
        resource={"prefect.resource.id": f"cxrscreen.model.{drift.model}", "prefect.resource.name": drift.model},
        payload=drift.model_dump(mode="json") | {"drifted": list(drift.drifted), "digest": found.date},
    )


def _drift(found: Digest) -> str:
    drift = found.drift
    if drift is None or not drift.quantities:
        return ""
    rows = "\n".join(
        f"| {one.quantity.replace('_', ' ')} | {one.n} | {one.reference_n} | "
        f"{'' if one.psi is None else f'{one.psi:.2f}'} | {one.p:.2g} | {'yes' if one.drifted else 'no'} |"
        for one in drift.quantities
    )
    return (
        f"## Drift, {drift.first_day} to {drift.last_day}, against the card of {drift.model}\n\n"
        f"| quantity | n | n of the card | PSI | p | drift |\n|{'--|' * 6}\n{rows}\n\n{_mixture(drift)}"
    )


def _mixture(drift: DriftCheck) -> str:
    if drift.best_share is None:
        return ""
    best = f"{100 * drift.best_share:.0f} %"
    if drift.prevalence is None:
        return f"Compared as if {best} had COVID-19, which fits the scores best: the settings do not say the share.\n\n"
    return f"Compared as if {100 * drift.prevalence:g} % had COVID-19, as the settings say; {best} fits best.\n\n"


def _sums(found: Digest) -> str:
    counts = {"arrived": found.arrived, **found.counts}
    disagreements = "\n".join(f"- {plain(one.what)} ({one.count})" for one in found.disagreements)
    return (
        f"| {' | '.join(counts)} |\n|{'--|' * len(counts)}\n| {' | '.join(str(n) for n in counts.values())} |\n\n"
        f"Reported studies: {found.studies}. Flagged for reading: {len(found.flagged)}. "
        f"Uncertain, so a human reads: {len(found.uncertain)}. To be looked at again: {len(found.review)}.\n\n"
        + (disagreements or "The whole ledger agrees with archive, quarantine and reports.")
    )


def _batches(found: Digest, base: str) -> str:
    rows = "\n".join(
        f"| [{one.batch}]({base}/{one.batch}/index.html) | {' | '.join(str(n) for n in one.counts.values())} |"
        for one in found.batches[: -MOST_BATCHES - 1 : -1]
    )
    return f"| batch | {' | '.join(found.counts)} |\n|{'--|' * (1 + len(found.counts))}\n{rows}\n\n"


def _message(found: Digest) -> str:
    said = " ".join(["Someone must act:", *found.must_act]) if found.must_act else "The installation is in order."
    return f"{found.equation()}. {said}"
