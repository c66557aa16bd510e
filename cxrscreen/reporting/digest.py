"""What a digest says, before any layout: one night's sums, what needs a person, and how the installation stands."""

from __future__ import annotations

from typing import Literal

from cxrscreen.classifier.estimate import Frozen

SCHEMA_VERSION = 1
DISCLAIMER = "Prototype, not for medical use, cannot yet be used for diagnosis."
NOT_COMPARED = "Ledger or folders could not be read: nothing was counted or compared"


class DigestBatch(Frozen):
    """A batch that was finished since the last digest."""

    batch: str
    started_at: str
    finished_at: str
    model: str
    counts: dict[str, int]
    report: str | None  # its index, relative to the digest; there is none where nothing was screened


class FlaggedStudy(Frozen):
    """A study at or above its operating point, in the uncertain band around it, or to be looked at again."""

    study: str
    batch: str
    score: float
    report: str  # relative to the digest, without the suffix


class NamedFile(Frozen):
    """A file that a person should look at."""

    file: str
    note: str
    quarantined: bool = False
    gone: bool = False


class RefusedReason(Frozen):
    """Files that were refused for one reason."""

    reason: str
    files: int
    batches: tuple[str, ...]


class Places(Frozen):
    """Files of one outcome by the ledger, and where they were found."""

    outcome: str
    ledger: int
    archive: int = 0
    quarantine: int = 0
    source: int = 0  # where they came from: the intake, or the folder of a screening on demand
    explained: int = 0  # not kept, and the ledger says why
    missing: int = 0


class Disagreement(Frozen):
    """What ledger and folders do not agree on."""

    what: str  # an English sentence
    count: int
    examples: tuple[str, ...]


class ChampionMove(Frozen):
    """A change of the champion."""

    at: str
    version: str
    former: str
    who: str
    why: str


class CheckedInstallation(Frozen):
    """The self-test of the night."""

    at: str
    healthy: bool
    failed: tuple[NamedFile, ...]  # subjects with what was found


ComparedName = Literal["scores", "strangeness", "lung_shares", "refused"]


class ComparedQuantity(Frozen):
    """One quantity of some days against the model's card.

    Attributes:
        quantity: Which; words for each stand in ``templates/words``.
        n: Radiographs of these days; of "refused", files that came to the gate.
        reference_n: The same of the card, of both classes.
        psi: Population stability index; ``None`` for a share.
        p: Chance of a difference like this without any drift.
        difference: Largest distance of the two distribution functions; of a share, now minus then.
        drifted: Beyond chance, and large.
    """

    quantity: ComparedName
    n: int
    reference_n: int
    psi: float | None
    p: float
    difference: float
    drifted: bool


class DriftCheck(Frozen):
    """Whether what arrives is still like what a model was calibrated on.

    Attributes:
        model: The one that screened last.
        referenced: Its card says what to compare with.
        first_day: ISO 8601 date of the first batch that was looked at; only days of this model count.
        last_day: Likewise.
        radiographs: Scored in these days, from the intake.
        prevalence: Share of COVID-19 that the settings say and the days are compared with; ``None`` where they do not.
        best_share: The one whose mixture of the card's classes the scores fit best; without ``prevalence`` the days are
            compared with this one. ``None`` of too few radiographs.
        quantities: What could be compared; of too few radiographs nothing is said.
    """

    model: str
    referenced: bool
    first_day: str
    last_day: str
    radiographs: int
    prevalence: float | None = None
    best_share: float | None = None
    quantities: tuple[ComparedQuantity, ...] = ()

    @property
    def drifted(self) -> tuple[ComparedName, ...]:
        """Names of the quantities that have drifted."""
        return tuple(one.quantity for one in self.quantities if one.drifted)


class Digest(Frozen):
    """One digest.

    Attributes:
        counts: Files by outcome since the last digest, each file once: one that was pending first and reported later
            counts as reported.
        under_way: Files in batches that are not finished.
        in_intake: Files that lie in the intake now.
        drift: Of the last days; ``None`` where nothing was screened, and where phantoms are.
        compared: The ledger was read and compared with the folders; otherwise all that it tells is left out.
    """

    schema_version: int = SCHEMA_VERSION
    disclaimer: str = DISCLAIMER
    date: str
    since: str | None  # None: the first digest
    until: str
    site: str
    phantoms: bool
    must_act: tuple[str, ...]
    compared: bool = True
    counts: dict[str, int]
    under_way: int
    in_intake: int | None
    places: tuple[Places, ...]
    files_checked: int
    disagreements: tuple[Disagreement, ...]
    failed: tuple[NamedFile, ...]
    waiting: tuple[NamedFile, ...]
    refused: tuple[RefusedReason, ...]
    studies: int
    flagged: tuple[FlaggedStudy, ...]
    uncertain: tuple[FlaggedStudy, ...] = ()  # not known before models had a band
    review: tuple[FlaggedStudy, ...] = ()  # neither of both, but a person should look; likewise
    batches: tuple[DigestBatch, ...]
    model: str
    model_verified: bool
    moves: tuple[ChampionMove, ...]
    self_test: CheckedInstallation
    drift: DriftCheck | None = None  # not looked at before that was possible
    free_bytes: int
    folder_bytes: dict[str, int]

    @property
    def arrived(self) -> int:
        """The sum of all outcomes."""
        return sum(self.counts.values())

    @property
    def name(self) -> str:
        """What its files are called: one that compared nothing never takes the place of one that did."""
        return self.date if self.compared else f"{self.date}-incomplete"

    def equation(self) -> str:
        """Return the sums as one line."""
        if not self.compared:
            return NOT_COMPARED
        files = "1 file" if self.arrived == 1 else f"{self.arrived} files"
        return f"{files} = " + " + ".join(f"{n} {outcome}" for outcome, n in self.counts.items())
