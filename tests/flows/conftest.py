from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxrscreen.phantom.intake import write_demonstration_intake


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of phantoms, drawn once; to be copied, not moved."""
    folder = tmp_path_factory.mktemp("drawn") / "intake"
    write_demonstration_intake(folder)
    return folder


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """One real Prefect server, with a database of its own, for all tests of flows."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("DO_NOT_TRACK", "1")
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")  # the server is a process of its own
        warnings.simplefilter("ignore")  # Prefect's own start-up is not ours to mend
        from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415  # 4 s that other tests need not pay

        with prefect_test_harness(server_startup_timeout=120):
            yield
