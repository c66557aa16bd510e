"""Is this installation fit to screen? Each check says what it found and, where it failed, what to do."""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Callable, Iterator

from cxrscreen.classifier.card import ModelCard
from cxrscreen.errors import CxrscreenError, ModelError, SelfTestError
from cxrscreen.screening.golden import REMEDY, golden_change, most_telling
from cxrscreen.screening.session import Session
from cxrscreen.screening.stopped import clear_stop
from cxrscreen.upkeep.ledger_view import LedgerView
from cxrscreen.upkeep.self_test import Finding

LIBRARIES = ("prefect", "tensorflow", "keras", "opencv-python", "numpy", "pydicom", "python-gdcm", "weasyprint")
LOW_DISK_BYTES = 2 * 1024**3


def examine(session: Session) -> list[Finding]:
    """Check everything; a check that breaks is a finding, not an error."""
    checks: tuple[tuple[str, Callable[[Session], Iterator[Finding]]], ...] = (
        ("libraries", _libraries),
        ("folders", _folders),
        ("fonts", _fonts),
        ("model", _model),
        ("interrupted batches", _interrupted),
    )
    findings: list[Finding] = []
    for subject, check in checks:
        try:
            findings.extend(check(session))
        except CxrscreenError as exc:
            findings.append(Finding(subject, healthy=False, detail=str(exc)))
        except Exception as exc:  # noqa: BLE001  # whatever is broken here, the other checks still help
            findings.append(Finding(subject, healthy=False, detail=f"{type(exc).__name__}: {exc}"))
    return findings


def _libraries(_session: Session) -> Iterator[Finding]:
    for name in LIBRARIES:
        try:
            yield Finding(name, healthy=True, detail=importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, healthy=False, detail="not installed. Run the README's first command again.")


def _folders(session: Session) -> Iterator[Finding]:
    free = shutil.disk_usage(session.workspace.root).free
    yield Finding(
        "workspace",
        healthy=free > LOW_DISK_BYTES,
        detail=f"{session.workspace.root}, {free / 1024**3:.1f} GiB free"
        + ("" if free > LOW_DISK_BYTES else ". Make room: reports and archive need it."),
    )


def _fonts(session: Session) -> Iterator[Finding]:
    """Make a page and see that the report's own font went into it."""
    yield Finding("report fonts", healthy=True, detail=session.writer(session.settings.language).check_fonts())


def _model(session: Session) -> Iterator[Finding]:
    card = session.registry.card_of(session.settings.model)
    session.classifier(card.version)  # verifies the hash
    yield Finding("model", healthy=True, detail=f"{card.model_id}, hash verified")
    if not card.golden:
        yield Finding("golden phantoms", healthy=True, detail="none on the card: nothing tells whether scores change")
        return
    change = golden_change(session, card, card.golden)
    if change.small:
        clear_stop(session.workspace.root, card.version)
    yield Finding(
        "golden phantoms",
        healthy=change.small,
        detail=f"{change.phantoms} scored, largest change since training {change.score:.1e}, of the log-odds "
        f"{change.log_odds:.1e}" + ("" if change.small else f". {REMEDY}"),
    )


def _interrupted(session: Session) -> Iterator[Finding]:
    """Say which batches a dead run has left to a model that cannot go on: that rights itself, but is good to know."""
    chosen = session.registry.card_of(session.settings.model)
    with LedgerView(session.workspace.ledger) as view:
        left = [line.batch_id for line in view.unfinished() if not line.alive]
    for batch_id in left:
        card = session.ledger.batch(batch_id).card
        if card != chosen and not _goes_on(session, card):
            yield Finding(
                "interrupted batch",
                healthy=True,
                detail=f"{batch_id}: its model {card.version} is gone, or scores otherwise than on its card. The next "
                "screening gives the files back.",
            )


def _goes_on(session: Session, card: ModelCard) -> bool:
    telling = most_telling(card)
    try:
        return not telling or golden_change(session, card, telling).small
    except (ModelError, SelfTestError):
        return False
