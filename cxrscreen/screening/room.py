"""Is there room enough on the disk to take up more files?"""

from __future__ import annotations

import shutil

from cxrscreen.screening.session import Session

WAITS_FOR_ROOM = "waits: too little room on the disk"


def want_of_room(session: Session) -> str:
    """Return what a person must be told where a disk of the workspace is nearly full, else ""."""
    workspace, wanted = session.workspace, session.settings.min_free_megabytes
    for folder in (workspace.root, workspace.archive, workspace.quarantine, workspace.reports):
        free = shutil.disk_usage(folder).free // 2**20  # each may be a file system of its own
        if free < wanted:
            return (
                f"Nothing was taken up: {free} MiB are left on the disk of {folder}, {wanted} are wanted "
                "(min_free_megabytes). The files wait where they are. Make room, e.g. with `cxrscreen expire`."
            )
    return ""
