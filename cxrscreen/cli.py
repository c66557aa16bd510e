"""The command line: thin commands over the same use cases that the flows call.

Exit codes: 0 done; 1 could not be done, the message says why; 2 wrong usage; 3 done, but the software failed on
some files, which are kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from cxrscreen.errors import CxrscreenError
from cxrscreen.reporting.page_parts import printable
from cxrscreen.screening.batch import BatchSummary, OpenedBatch, check_apart
from cxrscreen.screening.demonstration import prepare_demonstration
from cxrscreen.screening.doctor import examine
from cxrscreen.screening.reading import acceptance_limits
from cxrscreen.screening.screen import resume, screen, watch
from cxrscreen.screening.session import open_session
from cxrscreen.screening.summary import summary_as_json
from cxrscreen.settings import PROJECT, Language, load_settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__.splitlines()[0] if __doc__ else None)
out = Console()
err = Console(stderr=True)

Workspace = Annotated[
    Path | None,
    typer.Option(help="Folder of this installation. Default: CXRSCREEN_WORKSPACE, else ./cxrscreen-workspace."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Model = Annotated[str | None, typer.Option(help="Model version. Default: what the settings name, else the champion.")]


@app.command("screen")
def screen_command(
    folder: Annotated[Path | None, typer.Argument(help="Left untouched. Default: the workspace's own intake.")] = None,
    *,
    workspace: Workspace = None,
    model: Model = None,
    language: Annotated[Language | None, typer.Option(help="Language of the reports.")] = None,
    as_json: AsJson = False,
) -> None:
    """Screen a folder of chest radiographs and write the reports."""
    settings = load_settings(workspace, language=language)
    if workspace is None:
        _say(err, f"Workspace: {settings.workspace}")
    if folder is not None:
        check_apart(settings.workspace, folder)
    with open_session(settings) as session:
        with _progress() as show:
            resumed = resume(session, progress=partial(show, "Finishing an interrupted batch"))
            opened, summary = screen(session, folder, model=model, progress=partial(show, "Screening"))
        if as_json:
            answer = summary_as_json(session, opened, summary)
            answer["resumed"] = [str(earlier.report_html) for earlier in resumed]
            print(json.dumps(answer, indent=2))  # noqa: T201  # the interface for scripts
        else:
            for earlier in resumed:
                _say(out, "An interrupted batch was finished:")
                _print_summary(opened, earlier)
            _print_summary(opened, summary)
    if any(done.tally.failed for done in [*resumed, summary] if done is not None):
        raise typer.Exit(3)


@app.command("watch")
def watch_command(*, workspace: Workspace = None) -> None:
    """Screen whatever arrives in the intake, until stopped with Ctrl-C. For use without Prefect."""
    with open_session(load_settings(workspace)) as session:
        _say(err, f"Watching {session.workspace.intake}. Stop with Ctrl-C.")
        with contextlib.suppress(KeyboardInterrupt):
            watch(session, _print_summary)


@app.command()
def train(
    folder: Annotated[Path, typer.Argument(help="Labelled folder: covid/, normal/, and metadata.csv if there is one.")],
    *,
    version: Annotated[str, typer.Option(help="Name of the new version, e.g. standard-2026-11.")],
    recipe: Annotated[Literal["standard", "study-2020"], typer.Option(help="How to train.")] = "standard",
    base: Annotated[
        str,
        typer.Option(
            help="ImageNet weights: 'shipped' (those of the shipped model), an .npz file, or 'download' (from Keras)."
        ),
    ] = "shipped",
    seed: Annotated[int, typer.Option(help="Same seed, same files, same machine: same model.")] = 2020,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Train a new model version into the workspace. It screens only where it is named with --model."""
    from cxrscreen.training import train as training  # noqa: PLC0415  # scikit-learn costs the other commands a second

    settings = load_settings(workspace)
    with open_session(settings) as session, _progress() as progress:
        card = training.train(
            folder,
            recipe=recipe,
            seed=seed,
            version=version,
            base=training.base_weights(base),
            into=session.workspace.models,
            limits=acceptance_limits(settings),
            progress=progress,
        )
    if as_json:
        print(card.model_dump_json(indent=2))  # noqa: T201  # the interface for scripts
    else:
        out.print((settings.workspace / "models" / version / "CARD.md").read_text())


