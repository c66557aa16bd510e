"""What the page of a digest shows, ready for its template."""

from __future__ import annotations

from dataclasses import dataclass

from cxrscreen.reporting import digest_rows as rows
from cxrscreen.reporting.digest import Digest
from cxrscreen.reporting.page_parts import Fact, FileLine
from cxrscreen.reporting.words import Sentence, Words


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestPage:
    """Everything that ``digest.html.j2`` prints."""

    document_title: str
    created: str
    site: str
    date: str
    pdf: str
    head: tuple[Fact, ...]
    phantoms: bool
    must_act: tuple[Sentence, ...]
    compared: bool
    equation: tuple[tuple[str, str], ...]  # (number, word), the sum first
    beside: str
    flagged_summary: str
    flagged: tuple[rows.StudyLink, ...]
    uncertain_summary: str
    uncertain: tuple[rows.StudyLink, ...]
    review_summary: str
    review: tuple[rows.StudyLink, ...]
    batches: tuple[rows.BatchRow, ...]
    retried: tuple[FileLine, ...]
    quarantined: tuple[FileLine, ...]
    gone: tuple[FileLine, ...]
    waiting: tuple[FileLine, ...]
    refused: tuple[rows.ReasonRow, ...]
    reconciled: str
    places: tuple[rows.PlacesRow, ...]
    disagreements: tuple[rows.DisagreementPart, ...]
    drift_summary: str
    drift: tuple[rows.DriftRow, ...]
    installation: tuple[Fact, ...]
    self_test: tuple[FileLine, ...]
    moves: tuple[rows.MoveRow, ...]


def compose_digest_page(digest: Digest, words: Words) -> DigestPage:
    """Turn a digest into the values that its page prints."""
    since = words.moment(digest.since) if digest.since else words.text("digest", "first")
    return DigestPage(
        document_title=words.text("digest", "document_title", date=words.date(digest.date)),
        created=digest.until,
        site=digest.site,
        date=digest.date,
        pdf=f"{digest.name}.pdf",
        head=(
            Fact(label=words.text("digest", "since"), value=since),
            Fact(label=words.text("digest", "until"), value=words.moment(digest.until)),
        ),
        phantoms=digest.phantoms,
        must_act=tuple(words.sentence(sentence) for sentence in digest.must_act),
        compared=digest.compared,
        equation=rows.equation(digest, words),
        beside=rows.beside(digest, words),
        flagged_summary=rows.flagged_summary(digest, words),
        flagged=rows.flagged(digest, words),
        uncertain_summary=rows.uncertain_summary(digest, words),
        uncertain=rows.uncertain(digest, words),
        review_summary=rows.review_summary(digest, words),
        review=rows.review(digest, words),
        batches=rows.batches(digest, words),
        retried=rows.lines((one for one in digest.failed if not (one.quarantined or one.gone)), words),
        quarantined=rows.lines((one for one in digest.failed if one.quarantined), words),
        gone=rows.lines((one for one in digest.failed if one.gone), words),
        waiting=rows.lines(digest.waiting, words),
        refused=rows.refused(digest, words),
        reconciled=rows.reconciled(digest, words),
        places=rows.places(digest, words),
        disagreements=rows.disagreements(digest, words),
        drift_summary=rows.drift_summary(digest, words),
        drift=rows.drift_rows(digest, words),
        installation=rows.installation(digest, words),
        self_test=rows.lines(digest.self_test.failed, words),
        moves=rows.moves(digest, words),
    )
