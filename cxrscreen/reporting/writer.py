"""Reports on disk: a folder for each study, an index for each batch; and pages of other rooms, rendered."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from cxrscreen.durable import place_folder, write_file
from cxrscreen.errors import ReportError
from cxrscreen.reporting.batch_page import compose_batch_page
from cxrscreen.reporting.model import BatchReport, StudyReport
from cxrscreen.reporting.overlay import blend_overlay, draw_outline
from cxrscreen.reporting.page_parts import printable
from cxrscreen.reporting.paper import Press
from cxrscreen.reporting.records import batch_record, batch_table, study_record, write_json
from cxrscreen.reporting.study_page import OVERLAY_FILE, RADIOGRAPH_FILE, compose_study_page, has_evidence
from cxrscreen.reporting.words import TEMPLATES, Words, load_words
from cxrscreen.settings import Language
from cxrscreen.types import Grey8, Rgb8

JPEG_QUALITY = 90
FONT = "Source Sans 3"

_FONT_URL = re.compile(r"url\(fonts/([\w.-]+)\)")


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """The pages of one study."""

    html: Path
    pdf: Path


@dataclass(frozen=True, slots=True)
class BatchFiles:
    """The index of one batch."""

    html: Path
    pdf: Path
    csv: Path
    json: Path


class ReportWriter:
    """Writes reports in one language; keep one, its templates, styles and fonts are read once (``report_writer``)."""

    def __init__(self, language: Language, *, templates: Path = TEMPLATES, sheets: tuple[str, ...] = ()) -> None:
        """Read templates, words, styles and fonts.

        Args:
            language: Of the words.
            templates: Where everything lies.
            sheets: Further stylesheets of ``templates``, for pages of another room; they hold on screen and on paper.

        Raises:
            ReportError: One of them is missing.
        """
        self._words = load_words(language, templates=templates)
        try:
            # All are read now: an update of the software under a running batch must not mix two versions.
            pages = {path.name: path.read_text(encoding="utf-8") for path in templates.glob("*.j2")}
            style, screen, paper = (
                (templates / name).read_text(encoding="utf-8") for name in ("report.css", "screen.css", "paper.css")
            )
            further = "".join((templates / name).read_text(encoding="utf-8") for name in sheets)
            fonts = {f"fonts/{path.name}": path.read_bytes() for path in (templates / "fonts").glob("*.woff2")}
        except OSError as exc:
            raise ReportError(f"Cannot read the report templates: {exc}. Restore the folder templates.") from exc
        self._pages = Environment(
            loader=DictLoader(pages),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=printable,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._press = Press((style, paper, further) if sheets else (style, paper), fonts)
        self._screen_style = Markup(_with_fonts_inside(style, fonts) + screen + further)  # noqa: S704  # our own stylesheet

    @property
    def words(self) -> Words:
        """The words of its language."""
        return self._words

    def write_study(self, report: StudyReport, folder: Path) -> ReportFiles:
        """Write the report of one study into ``folder``, which appears whole or not at all.

        An earlier folder of that name, e.g. of an attempt that was not recorded, is replaced.

        Raises:
            ReportError: The folder cannot be written.
        """
        return self.place_study(self.study_files(report), folder)

    def study_files(self, report: StudyReport) -> dict[str, bytes]:
        """Return the files of one study's report by name: nearly all the work, before anything is written.

        Raises:
            ReportError: A picture cannot be encoded.
        """
        shown = report.radiographs[0]
        pictures = {RADIOGRAPH_FILE: encode_grey(shown.pixels)}
        if has_evidence(shown.activation_map):
            overlay = blend_overlay(shown.pixels, shown.activation_map, alpha=report.overlay_alpha, box=shown.box)
            if shown.fields is not None and shown.fields.usable:
                draw_outline(overlay, shown.fields)
            pictures[OVERLAY_FILE] = encode_colour(overlay)
        html, pdf = self.render("study.html.j2", compose_study_page(report, self._words), pictures)
        record = write_json(study_record(report))
        return {**pictures, "report.json": record, "report.pdf": pdf, "report.html": html}

    @staticmethod
    def place_study(files: Mapping[str, bytes], folder: Path) -> ReportFiles:
        """Make ``folder`` appear with a study's files, or not at all; an earlier one of that name is replaced.

        Raises:
            ReportError: The folder cannot be written.
        """
        with disk_errors_in_words(folder):
            place_folder(folder, files)
        return ReportFiles(folder / "report.html", folder / "report.pdf")

    def batch_files(self, report: BatchReport) -> dict[str, bytes]:
        """Return the files of one batch's index by name: nearly all the work, before anything is written."""
        html, pdf = self.render("batch.html.j2", compose_batch_page(report, self._words), {})
        record, table = write_json(batch_record(report)), batch_table(report)
        return {"batch.json": record, "batch.csv": table, "index.pdf": pdf, "index.html": html}

    @staticmethod
    def place_batch(files: Mapping[str, bytes], folder: Path) -> BatchFiles:
        """Write the files of a batch's index, each whole or not at all, the page that leads to the others last.

        Raises:
            ReportError: The folder is missing or cannot be written.
        """
        with disk_errors_in_words(folder):
            for name, content in files.items():
                write_file(folder / name, content)
        return BatchFiles(folder / "index.html", folder / "index.pdf", folder / "batch.csv", folder / "batch.json")

    def check_fonts(self) -> str:
        """Print a word and return the font that it was set in.

        Raises:
            ReportError: It is not the reports' own: WeasyPrint or Pango does not work here.
        """
        families = self._press.fonts_in("<html lang='en'><title>Font</title><p>Score</p></html>")
        if families != {FONT}:
            raise ReportError(f"Pages are set in {families or 'no font'}, not in {FONT}. Install Pango again.")
        return f"{FONT}, embedded"

    def render(self, template: str, page: object, pictures: Mapping[str, bytes]) -> tuple[bytes, bytes]:
        """Return the page for the screen, which carries its style and fonts, and the same page on paper.

        Args:
            template: Its name.
            page: What it prints.
            pictures: JPEG or SVG by the names that the page calls them; the one on the screen looks for them beside it.
        """
        values = {
            "page": page,
            "w": self._words.table,
            "language": self._words.language,
            "disclaimers": self._words.table["disclaimer"],
        }
        source = self._pages.get_template(template)
        on_screen = source.render(values, style=self._screen_style, on_paper=False)
        return on_screen.encode(), self._press.print_page(source.render(values, style="", on_paper=True), pictures)


