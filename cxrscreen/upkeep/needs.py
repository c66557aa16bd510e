"""What a person must do, from how an installation stands: one sentence each, without names of files.

Whatever rights itself at the next run (a file that is still being written, a batch that is taken over, a failure that
is tried again) is not among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cxrscreen.reporting.digest import DriftCheck
from cxrscreen.screening.stopped import Stopped
from cxrscreen.settings import Settings
from cxrscreen.upkeep.self_test import SelfTest
from cxrscreen.upkeep.state import Disk, LastDigest, LedgerState, ModelState, Service, Waiting
from cxrscreen.workspace import is_closed

SELF_TEST_DAYS = 7  # the digest runs one each day
CLOCK_SLACK = timedelta(hours=1)


_DRIFTED = {
    "scores": (
        "The scores of {first} to {last} are spread as those of no mixture of COVID-19 and normal radiographs that the "
        "model is known by. Read the digest's section on drift, and find out why before anyone relies on a finding."
    ),
    "strangeness": (
        "The radiographs of {first} to {last} are unlike those that the model was made from. Ask whether a machine, "
        "a sender or a setting has changed."
    ),
    "lung_shares": (
        "The activation maps of {first} to {last} lie otherwise on the lungs than those of the model's held-out "
        "radiographs. Look at some reports before anyone relies on the scores."
    ),
    "refused": (
        "Of the files of {first} to {last}, the gate refused a share unlike that of the model's held-out radiographs. "
        "Look at what was refused."
    ),
}


_SCORES_AT_PREVALENCE = (
    "The scores of {first} to {last} are not spread as where {prevalence} % have COVID-19, which the settings say; "
    "they look most like {best} %. Either the setting is wrong, or the patients or the scores have changed. Find out "
    "which before anyone relies on a finding."
)


def of_folders(out_of_place: Iterable[Path]) -> Iterator[str]:
    """Say which folders are gone, not mounted, or closed to this user."""
    for folder in out_of_place:
        if is_closed(folder):
            yield f"The folder {folder.name} cannot be looked into. Give its owner the right."
            continue
        yield f"The folder {folder.name} is gone, or another one lies in its place. Mount its disk, or put it back."


def of_waiting(waiting: Waiting, settings: Settings) -> Iterator[str]:
    """Say which files have waited too long."""
    if waiting.too_long:
        yield (
            f"Files that have waited in the intake for more than {settings.waiting_hours:g} hours: "
            f"{waiting.too_long:,}. Read the cause beside each in the digest or in cxrscreen status --json."
        )


def of_ledger(ledger: LedgerState, settings: Settings, now: datetime) -> Iterator[str]:
    """Say what the ledger holds that no later run will mend."""
    failed = sum(file.quarantined for file in ledger.failed)
    if failed:
        yield (
            f"Files in the quarantine because the software failed on them: {failed:,}. Read the reason.json beside "
            "each, then put the file into the intake again or remove it."
        )
    gone = sum(file.gone for file in ledger.failed)
    if gone:
        yield (
            f"Files that failed and are neither where they came from nor in the quarantine: {gone:,}. Nothing was "
            "screened of them. Hand them in again if they are still wanted."
        )
    if ledger.leftovers:
        yield (
            f"Files that were screened but not moved to their place: {ledger.leftovers:,}. Check who owns them and "
            "their folder, and whether the disk is full."
        )
    for run in ledger.runs:
        age = now - datetime.fromisoformat(run.started_at)
        if run.stuck:
            yield f"The batch {run.batch} was interrupted and cannot be finished. Run cxrscreen screen: it says why."
        elif not run.alive and age > timedelta(hours=settings.waiting_hours):
            yield f"The batch {run.batch} was interrupted and nobody has finished it. Run cxrscreen screen."


def of_disk(disk: Disk) -> Iterator[str]:
    """Say when the disk is full."""
    if disk.free < 2**20:
        yield "The disk is full. Make room, e.g. with cxrscreen expire."
    elif disk.free < disk.at_least:
        yield (
            f"Only {disk.free / 2**20:.0f} MiB are free, so nothing is taken up. Make room: at least "
            f"{disk.at_least / 2**20:.0f} MiB, see min_free_megabytes."
        )


def of_model(model: ModelState) -> Iterator[str]:
    """Say when the model's files are not what they were."""
    if not model.verified:
        instead = "The last good champion screens in its place." if model.stand_in else "Nothing is screened."
        yield f"{model.detail} {instead}"


def of_self_test(self_test: SelfTest | None, now: datetime) -> Iterator[str]:
    """Say when the last self-test failed or is too old."""
    if self_test is None:
        return
    if not self_test.healthy:
        subjects = ", ".join(finding.subject for finding in self_test.failed)
        yield f"The self-test failed on {subjects}. Run cxrscreen doctor and do what it says."
        return
    age = now - datetime.fromisoformat(self_test.at)
    if age > timedelta(days=SELF_TEST_DAYS):
        yield f"The last self-test is older than {SELF_TEST_DAYS} days. Run cxrscreen doctor."
    elif age < -CLOCK_SLACK:
        yield "The last self-test is dated in the future: the clock was wrong, or is wrong now. Run cxrscreen doctor."


def of_stop(stopped: Stopped | None) -> Iterator[str]:
    """Say when the self-test before a screening has failed."""
    if stopped is not None:
        yield stopped.why


def of_drift(drift: DriftCheck | None) -> Iterator[str]:
    """Say what of the last days is unlike what the model was calibrated on."""
    if drift is not None:
        for quantity in drift.drifted:
            days = {"first": drift.first_day, "last": drift.last_day}
            if quantity == "scores" and drift.prevalence is not None and drift.best_share is not None:
                stated, best = f"{100 * drift.prevalence:g}", f"{100 * drift.best_share:.0f}"
                yield _SCORES_AT_PREVALENCE.format(**days, prevalence=stated, best=best)
            else:
                yield _DRIFTED[quantity].format(**days)


def of_digest(digest: LastDigest | None) -> Iterator[str]:
    """Say when the last digest found that ledger and folders do not agree, or that what arrives has changed."""
    if digest is not None:
        yield from of_drift(digest.drift)
    if digest is not None and digest.disagreements:
        yield (
            f"The digest of {digest.date} found that ledger and folders do not agree. Read it, mend it, and run "
            "cxrscreen digest again."
        )


def of_service(
    service: Service, waiting: Waiting | None, ledger: LedgerState | None, settings: Settings
) -> Iterator[str]:
    """Say when nothing will screen what waits."""
    if service.serving and not service.ui_answers:
        yield f"cxrscreen serve is up, but Prefect does not answer at {service.ui}. Start it again."
    alone = not service.serving and not any(run.alive for run in (ledger.runs if ledger else ()))
    overdue = waiting is not None and (waiting.oldest_seconds or 0) > 2 * 60 * settings.screen_every_minutes
    if service.was_served and alone and overdue:
        yield "Files wait, and cxrscreen serve is not running. Start it again."
