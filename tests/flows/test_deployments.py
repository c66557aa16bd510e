"""What is deployed, and when it runs: in serve, and in the file for a server of one's own."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import yaml

from cxrscreen.settings import load_settings
from flows import deployments as deploying
from flows.deployments import RUNS_AT_ONCE, deployments, local_zone
from flows.environment import prefect_environment

PREFECT_FILE = Path(__file__).resolve().parents[2] / "deployments" / "prefect.yaml"

pytestmark = pytest.mark.filterwarnings("default")  # warnings of Prefect are not ours to mend


def test_both_ways_of_serving_know_the_same_flows(tmp_path: Path) -> None:
    text = PREFECT_FILE.read_text()
    written = set()
    for one in yaml.safe_load(text)["deployments"]:
        path, name = one["entrypoint"].split(":")
        flow = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)
        written.add((flow.name, one["name"]))
    assert written == {(one.flow_name, one.name) for one in deployments(load_settings(tmp_path))}
    assert f"--limit {RUNS_AT_ONCE}" in text


def test_the_digest_is_written_each_day_at_the_hour_that_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Jakarta")
    (digest,) = (one for one in deployments(load_settings(tmp_path, digest_hour=5)) if one.flow_name == "digest")
    (scheduled,) = digest.schedules or []
    assert scheduled.schedule.model_dump()["cron"] == "0 5 * * *"
    assert scheduled.schedule.model_dump()["timezone"] == "Asia/Jakarta"


def test_the_time_zone_is_the_machines_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local_time = tmp_path / "localtime"
    monkeypatch.setattr(deploying, "LOCAL_TIME", local_time)
    monkeypatch.setenv("TZ", "")
    assert local_zone() == "UTC"
    local_time.symlink_to("/usr/share/zoneinfo/Asia/Makassar")
    assert local_zone() == "Asia/Makassar"
    monkeypatch.setenv("TZ", ":Europe/Berlin")
    assert local_zone() == "Europe/Berlin"
    monkeypatch.setenv("TZ", "no/zone")
    assert local_zone() == "Asia/Makassar"


@pytest.mark.parametrize(("days", "seconds", "events"), [(30, "2592000", "P7D"), (2, "172800", "P2D")])
def test_old_runs_are_forgotten_as_the_settings_say(tmp_path: Path, days: int, seconds: str, events: str) -> None:
    environment = prefect_environment(load_settings(tmp_path, keep_runs_days=days), server=True)
    assert "flow_runs" in environment["PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED"]
    assert environment["PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD"] == seconds
    assert environment["PREFECT_SERVER_EVENTS_RETENTION_PERIOD"] == events
