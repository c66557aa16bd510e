"""The nouns of a status: every value is ready to print or to be written as JSON."""

from __future__ import annotations

from cxrscreen.classifier.estimate import Frozen
from cxrscreen.reporting.digest import DriftCheck
from cxrscreen.screening.stopped import Stopped
from cxrscreen.upkeep.backup import LastBackup
from cxrscreen.upkeep.self_test import SelfTest


class WaitingFile(Frozen):
    """A file in the intake, how long it has lain there, and why it waits as far as the ledger knows."""

    file: str
    seconds: float
    cause: str


class Waiting(Frozen):
    """What lies in the intake."""

    files: int
    oldest_seconds: float | None
    too_long: int  # files that have waited longer than the settings allow
    longest: tuple[WaitingFile, ...]  # the oldest few


class Run(Frozen):
    """A batch that is not finished."""

    batch: str
    started_at: str
    files: int
    done: int
    alive: bool  # somebody works on it; otherwise the next run finishes it
    stuck: bool = False  # the last run could not


class FinishedBatch(Frozen):
    """The batch that was finished last."""

    batch: str
    finished_at: str
    model: str
    counts: dict[str, int]


class FailedFile(Frozen):
    """A file that the software failed on, and nothing has come of since."""

    file: str
    batch: str
    detail: str
    quarantined: bool  # it has failed too often; otherwise it is tried again
    gone: bool = False  # of late: it lies neither where it came from nor in the quarantine


class LedgerState(Frozen):
    """What the ledger says."""

    batches: int
    counts: dict[str, int]  # rows by outcome, over all time
    quarantined: int  # refused files
    leftovers: int  # screened files that could not be moved out of the intake
    runs: tuple[Run, ...]
    last: FinishedBatch | None
    failed: tuple[FailedFile, ...]


class Disk(Frozen):
    """Room on the disk of the workspace, in bytes."""

    free: int
    total: int
    at_least: int  # with less than this nothing is taken up
    workspace: int | None  # what the workspace itself held when the last digest measured it


class ModelState(Frozen):
    """The model that screens next."""

    version: str
    champion: bool  # chosen as the champion, not by name
    verified: bool  # its files, and those of its lung segmenter, are those of their cards
    detail: str
    stand_in: str = ""  # earlier champion that screens in its place


class Service(Frozen):
    """What runs beside the screening."""

    serving: bool  # `cxrscreen serve` is up
    was_served: bool  # it has been up at some time: this site relies on it
    ui: str  # address of the Prefect UI
    ui_answers: bool


class LastDigest(Frozen):
    """The digest that was written last."""

    date: str
    until: str
    must_act: int
    disagreements: int  # between ledger and folders
    workspace_bytes: int | None
    link: str  # relative to the workspace
    drift: DriftCheck | None


class Status(Frozen):
    """How an installation stands; a part that could not be read is ``None``, and ``must_act`` says why."""

    at: str
    software: str
    workspace: str
    must_act: tuple[str, ...]  # sentences without names of files or patients
    waiting: Waiting | None
    ledger: LedgerState | None
    disk: Disk | None
    model: ModelState | None
    self_test: SelfTest | None
    stopped: Stopped | None  # nothing is screened, because the self-test before it has failed
    service: Service
    drafts: int  # half-written files of runs that live or have died
    digest: LastDigest | None
    backup: LastBackup | None
