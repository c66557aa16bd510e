"""What one process holds while it screens: settings, folders, ledger, models."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from cxrscreen.classifier.bundle import load_classifier
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.contract import Classifier
from cxrscreen.classifier.registry import Registry
from cxrscreen.errors import LedgerDamagedError
from cxrscreen.lungs.bundle import load_segmenter, segmenter_folder
from cxrscreen.lungs.gate import Gate
from cxrscreen.lungs.gate_bundle import load_gate
from cxrscreen.reporting.words import Words
from cxrscreen.reporting.writer import ReportWriter, report_writer
from cxrscreen.screening.ledger import Ledger
from cxrscreen.screening.pseudonym import Pseudonyms, load_pseudonyms
from cxrscreen.settings import Language, Settings
from cxrscreen.workspace import Workspace, open_workspace, private_process

if TYPE_CHECKING:  # it imports TensorFlow
    from cxrscreen.lungs.segmenter import Segmenter


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An open workspace. For one thread; the ledger's connection is not shared."""

    settings: Settings
    workspace: Workspace
    ledger: Ledger
    pseudonyms: Pseudonyms
    registry: Registry
    load_classifier: Callable[[Path], Classifier]
    load_segmenter: Callable[[Path], Segmenter | None]
    load_gate: Callable[[Path], Gate | None]

    def classifier(self, version: str) -> Classifier:
        """Return the model, loaded once a process: the first call imports TensorFlow.

        Raises:
            ModelError: There is no such version, or it is damaged.
        """
        return self.load_classifier(self.registry.folder_of(version))

    def segmenter(self, card: ModelCard) -> Segmenter | None:
        """Return the lung segmenter that a model was made with, loaded once a process; for older ones the shipped one.

        Raises:
            ModelError: It is not here, or it is damaged.
        """
        return self.load_segmenter(segmenter_folder(self.workspace.lungs, card.segmenter_sha256))

    def gate(self, version: str) -> Gate | None:
        """Return a model's gate, loaded once a process; ``None`` for a model of before there were gates.

        Raises:
            ModelError: There is no such version, or it is damaged.
        """
        return self.load_gate(self.registry.folder_of(version))

    def writer(self, language: Language) -> ReportWriter:
        """Return the report writer, made once a process: its fonts and styles are parsed once."""
        return report_writer(language)

    @property
    def words(self) -> Words:
        """Return the words that stand beside a quarantined file."""
        return self.writer(self.settings.language).words


@contextmanager
def open_session(settings: Settings) -> Iterator[Session]:
    """Open the workspace that the settings name, making what is missing.

    Raises:
        WorkspaceError: The workspace cannot be used.
        LedgerError: The ledger cannot be opened, or it is gone.
    """
    private_process()
    workspace = open_workspace(settings.workspace)
    _check_not_lost(workspace)
    ledger = Ledger(workspace.ledger)
    try:
        yield Session(
            settings=settings,
            workspace=workspace,
            ledger=ledger,
            pseudonyms=load_pseudonyms(workspace.key),
            registry=Registry.at_site(workspace.models),
            load_classifier=_load_once,
            load_segmenter=_load_segmenter_once,
            load_gate=_load_gate_once,
        )
    finally:
        ledger.close()


def _check_not_lost(workspace: Workspace) -> None:
    """See that a workspace with screened files has its ledger: a new one would screen every copy of them again."""
    if workspace.ledger.exists() and workspace.ledger.stat().st_size:
        return
    traces = (
        *workspace.archive.glob("[!.]*"),
        *workspace.quarantine.glob("[!.]*"),
        *workspace.reports.glob("*/batch.json"),
    )
    if traces:
        raise LedgerDamagedError(
            f"The ledger {workspace.ledger.name} is gone or empty, but files were screened here before. Nothing was "
            "changed. Restore it from the backup, or run `cxrscreen recover`: it builds a new one from archive, "
            "quarantine and reports."
        )


@lru_cache(maxsize=1)
def _load_once(folder: Path) -> Classifier:
    classifier = load_classifier(folder)
    _freeze()
    return classifier


@lru_cache(maxsize=1)
def _load_segmenter_once(folder: Path) -> Segmenter | None:
    segmenter = load_segmenter(folder)
    _freeze()
    return segmenter


def _freeze() -> None:
    # What TensorFlow and WeasyPrint hold lives as long as the process: a collector that walks over it while each
    # report is laid out costs a study 7 % of its CPU time.
    gc.collect()
    gc.freeze()


_load_gate_once = lru_cache(maxsize=1)(load_gate)
