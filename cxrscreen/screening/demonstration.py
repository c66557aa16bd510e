"""A workspace whose intake holds drawn phantoms."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from cxrscreen.phantom.intake import write_demonstration_intake
from cxrscreen.screening.ledger import Ledger
from cxrscreen.settings import SETTINGS_FILE
from cxrscreen.workspace import open_workspace

FIRST_SEED = 2020
SETTINGS = """\
# Written by `cxrscreen demo`.
demonstration = true
settle_seconds = 1
"""


def prepare_demonstration(root: Path) -> list[Path]:
    """Make a demonstration workspace, or go on with it: each call draws the phantoms of another night.

    Raises:
        WorkspaceError: The folder cannot be used.
    """
    workspace = open_workspace(root)
    settings = root / SETTINGS_FILE
    if not settings.exists():
        settings.write_text(SETTINGS, encoding="utf-8")
    with closing(Ledger(workspace.ledger)) as ledger:
        night = ledger.batch_count()
    folder = workspace.intake / f"night-{night + 1}"
    # Drawn beside the intake, so that no run meets a half-drawn set.
    draft = workspace.root / f".drawing-{os.getpid()}"
    drawn = write_demonstration_intake(draft, seed=FIRST_SEED + night)
    draft.rename(folder)
    return [folder / path.relative_to(draft) for path in drawn]
