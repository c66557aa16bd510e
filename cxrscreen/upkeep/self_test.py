"""The self-test of an installation and its last result, in ``self-test.json`` of the workspace."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from cxrscreen.classifier.estimate import Frozen
from cxrscreen.durable import write_file
from cxrscreen.errors import CxrscreenError
from cxrscreen.settings import Settings

SELF_TEST_FILE = "self-test.json"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of the installation."""

    subject: str
    healthy: bool
    detail: str
    by_choice: bool = False  # healthy, but opened by a setting: whoever looks after the installation should know


class SelfTest(Frozen):
    """What one self-test found."""

    at: str  # ISO 8601 with zone
    seconds: float
    model: str  # its version, or what the settings ask for where there is none
    healthy: bool  # this installation may screen
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The checks that did not pass."""
        return tuple(finding for finding in self.findings if not finding.healthy)


def run_self_test(settings: Settings) -> SelfTest:
    """Examine the installation and keep the result; a workspace that cannot be opened is a finding, not an error.

    Starts TensorFlow. A result that cannot be written, e.g. on a full disk, is returned all the same.
    """
    from cxrscreen.screening.session import open_session  # noqa: PLC0415  # brings page layout; status only reads
    from cxrscreen.upkeep.doctor import examine  # noqa: PLC0415  # likewise

    began, model = time.monotonic(), settings.model
    try:
        with open_session(settings) as session:
            findings = examine(session)
            model = session.registry.card_of(settings.model).version
    except CxrscreenError as exc:
        findings = [Finding("workspace", healthy=False, detail=str(exc))]
    tested = SelfTest(
        at=datetime.now().astimezone().isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - began, 1),
        model=model,
        healthy=all(finding.healthy for finding in findings),
        findings=tuple(findings),
    )
    return _kept(settings.workspace, tested)


def read_self_test(root: Path) -> SelfTest | None:
    """Return the last result, or ``None`` where there is none that can be read."""
    try:
        return SelfTest.model_validate_json((root / SELF_TEST_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def _kept(root: Path, tested: SelfTest) -> SelfTest:
    try:
        write_file(root / SELF_TEST_FILE, (tested.model_dump_json(indent=2) + "\n").encode())
    except OSError as exc:
        unwritten = Finding(SELF_TEST_FILE, healthy=False, detail=f"cannot be written: {exc.strerror}. Make room.")
        return tested.model_copy(update={"healthy": False, "findings": (*tested.findings, unwritten)})
    return tested
