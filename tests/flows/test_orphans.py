"""A server that has just come up and does not take connections yet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import httpx
import pytest

from flows import orphans

pytestmark = pytest.mark.filterwarnings("default")  # warnings of Prefect are not ours to mend


@pytest.mark.parametrize(("refusals", "reached"), [(0, True), (orphans.TRIES - 1, True), (orphans.TRIES, False)])
def test_a_refused_connection_is_tried_again_a_few_times(
    refusals: int, *, reached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [httpx.ConnectError("refused")] * refusals

    @contextmanager
    def connect(*, sync_client: bool) -> Iterator[SimpleNamespace]:
        assert sync_client
        if left:
            raise left.pop()
        yield SimpleNamespace(read_flow_runs=lambda **_filters: [])

    monkeypatch.setattr(orphans, "get_client", connect)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    if reached:
        assert orphans.crash_orphans() == 0
    else:
        with pytest.raises(httpx.ConnectError):
            orphans.crash_orphans()
