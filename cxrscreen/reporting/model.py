"""What reports say, before any layout."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.operating_point import Prediction
from cxrscreen.radiograph.radiograph import Acquisition
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.settings import ExplanationVariant
from cxrscreen.types import ActivationMap, Grey8

if TYPE_CHECKING:  # OpenCV is no part of what `cxrscreen status` starts
    from cxrscreen.lungs.fields import Box, LungFields
    from cxrscreen.lungs.map_audit import MapAudit


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientIdentity:
    """Printed only where the settings say so."""

    name: str | None = field(repr=False)
    patient_id: str | None = field(repr=False)
    birth_date: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRadiograph:
    """One accepted radiograph of a study, scored and explained.

    Attributes:
        file_name: Relative to the intake.
        sha256: Of the file's bytes, 64 hex digits.
        acquisition: How it was made and stored.
        notices: What a reader should know, English sentences.
        prediction: Score and finding.
        pixels: At reading resolution, long side at most 1024.
        activation_map: Of the part of the radiograph that ``box`` names.
        box: What the model was shown.
        fields: The lung fields; ``None`` where nobody has looked for them.
        audit: Where the map lies; ``None`` where it is zero everywhere or the fields are not to be used.
        strangeness: How unlike the radiographs of the model it is, about 1 being far; ``None`` without a gate.
        review: Why a person should look, beyond the finding, English sentences.
    """

    file_name: str
    sha256: str
    acquisition: Acquisition
    notices: tuple[str, ...]
    prediction: Prediction
    pixels: Grey8 = field(repr=False)
    activation_map: ActivationMap = field(repr=False)
    box: Box = (0.0, 0.0, 1.0, 1.0)  # all of it
    fields: LungFields | None = None
    audit: MapAudit | None = None
    strangeness: float | None = None
    review: tuple[str, ...] = ()

    @property
    def lung_share(self) -> float | None:
        """Energy of the map inside the lung fields over the share of area that these have; 1 is chance."""
        return None if self.audit is None else self.audit.lungs.against_chance


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedFile:
    """A file without a score, and why."""

    file_name: str
    sha256: str | None
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyReport:
    """One study: what the report page shows.

    Attributes:
        study_key: Pseudonym of the study, e.g. "S-7KQ2M4XW9B".
        patient_key: Pseudonym of the patient, or ``None`` where the files name nobody.
        patient: The patient's identity, only where the settings allow it.
        radiographs: At least one, highest score first; the first one is shown and decides the finding.
        refused: Files of the same study that were refused, e.g. a lateral view.
        prevalence: Share of this site's patients that have COVID-19, as the settings say; ``None`` where they do not.
    """

    study_key: str
    patient_key: str | None
    patient: PatientIdentity | None
    batch_id: str
    screened_at: str  # ISO 8601 with zone
    site_name: str
    radiographs: tuple[ReadRadiograph, ...]
    refused: tuple[RefusedFile, ...]
    card: ModelCard
    explanation: ExplanationVariant
    overlay_alpha: float
    phantoms: bool = False  # the demonstration says that its scores mean nothing
    prevalence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """One line of the batch report: a study that was reported."""

    study_key: str
    files: tuple[str, ...]
    prediction: Prediction
    report_html: PurePosixPath  # relative to the batch report's folder
    report_pdf: PurePosixPath
    review: tuple[str, ...] = ()  # why a person should look, beyond the finding
    lung_shares: tuple[float, ...] = ()  # of each radiograph whose map could be measured, see ``ReadRadiograph``
    strangeness: float | None = None  # of the strangest radiograph


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateRow:
    """A file whose content was known already."""

    file_name: str
    first_report: str | None  # path of the first report relative to the batch report's folder, if there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRow:
    """A file that the software failed on; it is kept and tried again."""

    file_name: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRow:
    """A file that was not screened in this batch, and what it waits for."""

    file_name: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Files of one batch by outcome; the sum always holds."""

    reported: int = 0
    refused: int = 0
    duplicate: int = 0
    failed: int = 0
    pending: int = 0  # each with its cause: see PendingRow

    @property
    def arrived(self) -> int:
        """The sum of all outcomes."""
        return self.reported + self.refused + self.duplicate + self.failed + self.pending

    def counts(self) -> dict[str, int]:
        """Return the sum and then what it is made of, by name."""
        return {"arrived": self.arrived, **asdict(self)}

    def equation(self) -> str:
        """Return the counts as one line, e.g. for a terminal: "4 files = 3 reported + 1 refused + ..."."""
        files = "1 file" if self.arrived == 1 else f"{self.arrived} files"
        return f"{files} = " + " + ".join(f"{count} {name}" for name, count in asdict(self).items())


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReport:
    """One batch: sums, studies by falling score, and every file that got no score, with its reason."""

    batch_id: str
    started_at: str  # ISO 8601 with zone
    finished_at: str
    site_name: str
    card: ModelCard
    tally: Tally
    studies: tuple[StudyRow, ...]  # by falling score
    refused: tuple[RefusedFile, ...]
    duplicates: tuple[DuplicateRow, ...]
    failed: tuple[FailedRow, ...]
    pending: tuple[PendingRow, ...]
    meant: str = ""  # the model that was meant, where an earlier champion stood in for it
    phantoms: bool = False  # the demonstration says that its scores mean nothing
