"""Which models there are, which one screens, and how that changes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from cxrscreen.classifier.bundle import (
    CARD_FILE,
    CHAMPION,
    check_weights,
    checked_version,
    free_folder,
    read_card,
    read_weights,
)
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.champion_log import ChampionLog, Move
from cxrscreen.errors import ModelError
from cxrscreen.settings import PROJECT

COMPARISON_FILE = "comparison.json"
SHIPPED_MODELS = PROJECT / "deployments" / "models"
SHIPPED_VERSION = "standard-2"

_SHIPPED_BEFORE = ("standard-1",)  # a site that never left the shipped model goes on to the new one

_log = logging.getLogger(__name__)


class _Judgement(BaseModel):
    """What the registry reads of a comparison; the rest is the evaluation's."""

    champion: str
    verdict: str


class Registry:
    """Models in a few folders, one subfolder each; an earlier folder outranks a later one.

    The first folder is the site's: it holds the log of the champion. The version ``champion`` means the one that this
    log names last, or the shipped model. Nothing here starts TensorFlow.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._champions = ChampionLog(self._folders[0], origin=SHIPPED_VERSION, formerly=_SHIPPED_BEFORE)

    @classmethod
    def at_site(cls, models: Path) -> Registry:
        """Know the models of a site, and those that come with the software."""
        return cls((models, SHIPPED_MODELS))

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
            ModelError: The log of the champion is damaged.
        """
        return self._champions.champion()

    def log(self) -> tuple[Move, ...]:
        """Who moved the champion, when and why, the earliest move first.

        Raises:
            ModelError: The log of the champion is damaged.
        """
        return self._champions.entries()

    def line(self) -> tuple[str, ...]:
        """Champions that a rollback would walk through, the first one first, the present one last.

        Raises:
            ModelError: The log of the champion is damaged.
        """
        return self._champions.line()

    def folder_of(self, version: str) -> Path:
        """Folder of a version, or of the champion.

        Raises:
            ModelError: There is no such version, or a site's own bears the name of the shipped one.
        """
        wanted = self.champion() if version == CHAMPION else checked_version(version)
        holding = [folder / wanted for folder in self._folders if (folder / wanted / CARD_FILE).is_file()]
        if wanted == SHIPPED_VERSION and len({read_card(folder).weights_sha256 for folder in holding}) > 1:
            raise ModelError(
                f"{holding[0]} bears the name of the model that comes with this release. Move it out of the "
                "workspace's models; what it was trained on can be trained on again under another name."
            )
        if holding:
            return holding[0]
        known = ", ".join(card.version for card in self.cards()) or "none"
        raise ModelError(f"There is no model {wanted!r}. Known versions: {known}.")

    def card_of(self, version: str) -> ModelCard:
        """Card of a version, or of the champion.

        Raises:
            ModelError: There is no such version, or its card is damaged.
        """
        return self._card_in(self.folder_of(version))

    def sound_card_of(self, version: str) -> ModelCard:
        """Card of a version, or of the champion, once its weights are seen to be those of the card.

        Cheap when asked again: weights whose size, times and place on the disk are the same are not read again.

        Raises:
            ModelError: There is no such version, or its card or its weights are damaged.
        """
        folder = self.folder_of(version)
        card = self._card_in(folder)
        check_weights(folder, card)
        return card

    def check_free(self, version: str) -> None:
        """Refuse a name that a new model cannot have: in the first folder it would stand in for another one's.

        Raises:
            ModelError: Some folder holds that version already, it is or was the shipped model's, or it cannot name a
                folder.
        """
        if version in {SHIPPED_VERSION, *_SHIPPED_BEFORE}:
            raise ModelError(f"{version} is the name of a shipped model. Choose another version.")
        for folder in self._folders:
            free_folder(folder, version)

    def verdict_of(self, version: str) -> str | None:
        """Verdict on a version as a challenger: "promote", "keep" or "cannot tell"; ``None`` if it never was one.

        Raises:
            ModelError: There is no such version, or its comparison is damaged.
        """
        judgement = self._judgement_of(version)
        return None if judgement is None else judgement.verdict

    def promote(self, version: str, *, who: str, why: str, overrule: bool = False) -> Move:
        """Make a version the champion; runs that have begun keep the model that they began with.

        Args:
            version: A challenger.
            who: Name of a person, or "automatic".
            why: One sentence, no patient data.
            overrule: Promote also against the verdict, or without one.

        Raises:
            ModelError: There is no such version, its weights are not its card's, it is the champion already, or its
                verdict does not recommend it and is not overruled.
        """

        def verify(challenger: str) -> None:
            self._verify(challenger)
            if not overrule:
                self._check_verdict(challenger)

        return self._champions.promote(self.card_of(version).version, who=who, why=why, verify=verify)

    def rollback(self, *, who: str, why: str) -> Move:
        """Return to the model that the champion replaced; again and again, as far as the shipped one.

        Raises:
            ModelError: There is nothing to go back to, or the earlier model is gone or damaged.
        """
        return self._champions.rollback(who=who, why=why, verify=self._verify)

    def _verify(self, version: str) -> None:
        folder = self.folder_of(version)
        self._card_in(folder)
        read_weights(folder)

    def _check_verdict(self, version: str) -> None:
        judgement, champion = self._judgement_of(version), self.champion()
        overruling = (
            "Read its evaluation report; whoever takes the responsibility can then overrule this and say why, and the "
            "log will name them."
        )
        if judgement is None:
            raise ModelError(f"{version} was never compared with a champion. {overruling}")
        if judgement.verdict != "promote":
            raise ModelError(
                f"{version} is not recommended: compared with {judgement.champion}, the verdict was "
                f"{judgement.verdict!r}. {overruling}"
            )
        if judgement.champion != champion:
            raise ModelError(
                f"{version} was recommended in place of {judgement.champion}, but the champion is now {champion}. "
                f"{overruling}"
            )

    def _judgement_of(self, version: str) -> _Judgement | None:
        try:
            return _Judgement.model_validate_json((self.folder_of(version) / COMPARISON_FILE).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as exc:
            raise ModelError(
                f"The comparison of {version} with the champion is damaged. Restore the folder from its source."
            ) from exc

    @staticmethod
    def _card_in(folder: Path) -> ModelCard:
        card = read_card(folder)
        if card.version != folder.name:
            raise ModelError(
                f"The folder {folder.name} holds the model {card.version}. Give the folder its version's name."
            )
        return card
