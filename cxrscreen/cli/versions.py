"""Commands about the models there are, and which of them screens."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from cxrscreen.classifier.bundle import CHAMPION
from cxrscreen.classifier.champion_log import Move
from cxrscreen.classifier.registry import Registry
from cxrscreen.cli.console import AsJson, Workspace, out, print_json, progress_bars, say, say_list, say_sentences
from cxrscreen.cli.tables import cards_table, differences_table, log_table, models_table
from cxrscreen.errors import ModelError
from cxrscreen.screening.stopped import clear_stop
from cxrscreen.settings import Settings, load_settings
from cxrscreen.workspace import open_workspace

Why = Annotated[str, typer.Option(help="One sentence for the log. No patient data.")]
Who = Annotated[str, typer.Option(help="Name for the log. Default: the name you are logged in with.")]


def models(
    *,
    log: Annotated[bool, typer.Option("--log", help="Who made which of them the champion, when and why.")] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """List the model versions, their figures on the held-out test part, and which one screens."""
    settings = load_settings(workspace)
    registry = _registry(settings)
    if log:
        moves = registry.log()
        if as_json:
            print_json([move.model_dump(mode="json") for move in moves])
            return
        if moves:
            out.print(log_table(moves))
        say_sentences(f"\nThe champion is {registry.champion()}." if moves else "Nobody has moved the champion so far.")
        return
    champion = registry.card_of(CHAMPION).version
    judged = [(card, _verdict(registry, card.version)) for card in registry.cards()]
    if as_json:
        print_json(
            [
                card.model_dump(mode="json") | {"champion": card.version == champion, "verdict": verdict}
                for card, verdict in judged
            ]
        )
        return
    out.print(models_table(judged, champion))
    mark = "screens." if settings.model == CHAMPION else f"is the champion. {_pinned(settings)}"
    say_sentences(
        f"\n* {mark} Figures on each model's own held-out test part of n radiographs, with 95 % intervals: they say "
        "little about other hospitals."
    )


def compare(
    first: Annotated[str, typer.Argument(help="A version, e.g. 'champion'.")],
    second: Annotated[str, typer.Argument(help="Another one.")],
    folder: Annotated[
        Path | None, typer.Argument(help="Labelled folder on which both are judged, radiograph by radiograph.")
    ] = None,
    *,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Set two models side by side; with a labelled folder, judge the second against the first on it."""
    settings = load_settings(workspace)
    registry = _registry(settings)
    cards = registry.card_of(first), registry.card_of(second)
    if folder is None:
        if as_json:
            print_json([card.model_dump(mode="json") for card in cards])
            return
        out.print(cards_table(*cards))
        if cards[0].data_set.fingerprint != cards[1].data_set.fingerprint:
            say_sentences(
                "\nThey were tested on different radiographs: only figures on one labelled folder can be compared."
            )
        return
    from cxrscreen.labelled.compare import compare_on  # noqa: PLC0415  # scikit-learn costs other commands a second
    from cxrscreen.labelled.site import site_of  # noqa: PLC0415  # likewise

    site = site_of(settings)
    with progress_bars() as progress:
        judged = compare_on(
            folder,
            champion=registry.folder_of(first),
            challenger=registry.folder_of(second),
            limits=site.limits,
            cache=site.cache,
            segmenters=site.segmenters,
            progress=progress,
        )
    if as_json:
        print_json(judged.model_dump(mode="json"))
        return
    out.print(differences_table(judged))
    say(out, f"\nVerdict on {judged.challenger}: {judged.verdict}")
    say_list(judged.reasons)


def promote(
    version: Annotated[str, typer.Argument(help="A challenger, as 'cxrscreen models' lists it.")],
    *,
    why: Why,
    who: Who = "",
    overrule: Annotated[
        bool, typer.Option("--overrule", help="Against its verdict, or without one; you take the responsibility.")
    ] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Make a version the champion: it screens from the next batch on, unless the settings name a version."""
    settings = load_settings(workspace)
    move = _registry(settings).promote(version, who=who or _logged_in(), why=why, overrule=overrule)
    clear_stop(settings.workspace, move.version)  # the next batch tests it
    _tell(move, settings, as_json=as_json)


def rollback(*, why: Why, who: Who = "", workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Return to the model that the champion replaced; again and again, as far as the shipped one."""
    settings = load_settings(workspace)
    move = _registry(settings).rollback(who=who or _logged_in(), why=why)
    clear_stop(settings.workspace, move.version)  # the next batch tests it
    _tell(move, settings, as_json=as_json)


def _registry(settings: Settings) -> Registry:
    return Registry.at_site(open_workspace(settings.workspace).models)


def _pinned(settings: Settings) -> str:
    return f"But the settings name {settings.model}: that one screens until they say {CHAMPION!r} again."


def _verdict(registry: Registry, version: str) -> str | None:
    """One damaged comparison hides no other model from the list; promoting that model says what is wrong."""
    try:
        return registry.verdict_of(version)
    except ModelError:
        return "damaged"


def _logged_in() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError) as exc:
        raise ModelError("It is not known who you are. Name yourself with --who.") from exc


def _tell(move: Move, settings: Settings, *, as_json: bool) -> None:
    if as_json:
        print_json(move.model_dump(mode="json"))
        return
    if settings.model == CHAMPION:
        say(out, f"{move.version} screens from the next batch on, in place of {move.former}.")
    else:
        say(out, f"{move.version} is the champion, in place of {move.former}. {_pinned(settings)}")
    undone_by = "cxrscreen rollback" if move.kind == "promote" else f"cxrscreen promote {move.former}"
    say_sentences(f"Batches that have begun keep their model. '{undone_by} --why ...' undoes this.")
