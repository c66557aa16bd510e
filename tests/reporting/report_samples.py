"""Made-up reports for tests: nobody's radiograph, nobody's figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from cxrscreen.classifier.calibration import Calibration
from cxrscreen.classifier.card import DataSetCard, ModelCard, Performance
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.map_card import MapCard
from cxrscreen.classifier.operating_point import OperatingPoint, Prediction
from cxrscreen.classifier.shortcut_audit import ShortcutAudit
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.lungs.fields import fields_of
from cxrscreen.lungs.map_audit import audit_map
from cxrscreen.lungs.regions import regions_of
from cxrscreen.radiograph.radiograph import Acquisition, FileType, View
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.reporting.model import (
    BatchReport,
    DuplicateRow,
    FailedRow,
    PatientIdentity,
    PendingRow,
    ReadRadiograph,
    RefusedFile,
    StudyReport,
    StudyRow,
    Tally,
)
from cxrscreen.types import ActivationMap, Grey8
from tests.lungs.drawn_lungs import LEFT, RIGHT, lungs

POINT = OperatingPoint(threshold=0.41, sensitivity=0.95, specificity=0.9)
PATIENT = PatientIdentity(name="Lestari, Ayu", patient_id="RM-00417", birth_date="1971-02-28")


def _performance(name: str, n: int, positives: int) -> Performance:
    def estimate(value: float, low: float, high: float) -> Estimate:
        return Estimate(value=value, low=low, high=high, n=n, method="made up")

    return Performance(
        name=name,
        n=n,
        positives=positives,
        patients=n - 7,
        auc=estimate(0.981, 0.95, 0.996),
        sensitivity=estimate(0.94, 0.8, 0.984),
        specificity=estimate(0.91, 0.722, 0.975),
        accuracy=estimate(0.93, 0.82, 0.973),
    )


CARD = ModelCard(
    version="standard-0",
    recipe="standard",
    created_at="2026-03-01T00:00:00+00:00",
    weights_sha256="9f3b" * 16,
    base_weights_sha256="1c2d" * 16,
    base_precision="float16",
    largest_change_by_rounding=0.0004,
    data_set=DataSetCard(
        name="made-up: first/source-of-radiographs; Second Archive of Radiographs",
        fingerprint="ab" * 32,
        n=1266,
        positives=160,
        patients=201,
    ),
    seed=1,
    hyperparameters={"dense": 128},
    libraries={"keras": "3.15.1"},
    operating_point=POINT,
    folds=_performance("5-fold cross-validation by patient (threshold chosen here)", 212, 128),
    test=_performance("held-out test, by patient", 54, 32),
    golden=(),
    limits=(  # as many and as long as training writes them
        (
            "The score is no probability of disease. Its threshold was chosen on this collection and need not hold "
            "elsewhere."
        ),
        "Never validated on radiographs of another hospital: expect worse figures there.",
        (
            "All COVID-19 radiographs come from one set of sources and all normal ones from another: the model may "
            "tell sources apart, not disease."
        ),
        (
            "Width, height and aspect of the picture, without its content, tell the classes apart with an AUC of 0.80 "
            "(n = 1266): a good figure is no evidence that the model reads the lungs."
        ),
        (
            "It knows two answers only: other pneumonia, oedema, tumour or poor technique may be called COVID-19, and "
            "disease other than COVID-19 may be called normal."
        ),
        (
            "Not for children: of 1266 training and test radiographs, 0 show a patient known to be under 18 (age known "
            "for 216)."
        ),
        "COVID-19 with a normal radiograph cannot be seen by this method.",
    ),
    credits=(),
)


def _estimate(value: float, low: float, high: float, n: int = 213) -> Estimate:
    return Estimate(value=value, low=low, high=high, n=n, method="made up")


BAND = UncertainBand(
    low=0.31,
    high=0.62,
    largest_error=0.05,
    missed=_estimate(0.047, 0.02, 0.09, 128),
    found=_estimate(0.9, 0.83, 0.94, 128),
    false_alarms=_estimate(0.035, 0.01, 0.1, 85),
    cleared=_estimate(0.89, 0.8, 0.94, 85),
    uncertain=_estimate(0.07, 0.04, 0.11),
)
SHORTCUTS = ShortcutAudit(
    n=205,
    positives=122,
    patients=160,
    without_fields=8,
    intact=_estimate(0.973, 0.95, 0.99),
    lungs_out=_estimate(0.51, 0.43, 0.59),
    lungs_only=_estimate(0.97, 0.94, 0.99),
    exchanged=_estimate(0.988, 0.974, 0.998),
    difference=_estimate(0.46, 0.38, 0.55),
    same_view=None,
)
LUNG_CARD = CARD.model_copy(  # of a model that is shown the lungs alone, and knows how far it may be trusted
    update={
        "recipe": "lung-focused",
        "calibration": Calibration(
            slope=0.8,
            intercept=0.1,
            prevalence=0.6,
            n=213,
            brier_before=_estimate(0.1, 0.05, 0.15),
            brier_after=_estimate(0.08, 0.05, 0.12),
            curve_before=(),
            curve_after=(),
        ),
        "band": BAND,
        "band_in_test": BAND,
        "shortcuts": SHORTCUTS,
        "maps": MapCard(least=1.4, n=205, below_chance=_estimate(0.0, 0.0, 0.02)),
    }
)


def made_up_map() -> ActivationMap:
    rows, columns = np.mgrid[0:7, 0:7]
    heat = np.exp(-((rows - 5) ** 2 + (columns - 1) ** 2) / 4).astype(np.float32)
    return heat / heat.max()


def made_up_pixels(rows: int = 120, columns: int = 100) -> Grey8:
    return np.add.outer(np.arange(rows), np.arange(columns)).astype(np.uint8)


def radiograph(**changes: object) -> ReadRadiograph:
    base = ReadRadiograph(
        file_name="night/ward-3/CR000041.dcm",
        sha256="5e" * 32,
        acquisition=Acquisition(
            file_type=FileType.DICOM,
            rows=2140,
            columns=1760,
            bits_stored=12,
            encoding="JPEG Lossless, first-order prediction",
            photometric="MONOCHROME2",
            window="VOI LUT function, centre 2048, width 4096",
            modality="DX",
            view=View.PA,
            study_date="2026-03-13",
            age_years=55,
            sex="F",
        ),
        notices=(),
        prediction=Prediction(score=0.8312, operating_point=POINT),
        pixels=made_up_pixels(),
        activation_map=made_up_map(),
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # tests name fields


def lung_radiograph(score: float = 0.8312, **changes: object) -> ReadRadiograph:
    """A radiograph whose lungs were found, under a map of its lung fields."""
    pixels, fields = made_up_pixels(512, 512), fields_of(lungs(RIGHT, LEFT))
    found = regions_of(fields, pixels)
    return radiograph(
        prediction=Prediction(score=score, operating_point=POINT, band=BAND),
        pixels=pixels,
        fields=fields,
        box=fields.box(0.04),
        audit=audit_map(made_up_map(), found, box=fields.box(0.04)),
        strangeness=0.42,
        **changes,
    )


def study(**changes: object) -> StudyReport:
    base = StudyReport(
        study_key="S-7KQ2M4XW9B",
        patient_key="P-4TNV81HCQE",
        patient=None,
        batch_id="B-20260314-0212",
        screened_at="2026-03-14T02:14:09+07:00",
        site_name="Made-up Hospital, Radiology",
        radiographs=(radiograph(),),
        refused=(),
        card=CARD,
        explanation="guided",
        overlay_alpha=0.5,
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # tests name fields


def refused(number: int = 0, reason: Reason = Reason.VIEW, **changes: object) -> RefusedFile:
    base = RefusedFile(
        file_name=f"night/lateral-{number}.dcm",
        sha256="0a" * 32,
        reason=reason,
        detail="The tags say that the view is LL, not frontal.",
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # tests name fields


def study_row(number: int, score: float) -> StudyRow:
    key = f"S-{number:010d}"
    return StudyRow(
        study_key=key,
        files=(f"night/CR{number:06d}.dcm",),
        prediction=Prediction(score=score, operating_point=POINT),
        report_html=PurePosixPath(f"../../studies/{key}/report.html"),
        report_pdf=PurePosixPath(f"../../studies/{key}/report.pdf"),
    )


def batch(studies: int = 4, **changes: object) -> BatchReport:
    rows = tuple(study_row(number, (number * 37 % 100) / 100) for number in range(studies))
    base = BatchReport(
        batch_id="B-20260314-0212",
        started_at="2026-03-14T02:12:00+07:00",
        finished_at="2026-03-14T02:19:30+07:00",
        site_name="Made-up Hospital, Radiology",
        card=CARD,
        tally=Tally(reported=studies, refused=2, duplicate=2, failed=1, pending=1),
        studies=tuple(sorted(rows, key=lambda row: -row.prediction.score)),
        refused=(refused(1), refused(2, Reason.DAMAGED, detail="The decoder warns: Premature end of JPEG file.")),
        duplicates=(
            DuplicateRow(file_name="night/copy.dcm", first_report="../../studies/S-0000000001/report.html"),
            DuplicateRow(file_name="night/copy-of-refused.dcm", first_report=None),
        ),
        failed=(FailedRow(file_name="night/odd.dcm", detail="reading failed with MemoryError"),),
        pending=(PendingRow(file_name="night/arriving.dcm", cause="cannot be opened: Permission denied"),),
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # tests name fields
