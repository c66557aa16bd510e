"""The criterion, rule by rule, and the table of all recipes: both follow from the figures alone.

Run ``python -m tests.benchmarks.recipe_table`` to write the table anew from the figures that lie here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.results import load

TABLE = Path(__file__).resolve().parents[2] / "deployments" / "recipes" / "table.md"
RESULTS = "recipe_comparison"

SHIPPED = "lung-focused, as it ships"
WITHOUT_COPIES = "lung-focused without acquisition copies"

LEAST_AUC = 0.90
EQUAL = 0.01
GUESSING = 0.5

Rows = Mapping[str, Mapping[str, Any]]
"""Figures of each recipe by its name."""

COLUMNS = {
    "smaller": "smaller of intact and exchanged",
    "intact": "intact",
    "exchanged": "exchanged",
    "lungs_out": "lungs out",
    "difference": "intact minus lungs out",
    "lungs_only": "lungs only",
    "same_view": "same view",
    "other_acquisition": "other acquisition",
    "source_left_out": "source left out",
}

_NOTES = """\
How to read it:

- *smaller of intact and exchanged*: taken in each bootstrap draw anew; rule 2 goes by its lower bound, and the table is
  sorted by it. *exchanged*: the lungs in a held-out radiograph of the other class, judged by the label of the lungs.
- *same view*: over pairs of one stated projection. *other acquisition*: held-out radiographs with gamma, contrast,
  resolution, noise, JPEG and the rim of the lung fields drawn anew.
- *source left out*: COVID-19 radiographs of each source by heads that never saw it; all normal ones come from one
  collection, which cannot be left out.
- *ranked*: as shipped, at 128 pixels, each grey level replaced by its rank inside the lungs. *standardised*: at 224
  pixels, by mean and standard deviation inside the lungs. *blank outside*: mid-grey; the feather ends inside the
  outline only where it is ranked, or "no trace of the rim" is said.
- Where everything but the lungs is blank, all radiographs without lungs look alike, and *lungs out* shows the luck of
  the folds, each of whose heads gives them another score. Among such recipes rule 3 decides by next to nothing.
- b3, b4, b5: pooled outputs of VGG16's blocks, b3 averaged to the cells of b4; where two are named, they are joined.
  Of three drawings of exchanges a head learns from those of which both radiographs are its own to learn from;
  production's heads learn from three drawings within their folds.
