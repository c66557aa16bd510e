"""Promotion without a person, where the site allows it."""

from __future__ import annotations

import logging

from cxrscreen.errors import ModelError
from cxrscreen.evaluation.result import Comparison, Evaluation
from cxrscreen.labelled.site import Site

_log = logging.getLogger(__name__)


def promoted_by_itself(site: Site, evaluation: Evaluation, comparison: Comparison | None) -> bool:
    """Promote a model whose verdict is "promote", at the first look at its test part only.

    Whoever retrains often enough meets a good verdict by chance: at a later look a person decides.

    Args:
        site: May allow it.
        evaluation: Of the model, on the held-out part.
        comparison: With the champion of its day.

    Returns:
        Whether it is the champion now.
    """
    if not site.automatic_promotion or comparison is None or comparison.verdict != "promote":
        return False
    version = comparison.challenger
    if evaluation.looks != 0:
        _log.warning(
            "%s is not promoted by itself: other models were scored on its test part before (%s), so that one of them "
            "may have done well by chance. A person decides.",
            version,
            evaluation.looks,
        )
        return False
    try:
        if site.registry.champion() != version:  # else it was killed just after it had been promoted
            site.registry.promote(version, who="automatic", why=" ".join(comparison.reasons))
    except ModelError as exc:  # the champion changed meanwhile: the model is there, a person can compare again
        _log.warning("%s", exc)
        return False
    return True
