from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from cxrscreen.errors import SettingsError
from cxrscreen.settings import PROJECT, Settings, load_settings


def test_a_variable_outranks_the_file_and_the_file_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cxrscreen.toml").write_text("settle_seconds = 11\nchunk_studies = 12\n")
    monkeypatch.setenv("CXRSCREEN_SETTLE_SECONDS", "22")
    settings = load_settings(tmp_path)
    assert (settings.settle_seconds, settings.chunk_studies, settings.max_attempts) == (22, 12, 3)


def test_an_argument_outranks_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXRSCREEN_LANGUAGE", "en")
    assert load_settings(tmp_path, language="id").language == "id"
    assert load_settings(tmp_path, language=None).language == "en"


def test_the_workspace_may_come_from_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cxrscreen.toml").write_text("settle_seconds = 11\n")
    monkeypatch.setenv("CXRSCREEN_WORKSPACE", str(tmp_path))
    assert load_settings().settle_seconds == 11
    assert load_settings().workspace == tmp_path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("settle_secs = 5", "settle_secs"),
        ("settle_seconds = -1", "greater than or equal to 0"),
        ("overlay_alpha = 1.0", "overlay_alpha"),
        ("settle_seconds = ", "not valid TOML"),
    ],
)
def test_a_wrong_setting_is_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "cxrscreen.toml").write_text(text)
    with pytest.raises(SettingsError, match=words):
        load_settings(tmp_path)


def test_the_example_file_names_every_setting_with_its_default() -> None:
    example = tomllib.loads((PROJECT / "deployments" / "cxrscreen.example.toml").read_text())
    fields = {name: field.default for name, field in Settings.model_fields.items()}
    del fields["workspace"], fields["demonstration"]
    del fields["prevalence"]  # none flatters, so there is none; TOML has no word for it
    assert "\n# prevalence = " in (PROJECT / "deployments" / "cxrscreen.example.toml").read_text()
    assert example == fields
