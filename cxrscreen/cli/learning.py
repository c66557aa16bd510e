"""Commands that learn from a labelled folder, or judge a model on one.

What they call is imported by them: scikit-learn and matplotlib would cost the other commands a second each.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxrscreen.classifier.recipe import RecipeName
from cxrscreen.cli.console import AsJson, Model, Workspace, out, print_json, progress_bars, say, say_list, say_sentences
from cxrscreen.cli.tables import figures_table, rules_table
from cxrscreen.errors import SettingsError
from cxrscreen.evaluation.result import Evaluation
from cxrscreen.reporting.page_parts import printable
from cxrscreen.settings import load_settings
from cxrscreen.workspace import open_workspace

if TYPE_CHECKING:
    from cxrscreen.evaluation.page import EvaluationFiles
    from cxrscreen.training.retraining import Retrained

LabelledFolder = Annotated[Path, typer.Argument(help="With covid/, normal/, and metadata.csv if there is one.")]


def retrain(
    folder: LabelledFolder,
    *,
    recipe: Annotated[
        RecipeName | None,
        typer.Option(
            help="How to train. Default: lung-focused; standard where a search or shifted copies are asked for."
        ),
    ] = None,
    search: Annotated[
        bool | None, typer.Option("--search/--no-search", help="Search for the best settings first.")
    ] = None,
    space: Annotated[
        Path | None, typer.Option(help="TOML or JSON file of what to search. Default: the study's five stages.")
    ] = None,
    copies: Annotated[int, typer.Option(help="Shifted copies of each training radiograph.")] = 0,
    max_shift: Annotated[float, typer.Option(help="Largest shift, as a part of the side.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Same seed, same files, same machine: same model.")] = 2020,
    note: Annotated[str, typer.Option(help="Why; kept with the model. No patient data.")] = "",
    lungs: Annotated[
        str, typer.Option(help="Version of a lung segmenter that train-lungs made here. Default: the shipped one.")
    ] = "",
    base: Annotated[
        str,
        typer.Option(
            help="ImageNet weights: 'shipped' (those of the shipped model), an .npz file, or 'download' (from Keras)."
        ),
    ] = "shipped",
    version: Annotated[str, typer.Option(help="Name of the new version. Default: the recipe and the time.")] = "",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Train a challenger, judge it against the champion and write the evaluation report.

    Killed in the middle and started again with the same words, it goes on where it stood. The new version screens only
    once it is promoted, or where it is named with --model.
    """
    from cxrscreen.labelled.site import site_of  # noqa: PLC0415  # likewise
    from cxrscreen.training import retraining  # noqa: PLC0415  # see above
    from cxrscreen.training.request import request_of  # noqa: PLC0415  # likewise
    from cxrscreen.training.search_space import STUDY_SPACE, read_space  # noqa: PLC0415  # likewise

    if space is not None and search is False:
        raise SettingsError("--space says what to search, --no-search that nothing is. Leave one of them out.")
    request = request_of(
        data_folder=folder.resolve(),
        recipe=recipe,
        version=version,
        search=space is not None if search is None else search,
        space=STUDY_SPACE if space is None else read_space(_text_of(space)),
        augmentation={"copies": copies, "max_shift": max_shift},
        seed=seed,
        note=note,
        lungs=lungs,
        base=base,
    )
    settings = load_settings(workspace)
    open_workspace(settings.workspace)
    with progress_bars() as progress:
        made = retraining.retrain(site_of(settings), request, progress)
    if as_json:
        print_json(_as_json(made))
    else:
        _tell_retrained(made)


def evaluate(
    folder: LabelledFolder, *, model: Model = None, workspace: Workspace = None, as_json: AsJson = False
) -> None:
    """Evaluate a model on a labelled folder and write the report, e.g. before a site accepts it."""
    from cxrscreen.labelled import evaluate as evaluating  # noqa: PLC0415  # see above
    from cxrscreen.labelled.site import site_of  # noqa: PLC0415  # likewise

    settings = load_settings(workspace)
    open_workspace(settings.workspace)
    site = site_of(settings)
    with progress_bars() as progress:
        evaluated = evaluating.evaluate(
            folder,
            bundle=site.registry.folder_of(model or settings.model),
            limits=site.limits,
            cache=site.cache,
            into=site.reports,
            segmenters=site.segmenters,
            prevalence=settings.prevalence,
            progress=progress,
        )
    if as_json:
        print_json(evaluating.evaluation_as_json(evaluated))
        return
    _tell(evaluated.evaluation, evaluated.files)


