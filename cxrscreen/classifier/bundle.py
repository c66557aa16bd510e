"""One model on disk: a folder with ``weights.npz``, ``card.json`` and a readable ``CARD.md``.

The card holds the digest of the weights; loading verifies it and never unpickles anything. A model made at this site
also brings how it was made (``making.json``), its evaluation and its comparison with the champion of that day.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from cxrscreen.classifier.base_weights import MOST_BYTES, BaseWeights, arrays_in
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.card_text import render_card
from cxrscreen.classifier.heads import head_of
from cxrscreen.classifier.making import MAKING_FILE, Making
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.durable import place_folder
from cxrscreen.errors import ModelError

if TYPE_CHECKING:
    from cxrscreen.classifier.vgg16 import Vgg16Classifier

CARD_FILE = "card.json"
READABLE_FILE = "CARD.md"
WEIGHTS_FILE = "weights.npz"
CHAMPION = "champion"  # whichever version screens, and therefore none's own name

_MOST_CARD_BYTES = 2**20
_BASE = "base/"
_HEAD = "head/"
_GATE = "gate/"
_EXTRA_FILE = re.compile(r"[a-z0-9][a-z0-9._-]*")
_VERSION = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def checked_version(version: str) -> str:
    """Return ``version`` if it can name a folder.

    Raises:
        ModelError: It holds anything but lower-case letters, digits, dot, hyphen and underscore.
    """
    if not _VERSION.fullmatch(version):
        raise ModelError("A model version is 1 to 64 lower-case letters, digits, dots, hyphens and underscores.")
    return version


def pack_weights(
    base: BaseWeights, head: Mapping[str, NDArray[np.float32]], gate: Mapping[str, NDArray[np.floating[Any]]] = {}
) -> bytes:
    """Serialise a model: the base's kernels in 16 bits (``BaseWeights.packed``), the head in single precision.

    The gate's arrays stay as they are, most of them in half precision.

    The same weights always give the same bytes.
    """
    arrays: dict[str, NDArray[Any]] = {f"{_BASE}{name}": array for name, array in base.packed().items()}
    arrays |= {f"{_HEAD}{name}": array.astype("<f4") for name, array in head.items()}
    arrays |= {f"{_GATE}{name}": array for name, array in gate.items()}
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    return packed.getvalue()


def digest(weights: bytes) -> str:
    """SHA-256 as the card records it, 64 hex digits."""
    return hashlib.sha256(weights).hexdigest()


def save_bundle(models: Path, card: ModelCard, weights: bytes, extras: Mapping[str, bytes] = {}) -> Path:
    """Write a model whole or not at all.

    Args:
        models: Folder of models; the bundle becomes its subfolder ``card.version``.
        card: Must hold the digest of ``weights``.
        weights: From ``pack_weights``.
        extras: Further files by their plain names, e.g. ``making.json``; card and weights outrank them.

    Returns:
        The bundle's folder.

    Raises:
        ModelError: The version exists already, the card belongs to other weights, or an extra file's name is no plain
            one.
    """
    if not all(_EXTRA_FILE.fullmatch(name) for name in extras):
        raise ModelError("The files beside a model have plain names: lower-case letters, digits, dots and hyphens.")
    if card.weights_sha256 != digest(weights):
        raise ModelError(f"The card of {card.version} does not belong to these weights. Train the model again.")
    target = free_folder(models, card.version)
    files = {
        **extras,
        WEIGHTS_FILE: weights,
        READABLE_FILE: render_card(card).encode(),
        CARD_FILE: (card.model_dump_json(indent=2) + "\n").encode(),
    }
    try:
        models.mkdir(parents=True, exist_ok=True)
        place_folder(target, files, replace=False)
    except FileExistsError as exc:  # another retraining was faster since the look at the folder
        raise _taken(card.version) from exc
    except OSError as exc:
        raise ModelError(f"The model {card.version} could not be written: {exc.strerror}.") from exc
    return target


def free_folder(models: Path, version: str) -> Path:
    """Return where a new version goes.

    Raises:
        ModelError: The version exists already, or cannot name a folder.
    """
    target = models / checked_version(version)
    if version == CHAMPION:
        raise ModelError(f"The name {CHAMPION!r} means whichever model screens. Choose another version.")
    if target.exists():
        raise _taken(version)
    return target


def _taken(version: str) -> ModelError:
    return ModelError(f"The model {version} exists already and is never overwritten. Choose another version.")


def read_card(folder: Path) -> ModelCard:
    """Read and validate the card of a bundle.

    Raises:
        ModelError: There is no card, or it is damaged.
    """
    try:
        with (folder / CARD_FILE).open("rb") as file:
            return ModelCard.model_validate_json(file.read(_MOST_CARD_BYTES))
    except OSError as exc:
        raise ModelError(f"There is no model in the folder {folder.name}. Check the version's name.") from exc
    except ValidationError as exc:
        raise ModelError(
            f"The card of the model {folder.name} is damaged or of another format. Restore the folder from its source."
        ) from exc


def read_making(folder: Path) -> Making | None:
    """Read how a model was made; ``None`` where that was not recorded, as for models of before that was possible.

    Raises:
        ModelError: The record is damaged.
    """
    try:
        return Making.model_validate_json((folder / MAKING_FILE).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as exc:
        raise ModelError(
            f"The record of how {folder.name} was made is damaged. Restore the folder from its source."
        ) from exc


class CardOfWeights(Protocol):
    """What the card of a model and that of a lung segmenter share."""

    @property
    def version(self) -> str:
        """Name of the bundle."""

    @property
    def weights_sha256(self) -> str:
        """Of its weights file."""


def check_weights(folder: Path, card: CardOfWeights) -> None:
    """See that a bundle's weights are its card's. Weights that look untouched since they were read are not read again.

    Raises:
        ModelError: They are missing, damaged or exchanged.
    """
    try:
        found = (folder / WEIGHTS_FILE).stat()
        looks = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
        sound = _digest_of(folder / WEIGHTS_FILE, looks) == card.weights_sha256
    except OSError as exc:
        raise ModelError(f"The weights of {card.version} cannot be read. Restore the folder from its source.") from exc
    if not sound:
        raise _exchanged(card)


@lru_cache(maxsize=16)
def _digest_of(weights: Path, _looks: tuple[int, ...]) -> str:
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _exchanged(card: CardOfWeights) -> ModelError:
    return ModelError(
        f"The weights of {card.version} are damaged or were exchanged: their SHA-256 is not the card's. "
        "Restore the folder from its source."
    )


def read_weights(folder: Path) -> tuple[ModelCard, BaseWeights, dict[str, NDArray[np.float32]]]:
    """Read card, base and head of a bundle, verified against the card's digest.

    Raises:
        ModelError: A file is missing or damaged, or the weights are not those of the card.
    """
    card, arrays = _read(folder)
    base = {name.removeprefix(_BASE): array for name, array in arrays.items() if name.startswith(_BASE)}
    head = {name.removeprefix(_HEAD): array for name, array in arrays.items() if name.startswith(_HEAD)}
    if not all(np.isfinite(array).all() for array in head.values()):
        raise ModelError(
            f"The head of {card.version} holds values that are not finite. Restore the folder from its source."
        )
    return card, BaseWeights.unpacked(base, origin=f"Base of the model {card.model_id}."), head


def read_gate_arrays(folder: Path) -> tuple[ModelCard, dict[str, NDArray[Any]]]:
    """Read what a model's gate compares radiographs with, verified likewise; empty for a model without a gate.

    Raises:
        ModelError: See ``read_weights``.
    """
    card, arrays = _read(folder)
    return card, {name.removeprefix(_GATE): array for name, array in arrays.items() if name.startswith(_GATE)}


def _read(folder: Path) -> tuple[ModelCard, dict[str, NDArray[Any]]]:
    card = read_card(folder)
    try:
        with (folder / WEIGHTS_FILE).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as exc:
        raise ModelError(f"The weights of {card.version} cannot be read. Restore the folder from its source.") from exc
    if digest(content) != card.weights_sha256:
        raise _exchanged(card)
    return card, arrays_in(content, what=f"{card.version}/{WEIGHTS_FILE}")


def base_of_bundle(folder: Path) -> BaseWeights:
    """The frozen base inside a model: what retraining starts from without a network.

    Raises:
        ModelError: See ``read_weights``.
    """
    return read_weights(folder)[1]


def load_classifier(folder: Path) -> Vgg16Classifier:
    """Load a model for screening.

    Raises:
        ModelError: See ``read_weights``; or the head does not fit the card's recipe.
    """
    card, base, head = read_weights(folder)
    from cxrscreen.classifier.backbone import Backbone  # noqa: PLC0415  # starts TensorFlow: only for a sound model
    from cxrscreen.classifier.vgg16 import Vgg16Classifier  # noqa: PLC0415  # likewise

    recipe = recipe_named(card.recipe)
    return Vgg16Classifier(card, Backbone(base, block=recipe.block), head_of(recipe, head))
