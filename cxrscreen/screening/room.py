"""Is there room enough on the disk to take up more files?"""

from __future__ import annotations

import shutil

from cxrscreen.errors import WorkspaceError
from cxrscreen.screening.session import Session

WAITS_FOR_ROOM = "waits: too little room on the disk"


def want_of_room(session: Session) -> str:
    """Return what a person must be told where a disk of the workspace is nearly full, else "".

    Raises:
        WorkspaceError: One of the folders is gone, or its disk does not answer.
    """
    workspace, wanted = session.workspace, session.settings.min_free_megabytes
    workspace.check_in_place()
    for folder in (workspace.root, workspace.archive, workspace.quarantine, workspace.reports):
        try:
            free = shutil.disk_usage(folder).free // 2**20  # each may be a file system of its own
        except OSError as exc:
            raise WorkspaceError(f"{folder} cannot be used: {exc.strerror}. Check that its disk is mounted.") from exc
        if free < wanted:
            return (
                f"Nothing was taken up: {free} MiB are left on the disk of {folder}, {wanted} are wanted "
                "(min_free_megabytes). The files wait where they are. Make room, e.g. with `cxrscreen expire`."
            )
    return ""
