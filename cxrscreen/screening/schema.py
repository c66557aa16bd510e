"""The tables of the ledger, and how their rows become records."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.operating_point import Finding
from cxrscreen.screening.outcomes import BatchRecord, FileRecord, Outcome

VERSION = 3
LATEST = ("finding", "strangeness", "lung_share", "review")  # columns of a file that came with it

TABLES = """
CREATE TABLE batch (
  batch_id TEXT PRIMARY KEY,
  folder TEXT NOT NULL,            -- where the files were found
  keeps_source INTEGER NOT NULL,   -- 1: copy files out of a folder that is not ours, 0: move them out of the intake
  card TEXT NOT NULL,              -- the model's card, JSON
  language TEXT NOT NULL,
  explanation TEXT NOT NULL,
  started_at TEXT NOT NULL,        -- ISO 8601
  finished_at TEXT,
  owner TEXT NOT NULL,             -- the process that screens it
  lease_until REAL NOT NULL,       -- seconds since the epoch
  meant TEXT NOT NULL DEFAULT ''   -- the model that was meant, where an earlier champion stands in for it
);
CREATE TABLE file (
  file_id INTEGER PRIMARY KEY,
  batch_id TEXT NOT NULL REFERENCES batch,
  name NOT NULL,                   -- relative to the batch's folder; bytes where it is no valid text
  sha256 TEXT NOT NULL DEFAULT '', -- empty for a file that was never read
  study_key TEXT NOT NULL DEFAULT '',
  outcome TEXT CHECK (outcome IN ('reported', 'refused', 'duplicate', 'failed', 'pending')),
  reason TEXT NOT NULL DEFAULT '',
  detail TEXT NOT NULL DEFAULT '',
  score REAL,
  positive INTEGER,                -- the finding is that
  report TEXT,                     -- report folder, relative to the workspace; a duplicate has that of the first report
  destination,                     -- relative to the workspace; NULL: stays where it is
  placed INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0, -- how often it was taken in hand without an end: the run died, or has it now
  finding TEXT,                    -- positive, negative or uncertain
  strangeness REAL,                -- how unlike the radiographs of the model it is
  lung_share REAL,                 -- energy of the activation map inside the lung fields, over their share of area
  review TEXT NOT NULL DEFAULT ''  -- why a person should look, one sentence a line
);
CREATE INDEX file_by_study ON file (batch_id, study_key);
CREATE INDEX file_by_content ON file (sha256);
CREATE UNIQUE INDEX one_claim_a_file ON file (name, batch_id);
CREATE UNIQUE INDEX one_report_a_content ON file (sha256) WHERE outcome = 'reported';
CREATE INDEX unfinished_batch ON batch (started_at) WHERE finished_at IS NULL;
CREATE INDEX unplaced_file ON file (batch_id) WHERE destination IS NOT NULL AND placed = 0;
"""

# By the version that they start from; what they make must equal TABLES.
MIGRATIONS = {
    1: """
ALTER TABLE batch ADD COLUMN meant TEXT NOT NULL DEFAULT '';
ALTER TABLE file ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
""",
    2: """
ALTER TABLE file ADD COLUMN finding TEXT;
ALTER TABLE file ADD COLUMN strangeness REAL;
ALTER TABLE file ADD COLUMN lung_share REAL;
ALTER TABLE file ADD COLUMN review TEXT NOT NULL DEFAULT '';
UPDATE file SET finding = CASE positive WHEN 1 THEN 'positive' ELSE 'negative' END WHERE positive IS NOT NULL;
""",
}


def stored(name: str) -> str | bytes:
    """Return a file name as SQLite can hold it: text, or the bytes of one that is no valid text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name)
    return name


def file_record(row: sqlite3.Row) -> FileRecord:
    """Return a row of the table ``file`` as a record."""
    values = dict(row)
    outcome, positive, destination = (values.pop(column) for column in ("outcome", "positive", "destination"))
    finding, review = values.pop("finding"), values.pop("review")
    return FileRecord(
        name=os.fsdecode(values.pop("name")),
        outcome=None if outcome is None else Outcome(outcome),
        positive=None if positive is None else bool(positive),
        destination=None if destination is None else os.fsdecode(destination),
        placed=bool(values.pop("placed")),
        finding=None if finding is None else Finding(finding),
        review=tuple(review.splitlines()),
        **values,
    )


def batch_record(row: sqlite3.Row) -> BatchRecord:
    """Return a row of the table ``batch`` as a record."""
    values = dict(row)
    del values["owner"], values["lease_until"]
    return BatchRecord(
        folder=Path(os.fsdecode(values.pop("folder"))),
        keeps_source=bool(values.pop("keeps_source")),
        card=ModelCard.model_validate_json(values.pop("card")),
        **values,
    )
