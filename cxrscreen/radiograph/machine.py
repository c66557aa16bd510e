"""Trouble of the machine, told from trouble with a file."""

from __future__ import annotations

import cv2


def machine_trouble(exc: Exception) -> MemoryError | OSError | None:
    """Return what to raise where the machine is to blame for an exception, ``None`` where the content is.

    Memory, disk, temporary folder and processes run short with a number from the operating system. What decoders
    derive from ``OSError`` to say that content is bad (Pillow's UnidentifiedImageError, pydicom's "no tag to
    read") carries none, since they read from memory.
    """
    if isinstance(exc, MemoryError) or (isinstance(exc, OSError) and exc.errno is not None):
        return exc
    if isinstance(exc, cv2.error) and (getattr(exc, "code", 0) == cv2.Error.StsNoMem or "bad_alloc" in str(exc)):
        return MemoryError()
    return None
