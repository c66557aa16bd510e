"""What a finding means: the rates behind it, and what follows from them where a given share of patients is diseased."""

from __future__ import annotations

from collections.abc import Iterator

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.operating_point import Finding, Prediction
from cxrscreen.classifier.predictive_values import complement, npv, ppv
from cxrscreen.reporting.words import Words

EXAMPLES = (0.01, 0.1)  # where the settings tell no prevalence; the rarer first, for it flatters least


def meaning(prediction: Prediction, card: ModelCard, prevalence: float | None, words: Words) -> tuple[str, ...]:
    """Say what the finding of one study means, one sentence each.

    Args:
        prediction: Of the radiograph that decides.
        card: Its rates are those of held-out radiographs.
        prevalence: In (0, 1); ``None`` where nobody has said it.
        words: Language.
    """
    if prediction.finding is Finding.UNCERTAIN and card.band is not None:
        return (words.text("meaning", "uncertain", **_told(card.band.uncertain, words)),)
    return tuple(_predictive(prediction.finding, card, prevalence, words))


def _predictive(finding: Finding, card: ModelCard, prevalence: float | None, words: Words) -> Iterator[str]:
    if prevalence is None:
        yield words.text("meaning", "untold")
    for share in EXAMPLES if prevalence is None else (prevalence,):
        found = _value(finding, card, share)
        if found is None:
            yield words.text("meaning", "nothing")
            return
        where = words.text("meaning", "example" if prevalence is None else "here", prevalence=words.percent(share))
        yield words.text("meaning", finding.value, where=where, **_told(found, words))
    yield words.text("meaning", "basis", n=words.count(_value_n(finding, card)))


def _value(finding: Finding, card: ModelCard, prevalence: float) -> Estimate | None:
    if finding is Finding.POSITIVE:
        return ppv(*_rates(finding, card), prevalence)
    return npv(*_rates(finding, card), prevalence)


def _rates(finding: Finding, card: ModelCard) -> tuple[Estimate, Estimate]:
    """Of those who have what the finding says, and of those who do not: the share that is called so."""
    if card.band is not None:
        band = card.band
        return (band.found, band.false_alarms) if finding is Finding.POSITIVE else (band.cleared, band.missed)
    test = card.test
    if finding is Finding.POSITIVE:
        return test.sensitivity, complement(test.specificity)
    return test.specificity, complement(test.sensitivity)


def _value_n(finding: Finding, card: ModelCard) -> int:
    right, wrong = _rates(finding, card)
    return right.n + wrong.n


def _told(estimate: Estimate, words: Words) -> dict[str, str]:
    shares = {name: words.percent(getattr(estimate, name)) for name in ("value", "low", "high")}
    return shares | {"n": words.count(estimate.n)}
