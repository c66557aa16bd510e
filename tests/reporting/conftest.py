"""Writers are slow to make (fonts); the tests of this room share one for each language."""

from __future__ import annotations

import pytest

from cxrscreen.reporting.writer import ReportWriter


@pytest.fixture(scope="session")
def english() -> ReportWriter:
    return ReportWriter("en")


@pytest.fixture(scope="session")
def indonesian() -> ReportWriter:
    return ReportWriter("id")
