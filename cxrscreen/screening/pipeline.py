"""The main job as one sentence: read -> accept -> look, score and explain -> report -> archive."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import PurePosixPath

from cxrscreen.classifier.operating_point import Finding
from cxrscreen.errors import LedgerError
from cxrscreen.radiograph.radiograph import Identity
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.reporting.model import PatientIdentity, ReadRadiograph, RefusedFile, StudyReport
from cxrscreen.reporting.writer import disk_errors_in_words
from cxrscreen.screening.looking import Seen, Stopped, Tools, load_tools, look_together
from cxrscreen.screening.outcomes import BatchRecord, Outcome, Verdict
from cxrscreen.screening.placing import archive_path, place_files, quarantine_path
from cxrscreen.screening.reading import (
    FAILED,
    Accepted,
    Study,
    duplicate_of,
    failure,
    read_study,
    refusal,
    stops_everything,
    verdict_on_copy,
)
from cxrscreen.screening.session import Session

log = logging.getLogger(__name__)

TRIES_AT_MOST = 5  # deaths of a run with one study in hand, until the study is blamed
CLASSIFIED_TOGETHER = 32  # radiographs: far less than a lease, also where each takes seconds


def screen_studies(session: Session, batch_id: str, study_keys: Sequence[str]) -> None:
    """Screen some studies of a batch; called again after a crash, it goes on with those that have no outcome.

    The model named by the batch is used, whatever the champion is by now. A failure in one study is that study's
    outcome and nothing else's. A study that is alone in hand and has brought down the whole process again and again is
    given up.

    Raises:
        LedgerError: Another run has taken the batch over, or the ledger cannot be used.
        ReportError: No report can be written.
        WorkspaceError: The folder of the reports is gone.
    """
    batch = session.ledger.batch(batch_id)
    with _in_hand(session, batch_id, study_keys) as deaths:
        if len(study_keys) == 1 and deaths >= TRIES_AT_MOST:
            _give_up_for_good(session, batch, study_keys[0], deaths)
            studies = []
        else:
            studies = [read_study(session, batch, key) for key in study_keys]
    # Loaded with nothing in hand: it takes seconds, and a run that dies in them died of no study.
    wanted = any(study.accepted for study in studies)
    tools = load_tools(session, batch.card) if wanted else None
    with _in_hand(session, batch_id, study_keys):
        studies, seen = _classify(session, batch, tools, studies)
        for study in studies:
            session.ledger.renew_lease(batch_id)
            decided = _report(session, batch, study, seen)
            log.info("study %s: %s", study.key, ", ".join(sorted({str(v.outcome) for v in decided.verdicts.values()})))
    place_files(session.workspace, session.ledger, batch, session.words)


@contextmanager
def _in_hand(session: Session, batch_id: str, study_keys: Sequence[str]) -> Iterator[int]:
    """Count a try for studies while something is done with them; only a death leaves it counted, no error."""
    deaths = session.ledger.take_in_hand(batch_id, study_keys)
    try:
        yield deaths
    finally:
        with suppress(LedgerError):
            session.ledger.put_back(batch_id, study_keys)


def _classify(
    session: Session, batch: BatchRecord, tools: Tools | None, studies: list[Study]
) -> tuple[list[Study], dict[int, Seen]]:
    """Look at all radiographs together; if that fails, study by study, to find the one to blame."""
    if tools is None:  # there are none
        return studies, {}
    looked: dict[int, Seen | Stopped] = {}
    try:
        looked = _look(session, batch, tools, [a for study in studies for a in study.accepted])
    except Exception as exc:
        if stops_everything(exc):
            raise
        log.warning("batch %s: classifying together failed with %s; one by one", batch.batch_id, type(exc).__name__)
        studies, looked = _classify_one_by_one(session, batch, tools, studies)
    seen = {file_id: one for file_id, one in looked.items() if isinstance(one, Seen)}
    return [_without_stopped(session, batch, study, looked) for study in studies], seen


def _classify_one_by_one(
    session: Session, batch: BatchRecord, tools: Tools, studies: list[Study]
) -> tuple[list[Study], dict[int, Seen | Stopped]]:
    survivors: list[Study] = []
    looked: dict[int, Seen | Stopped] = {}
    for study in studies:
        try:
            looked |= _look(session, batch, tools, study.accepted)
            survivors.append(study)
        except Exception as exc:
            if stops_everything(exc):
                raise
            survivors.append(_give_up(session, batch, study, "classifying", exc))
    return survivors, looked


def _look(
    session: Session, batch: BatchRecord, tools: Tools, accepted: Sequence[Accepted]
) -> dict[int, Seen | Stopped]:
    looked: dict[int, Seen | Stopped] = {}
    for first in range(0, len(accepted), CLASSIFIED_TOGETHER):
        session.ledger.renew_lease(batch.batch_id)
        part = accepted[first : first + CLASSIFIED_TOGETHER]
        found = look_together(tools, [a.radiograph for a in part], batch.explanation)
        looked |= {a.file.file_id: one for a, one in zip(part, found, strict=True)}
    return looked


def _without_stopped(session: Session, batch: BatchRecord, study: Study, looked: dict[int, Seen | Stopped]) -> Study:
    """Return the study without the radiographs that the gate has refused, each with its verdict."""
    left, verdicts = [], dict(study.verdicts)
    for accepted in study.accepted:
        one = looked[accepted.file.file_id]
        if isinstance(one, Stopped):
            verdicts[accepted.file.file_id] = refusal(session, batch, accepted.file, one.refusal, one.strangeness)
        else:
            left.append(accepted)
    return replace(study, accepted=tuple(left), verdicts=verdicts)


def _report(session: Session, batch: BatchRecord, study: Study, seen: dict[int, Seen]) -> Study:
    """Write the study's report, if it has a radiograph, and what became of its files; return it decided."""
    while study.accepted:
        try:
            reported = _write_report(session, batch, study, _compose(session, batch, study, seen))
            if reported is not None:
                return reported
            study = _without_known(session, batch, study)
        except Exception as exc:
            if stops_everything(exc):
                raise
            study = _give_up(session, batch, study, "reporting", exc)
    session.ledger.record(_all_verdicts(batch, study))
    return study


