"""The tables and lines of a digest's page, in words of its language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from cxrscreen.radiograph.refusal import Reason
from cxrscreen.reporting.digest import ComparedQuantity, Digest, FlaggedStudy, NamedFile
from cxrscreen.reporting.page_parts import Fact, FileLine
from cxrscreen.reporting.words import Sentence, Words

MOST_STUDIES = 100  # on the page; the indices of the batches have them all
MOST_BATCHES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """A batch with its sums."""

    batch: str
    report: str | None
    pdf: str | None
    finished: str
    model: str
    counts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyLink:
    """A flagged study."""

    study: str
    html: str
    pdf: str
    score: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonRow:
    """Files refused for one reason."""

    title: str
    count: str
    advice: str
    batches: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacesRow:
    """Files of one outcome, and where they were found."""

    outcome: str
    counts: tuple[str, ...]
    missing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DisagreementPart:
    """What does not agree, with examples."""

    what: Sentence
    count: str
    examples: tuple[str, ...]
    more: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRow:
    """One quantity against the model's card."""

    quantity: str
    cells: tuple[str, ...]  # n, n of the card, PSI, chance, difference
    verdict: str
    drifted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRow:
    """A change of the champion."""

    at: str
    what: str
    why: str


def equation(digest: Digest, words: Words) -> tuple[tuple[str, str], ...]:
    """Return (number, word), the sum first."""
    counts = {"arrived": digest.arrived, **digest.counts}
    return tuple((words.count(n), words.text("batch", key)) for key, n in counts.items())


def beside(digest: Digest, words: Words) -> str:
    """Say what is not in the sum."""
    said = [words.text("digest", "each_once")] if digest.compared else []
    if digest.under_way:
        said.append(words.text("digest", "under_way", n=words.count(digest.under_way)))
    if digest.in_intake is not None:
        said.append(words.text("digest", "in_intake", n=words.count(digest.in_intake)))
    return " ".join(said)


def flagged_summary(digest: Digest, words: Words) -> str:
    """Count the studies and those that are flagged."""
    numbers = {"studies": words.count(digest.studies), "flagged": words.count(len(digest.flagged))}
    left_out = len(digest.flagged) - MOST_STUDIES
    more = [words.text("digest", "more_flagged", n=words.count(left_out))] if left_out > 0 else []
    return " ".join([words.text("digest", "flagged_summary", **numbers), *more])


def flagged(digest: Digest, words: Words) -> tuple[StudyLink, ...]:
    """Link the flagged studies, the highest score first."""
    return _links(digest.flagged, words)


def uncertain(digest: Digest, words: Words) -> tuple[StudyLink, ...]:
    """Link the studies in the uncertain band, the highest score first."""
    return _links(digest.uncertain, words)


def uncertain_summary(digest: Digest, words: Words) -> str:
    """Count the studies in the uncertain band."""
    return _counted("uncertain_summary", digest.uncertain, words)


def review(digest: Digest, words: Words) -> tuple[StudyLink, ...]:
    """Link the studies that are in neither list, but to be looked at again, the highest score first."""
    return _links(digest.review, words)


def review_summary(digest: Digest, words: Words) -> str:
    """Count them."""
    return _counted("review_summary", digest.review, words)


def _counted(sentence: str, studies: Sequence[FlaggedStudy], words: Words) -> str:
    said = [words.text("digest", sentence, n=words.count(len(studies)))]
    left_out = len(studies) - MOST_STUDIES
    more = [words.text("digest", "more_flagged", n=words.count(left_out))] if left_out > 0 else []
    return " ".join(said + more)


def _links(studies: Sequence[FlaggedStudy], words: Words) -> tuple[StudyLink, ...]:
    return tuple(
        StudyLink(
            study=one.study,
            html=quote(f"{one.report}.html"),
            pdf=quote(f"{one.report}.pdf"),
            score=words.number(one.score, 3),
        )
        for one in studies[:MOST_STUDIES]
    )


def batches(digest: Digest, words: Words) -> tuple[BatchRow, ...]:
    """One row a batch, the latest first."""
    return tuple(
        BatchRow(
            batch=one.batch,
            report=None if one.report is None else quote(one.report),
            pdf=None if one.report is None else quote(one.report.removesuffix("html") + "pdf"),
            finished=words.moment(one.finished_at),
            model=one.model,
            counts=tuple(words.count(n) for n in one.counts.values()),
        )
        for one in digest.batches[: -MOST_BATCHES - 1 : -1]
    )


def lines(files: Iterable[NamedFile], words: Words) -> tuple[FileLine, ...]:
    """Name files with what is to be said of them."""
    return tuple(FileLine(file=one.file, detail=words.sentence(one.note)) for one in files)


