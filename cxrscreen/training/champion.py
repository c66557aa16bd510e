"""The champion on the radiographs that were kept from the challenger."""

from __future__ import annotations

import logging

import numpy as np

from cxrscreen.classifier.bundle import CHAMPION, read_weights
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.feature_cache import FeatureMapCache
from cxrscreen.classifier.head import Head
from cxrscreen.classifier.recipe import recipe_named
from cxrscreen.classifier.registry import Registry
from cxrscreen.errors import ModelError
from cxrscreen.evaluation.comparison import Judged, compare
from cxrscreen.evaluation.result import Comparison
from cxrscreen.labelled.seen import developed_on, of_same_patients
from cxrscreen.training.examined import Examined
from cxrscreen.training.pooled_maps import Pooling
from cxrscreen.types import Progress, Scores

_log = logging.getLogger(__name__)


def compared_with_champion(  # noqa: PLR0913  # seed and progress go by name
    challenger: Judged,
    known: Examined,
    *,
    registry: Registry,
    cache: FeatureMapCache,
    seed: int,
    progress: Progress | None,
) -> Comparison | None:
    """Compare on those held-out radiographs whose patients the champion was not developed on.

    Args:
        challenger: Its scores are those of the whole test part, shape (t,).
        known: The labelled set and its test part.
        registry: Knows the champion.
        cache: Of feature maps.
        seed: Of the bootstrap.
        progress: Told of the champion's feature maps, where its base is another one.

    Returns:
        ``None`` where there is no champion, or none that can be read.
    """
    labelled, test = known.labelled, known.split.test
    try:
        folder = registry.folder_of(CHAMPION)
        card, base, arrays = read_weights(folder)
        learnt_from = developed_on(folder, labelled)
    except ModelError as exc:
        _log.warning("The new model is compared with no champion. %s", exc)
        return None
    if learnt_from is None:
        return _unknown(card, challenger)

    seen = of_same_patients(learnt_from, labelled, known.patients)[test]
    members, recipe = test[~seen], recipe_named(card.recipe)
    scores: Scores = np.empty(0)
    if len(members):
        pooled = Pooling(cache, recipe, progress).of(labelled.prepared[members], base, step="feature maps, champion")
        scores = Head.from_arrays(recipe, arrays).scores_pooled(pooled)
    return compare(
        Judged(card.version, scores, card.operating_point.threshold),
        Judged(challenger.version, challenger.scores[~seen], challenger.threshold),
        [known.patients[position] for position in members],
        labelled.diseased[members],
        seen_by_champion=int(seen.sum()),
        seed=seed,
    )


def _unknown(card: ModelCard, challenger: Judged) -> Comparison:
    return Comparison(
        champion=card.version,
        challenger=challenger.version,
        n=0,
        positives=0,
        patients=0,
        seen_by_champion=0,
        auc=None,
        sensitivity=None,
        specificity=None,
        brier=None,
        verdict="cannot tell",
        reasons=(
            (
                f"It is not recorded which radiographs {card.version} was developed on, so none can be shown to be new "
                "to it. Compare the two on a labelled folder that neither has seen."
            ),
        ),
    )
