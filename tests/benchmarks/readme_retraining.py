"""What the README says of the whole-picture recipes: the search's cost, both on many splits, what 4x4 pooling hides."""

from __future__ import annotations

from typing import Any

from cxrscreen.evaluation.study_2020 import STUDY_2020

_FIGURES = ("accuracy", "precision", "sensitivity", "specificity", "auc")
_ALIKE = 0.8  # correlation from which two maps would be read alike
RIDDLE = {
    "solved": "The riddle is **solved** by the window: it draws the maps there, and without it they leave.",
    "solved in part": "The riddle is **solved in part** by the window: it draws maps there, but most stay without it.",
    "refuted": (
        "As an explanation of the riddle the window is **refuted**: seeing all cells moves less than one map in ten "
        "away from there."
    ),
    "absent": "The riddle does **not appear** here: maps are brightest there less often than chance would have it.",
    "open": "Whether the window explains the riddle stays **open**: the interval holds both nothing and a real effect.",
}


def search_in_words(found: dict[str, Any]) -> str:
    """What the five stages cost, cold and warm, and against the study's way."""
    rows = [
        f"| {name} | "
        + " | ".join(_minutes(runs[name]["wall_seconds"]) for runs in (found["plain"], found["augmented"]))
        for name in found["plain"]
    ]
    return (
        f"The study's search, all {found['points']} points of {found['folds']} folds, for a set of "
        f"{found['radiographs']} radiographs ({found['development']} searched on, the others set aside), "
        f"{found['cores']} cores, from the start of the process:\n\n"
        f"| | no augmentation | {found['copies']} shifted copies of each |\n|---|---|---|\n"
        + "".join(f"{row} |\n" for row in rows)
        + "\nCold: nothing is there yet. Warm: feature maps are cached, all points computed anew. Resumed: finished "
        "points are reused, too. The study's way, the whole VGG16 in every step, would take "
        f"{found['study_seconds'] / 3600:.1f} hours, **{found['ratio']:.0f} times** as long as cold "
        f"({found['ratio_augmented']:.0f} with copies, {found['ratio_warm']:.0f} against warm). Extrapolated from "
        f"{found['study_batches']} batches, timed in the same run, to the "
        f"{found['study_radiographs_through_the_network']:,} radiographs that would pass its network."
    )


def study_in_words(search: dict[str, Any], recipes: dict[str, Any], pooling: dict[str, Any]) -> str:
    """What became of the study's own recipe, in short; its page has the tables."""
    told = dict(STUDY_2020)["accuracy"]
    seen = ", ".join(f"`{name}` {_cell(recipe['accuracy'])}" for name, recipe in recipes["recipes"].items())
    return (
        f"The study's search ({search['points']} points of {search['folds']} folds) takes "
        f"{_minutes(search['plain']['cold']['wall_seconds'])} here from the start of the process; its way would take "
        f"{search['study_seconds'] / 3600:.1f} hours, **{search['ratio']:.0f} times** as long. The study reported an "
        f"accuracy of {told.value:.2f} on one split (n = {told.n}, other images). Over {recipes['splits']} splits by "
        f"patient of {recipes['radiographs']} radiographs its recipe, and the same without its pooling window, reach "
        f"(mean ± standard deviation, worst): {seen}. That window drops all but the upper-left 4 x 4 of 7 x 7 cells; "
        "the study could not explain maps on the clavicle instead of the lung. "
        f"{RIDDLE[pooling['covid']['riddle']]} Tables, intervals, and what was extrapolated: "
        "`deployments/recipes/study-2020.md`."
    )


def recipes_in_words(found: dict[str, Any]) -> str:
    """The table of both recipes beside the study's own figures."""
    study = dict(STUDY_2020)
    n = study["accuracy"].n
    rows = [
        "| | " + " | ".join("AUC" if figure == "auc" else figure for figure in _FIGURES) + " |",
        "|---|" + "---|" * len(_FIGURES),
        f"| the study's one split, n = {n} | "
        + " | ".join(_study_cell(study.get(figure)) for figure in _FIGURES)
        + " |",
    ]
    rows += [
        f"| `{name}` | " + " | ".join(_cell(recipe[figure]) for figure in _FIGURES) + " |"
        for name, recipe in found["recipes"].items()
    ]
    lucky = " and ".join(f"{r['as_accurate_as_the_study']} with `{name}`" for name, r in found["recipes"].items())
    return (
        "The two recipes that see the whole picture, with the study's settings, on "
        f"{found['splits']} seeded 80/20 splits by patient of {found['radiographs']} radiographs "
        f"({found['positives']} COVID-19), {_test_parts(found)} in each test part, "
        f"threshold {found['threshold']}: mean ± standard deviation, worst. "
        f"The study's 95 % intervals are Wilson's, from its counts; its images and its split are others.\n\n"
        + "\n".join(rows)
        + f"\n\nAs accurate as the study, or better, were {lucky} of the {found['splits']} splits."
        + _one_answer(found)
        + " No figure here says that a model reads lungs: the classes come from different sources."
    )