def refused(digest: Digest, words: Words) -> tuple[ReasonRow, ...]:
    """Say for each reason how many files it met, and what to do."""
    known = {str(reason.value): words.reason(reason) for reason in Reason}
    return tuple(
        ReasonRow(
            title=known.get(one.reason, (one.reason, ""))[0],
            count=words.count(one.files),
            advice=known.get(one.reason, ("", ""))[1],
            batches=one.batches,
        )
        for one in digest.refused
    )


def reconciled(digest: Digest, words: Words) -> str:
    """Say in one sentence whether ledger and folders agree."""
    key = "disagree" if digest.disagreements else "agree"
    count = sum(one.count for one in digest.disagreements)
    return words.text("digest", key, files=words.count(digest.files_checked), n=words.count(count))


def places(digest: Digest, words: Words) -> tuple[PlacesRow, ...]:
    """Say for each outcome where its files were found."""
    return tuple(
        PlacesRow(
            outcome=words.text("batch", row.outcome),
            counts=tuple(
                words.count(n)
                for n in (row.ledger, row.archive, row.quarantine, row.source, row.explained, row.missing)
            ),
            missing=row.missing > 0,
        )
        for row in digest.places
    )


def disagreements(digest: Digest, words: Words) -> tuple[DisagreementPart, ...]:
    """Say what does not agree, with the first few names."""
    return tuple(
        DisagreementPart(
            what=words.sentence(one.what),
            count=words.count(one.count),
            examples=one.examples,
            more=words.text("digest", "more", n=words.count(one.count - len(one.examples)))
            if one.count > len(one.examples)
            else "",
        )
        for one in digest.disagreements
    )


def drift_summary(digest: Digest, words: Words) -> str:
    """Say in a sentence which days were compared with what, or why nothing could be."""
    drift = digest.drift
    if drift is None:
        return words.text("drift", "nowhere") if digest.compared and not digest.phantoms else ""
    days = {"first": words.date(drift.first_day), "last": words.date(drift.last_day)}
    if not drift.referenced:
        return words.text("drift", "no_reference", model=drift.model)
    key = "too_few" if not drift.quantities else "drifted" if drift.drifted else "as_before"
    what = "; ".join(words.text("drift", one).lower() for one in drift.drifted)
    said = words.text("drift", key, n=words.count(drift.radiographs), model=drift.model, what=what, **days)
    if not drift.quantities or drift.best_share is None:
        return said
    best = words.percent(drift.best_share)
    if drift.prevalence is None:
        return f"{said} {words.text('drift', 'fitted', share=best)}"
    return f"{said} {words.text('drift', 'mixed', share=words.percent(drift.prevalence), best=best)}"


def drift_rows(digest: Digest, words: Words) -> tuple[DriftRow, ...]:
    """One row for each quantity that could be compared."""
    return tuple(_drift_row(one, words) for one in (digest.drift.quantities if digest.drift else ()))


def _drift_row(one: ComparedQuantity, words: Words) -> DriftRow:
    chance = f"< {words.number(0.001, 3)}" if one.p < 0.001 else words.number(one.p, 3)  # noqa: PLR2004  # as papers print it
    index = "" if one.psi is None else words.number(one.psi, 2)
    return DriftRow(
        quantity=words.text("drift", one.quantity),
        cells=(words.count(one.n), words.count(one.reference_n), index, chance, words.number(one.difference, 2)),
        verdict=words.text("drift", "yes" if one.drifted else "no"),
        drifted=one.drifted,
    )


def installation(digest: Digest, words: Words) -> tuple[Fact, ...]:
    """Say how the installation stands."""
    free, held = _size(digest.free_bytes, words), _size(sum(digest.folder_bytes.values()), words)
    verified = words.text("digest", "verified" if digest.model_verified else "not_verified")
    passed = words.text("digest", "passed" if digest.self_test.healthy else "not_passed")
    return (
        Fact(label=words.text("digest", "model"), value=digest.model, aside=verified),
        Fact(label=words.text("digest", "self_test"), value=passed, aside=words.moment(digest.self_test.at)),
        Fact(
            label=words.text("digest", "disk"),
            value=words.text("digest", "free", size=free),
            aside=words.text("digest", "held", size=held),
        ),
    )


def moves(digest: Digest, words: Words) -> tuple[MoveRow, ...]:
    """Say who changed the champion, and why."""
    return tuple(
        MoveRow(
            at=words.moment(one.at),
            what=words.text("digest", "moved", version=one.version, former=one.former),
            why=f"{one.who}: {one.why}",
        )
        for one in digest.moves
    )


def _size(count: int, words: Words) -> str:
    unit, name = (2**30, "GiB") if count >= 2**30 else (2**20, "MiB")
    return f"{words.number(count / unit, 1)} {name}"
