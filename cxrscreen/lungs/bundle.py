"""One segmenter on disk: a folder with ``weights.npz``, ``card.json`` and a readable ``CARD.md``, like a model's.

The card holds the digest of the weights; loading verifies it and never unpickles anything.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from cxrscreen.classifier.base_weights import arrays_in
from cxrscreen.classifier.bundle import CARD_FILE, READABLE_FILE, WEIGHTS_FILE, checked_version, digest
from cxrscreen.durable import make_folder, place_folder
from cxrscreen.errors import ModelError
from cxrscreen.lungs.card import LungCard, render_card
from cxrscreen.settings import PROJECT

if TYPE_CHECKING:
    from cxrscreen.lungs.segmenter import Segmenter

SHIPPED_LUNGS = PROJECT / "deployments" / "lungs" / "lungs-1"

_MOST_CARD_BYTES = 2**20
_MOST_WEIGHT_BYTES = 2**24  # a shipped one has less than 1 MB


def pack_arrays(arrays: dict[str, NDArray[np.float32]]) -> bytes:
    """Serialise weights in half precision; the same weights always give the same bytes.

    Raises:
        ModelError: A weight is too large for half precision.
    """
    halves: dict[str, NDArray[Any]] = {}
    for name, array in arrays.items():
        with np.errstate(over="ignore"):  # told in words below
            halves[name] = array.astype("<f2")
        if not np.isfinite(halves[name]).all():
            raise ModelError("The segmenter's weights grew beyond half precision. Train it again with another seed.")
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **halves)
    return packed.getvalue()


def save_segmenter(folder: Path, card: LungCard, weights: bytes) -> Path:
    """Write a segmenter whole or not at all.

    Args:
        folder: Of segmenters; this one becomes its subfolder ``card.version``.
        card: Must hold the digest of ``weights``.
        weights: From ``pack_arrays``.

    Returns:
        The segmenter's folder.

    Raises:
        ModelError: The version exists already, the card belongs to other weights, or the folder cannot be written.
    """
    if card.weights_sha256 != digest(weights):
        raise ModelError(f"The card of {card.version} does not belong to these weights. Train the segmenter again.")
    target = free_place(folder, card.version)
    files = {
        WEIGHTS_FILE: weights,
        READABLE_FILE: render_card(card).encode(),
        CARD_FILE: (card.model_dump_json(indent=2) + "\n").encode(),
    }
    try:
        make_folder(folder)
        place_folder(target, files, replace=False)
    except FileExistsError as exc:  # another training was faster since the look at the folder
        raise _taken(card.version) from exc
    except OSError as exc:
        raise ModelError(f"The segmenter {card.version} could not be written: {exc.strerror}.") from exc
    return target


def segmenter_folder(workspace_lungs: Path, sha256: str) -> Path:
    """Find the segmenter that a model was made with.

    Args:
        workspace_lungs: Folder of the segmenters that were trained at this site; need not exist.
        sha256: From the model's card; empty for a model of before that was recorded: the shipped one serves.

    Raises:
        ModelError: It is neither the shipped one nor one of this site.
    """
    candidates = [SHIPPED_LUNGS]
    if workspace_lungs.is_dir():
        candidates += sorted(one for one in workspace_lungs.iterdir() if (one / CARD_FILE).is_file())
    for folder in candidates:
        if not sha256 or _sha256_in(folder) == sha256:
            return folder
    raise ModelError(
        f"The lung segmenter that the model was made with ({sha256[:12]}) is not here. Restore its folder, or train "
        "the model again."
    )


def segmenter_named(workspace_lungs: Path, version: str) -> Path:
    """Find a segmenter by its name.

    Args:
        workspace_lungs: See ``segmenter_folder``.
        version: Of one that was trained at this site; empty, or its own name: the shipped one.

    Raises:
        ModelError: There is none of that name.
    """
    if version in {"", SHIPPED_LUNGS.name}:
        return SHIPPED_LUNGS
    folder = workspace_lungs / checked_version(version)
    if not (folder / CARD_FILE).is_file():
        known = sorted(one.parent.name for one in workspace_lungs.glob(f"[!.]*/{CARD_FILE}"))
        raise ModelError(
            f"There is no lung segmenter {version!r}. Those trained here: {', '.join(known) or 'none'}; the shipped "
            f"one is {SHIPPED_LUNGS.name}."
        )
    return folder


def load_segmenter(folder: Path) -> Segmenter:
    """Load a segmenter for screening.

    Raises:
        ModelError: See ``read_segmenter``.
    """
    from cxrscreen.lungs.segmenter import Segmenter  # noqa: PLC0415  # starts TensorFlow

    return Segmenter.of(folder)


def _sha256_in(folder: Path) -> str | None:
    try:
        return read_lung_card(folder).weights_sha256
    except ModelError:  # a damaged one is told of where it is used
        return None


def free_place(folder: Path, version: str) -> Path:
    """Return where a new version goes.

    Raises:
        ModelError: The version exists already, or cannot name a folder.
    """
    target = folder / checked_version(version)
    if target.exists():
        raise _taken(version)
    return target


def read_lung_card(folder: Path) -> LungCard:
    """Read and validate the card of a segmenter.

    Raises:
        ModelError: There is no card, or it is damaged.
    """
    try:
        with (folder / CARD_FILE).open("rb") as file:
            return LungCard.model_validate_json(file.read(_MOST_CARD_BYTES))
    except OSError as exc:
        raise ModelError(
            f"There is no lung segmenter in the folder {folder.name}. Restore it from its source."
        ) from exc
    except ValidationError as exc:
        raise ModelError(
            f"The card of the lung segmenter {folder.name} is damaged or of another format. Restore the folder from "
            "its source."
        ) from exc


def read_segmenter(folder: Path) -> tuple[LungCard, dict[str, NDArray[Any]]]:
    """Read card and weights of a segmenter, verified against the card's digest.

    Raises:
        ModelError: A file is missing or damaged, or the weights are not those of the card.
    """
    card = read_lung_card(folder)
    try:
        with (folder / WEIGHTS_FILE).open("rb") as file:
            content = file.read(_MOST_WEIGHT_BYTES + 1)
    except OSError as exc:
        raise ModelError(
            f"The weights of the lung segmenter {card.version} cannot be read. Restore the folder from its source."
        ) from exc
    if digest(content) != card.weights_sha256:
        raise ModelError(
            f"The weights of the lung segmenter {card.version} are damaged or were exchanged: their SHA-256 is not "
            "the card's. Restore the folder from its source."
        )
    return card, arrays_in(content, what=f"{card.version}/{WEIGHTS_FILE}")


def _taken(version: str) -> ModelError:
    return ModelError(f"The lung segmenter {version} exists already and is never overwritten. Choose another version.")
