"""A batch that cannot be finished holds nobody up, but the run does not end as if all were well. Without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType

from cxrscreen.errors import ModelError, TakenOverError
from cxrscreen.screening.batch import OpenedBatch
from cxrscreen.settings import Settings, load_settings
from flows import screen_intake as flow


@pytest.mark.parametrize(
    ("trouble", "ends"),
    [
        (MemoryError(), StateType.FAILED),
        (OSError(5, "Input/output error"), StateType.FAILED),
        (ModelError("damaged"), StateType.COMPLETED),  # the batch was given back
        (TakenOverError("by another"), StateType.COMPLETED),
    ],
)
def test_a_batch_that_cannot_be_finished_fails_the_run_after_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception, ends: StateType
) -> None:
    given_up: list[str] = []

    def cannot(_settings: Settings, _batch_id: str) -> None:
        raise trouble

    def give_up(_settings: Settings, batch_id: str, *, stuck: bool) -> None:
        assert stuck
        given_up.append(batch_id)

    monkeypatch.setattr(flow, "load_settings", lambda: load_settings(tmp_path / "w"))
    monkeypatch.setattr(flow, "take_over", lambda _settings, but: None if but else "B-1")
    monkeypatch.setattr(flow, "run_batch", cannot)
    monkeypatch.setattr(flow, "leave", give_up)
    monkeypatch.setattr(flow, "drain", lambda *_, **__: ([], OpenedBatch(batch_id=None)))
    state = flow.screen_intake.fn()
    assert state.type is ends
    assert given_up == (["B-1"] if ends is StateType.FAILED else [])
    assert ("B-1 cannot be finished" in (state.message or "")) == (ends is StateType.FAILED)