def pooling_in_words(found: dict[str, Any]) -> str:
    """What the study's head cannot see, what its maps show all the same, and what becomes of its riddle."""
    covid = found["covid"]
    unseen = covid["recipes"]["study-2020"]["largest_gradient_outside_window"]
    difference = covid["clavicles_study_minus_standard"]
    rows = (
        ("of the score's gradient in the pixels, under the 4 x 4 cells", "pixels", "window", _percent),
        ("of the map's energy outside the 4 x 4 cells", "energy", "window", _percent_outside),
        ("of maps brightest outside the 4 x 4 cells", "maximum", "window", _percent_outside),
        ("of maps brightest at apex or clavicle, patient's right", "maximum", "right clavicle", _percent),
        ("of maps brightest at apex or clavicle, patient's left", "maximum", "left clavicle", _percent),
    )
    return (
        "4x4 pooling keeps the upper-left 4 x 4 of 7 x 7 cells and drops the others: there the gradient of the "
        f"`study-2020` score is {'exactly 0' if unseen == 0 else f'at most {unseen:.1e}'} "
        f"({found['all']['radiographs']} radiographs, {found['heads_of_each_recipe']} heads). A cell looks at nearly "
        "the whole picture, so some of it leaks in; the activation map is painted over all 49 cells, seen or not:\n\n"
        f"| share, {covid['radiographs']} COVID-19 radiographs | `study-2020` | `standard` | `study-2020`, untrained "
        "| if spread evenly |\n|---|---|---|---|---|\n"
        + "".join(
            f"| {words} | {' | '.join(shown(share) for share in _shares(found, what, region))} |\n"
            for words, what, region, shown in rows
        )
        + "\nA map that is bright where the head sees nothing shows where channels fire, not what the score rests on. "
        "The study could not explain maps on the clavicle instead of the lung. Brightest in the upper "
        f"{found['clavicle_rows']} of 7 rows beside the spine, where apex and clavicle lie, are "
        f"{_points(difference)} percentage points more maps with `study-2020` than with `standard` "
        f"(n = {difference['n']}). {RIDDLE[covid['riddle']]} {_likeness(covid)}{_empty(covid)} "
        "Intervals: 95 %, by patient."
    )


def _shares(found: dict[str, Any], what: str, region: str) -> list[dict[str, float] | None]:
    of_recipes = [found["covid"]["recipes"][name]["regions"] for name in ("study-2020", "standard", "untrained")]
    return [*(regions.get(what, {}).get(region) for regions in of_recipes), {"value": found["evenly"][region]}]


def _likeness(covid: dict[str, Any]) -> str:
    other, untrained = covid["likeness"]["standard"], covid["likeness"]["untrained"]
    alike = ", though one head sees a third of what the other sees" if other["low"] > _ALIKE else ""
    return (
        f"Maps of one radiograph by `study-2020` and by `standard` correlate with r = {_r(other)}{alike}; by a trained "
        f"and an untrained head of `study-2020` with r = {_r(untrained)}."
    )


def _empty(covid: dict[str, Any]) -> str:
    empty = {name: covid["recipes"][name]["empty_maps"] for name in ("study-2020", "standard")}
    if not any(empty.values()):
        return ""
    said = " and ".join(f"{share:.1%} of those of `{name}`" for name, share in empty.items())
    return f" Left out are maps that are zero everywhere, {said}."


def _r(correlation: dict[str, float]) -> str:
    return f"{correlation['value']:.2f} ({correlation['low']:.2f} to {correlation['high']:.2f})"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def _study_cell(estimate: Any) -> str:
    if estimate is None:
        return "not given"
    return f"{estimate.value:.4f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _test_parts(found: dict[str, Any]) -> str:
    smallest, largest = found["smallest_test"], found["largest_test"]
    return f"n = {smallest}" if smallest == largest else f"n = {smallest} to {largest}"


def _cell(figure: dict[str, float]) -> str:
    return f"{figure['mean']:.3f} ± {figure['sd']:.3f}, {figure['worst']:.3f}"


def _one_answer(found: dict[str, Any]) -> str:
    failed = {name: r["one_answer_for_all"] for name, r in found["recipes"].items() if r["one_answer_for_all"]}
    if not failed:
        return ""
    said = " and ".join(f"{count} with `{name}`" for name, count in failed.items())
    return f" Training failed, the same answer for every radiograph, in {said}."


def _percent(share: dict[str, float] | None) -> str:
    if share is None:
        return "not measured"
    interval = f" ({share['low']:.0%} to {share['high']:.0%})" if "low" in share else ""
    return f"{share['value']:.0%}{interval}"


def _percent_outside(share: dict[str, float] | None) -> str:
    if share is None:
        return "not measured"
    turned = {"value": "value", "low": "high", "high": "low"}
    return _percent({name: 1 - share[turned[name]] for name in turned if turned[name] in share})


def _points(difference: dict[str, float]) -> str:
    return f"{100 * difference['value']:+.0f} ({100 * difference['low']:+.0f} to {100 * difference['high']:+.0f})"
