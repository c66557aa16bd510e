"""A workspace as a run leaves it that dies when all is decided and nothing has moved yet."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cxrscreen.reporting.words import load_words
from cxrscreen.screening.ledger import Ledger
from cxrscreen.screening.outcomes import BatchRecord, Claim, FileRecord, Outcome, Verdict
from cxrscreen.screening.placing import archive_path, place_files, quarantine_path
from cxrscreen.workspace import Workspace, open_workspace
from tests.reporting.report_samples import CARD

BATCH_ID = "20260301T030000-abcd"
WORDS = load_words("en")


@dataclass(frozen=True)
class Decided:
    workspace: Workspace
    ledger: Ledger
    batch: BatchRecord

    def place(self) -> None:
        place_files(self.workspace, self.ledger, self.batch, WORDS)

    @property
    def files(self) -> dict[str, FileRecord]:
        return {file.name: file for file in self.ledger.files(self.batch.batch_id)}

    def where(self, name: str) -> Path:
        return self.workspace.root / (self.files[name].destination or "nowhere")


def decide(  # noqa: PLR0913  # each a fact about the night
    root: Path,
    contents: Mapping[str, bytes],
    *,
    intake: Path | None = None,
    refused: Collection[str] = (),
    keeps_source: bool = False,
    finished: bool = False,
) -> None:
    """Write the files into the intake and their outcomes into the ledger."""
    workspace = open_workspace(root)
    folder = intake or workspace.intake
    if intake not in (None, workspace.intake) and not keeps_source and not workspace.intake.is_symlink():
        workspace.intake.rmdir()
        workspace.intake.symlink_to(folder)  # as a site does whose intake is a share
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    batch = BatchRecord(
        batch_id=BATCH_ID,
        folder=folder,
        keeps_source=keeps_source,
        card=CARD,
        language="en",
        explanation="guided",
        started_at="2026-03-01T03:00:00+00:00",
        finished_at=None,
    )
    claims = [
        Claim(name=name, sha256=hashlib.sha256(content).hexdigest(), study_key=f"S-{index}")
        for index, (name, content) in enumerate(contents.items())
    ]
    ledger = Ledger(workspace.ledger)
    ledger.open_batch(batch, claims, {})
    verdicts = {
        file.file_id: Verdict(
            outcome=Outcome.REFUSED,
            reason="unknown-type",
            detail="It is no picture.",
            destination=quarantine_path(batch, file.name),
        )
        if file.name in refused
        else Verdict(
            outcome=Outcome.REPORTED,
            score=0.75,
            positive=True,
            report=f"reports/{BATCH_ID}/{file.study_key}",
            destination=archive_path(batch, file.name),
        )
        for file in ledger.files(BATCH_ID)
    }
    ledger.record(verdicts)
    if finished:
        ledger.finish_batch(BATCH_ID, "2026-03-01T03:01:00+00:00")
    else:
        ledger.end_lease(BATCH_ID)
    ledger.close()


@contextmanager
def opened(root: Path) -> Iterator[Decided]:
    """Open what ``decide`` has left, as the run that takes it over."""
    workspace = open_workspace(root)
    ledger = Ledger(workspace.ledger)
    try:
        ledger.take_over()
        yield Decided(workspace, ledger, ledger.batch(BATCH_ID))
    finally:
        ledger.close()