def _write_report(session: Session, batch: BatchRecord, study: Study, report: StudyReport) -> Study | None:
    """Make the report appear and record it in one step; a run that has lost its batch does neither.

    Returns:
        The study decided; ``None``, and nothing is written, where other runs have reported some of it meanwhile.
    """
    writer, ledger = session.writer(batch.language), session.ledger
    files = writer.study_files(report)
    with ledger.holding(batch.batch_id):
        if any(ledger.first_report(a.file.sha256) for a in study.accepted):
            return None
        session.workspace.check_in_place(session.workspace.reports)
        folder = session.workspace.reports / batch.batch_id
        with disk_errors_in_words(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        writer.place_study(files, folder / study.key)
        study = _reported(study, batch, report)
        ledger.record(_all_verdicts(batch, study))
    return study


def _without_known(session: Session, batch: BatchRecord, study: Study) -> Study:
    """Return the study without what has been reported elsewhere: that is a duplicate."""
    left, verdicts = [], dict(study.verdicts)
    for accepted in study.accepted:
        known = session.ledger.first_report(accepted.file.sha256)
        if known is None:
            left.append(accepted)
        else:
            verdicts[accepted.file.file_id] = duplicate_of(known, batch, accepted.file)
    return replace(study, accepted=tuple(left), verdicts=verdicts)


def _all_verdicts(batch: BatchRecord, study: Study) -> dict[int, Verdict]:
    return study.verdicts | {
        copy.file_id: verdict_on_copy(study.verdicts[original], batch, copy) for copy, original in study.copies
    }


def _compose(session: Session, batch: BatchRecord, study: Study, seen: dict[int, Seen]) -> StudyReport:
    """Return what the study's report says; the radiograph with the highest score leads and decides the finding."""
    leading = sorted(study.accepted, key=lambda a: seen[a.file.file_id].prediction.score, reverse=True)
    identity = leading[0].radiograph.identity
    return StudyReport(
        study_key=study.key,
        patient_key=session.pseudonyms.patient(identity),
        patient=_patient(identity) if session.settings.show_patient_identity else None,
        batch_id=batch.batch_id,
        screened_at=batch.started_at,
        site_name=session.settings.site_name,
        radiographs=tuple(_read_radiograph(a, seen[a.file.file_id]) for a in leading),
        refused=tuple(
            RefusedFile(file_name=f.name, sha256=f.sha256, reason=Reason(v.reason), detail=v.detail)
            for f in study.originals
            if (v := study.verdicts.get(f.file_id)) and v.reason and v.outcome is Outcome.REFUSED
        ),
        card=batch.card,
        explanation=batch.explanation,
        overlay_alpha=session.settings.overlay_alpha,
        phantoms=session.settings.demonstration,
        prevalence=session.settings.prevalence,
    )


def _read_radiograph(accepted: Accepted, seen: Seen) -> ReadRadiograph:
    return ReadRadiograph(
        file_name=accepted.file.name,
        sha256=accepted.file.sha256,
        acquisition=accepted.radiograph.acquisition,
        notices=accepted.radiograph.notices,
        prediction=seen.prediction,
        pixels=accepted.radiograph.pixels,
        activation_map=seen.activation_map,
        box=seen.box,
        fields=seen.fields,
        audit=seen.audit,
        strangeness=seen.strangeness,
        review=seen.review,
    )


def _patient(identity: Identity) -> PatientIdentity:
    return PatientIdentity(
        name=identity.patient_name, patient_id=identity.patient_id, birth_date=identity.patient_birth_date
    )


def _reported(study: Study, batch: BatchRecord, report: StudyReport) -> Study:
    """Return the study with its accepted files reported, and its refused ones pointing to the same report."""
    folder = str(PurePosixPath("reports", batch.batch_id, study.key))
    read = {r.sha256: r for r in report.radiographs}
    verdicts = {
        a.file.file_id: Verdict(
            outcome=Outcome.REPORTED,
            score=r.prediction.score,
            positive=r.prediction.finding is Finding.POSITIVE,
            report=folder,
            destination=archive_path(batch, a.file.name),
            finding=r.prediction.finding,
            strangeness=r.strangeness,
            lung_share=r.lung_share,
            review=r.review,
        )
        for a in study.accepted
        for r in (read[a.file.sha256],)
    }
    beside = {i: v if v.report else replace(v, report=folder) for i, v in study.verdicts.items()}
    return replace(study, accepted=(), verdicts=beside | verdicts)


def _give_up(session: Session, batch: BatchRecord, study: Study, step: str, exc: BaseException) -> Study:
    """Return the study with its accepted files failed."""
    failed = {a.file.file_id: failure(session, batch, a.file, step, exc) for a in study.accepted}
    return replace(study, accepted=(), verdicts=study.verdicts | failed)


def _give_up_for_good(session: Session, batch: BatchRecord, study_key: str, deaths: int) -> None:
    log.error("batch %s: the run died %d times while study %s was in hand", batch.batch_id, deaths, study_key)
    session.ledger.record(
        {
            file.file_id: Verdict(
                outcome=Outcome.FAILED,
                reason=FAILED,
                detail=f"the run died {deaths} times while it was in hand",
                destination=quarantine_path(batch, file.name),
            )
            for file in session.ledger.files(batch.batch_id, study_key)
            if file.outcome is None
        }
    )