def site_acceptance(
    folder: LabelledFolder, *, model: Model = None, workspace: Workspace = None, as_json: AsJson = False
) -> None:
    """Judge a model on local radiographs by fixed rules, and write a paper that a committee can sign.

    The verdict is: fit for a trial, not shown, or unfit. The evaluation report that it rests on is written, too.
    """
    from cxrscreen.labelled.site import site_of  # noqa: PLC0415  # see above
    from cxrscreen.labelled.site_acceptance import accept_at_site, site_as_json  # noqa: PLC0415  # likewise

    settings = load_settings(workspace)
    open_workspace(settings.workspace)
    site = site_of(settings)
    with progress_bars() as progress:
        judged = accept_at_site(
            folder,
            bundle=site.registry.folder_of(model or settings.model),
            limits=site.limits,
            cache=site.cache,
            into=site.reports,
            segmenters=site.segmenters,
            prevalence=settings.prevalence,
            progress=progress,
        )
    if as_json:
        print_json(site_as_json(judged))
        return
    acceptance = judged.acceptance
    if judged.evaluated is None:
        say_list(judged.bias.summary)
    else:
        _tell(judged.evaluated.evaluation, judged.evaluated.files)
    out.print(rules_table(acceptance.rules))
    say(out, f"\nVerdict: {acceptance.verdict}")
    say_sentences(acceptance.reason)
    say(out, f"\nPaper:   {judged.files.pdf}")


def cache(
    *,
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove all of them; they are computed anew when needed.")
    ] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Say how many feature maps are kept for retraining, or remove them."""
    from cxrscreen.labelled.site import site_of  # noqa: PLC0415  # see above

    settings = load_settings(workspace)
    open_workspace(settings.workspace)
    kept = site_of(settings).cache
    freed = kept.clear() if clear else 0
    entries, size = kept.size()
    if as_json:
        print_json({"entries": entries, "bytes": size, "bytes_freed": freed})
        return
    if clear:
        say(out, f"{freed / 1e6:.1f} MB were freed.")
    say(out, f"{entries} feature maps, {size / 1e6:.1f} MB of at most {settings.feature_cache_gigabytes:g} GB.")


def _as_json(made: Retrained) -> dict[str, Any]:
    judged = made.comparison
    return {
        "version": made.version,
        "verdict": None if judged is None else judged.verdict,
        "reasons": [] if judged is None else list(judged.reasons),
        "promoted": made.promoted,
        "report_html": str(made.files.html),
        "report_pdf": str(made.files.pdf),
        "card": made.card.model_dump(mode="json"),
    }


def _tell_retrained(made: Retrained) -> None:
    judged = made.comparison
    _tell(made.evaluation, made.files)
    say(out, f"Model:   {made.version}")
    if judged is not None:
        say(out, f"Verdict: {judged.verdict}, against {judged.champion}")
        say_list(judged.reasons)
    if made.promoted:
        say_sentences("It was promoted at once, as the settings allow.")
    else:
        overruling = "" if judged is not None and judged.verdict == "promote" else " --overrule"
        say(out, f"To make it the champion: cxrscreen promote {made.version} --why ...{overruling}")


def _tell(evaluation: Evaluation, files: EvaluationFiles) -> None:
    """Say first what the figures cannot show."""
    say_list(evaluation.data.bias.summary)
    say(out, f"\n{printable(f'{evaluation.model} on {evaluation.name}')}\n")
    out.print(figures_table(evaluation.figures))
    if evaluation.seen is None:
        say_sentences(
            "\nIt is not recorded which radiographs the model has learnt from: it may have seen some of these."
        )
    elif evaluation.seen:
        say_sentences(
            f"\nThe model has learnt from {evaluation.seen} of these radiographs or from others of their patients: the "
            "figures flatter it."
        )
    if evaluation.shortcuts is not None:
        say_sentences(f"\nLungs: {evaluation.shortcuts.sentence}")
    say(out, f"\nReport:  {files.html}")


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"The search space {file} cannot be read. Name a text file in TOML or JSON.") from exc
