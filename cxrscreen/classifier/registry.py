"""Which models there are, and which one screens."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from cxrscreen.classifier.bundle import CARD_FILE, checked_version, read_card
from cxrscreen.classifier.card import ModelCard
from cxrscreen.errors import ModelError
from cxrscreen.settings import PROJECT

CHAMPION = "champion"
CHAMPION_FILE = "champion"
SHIPPED_MODELS = PROJECT / "deployments" / "models"
SHIPPED_VERSION = "standard-1"

_log = logging.getLogger(__name__)


class Registry:
    """Models in a few folders, one subfolder each; an earlier folder outranks a later one.

    The version ``champion`` means the one that the text file ``champion`` names, in the first folder
    that has such a file, or the shipped model. Nothing here starts TensorFlow.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)

    def cards(self) -> list[ModelCard]:
        """Cards of all sound models, by version; a damaged card is logged and left out."""
        found: dict[str, ModelCard] = {}
        for folder in self._folders:
            for card_file in sorted(folder.glob(f"[!.]*/{CARD_FILE}")):
                try:
                    card = self._card_in(card_file.parent)
                except ModelError as exc:
                    _log.warning("%s", exc)
                    continue
                found.setdefault(card.version, card)
        return [found[version] for version in sorted(found)]

    def champion(self) -> str:
        """Version that screens unless another one is asked for.

        Raises:
            ModelError: The champion file names no possible version.
        """
        for folder in self._folders:
            try:
                named = (folder / CHAMPION_FILE).read_text(encoding="utf-8")
            except (FileNotFoundError, NotADirectoryError):
                continue
            except (OSError, UnicodeDecodeError) as exc:
                raise ModelError("The file that names the champion cannot be read. Write a version into it.") from exc
            return checked_version(named.strip())
        return SHIPPED_VERSION

    def folder_of(self, version: str) -> Path:
        """Folder of a version, or of the champion.

        Raises:
            ModelError: There is no such version.
        """
        wanted = self.champion() if version == CHAMPION else checked_version(version)
        for folder in self._folders:
            if (folder / wanted / CARD_FILE).is_file():
                return folder / wanted
        known = ", ".join(card.version for card in self.cards()) or "none"
        raise ModelError(f"There is no model {wanted!r}. Known versions: {known}.")

    def card_of(self, version: str) -> ModelCard:
        """Card of a version, or of the champion.

        Raises:
            ModelError: There is no such version, or its card is damaged.
        """
        return self._card_in(self.folder_of(version))

    @staticmethod
    def _card_in(folder: Path) -> ModelCard:
        card = read_card(folder)
        if card.version != folder.name:
            raise ModelError(
                f"The folder {folder.name} holds the model {card.version}. Give the folder its version's name."
            )
        return card
