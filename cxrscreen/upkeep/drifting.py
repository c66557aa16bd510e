"""Whether what arrives in the intake is still like what the model was calibrated on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from cxrscreen.classifier.reference import ByClass, References
from cxrscreen.evaluation.drift import FEWEST, Drift, best_share, drift, share_drift
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.reporting.digest import ComparedQuantity, DriftCheck
from cxrscreen.screening.outcomes import Outcome
from cxrscreen.upkeep.ledger_view import BatchLine, FileLine, LedgerView

BY_THE_GATE = frozenset({Reason.NOT_FRONTAL_CHEST, Reason.NO_LUNG_FIELDS, Reason.TURNED, Reason.NEGATIVE})
MOST_DAYS = 14  # before the last batch: what is older says nothing about now
MOST_BATCHES = 1000


def drift_of_days(
    intake: Path, view: LedgerView, *, told: Collection[str], prevalence: float | None
) -> DriftCheck | None:
    """Compare what the model of the last batch saw in the intake with the references on its card.

    The days that no digest has told of are looked at together. Where they hold too few radiographs, so are the days
    before them, as few as hold enough. Folders on demand do not count: somebody chose what is in them.

    Args:
        intake: Of the workspace, its real path.
        view: The ledger.
        told: Batches that digests of other days have told of.
        prevalence: Share of the patients here that have COVID-19, in (0, 1); ``None`` where nobody has said it.

    Returns:
        ``None`` where nothing was screened in the intake.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    lines = [line for line in view.latest(MOST_BATCHES) if line.folder == intake]
    if not lines:
        return None
    of_model = [line for line in lines if line.model == lines[0].model]
    days, files = _enough(view, of_model, told)
    card = view.card(lines[0].batch_id)
    references = None if card is None else card.references
    scores = _known(file.score for file in _scored(files))
    best = best_share(references.scores, scores) if references is not None and len(scores) >= FEWEST else None
    share = best if prevalence is None else prevalence
    return DriftCheck(
        model=lines[0].model,
        referenced=references is not None,
        first_day=min(days),
        last_day=max(days),
        radiographs=len(scores),
        prevalence=prevalence,
        best_share=best,
        quantities=() if references is None else tuple(map(_compared, _found(references, files, share=share))),
    )


def _enough(view: LedgerView, lines: Sequence[BatchLine], told: Collection[str]) -> tuple[set[str], list[FileLine]]:
    """Return days and files of the untold batches and, until they are enough, of whole days before them.

    Days are taken as batches were begun, whatever the clock said meanwhile.
    """
    days: set[str] = set()
    files: list[FileLine] = []
    for line in lines:
        day = line.started_at[:10]
        if line.batch_id in told and day not in days and (len(_scored(files)) >= FEWEST or _long_before(day, days)):
            break
        days.add(day)
        files += view.files(line.batch_id)
    return days, files


def _long_before(day: str, days: Collection[str]) -> bool:
    return bool(days) and date.fromisoformat(max(days)) - date.fromisoformat(day) > timedelta(days=MOST_DAYS)


def _scored(files: Sequence[FileLine]) -> list[FileLine]:
    return [file for file in files if file.outcome == Outcome.REPORTED and file.score is not None]


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _found(references: References, files: Sequence[FileLine], *, share: float | None) -> Iterator[Drift]:
    scored = _scored(files)
    values: tuple[tuple[str, ByClass, list[float]], ...] = (
        ("scores", references.scores, _known(file.score for file in scored)),
        ("strangeness", references.distances, _known(file.strangeness for file in scored)),
        ("lung_shares", references.lung_shares, _known(file.lung_share for file in scored)),
    )
    for quantity, reference, now in values:
        if share is not None and (found := drift(quantity, reference, now, share=share)):
            yield found
    refused = {file.sha256 for file in files if file.outcome == Outcome.REFUSED and file.reason in BY_THE_GATE}
    came = len(scored) + len(refused)
    if found := share_drift(
        "refused", before=references.refused, before_n=references.refused_n, now=len(refused), n=came
    ):
        yield found


def _compared(found: Drift) -> ComparedQuantity:
    return ComparedQuantity(**found.model_dump())
