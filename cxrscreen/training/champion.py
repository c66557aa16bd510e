"""The champion of a site on the radiographs that were kept from the challenger."""

from __future__ import annotations

import logging
from pathlib import Path

from cxrscreen.classifier.bundle import CHAMPION
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.registry import Registry
from cxrscreen.errors import ModelError
from cxrscreen.evaluation.comparison import Judged
from cxrscreen.evaluation.result import Comparison
from cxrscreen.labelled.compare import compare_with
from cxrscreen.labelled.scoring import Scorer
from cxrscreen.labelled.seen import Seen
from cxrscreen.labelled.sighted import Sighted
from cxrscreen.training.examined import Examined
from cxrscreen.types import Progress

_log = logging.getLogger(__name__)


def compared_with_champion(  # noqa: PLR0913  # seed and progress go by name
    challenger: Judged,
    known: Examined,
    *,
    registry: Registry,
    cache: FeatureMapCache,
    segmenters: Path,
    seed: int,
    progress: Progress | None,
) -> Comparison | None:
    """Compare on those held-out radiographs whose patients the champion was not developed on.

    Args:
        challenger: Its scores are those of the whole test part, shape (t,).
        known: The labelled set and its test part.
        registry: Knows the champion.
        cache: Of feature maps.
        segmenters: Folder of the lung segmenters that were trained at this site.
        seed: Of the bootstrap.
        progress: Told of the champion's feature maps.

    Returns:
        Without figures where the champion or its lung segmenter cannot be read; ``None`` where there is none.
    """
    version = CHAMPION
    try:
        folder = _folder_of_champion(registry)
        if folder is None:
            return None
        version = folder.name
        champion = Scorer.of(folder)
        return compare_with(
            champion,
            challenger,
            known.split.test,
            _as_seen_by(champion, known, segmenters),
            known.patients,
            seen_by_challenger=Seen.of(
                frozenset(known.files_of(known.split.development)), known.labelled, known.patients
            ),
            cache=cache,
            seed=seed,
            progress=progress,
        )
    except ModelError as exc:
        _log.warning("The new model cannot be compared with the champion. %s", exc)
        return _unreadable(version, challenger.version, str(exc))


def _as_seen_by(champion: Scorer, known: Examined, segmenters: Path) -> Sighted:
    """The set as the champion's own segmenter sees it, which need not be the challenger's."""
    if champion.card.segmenter_sha256 == known.segmenter_sha256:
        return known.sighted
    return Sighted.for_card(known.labelled, champion.card, segmenters)


def _folder_of_champion(registry: Registry) -> Path | None:
    promoted = registry.log()
    try:
        return registry.folder_of(CHAMPION)
    except ModelError:
        if promoted:
            raise
        return None  # a site without the shipped model, where nobody has promoted another one


def _unreadable(champion: str, challenger: str, why: str) -> Comparison:
    return Comparison(
        champion=champion,
        challenger=challenger,
        n=0,
        positives=0,
        patients=0,
        seen_by_champion=0,
        auc=None,
        sensitivity=None,
        specificity=None,
        brier=None,
        verdict="cannot tell",
        reasons=(f"The champion cannot be compared with. {why}",),
    )
