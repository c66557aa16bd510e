"""Stored DICOM values to shades of grey: PS3.3 C.11.1 (modality), C.11.2 (VOI), C.7.6.3.1.2 (polarity).

Every step maps one value to one shade, so the chain is worked out once for each value that occurs, and the
pixels look their shade up. A 9-megapixel radiograph of 12 bits needs 4096 calculations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi, apply_windowing

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.dicom_file import text_of
from cxrscreen.radiograph.grey import WHITE, look_up, stretch
from cxrscreen.radiograph.refusal import Reason
from cxrscreen.types import Grey8, StoredPixels

_MOST_VALUES = 2**17  # 16 bits, signed or not, with room


@dataclass(frozen=True, slots=True)
class Shades:
    """Shades of grey and how they came about.

    Attributes:
        pixels: (rows, columns), air dark, bone bright.
        window: For the acquisition facts, e.g. "LINEAR, centre 2048, width 4096".
        notices: What a reader should know.
    """

    pixels: Grey8
    window: str
    notices: tuple[str, ...]


def render(stored: StoredPixels, tags: Dataset) -> Shades:
    """Apply modality LUT or rescale, VOI LUT or window, and polarity.

    Args:
        stored: (rows, columns), integers, as decoded.
        tags: The dataset that describes them, MONOCHROME1 or MONOCHROME2.

    Raises:
        RefusedError: Reason UNREADABLE for more than 16 bits, BLANK where all pixels are padding.
    """
    lowest, highest = int(stored.min()), int(stored.max())
    if highest - lowest >= _MOST_VALUES:
        raise RefusedError(Reason.UNREADABLE, "The samples have more than 16 bits.")
    values = np.arange(lowest, highest + 1, dtype=np.int32)
    padding = _padding(values, tags)
    modality = _modality(values, tags)
    table, window, notices = _windowed(modality, tags)
    if table is None and _is_display_ready(tags):
        table, window, notices = stretch(modality, 0, WHITE), "as stored, 8 bits", ()
    elif table is None:
        present = np.zeros(values.shape, np.bool_)
        for row in stored:
            present[np.subtract(row, lowest, dtype=np.int32)] = True
        table, window = _by_range(modality, present & ~padding)
    if is_inverted(tags):
        table = WHITE - table
        notices += ("Stored with white as zero (MONOCHROME1); inverted, so that bone is bright.",)
    table[padding] = 0
    return Shades(look_up(table, stored, first=lowest), window, notices)


def is_inverted(tags: Dataset) -> bool:
    """Tell whether low values are meant to be white.

    PS3.3 C.8.11.3.1.2 ties Presentation LUT Shape INVERSE to MONOCHROME1; either one alone inverts, both together
    invert once.
    """
    return (
        text_of(tags, "PhotometricInterpretation") == "MONOCHROME1"
        or text_of(tags, "PresentationLUTShape").upper() == "INVERSE"
    )


def _modality(values: NDArray[np.int32], tags: Dataset) -> NDArray[Any]:
    for item in tags.get("ModalityLUTSequence") or ():
        # The standard knows 8 and 16 bits; pydicom has no array type for the 10 or 12 that some devices declare.
        item.LUTDescriptor[2] = 8 if item.LUTDescriptor[2] == 8 else 16  # noqa: PLR2004  # bits per entry
    modality = apply_modality_lut(values, tags)
    if not np.isfinite(modality).all():
        raise RefusedError(Reason.UNREADABLE, "The rescale in the tags gives values that are no numbers.")
    return modality


def _padding(values: NDArray[np.int32], tags: Dataset) -> NDArray[np.bool_]:
    """Mark the values that fill the frame beyond the image (PS3.3 C.7.5.1.1.2); they become black."""
    limits = [tags.get("PixelPaddingValue"), tags.get("PixelPaddingRangeLimit")]
    if not isinstance(limits[0], int):
        return np.zeros(values.shape, np.bool_)
    signed = tags.get("PixelRepresentation") == 1
    ends = [
        limit - 2**16 if signed and limit >= 2**15 else limit  # written as unsigned though the pixels are signed
        for limit in limits
        if isinstance(limit, int)
    ]
    marked: NDArray[np.bool_] = (values >= min(ends)) & (values <= max(ends))
    return marked


def _windowed(modality: NDArray[Any], tags: Dataset) -> tuple[Grey8 | None, str, tuple[str, ...]]:
    """Apply the first VOI LUT, else the first window; no table where neither can be applied."""
    try:
        if tags.get("VOILUTSequence"):
            return (*_by_voi_lut(modality, tags), ())
        if text_of(tags, "WindowCenter") and text_of(tags, "WindowWidth"):
            return (*_by_window(modality, tags), ())
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, NotImplementedError):
        return None, "", ("The window in the tags is not valid; the range of the values was used instead.",)
    return None, "", ("The tags give no window; the range of the values was used.",)


def _is_display_ready(tags: Dataset) -> bool:
    """Tell whether the values are 8-bit shades already; then a JPEG copy of the file has the same ones."""
    return (tags.BitsStored, tags.PixelRepresentation) == (8, 0) and not (
        "ModalityLUTSequence" in tags or "RescaleSlope" in tags or tags.get("VOILUTSequence") or "WindowWidth" in tags
    )


def _by_voi_lut(modality: NDArray[Any], tags: Dataset) -> tuple[Grey8, str]:
    item = tags.VOILUTSequence[0]
    entries, first, bits = item.LUTDescriptor
    # pydicom counts entries in the type of the entries, which overflows for more than 256 of 8 bits; 16 hold both.
    item.LUTDescriptor[2] = 16 if bits == 8 else bits  # noqa: PLR2004  # bits per entry
    last = first + (entries or 2**16) - 1
    shades = apply_voi(np.clip(np.rint(modality), first, last).astype(np.int32), tags)
    # Declared depths are often too large: white is what the entries need, so that the picture is not dark.
    most = int(apply_voi(np.arange(first, last + 1), tags).max())
    white = 2 ** min(bits, most.bit_length()) - 1
    return stretch(shades, 0, white), f"VOI LUT, {entries or 2**16} entries of {bits} bits"


def _by_window(modality: NDArray[Any], tags: Dataset) -> tuple[Grey8, str]:
    """Window the values; black and white are what the function gives at infinity, whatever the rescale."""
    with np.errstate(over="ignore"):  # the sigmoid's tail
        low, high = apply_windowing(np.array([-1e30, 1e30]), tags)
        shades = apply_windowing(modality, tags)
    if not np.isfinite([low, high]).all() or low == high:
        raise ValueError("the window has no range")
    function = text_of(tags, "VOILUTFunction").upper() or "LINEAR"
    centre, width = float(text_of(tags, "WindowCenter")), float(text_of(tags, "WindowWidth"))
    return stretch(shades, float(low), float(high)), f"{function}, centre {centre:g}, width {width:g}"


def _by_range(modality: NDArray[Any], present: NDArray[np.bool_]) -> tuple[Grey8, str]:
    if not present.any():
        raise RefusedError(Reason.BLANK, "All pixels are padding.")
    low, high = float(modality[present].min()), float(modality[present].max())
    return stretch(modality, low, high), f"range of the values, {low:g} to {high:g}"
