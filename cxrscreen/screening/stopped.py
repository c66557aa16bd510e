"""That the self-test before a screening has failed, for whoever asks how the installation stands."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from cxrscreen.classifier.estimate import Frozen
from cxrscreen.durable import write_file

STOPPED_FILE = "screening-stopped.json"  # in the workspace, as long as nothing is screened for that cause

log = logging.getLogger(__name__)


class Stopped(Frozen):
    """Why nothing is taken up."""

    model: str  # version that has failed the test
    at: str  # ISO 8601 with zone
    why: str  # sentences without names of files or patients


def note_stop(root: Path, model: str, why: str) -> None:
    """Keep why screening has stopped; a record that cannot be written stops nothing more."""
    stopped = Stopped(model=model, at=datetime.now().astimezone().isoformat(timespec="seconds"), why=why)
    try:
        write_file(root / STOPPED_FILE, (stopped.model_dump_json(indent=2) + "\n").encode())
    except OSError as exc:
        log.warning("%s cannot be written: %s", STOPPED_FILE, exc.strerror)


def clear_stop(root: Path, model: str) -> None:
    """Forget it: this model has passed the self-test since, or is the champion anew. What another has failed stays."""
    stopped = stop_of(root)
    if stopped is not None and stopped.model != model:
        return
    try:
        (root / STOPPED_FILE).unlink(missing_ok=True)
    except OSError as exc:
        log.warning("%s cannot be removed: %s", STOPPED_FILE, exc.strerror)


def stop_of(root: Path) -> Stopped | None:
    """Return why screening has stopped, or ``None`` where it has not, as far as can be read."""
    try:
        return Stopped.model_validate_json((root / STOPPED_FILE).read_bytes())
    except (OSError, ValidationError):
        return None
