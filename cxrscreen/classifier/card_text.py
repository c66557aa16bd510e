"""The model card as a page of Markdown, from nothing but the card itself."""

from __future__ import annotations

from collections.abc import Iterator

from cxrscreen.classifier.bias_report import BiasReport
from cxrscreen.classifier.card import ModelCard, Performance
from cxrscreen.classifier.card_trust import trust_sections
from cxrscreen.classifier.estimate import Estimate


def render_card(card: ModelCard) -> str:
    """Return ``CARD.md``: what ``card.json`` says, for people."""
    data_set = card.data_set
    sections = [
        f"# Model {card.version}",
        "A prototype for research: not for medical use, and not for diagnosis. Written by code from `card.json`.",
        _table(
            {
                "Recipe": card.recipe,
                "Trained": card.created_at,
                "Weights, SHA-256": f"`{card.weights_sha256}`",
                "Base weights as given, SHA-256": f"`{card.base_weights_sha256}`",
                "Base weights from": card.base_weights_origin,
                "Base stored as": card.base_precision,
                "Largest change of a score by that": f"{card.largest_change_by_rounding:.6f}",
                "Seed": str(card.seed),
                **({"Lung segmenter, SHA-256": f"`{card.segmenter_sha256}`"} if card.segmenter_sha256 else {}),
            }
        ),
        "## Data",
        _table(
            {
                "Name": data_set.name,
                "Radiographs": f"{data_set.n}, of them {data_set.positives} COVID-19",
                "Patients": str(data_set.patients),
                "Fingerprint, SHA-256": f"`{data_set.fingerprint}`",
            }
        ),
        *(_bias(card.bias) if card.bias else ()),
        *_operating_point(card),
        "## Figures",
        *_figures(card),
        *trust_sections(card),
        "## Limits",
        _bullets(card.limits),
        "## Hyperparameters",
        _table({name: str(value) for name, value in card.hyperparameters.items()}),
        "## Golden scores",
        "Scores of phantoms that the project draws itself. They mean nothing, but must not change.",
        _table(
            {
                f"Phantom {golden.phantom_seed}, {'with' if golden.opacities else 'without'} opacities": (
                    f"{golden.score:.6f}"
                )
                for golden in card.golden
            }
        ),
        "## Libraries",
        _table(card.libraries),
        "## Credits",
        _bullets(card.credits),
    ]
    return "\n\n".join(sections) + "\n"


def _bias(bias: BiasReport) -> list[str]:
    sections = ["## What the set teaches besides disease", _bullets(bias.summary)]
    if bias.shortcuts:
        rows = [
            "| descriptor | AUC | 95 % interval | radiographs | method | what it looks at |",
            "|---|---|---|---|---|---|",
        ]
        rows += [f"| {one.name} {_cells(one.auc)} {one.meaning.replace('|', '/')} |" for one in bias.shortcuts]
        sections.append("\n".join(rows))
    return sections


def _operating_point(card: ModelCard) -> tuple[str, str]:
    point = card.operating_point
    where = (
        "there the radiographs that the threshold was chosen on show a sensitivity of "
        f"{point.sensitivity:.3f} and a specificity of {point.specificity:.3f}. Measured where it was chosen, both "
        "flatter the model; the held-out test had no part in the choice."
    )
    if card.band is None:
        return "## Operating point", f"Positive from a score of {point.threshold:.6f}: {where}"
    return (
        "## Operating point, for comparison only",
        (
            "Screening goes by the uncertain band below, not by this. For comparison with other models there is a "
            f"threshold of {point.threshold:.6f}: {where}"
        ),
    )


def _figures(card: ModelCard) -> Iterator[str]:
    if card.band is not None:
        yield "Sensitivity, specificity and accuracy are those of the operating point; those of the band stand below."
    yield _performance(card.folds)
    if card.recipe_choice is not None:
        yield (
            f"The recipe itself was chosen on this part, among {card.recipe_choice.among}, by the criterion in "
            f"`{card.recipe_choice.record}` and with the departures named there: these figures flatter it."
        )
    yield _performance(card.test)
    if card.looks is not None:
        others = "1 other model was" if card.looks == 1 else f"{card.looks or 'no'} other models were"
        yield f"Before this one, {others} scored on some of these radiographs."


def _performance(performance: Performance) -> str:
    heading = (
        f"### {performance.name}\n\n{performance.n} radiographs of {performance.patients} patients, "
        f"{performance.positives} of them COVID-19.\n\n"
    )
    rows = ["| | value | 95 % interval | radiographs | method |", "|---|---|---|---|---|"]
    names = {"sensitivity": "sensitivity", "specificity": "specificity", "accuracy": "accuracy", "auc": "AUC"}
    rows += [f"| {name} {_cells(getattr(performance, field))}" for field, name in names.items()]
    return heading + "\n".join(rows)


def _cells(estimate: Estimate) -> str:
    return f"| {estimate.value:.3f} | {estimate.low:.3f} to {estimate.high:.3f} | {estimate.n} | {estimate.method} |"


def _table(rows: dict[str, str]) -> str:
    lines = [f"| {name} | {value.replace('|', '/')} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def _bullets(sentences: tuple[str, ...]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)