@app.command()
def models(*, workspace: Workspace = None, as_json: AsJson = False) -> None:
    """List the model versions that can be named with --model."""
    with open_session(load_settings(workspace)) as session:
        cards = session.registry.cards()
        champion = session.registry.card_of("champion").version
    if as_json:
        rows = [card.model_dump(mode="json") | {"champion": card.version == champion} for card in cards]
        print(json.dumps(rows, indent=2))  # noqa: T201  # the interface for scripts
        return
    table = Table("version", "recipe", "trained", "AUC", "sensitivity", "specificity", "test n", "", box=None)
    for card in cards:
        test = card.test
        figures = (
            f"{e.value:.2f} ({e.low:.2f} to {e.high:.2f})" for e in (test.auc, test.sensitivity, test.specificity)
        )
        mark = "champion" if card.version == champion else ""
        table.add_row(card.version, card.recipe, card.created_at[:10], *figures, str(test.n), mark)
    out.print(table)
    out.print("Figures on the held-out test part, with 95 % intervals. They say little about other hospitals.")


@app.command()
def doctor(*, workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Check libraries, fonts, folders and the model, and score a golden phantom against its recorded value."""
    with open_session(load_settings(workspace)) as session:
        findings = examine(session)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))  # noqa: T201  # the interface for scripts
    else:
        for finding in findings:
            _say(out, f"{'ok  ' if finding.healthy else 'FAIL'}  {finding.subject}: {finding.detail}")
    if not all(finding.healthy for finding in findings):
        raise typer.Exit(1)


@app.command()
def demo(
    *, workspace: Annotated[Path | None, typer.Option(help="Folder to play in. Default: ./cxrscreen-demo.")] = None
) -> None:
    """Draw an intake of phantoms and screen it through the real Prefect flow."""
    home = (workspace or Path("cxrscreen-demo")).absolute()
    _say(err, "Drawing phantom radiographs ...")
    drawn = prepare_demonstration(home)
    _say(err, f"{len(drawn)} files in {home / 'intake'}.")
    _run_script("demo.py", home)


@app.command()
def serve(*, workspace: Workspace = None) -> None:
    """Start Prefect's server, the schedules, the watcher and the pages with the reports, all on this machine."""
    _run_script("serve.py", load_settings(workspace).workspace)


def _run_script(name: str, workspace: Path) -> NoReturn:
    """Become one of the scripts that know Prefect; this package does not."""
    script = PROJECT / "deployments" / name
    os.environ["CXRSCREEN_WORKSPACE"] = str(workspace)
    os.execv(sys.executable, [sys.executable, str(script)])  # noqa: S606  # our own interpreter and script


def _print_summary(opened: OpenedBatch, summary: BatchSummary | None) -> None:
    if summary is None:
        _say(out, "Nothing to screen." if not opened.pending else f"{len(opened.pending)} files wait:")
        for name, cause in opened.pending.items():
            _say(out, f"  {printable(name)}: {cause}")
        return
    _say(out, summary.tally.equation())
    _say(out, f"Report: {summary.report_html}")


def _say(console: Console, text: str) -> None:
    """Print a line as it is: what stands in brackets is no markup, and long paths stay in one piece."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that draws how far a named step has come; silent where nobody watches."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=err, disable=not err.is_terminal) as bars:
        steps: dict[str, TaskID] = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in steps:
                steps[step] = bars.add_task(step, total=total)
            bars.update(steps[step], completed=done, total=total)

        yield show


def main() -> None:
    """Run the command line; an error of ours becomes one sentence and exit code 1."""
    try:
        app()
    except CxrscreenError as exc:
        _say(err, f"{type(exc).__name__}: {exc}")
        raise SystemExit(1) from exc


if __name__ == "__main__":
    main()
