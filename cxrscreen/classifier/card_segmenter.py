"""The section of a card's page that says whose lungs the segmenter had learnt before the model was made."""

from __future__ import annotations

from collections.abc import Iterator

from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.estimate import Estimate


def segmenter_section(card: ModelCard) -> Iterator[str]:
    """Count the radiographs of known patients, and give the AUC without them."""
    yield "## Whose lungs the segmenter had learnt"
    overlap = card.segmenter_overlap
    if overlap is None:
        yield (
            "It is not known whether the lung segmenter had learnt from patients of this set: the lung fields behind "
            "these figures may be better than those of patients to come."
        )
        return
    yield (
        "No head and no gate is judged on a patient that it was made from, but the lung segmenter had learnt from some "
        "of them, counted by the numbers that both sets give their patients. If their lung fields make the task "
        "easier, the AUC without these radiographs is the lower one."
    )
    lines = [
        "| part | COVID-19, patient known | normal, patient known | AUC of all | AUC without these |",
        "|---|---|---|---|---|",
    ]
    for name, part, auc in (
        ("development, out of fold", overlap.development, card.folds.auc),
        ("held-out test", overlap.test, card.test.auc),
    ):
        others = "a class is missing" if part.auc_of_others is None else _with_n(part.auc_of_others)
        lines.append(
            f"| {name} | {part.positives_learnt} of {part.positives} | {part.negatives_learnt} of {part.negatives} | "
            f"{_with_n(auc)} | {others} |"
        )
    yield "\n".join(lines)


def _with_n(auc: Estimate) -> str:
    return f"{auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}, n = {auc.n})"
