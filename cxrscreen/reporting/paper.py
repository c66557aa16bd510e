"""HTML to PDF, from nothing but what is handed over.

PDF/UA-1 rather than -2: it rests on PDF 1.7, which the viewers and archives of hospitals open.
"""

from __future__ import annotations

import atexit
import logging
from collections.abc import Mapping
from pathlib import Path

import weasyprint
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from cxrscreen.errors import ReportError

ASSETS = "https://report.invalid/"  # a name that no resolver knows (RFC 2606), in case the fetcher were bypassed
PDF_VARIANT = "pdf/ua-1"

_MEDIA_TYPES = {".jpg": "image/jpeg", ".svg": "image/svg+xml", ".woff2": "font/woff2"}

# WeasyPrint warns of CSS that only browsers know; what it cannot fetch is an error and stays visible.
logging.getLogger("weasyprint").setLevel(logging.ERROR)


class OwnAssetsOnly(URLFetcher):  # type: ignore[misc]  # WeasyPrint ships no types
    """Fetches what it holds in memory and refuses every other address."""

    def __init__(self, assets: Mapping[str, bytes]) -> None:
        super().__init__(allowed_protocols=(), allow_redirects=False)
        self._assets = assets

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:  # noqa: ARG002  # fixed by WeasyPrint
        """Return an asset of the report.

        Raises:
            ReportError: ``url`` is none of them; files, the network and data: addresses included.
        """
        name = url.removeprefix(ASSETS)
        if not url.startswith(ASSETS) or name not in self._assets:
            raise ReportError("A report asked for something other than its own pictures and fonts; it was refused.")
        return URLFetcherResponse(url, self._assets[name], {"Content-Type": _MEDIA_TYPES[Path(name).suffix]})


class Press:
    """Prints pages; holds fonts and parsed stylesheets, so that each page costs only itself."""

    def __init__(self, stylesheets: tuple[str, ...], fonts: Mapping[str, bytes]) -> None:
        self._fonts = FontConfiguration()
        # WeasyPrint removes its folder of fonts when they are collected; what is frozen (gc.freeze) never is.
        atexit.register(self._fonts.__del__)
        fetcher = OwnAssetsOnly(fonts)
        self._stylesheets = [
            weasyprint.CSS(string=sheet, base_url=ASSETS, url_fetcher=fetcher, font_config=self._fonts)
            for sheet in stylesheets
        ]

    def print_page(self, html: str, pictures: Mapping[str, bytes]) -> bytes:
        """Return the PDF of ``html``; its pictures are looked up in ``pictures`` and pass through unchanged."""
        page = weasyprint.HTML(string=html, base_url=ASSETS if pictures else None, url_fetcher=OwnAssetsOnly(pictures))
        pdf: bytes = page.write_pdf(
            stylesheets=self._stylesheets, font_config=self._fonts, pdf_variant=PDF_VARIANT, optimize_images=False
        )
        return pdf

    def fonts_in(self, html: str) -> set[str]:
        """Return the families that the PDF of ``html`` carries."""
        document = weasyprint.HTML(string=html).render(stylesheets=self._stylesheets, font_config=self._fonts)
        document.write_pdf()
        return {font.family for font in document.fonts.values()}
