"""Settings of one installation: ``cxrscreen.toml`` in the workspace, then ``CXRSCREEN_*`` variables.

A variable outranks the file, the file outranks the default. Units stand in the names.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from cxrscreen.errors import SettingsError

SETTINGS_FILE = "cxrscreen.toml"
PROJECT = Path(__file__).resolve().parents[1]

Language = Literal["en", "id"]
ExplanationVariant = Literal["guided", "standard"]


class Settings(BaseSettings):
    """Everything that a site may choose. Frozen: a run keeps what it started with."""

    model_config = SettingsConfigDict(env_prefix="CXRSCREEN_", extra="forbid", frozen=True)

    workspace: Path = Field(
        default_factory=lambda: Path.cwd() / "cxrscreen-workspace",
        description="Absolute folder that holds intake, archive, quarantine, reports, ledger and models.",
    )

    # Intake
    settle_seconds: float = Field(
        default=5.0, ge=0, le=3600, description="A file whose size or time changed within this span is left alone."
    )
    chunk_studies: int = Field(default=32, ge=1, le=256, description="Studies screened in one step.")
    max_attempts: int = Field(
        default=3, ge=1, le=20, description="Failures of one file after which it goes to quarantine."
    )
    screen_every_minutes: float = Field(default=15, ge=1, le=1440, description="Interval of the scheduled screening.")
    max_batch_files: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="A batch takes at most so many files (whole studies); more wait for the next.",
    )
    min_free_megabytes: int = Field(
        default=500,
        ge=0,
        le=1_000_000,
        description="With less room on the disk nothing is taken up; files wait in the intake.",
    )
    watch_seconds: float = Field(default=2, ge=0.5, le=60, description="How often the watcher looks at the intake.")

    # Acceptance
    min_side_pixels: int = Field(default=300, ge=32, description="Shorter side below this is refused.")
    max_file_megabytes: int = Field(default=256, ge=1, le=2048, description="A larger file is refused unread.")
    max_pixels: int = Field(default=64_000_000, ge=1_000_000, description="More pixels than this are refused.")
    max_aspect: float = Field(
        default=2.0, gt=1, description="Longer over shorter side above this is refused as not one radiograph."
    )

    # Model and explanation
    model: str = Field(default="champion", description="Model version, or 'champion'.")
    damaged_model: Literal["wait", "last-good"] = Field(
        default="wait",
        description="What to do where the model's files are damaged: let the files wait, or screen with the champion "
        "before it.",
    )
    explanation: ExplanationVariant = "guided"
    overlay_alpha: float = Field(default=0.5, gt=0, lt=1)

    prevalence: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Share of the patients here that have COVID-19, e.g. 0.05. Without it, reports say that what a "
        "finding means here cannot be told.",
    )

    # Retraining
    feature_cache_gigabytes: float = Field(
        default=2.0, ge=0.05, le=1000, description="Bound of the cache of feature maps; the longest unused go first."
    )
    automatic_promotion: bool = Field(
        default=False,
        description="A challenger whose verdict is 'promote' becomes champion at once, no person is asked, if no "
        "other model was scored on its test part before.",
    )

    # Reports
    language: Language = "en"
    show_patient_identity: bool = Field(
        default=False, description="Print patient name, identifier and birth date on the reports."
    )
    demonstration: bool = Field(
        default=False,
        description="The intake holds drawn phantoms: every batch report says that its scores mean nothing.",
    )
    site_name: str = Field(default="", max_length=80, description="Name of the site on the reports.")

    # Upkeep
    keep_archive_days: int = Field(
        default=0, ge=0, le=36500, description="`cxrscreen expire` deletes archived files that are older; 0 keeps them."
    )
    keep_quarantine_days: int = Field(
        default=0,
        ge=0,
        le=36500,
        description="`cxrscreen expire` deletes quarantined files that are older; 0 keeps them.",
    )
    keep_runs_days: int = Field(
        default=30, ge=1, le=3650, description="Prefect forgets runs, with logs and artifacts, that ended longer ago."
    )
    digest_hour: int = Field(default=6, ge=0, le=23, description="Local hour of the daily digest.")
    waiting_hours: float = Field(
        default=24, gt=0, le=8760, description="A file that waits for longer needs a person: status and digest say so."
    )

    # Serving
    host: str = Field(
        default="127.0.0.1", description="Address to listen at; another than this machine's own needs a password file."
    )
    ui_port: int = Field(default=4200, ge=1024, le=65535)
    reports_port: int = Field(default=4210, ge=1024, le=65535)

    @property
    def max_file_bytes(self) -> int:
        """The same limit in bytes."""
        return self.max_file_megabytes * 2**20

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the base class sets the signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Rank the sources: arguments, variables, then the file in the workspace that the first two name."""
        workspace = init_settings().get("workspace") or env_settings().get("workspace")
        home = Path(workspace) if workspace else Path.cwd() / "cxrscreen-workspace"
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, home / SETTINGS_FILE)


def load_settings(workspace: Path | None = None, **overrides: object) -> Settings:
    """Read the settings that hold in ``workspace``.

    Args:
        workspace: Folder of the installation; ``None`` takes ``CXRSCREEN_WORKSPACE`` or, without it,
            ``cxrscreen-workspace`` in the current folder.
        overrides: Values that outrank file and variables, e.g. from the command line; ``None`` is no value.

    Raises:
        SettingsError: The file is no TOML, or a value is unknown or out of range.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    if workspace is not None:
        given["workspace"] = workspace
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # values are validated by pydantic
    except ValidationError as exc:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors(include_url=False))
        raise SettingsError(f"{faults}. Correct {SETTINGS_FILE} or the CXRSCREEN_ variable of that name.") from exc
    except tomllib.TOMLDecodeError as exc:
        raise SettingsError(f"{SETTINGS_FILE} is not valid TOML: {exc}. Correct that line.") from exc
    return settings.model_copy(update={"workspace": settings.workspace.expanduser().resolve()})
