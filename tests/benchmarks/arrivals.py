"""Small files as a night brings them: studies of one to four DICOM files, pictures, refused ones and duplicates.

Nothing of it is a real radiograph. What was dropped is known by content, so that every file can be accounted for.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.uid import UID

from tests.radiograph.drawn import dicom, encoded

SIDE = 300  # the smallest that is accepted
REFUSED, DUPLICATE, PICTURE = 0.03, 0.04, 0.08  # shares of what arrives; the rest are studies
FILES_OF_A_STUDY = (0.05, 0.1, 0.15, 0.7)  # one to four
HALF_WRITTEN = 50  # one file in so many grows for a while
RECORDS = ".records"
LEFT = {
    "files not placed": "file WHERE destination IS NOT NULL AND placed = 0",
    "unfinished batches": "batch WHERE finished_at IS NULL",
    "contents reported twice": "(SELECT 1 FROM file WHERE outcome = 'reported' GROUP BY sha256 HAVING COUNT(*) > 1)",
}
REPORT_FILES = {"report.html", "report.pdf", "report.json", "radiograph.jpg", "overlay.jpg"}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file to drop.

    Attributes:
        name: Relative to the intake.
        content: Its bytes.
        outcome: What is to come of it: reported, refused or duplicate.
    """

    name: str
    content: bytes
    outcome: str


def arrivals(files: int, *, seed: int, folder: str = "") -> Iterator[Arrival]:
    """Draw ``files`` files; the files of a study come after one another, a duplicate somewhere after its original."""
    rng = np.random.default_rng(seed)
    drawn, study = 0, 0
    dropped: list[bytes] = []  # contents that will be reported; a few, to copy from
    while drawn < files:
        study += 1
        what = rng.random()
        name = f"{folder}{study:06}"
        if what < REFUSED:
            content = _dicom(seed, study, 0, ViewPosition="LL") if study % 3 else b"no picture %d" % study
            made = [Arrival(f"{name}.dcm", content, "refused")]
        elif what < REFUSED + DUPLICATE and dropped:
            made = [Arrival(f"{name}-copy", dropped.pop(int(rng.integers(len(dropped)))), "duplicate")]
        elif what < REFUSED + DUPLICATE + PICTURE:
            made = [Arrival(f"{name}.png", picture(seed, study), "reported")]
        else:
            count = 1 + int(rng.choice(4, p=FILES_OF_A_STUDY))
            made = [Arrival(f"{name}/{i}.dcm", _dicom(seed, study, i), "reported") for i in range(count)]
        made = made[: files - drawn]
        drawn += len(made)
        if made[0].outcome == "reported" and len(dropped) < 50:
            dropped.append(made[0].content)
        yield from made


def picture(seed: int, number: int) -> bytes:
    """Return a PNG file that is accepted; each number gives another."""
    pixels = _slope(number)
    pixels[0, :8] = np.frombuffer(seed.to_bytes(4) + number.to_bytes(4), np.uint8)
    return encoded(".png", pixels)


def _dicom(seed: int, study: int, instance: int, **tags: str) -> bytes:
    root = f"1.2.826.0.1.{seed}.{study}"
    return dicom(
        _slope(study + 7 * instance),
        bits=8,
        StudyInstanceUID=UID(root),
        SeriesInstanceUID=UID(f"{root}.1"),
        SOPInstanceUID=UID(f"{root}.1.{instance + 1}"),
        PatientID=f"{seed}-{study}",
        PatientName=f"Drawn^{study}",
        **tags,
    )


def _slope(number: int) -> np.ndarray:
    ramp = np.linspace(0, 40, SIDE, dtype=np.float32)
    return (10 + number % 160 + np.add.outer(ramp, ramp)).astype(np.uint8)


def write(intake: Path, made: list[Arrival], seconds: float = 0) -> None:
    """Write files as copy programs do: under their names at once, some of them slowly, within so many seconds."""
    late = made[::HALF_WRITTEN]
    for arrival in made:
        path = intake / arrival.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(arrival.content[: len(arrival.content) // 2] if arrival in late else arrival.content)
    for arrival in late:
        time.sleep(seconds / len(late))
        with (intake / arrival.name).open("ab") as file:
            file.write(arrival.content[len(arrival.content) // 2 :])


def fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def kept(root: Path) -> Counter[str]:
    """Return the contents that lie in intake, archive and quarantine, each with the number of its copies."""
    found: Counter[str] = Counter()
    for place in ("intake", "archive", "quarantine"):
        for file in (root / place).rglob("*"):
            record = file.name == "reason.json" or any(part.endswith(RECORDS) for part in file.parts)
            if file.is_file() and not record and file.name[0] != ".":
                found[fingerprint(file.read_bytes())] += 1
    return found


def faults(root: Path, dropped: Counter[str], expected: Counter[str]) -> list[str]:
    """Return what does not add up in a workspace whose intake has been screened to the end; nothing is the good answer.

    Args:
        root: Of the workspace.
        dropped: How often each content was dropped.
        expected: How many files are to have each outcome.
    """
    found = []
    here = kept(root)
    if here != dropped:
        found.append(f"files lost: {(dropped - here).total()}, too many: {(here - dropped).total()}")
    if waiting := [file for file in (root / "intake").rglob("*") if file.is_file() and file.name[0] != "."]:
        found.append(f"{len(waiting)} files wait in the intake")
    with closing(sqlite3.connect(root / "ledger.sqlite")) as ledger:
        decided = "SELECT outcome, COUNT(*) FROM file WHERE outcome IS NULL OR outcome != 'pending' GROUP BY outcome"
        outcomes = Counter(dict(ledger.execute(decided)))
        reports = {row[0] for row in ledger.execute("SELECT DISTINCT report FROM file WHERE outcome = 'reported'")}
        counts = {what: ledger.execute(f"SELECT COUNT(*) FROM {rows}").fetchone()[0] for what, rows in LEFT.items()}  # noqa: S608  # our own words
    if outcomes != expected:
        found.append(f"outcomes in the ledger: {dict(outcomes)}, expected: {dict(expected)}")
    sums: Counter[str] = Counter()
    for file in root.glob("reports/*/batch.json"):
        record = json.loads(file.read_text())
        sums.update({outcome: record[outcome] for outcome in expected})
    if any(sums[outcome] != count for outcome, count in expected.items()):
        found.append(f"sums of the batch reports: {dict(sums)}, expected: {dict(expected)}")
    folders = {str(folder.relative_to(root)) for folder in root.glob("reports/*/S-*")}
    if folders != reports:
        found.append(f"{len(folders)} report folders, {len(reports)} in the ledger")
    if halves := [name for name in folders if not {f.name for f in (root / name).iterdir()} >= REPORT_FILES]:
        found.append(f"{len(halves)} half-written reports")
    if drafts := [file for file in root.rglob("*") if ".draft" in str(file.relative_to(root)) and file.is_file()]:
        found.append(f"{len(drafts)} drafts left behind")
    return found + [f"{what}: {count}" for what, count in counts.items() if count]
