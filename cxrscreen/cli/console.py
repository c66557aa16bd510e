"""What all commands share: their options, and how they speak to people and to scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from cxrscreen.types import Progress

out = Console()
err = Console(stderr=True)

Workspace = Annotated[
    Path | None,
    typer.Option(help="Folder of this installation. Default: CXRSCREEN_WORKSPACE, else ./cxrscreen-workspace."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Model = Annotated[str | None, typer.Option(help="Model version. Default: what the settings name, else the champion.")]


def say(console: Console, text: str) -> None:
    """Print lines as they are: what stands in brackets is no markup, and long paths stay in one piece.

    Characters that would steer the terminal, as names of files may hold them, are shown by their code.
    """
    if not (text.isascii() and text.isprintable()):
        from cxrscreen.reporting.page_parts import printable  # noqa: PLC0415  # plain lines need not wait for it

        text = "\n".join(str(printable(line)) for line in text.split("\n"))
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def counted(count: int, one: str, more: str = "") -> str:
    """Count things: "1 file", "2 files", and with ``more`` "2 batches"."""
    return f"{count:,} {one if count == 1 else more or f'{one}s'}"


def say_sentences(text: str) -> None:
    """Print prose, wrapped between words."""
    out.print(text, markup=False, highlight=False)


def say_list(sentences: Iterable[str]) -> None:
    """Print sentences below one another, each with a dash before it."""
    grid = Table.grid(padding=(0, 1))
    for sentence in sentences:
        grid.add_row("-", Text(sentence))
    out.print(grid)


def print_json(answer: object) -> None:
    """Print for scripts, past everything that styles or wraps."""
    print(json.dumps(answer, indent=2))  # noqa: T201  # the interface for scripts


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Yield a function that draws how far a named step has come; silent where nobody watches."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Bars(*columns, console=err, disable=not err.is_terminal) as bars:
        steps: dict[str, TaskID] = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in steps:
                steps[step] = bars.add_task(step, total=total)
            bars.update(steps[step], completed=done, total=total)

        yield show
