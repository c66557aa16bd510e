"""What grows while a run is under way: its progress bar, and the table of its search."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate

from cxrscreen.classifier.making import GridPoint
from cxrscreen.types import Progress
from flows.publishing import never_fatal

PAUSE_SECONDS = 2.0  # between two updates of a bar, each of which costs the server


class Bar:
    """One progress bar for a whole run, whose parts each fill their share of it; it never goes down."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._artifact: UUID | None = None
        self._percent = 0.0
        self._shown_at = 0.0
        with never_fatal("the progress of this run"):
            # Prefect types its calls for both worlds; outside of async code they return at once.
            self._artifact = cast("UUID", create_progress_artifact(0.0, description=title))

    def part(self, start: float, end: float) -> Progress:
        """Return what the steps of a part from ``start`` to ``end`` (percent) are to call; the first fills it."""

        def show(step: str, done: int, total: int) -> None:
            ended = done >= total
            if not ended and time.monotonic() - self._shown_at < PAUSE_SECONDS:
                return
            self._show(start + (end - start) * done / max(total, 1), f"{self._title}: {step}, {done} of {total}")

        return show

    def end(self) -> None:
        """Fill it."""
        self._show(100.0, f"{self._title}: done")

    def _show(self, percent: float, description: str) -> None:
        self._percent = max(self._percent, percent)
        if self._artifact is not None:
            with never_fatal("the progress of this run"):
                update_progress_artifact(self._artifact, self._percent, description=description)
        self._shown_at = time.monotonic()


class SearchTable:
    """One table of the search, which grows as its stages end."""

    def __init__(self, stages: int) -> None:
        self._stages = stages
        self._done = 0
        self._rows: list[dict[str, object]] = []
        self._artifact: UUID | None = None

    @never_fatal("the table of the search")
    def add(self, points: Sequence[GridPoint]) -> None:
        """Add the points of one stage."""
        self._done += 1
        self._rows += [_point(point) for point in points]
        description = f"Search over five folds by patient: {self._done} of {self._stages} stages"
        if self._artifact is None:
            made = create_table_artifact(self._rows, key="retrain-search", description=description)
            self._artifact = cast("UUID", made)
            return
        with get_client(sync_client=True) as client:
            client.update_artifact(self._artifact, ArtifactUpdate(data=json.dumps(self._rows), description=description))


def _point(point: GridPoint) -> dict[str, object]:
    return {
        "stage": point.stage,
        "learning rate": point.learning_rate,
        "batch": point.batch_size,
        "optimizer": point.optimizer,
        "epochs": point.epochs,
        "AUC (SD)": f"{point.mean_auc:.3f} ({point.sd_auc:.3f})",
        "accuracy (SD)": f"{point.mean_accuracy:.3f} ({point.sd_accuracy:.3f})",
    }