- Fine-tuning block 5 was not tried: by estimate 40 minutes of a core for one setting in three splits."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What ``criterion.md`` makes of the figures; lists are sorted by rank.

    Attributes:
        admitted: By rule 1.
        best: By rule 2, or by rule 4 where nobody is admitted.
        equals: Those that rule 3 takes for as good as the best, itself among them.
        winner: By all rules.
    """

    admitted: tuple[str, ...]
    best: str
    equals: tuple[str, ...]
    winner: str


def choice(rows: Rows) -> Choice:
    """Apply the rules."""
    ranked = sorted(rows, key=lambda name: -rows[name]["smaller"]["low"])
    admitted = tuple(name for name in ranked if _is_admitted(rows[name]))
    if not admitted:
        return Choice((), ranked[0], (ranked[0],), ranked[0])
    best = admitted[0]
    least = rows[best]["smaller"]["value"] - EQUAL
    equals = tuple(name for name in admitted if rows[name]["smaller"]["value"] >= least)
    return Choice(admitted, best, equals, min(equals, key=lambda name: _tie(rows[name])))


def _is_admitted(row: Mapping[str, Any]) -> bool:
    return bool(row["intact"]["value"] >= LEAST_AUC and row["difference"]["low"] > 0)


def _tie(row: Mapping[str, Any]) -> tuple[float, int]:
    return round(abs(row["lungs_out"]["value"] - GUESSING), 4), row["numbers"]


def table_of(found: Mapping[str, Any]) -> str:
    """Return the page, from what ``recipe_comparison`` saved."""
    rows: Rows = found["rows"]
    made = choice(rows)
    return "\n".join([*_heading(found), "", *_verdict(rows, made), "", *_table(rows, made), "", *_notes(found)]) + "\n"


def _heading(found: Mapping[str, Any]) -> list[str]:
    part = (
        f"Development part alone: {found['radiographs']} radiographs of {found['patients']} patients, "
        f"{found['positives']} of them COVID-19, from {found['sources']} sources; the test part was not touched. AUC "
        f"out of fold, {found['folds']} folds by patient in {found['splits']} splits, ranks averaged; 95 % intervals "
        f"by bootstrap over patients. Lung fields by the shipped segmenter. {len(found['rows'])} recipes."
    )
    return [
        "# The comparison of recipes",
        "",
        f"Written by `python -m tests.benchmarks.{RESULTS}`; do not edit. The rules: [criterion.md](criterion.md).",
        "",
        part,
    ]


def _verdict(rows: Rows, made: Choice) -> list[str]:
    best, winner = rows[made.best], rows[made.winner]
    if not made.admitted:
        return [f"- **Rule 4**: nobody is admitted; *{made.winner}* has the highest bound: {_shown(best['smaller'])}."]
    least = best["smaller"]["value"] - EQUAL
    third = (
        f"- **Rule 3** takes {len(made.equals)} for equal to it (at least {least:.3f}); nearest to {GUESSING} without "
        f"lungs is *{made.winner}* with {_shown(winner['lungs_out'])}. **It wins by the rules.**"
    )
    lines = [
        f"- **Rule 1** admits {len(made.admitted)} of {len(rows)}.",
        f"- **Rule 2** names *{made.best}*: the smaller AUC is {_shown(best['smaller'])}.",
        third,
    ]
    return [*lines, f"- {_what_ships(rows, made)}"] if SHIPPED in rows else lines


def _what_ships(rows: Rows, made: Choice) -> str:
    ships, winner = rows[SHIPPED], rows[made.winner]
    if made.winner == SHIPPED:
        return f"**What ships** is the winner, *{SHIPPED}*."
    if made.winner == WITHOUT_COPIES:
        how = "the winner, fitted with copies of other acquisition as well."
    else:
        how = f"**not the winner by the letter of the rules**. {_apart(rows, made)}"
    departure = "The copies are a departure that criterion.md discloses."
    return f"**What ships** is *{SHIPPED}*: {how} {departure} {_beside(winner, ships)}"


def _apart(rows: Rows, made: Choice) -> str:
    """Say how far what ships is from a winner that it does not stem from."""
    plain = rows[WITHOUT_COPIES]
    same = rows[made.winner]["sees"] == plain["sees"]
    return (
        f"The winner sees {'the same' if same else 'something else'} of a radiograph. Without its copies of other "
        f"acquisition what ships {'is' if WITHOUT_COPIES in made.equals else 'is not'} among the equals of rule 3: its "
        f"smaller AUC is {_shown(plain['smaller'])}, and {_shown(plain['lungs_out'])} without lungs."
    )


def _beside(winner: Mapping[str, Any], ships: Mapping[str, Any]) -> str:
    return (
        f"On radiographs stored otherwise its AUC is {_shown(ships['other_acquisition'])}, the winner's "
        f"{_shown(winner['other_acquisition'])}; on unchanged ones {_shown(ships['intact'])} against "
        f"{_shown(winner['intact'])}, and the smaller AUC is {_shown(ships['smaller'])} against "
        f"{_shown(winner['smaller'])}."
    )


def _table(rows: Rows, made: Choice) -> list[str]:
    order = sorted(rows, key=lambda name: (name not in made.admitted, -rows[name]["smaller"]["low"]))
    titles = ["recipe", "what it is", "admitted", *COLUMNS.values(), "numbers trained"]
    return [
        _line(titles),
        _line(["---"] * len(titles)),
        *(_line(_cells(name, rows[name], made)) for name in order),
    ]


def _cells(name: str, row: Mapping[str, Any], made: Choice) -> list[str]:
    remark = {made.winner: " (winner)", SHIPPED: " (ships)"} if made.winner != SHIPPED else {SHIPPED: " (wins, ships)"}
    return [
        f"{name}{remark.get(name, '')}",
        f"{row['sees']}; {row['about']}",
        "yes" if name in made.admitted else "no",
        *(_shown(row[key]) for key in COLUMNS),
        f"{row['numbers']:,}",
    ]


def _notes(found: Mapping[str, Any]) -> list[str]:
    missing = "; ".join(found["not_judged"])
    return [_NOTES, *([f"- Not judged, for want of their passes: {missing}."] if missing else [])]


def _shown(figure: Mapping[str, float] | None) -> str:
    return "" if figure is None else f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    TABLE.write_text(table_of(load(RESULTS)), encoding="utf-8")