@lru_cache(maxsize=2)
def report_writer(language: Language) -> ReportWriter:
    """Return the writer of studies, batches and digests in one language, made once a process.

    Raises:
        ReportError: Something of the folder templates is missing.
    """
    return ReportWriter(language)


@contextmanager
def disk_errors_in_words(target: Path) -> Iterator[None]:
    """Turn an error of the disk into one that says what to do.

    Raises:
        ReportError: ``target`` could not be written.
    """
    try:
        yield
    except OSError as exc:
        raise ReportError(
            f"Cannot write {target.name}: {exc.strerror}. Check that {target.parent} exists, is writable and has space."
        ) from exc


def _with_fonts_inside(style: str, fonts: dict[str, bytes]) -> str:
    def inline(match: re.Match[str]) -> str:
        return f"url(data:font/woff2;base64,{base64.b64encode(fonts[f'fonts/{match[1]}']).decode()})"

    return _FONT_URL.sub(inline, style)


def encode_grey(pixels: Grey8) -> bytes:
    """Return a radiograph as JPEG."""
    return _encode(pixels)


def encode_colour(picture: Rgb8) -> bytes:
    """Return a picture as JPEG."""
    return _encode(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def _encode(picture: Grey8) -> bytes:
    written, jpeg = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    if not written:
        raise ReportError("The picture of a radiograph could not be encoded as JPEG.")
    return bytes(jpeg)
