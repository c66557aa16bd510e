"""A night on patients with planted names, through the real flow and a real server; then every byte is searched.

The night has what nights have: refused, damaged and copied files, studies that fail, a run that is killed in the middle
and one that takes its batch over, and a folder on demand. Processes of their own, so that logs and temporary folder are
whole. Only the model is a stand-in.
"""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
import pydicom
import pypdf
import pytest
from prefect.settings import get_current_settings

from cxrscreen.phantom.dicom_file import Encoding, Sheet, dicom_bytes
from cxrscreen.settings import PROJECT, load_settings
from flows.environment import prefect_environment

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("prefect_server")]

# In the tags of files: to be found nowhere but in the files themselves.
TAGS = (
    "ZARQUONIA", "Müllerowskí", "QX99417", "19310203", "1931-02-03", "3 February 1931", "Operatorus", "Referrix",
    "KOMMENTARIUM", "Privatissimum", "Adressia", "ACC77120", "1.2.826.0.1.3680043.8.498.9941799417",
)  # fmt: skip  # one thought a line reads worse
# In the names of files: reports, ledger and the records of archive and quarantine carry them, nothing else does.
NAMES = ("HANNELORE", "UNTERWOOD", "19440506")

NIGHT = """
import os, signal, sys
import cxrscreen.screening.golden as golden
import cxrscreen.screening.session as session
from tests.fakes import StubClassifier

class Stub(StubClassifier):
    def classify(self, prepared, *, explanation):
        if os.environ.get("DIES"):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().classify(prepared, explanation=explanation)

session.load_classifier = lambda _folder: Stub(breaks_on_grey=0)
session.load_segmenter = lambda _folder: None  # as the classifier: no TensorFlow
golden.check_golden = lambda _session, _card: None  # the stub's scores are not the card's
from flows.screen_intake import screen_intake
from flows.screen_studies import screen_studies
for state in (screen_intake(return_state=True), screen_studies(folder=os.environ["FOLDER"], return_state=True)):
    print(state.type, state.message)
"""


def planted_dicom(number: int, *, view: str = "PA", encoding: Encoding = Encoding.PLAIN, grey: int = 1000) -> bytes:
    slope = np.add.outer(np.linspace(0, 500, 320), np.linspace(0, 500, 320 + number))
    drawn = dicom_bytes((grey + slope).astype(np.uint16), number, Sheet("ANNA", view=view, encoding=encoding))
    dataset = pydicom.dcmread(io.BytesIO(drawn))
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = f"ZARQUONIA^Müllerowskí {number}"
    dataset.PatientID = f"QX99417-{number}"
    dataset.OtherPatientIDs = ["QX99417", "QX99417-B"]
    dataset.PatientBirthDate = "19310203"
    dataset.PatientAddress = "Adressia 7"
    dataset.PatientComments = "KOMMENTARIUM"
    dataset.ImageComments = "KOMMENTARIUM on ZARQUONIA"
    dataset.OperatorsName = "Operatorus^Rex"
    dataset.ReferringPhysicianName = "Referrix"
    dataset.AccessionNumber = "ACC77120"
    dataset.StudyDescription = dataset.SeriesDescription = dataset.ProtocolName = "Chest of ZARQUONIA"
    dataset.StationName = "ZARQUONIA"
    dataset.InstitutionName = "ZARQUONIA house"
    dataset.WindowCenterWidthExplanation = "for ZARQUONIA"
    dataset.StudyInstanceUID = f"1.2.826.0.1.3680043.8.498.9941799417.{number}"
    dataset.private_block(0x0099, "Privatissimum", create=True).add_new(1, "LO", "ZARQUONIA QX99417")
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


def planted_png(grey: int, side: int) -> bytes:
    """Return a picture with a comment that names the patient."""
    pixels = np.clip(grey + np.add.outer(np.linspace(0, 40, side), np.linspace(0, 40, side)), 0, 255).astype(np.uint8)
    return with_comment(cv2.imencode(".png", pixels)[1].tobytes())


def with_comment(png: bytes) -> bytes:
    text = b"tEXtComment\0ZARQUONIA QX99417"
    chunk = (len(text) - 4).to_bytes(4, "big") + text + zlib.crc32(text).to_bytes(4, "big")
    return png[:33] + chunk + png[33:]  # after the header


def fill(folder: Path) -> None:
    damaged = planted_dicom(4, encoding=Encoding.RLE)
    files = {
        "HANNELORE^UNTERWOOD 19440506.dcm": planted_dicom(1),
        "ward/HANNELORE_lateral.dcm": planted_dicom(1, view="LL"),
        "ward/copy of UNTERWOOD.dcm": planted_dicom(1),
        "ward/deflated.dcm": planted_dicom(2, encoding=Encoding.DEFLATED),
        "ward/rle.dcm": planted_dicom(3, encoding=Encoding.RLE),
        "ward/damaged UNTERWOOD.dcm": damaged[: len(damaged) // 2],
        "HANNELORE.png": planted_png(60, 320),
        "HANNELORE breaks the classifier.png": planted_png(0, 330),
        "HANNELORE.txt": b"ZARQUONIA QX99417 19310203",
        "UNTERWOOD.dcm": b"\0" * 128 + b"DICM" + b"ZARQUONIA^QX99417" * 20,
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "HANNELORE link.dcm").symlink_to("HANNELORE.png")


def spellings(secrets: tuple[str, ...]) -> Iterator[bytes]:
    """Yield each secret as it may be written: encodings, escapes of addresses, pages and JSON, base64 at any offset."""
    for secret in secrets:
        for text in {secret, quote(secret), html.escape(secret), json.dumps(secret)[1:-1], ascii(secret)[1:-1]}:
            for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
                yield text.encode(encoding).lower()
        yield secret.encode("latin-1").lower()


def base64_spellings(secrets: tuple[str, ...]) -> Iterator[bytes]:
    """Yield what each secret becomes in base64, at any offset, without the ends that share a letter with neighbours."""
    for secret in (s for s in secrets if len(s) >= 8):  # shorter ones would be found in any picture
        for before in range(3):
            bits = 8 * (before + len(secret.encode()))
            yield base64.b64encode(b"\0" * before + secret.encode())[-(-8 * before // 6) : bits // 6]


def texts_of(path: Path) -> bytes:
    """Return a file's bytes, and what stands compressed in it."""
    content = path.read_bytes()
    if content.startswith(b"%PDF"):
        reader = pypdf.PdfReader(io.BytesIO(content))
        streams = [one.get_object() for one in (reader.get_object(n) for n in range(1, len(reader.xref[0]) + 1)) if one]
        content += b"".join(s.get_data() for s in streams if isinstance(s, pypdf.generic.StreamObject))
        content += "".join(page.extract_text() for page in reader.pages).encode()
    return content + os.fsencode(path.name)


def found(places: list[Path], secrets: tuple[str, ...], *, but: tuple[Path, ...] = ()) -> list[str]:
    """Return where any secret stands in any spelling."""
    plain = re.compile(b"|".join(sorted(map(re.escape, set(spellings(secrets))))))
    packed = re.compile(b"|".join(map(re.escape, set(base64_spellings(secrets)))))
    hits = []
    for place in places:
        for path in [place] if place.is_file() else place.rglob("*"):
            if path.is_file() and not path.is_symlink() and not any(path.is_relative_to(one) for one in but):
                content = texts_of(path)
                hit = plain.search(content.lower()) or packed.search(content)
                if hit:
                    hits.append(f"{path}: {hit[0]!r} in {content[max(0, hit.start() - 60) : hit.end() + 60]!r}")
    return hits


class Night:
    """A workspace, the processes that screen it, and where all that they leave lies."""

    def __init__(self, home: Path) -> None:
        self.workspace, self.temporary, self.logs = home / "w", home / "tmp", home / "logs"
        for folder in (self.workspace, self.temporary, self.logs):
            folder.mkdir(mode=0o700)
        outside = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        self.environment = outside | prefect_environment(load_settings(self.workspace), server=False)
        self.environment |= {
            "PREFECT_API_URL": str(get_current_settings().api.url),
            "PREFECT_LOGGING_LEVEL": "DEBUG",
            "CXRSCREEN_SETTLE_SECONDS": "0",
            "CXRSCREEN_CHUNK_STUDIES": "4",
            "CXRSCREEN_MIN_FREE_MEGABYTES": "0",
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": str(PROJECT),
        }

    def run(self, name: str, **more: str) -> subprocess.CompletedProcess[bytes]:
        with (self.logs / name).open("wb") as log:
            return subprocess.run(
                [sys.executable, "-c", NIGHT],
                env=self.environment | more,
                cwd=self.temporary,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=120,
                check=False,
            )

    def said(self, name: str) -> str:
        return (self.logs / name).read_text()


def test_nobody_is_named_by_what_a_night_leaves_behind(tmp_path: Path) -> None:
    night = Night(tmp_path)
    fill(night.workspace / "intake")
    fill(tmp_path / "on-demand")
    (tmp_path / "on-demand/further.dcm").write_bytes(planted_dicom(7))
    assert night.run("killed", DIES="1").returncode == -signal.SIGKILL
    assert night.run("taking over", FOLDER=str(tmp_path / "on-demand")).returncode == 0
    of_the_night, on_demand = re.findall(
        r"^StateType.COMPLETED (\d+ files = .*)$", night.said("taking over"), re.MULTILINE
    )
    assert " 1 failed" in of_the_night
    assert "1 reported" in on_demand

    root = night.workspace
    own = (root / "archive", root / "quarantine", root / "intake")
    records = [p for p in root.rglob("*.json") if any(p.is_relative_to(top) for top in own)]
    assert found([*own], TAGS), "the search finds what is there"
    assert found([root / "reports"], NAMES)
    assert found([root], TAGS, but=own) == []
    assert found(records, TAGS) == []
    database = Path(str(get_current_settings().server.database.connection_url.get_secret_value()).partition("///")[2])
    time.sleep(1)  # the server writes logs and events in bulk
    prefect = [database, *database.parent.glob(f"{database.name}-*"), root / "prefect"]
    assert found(prefect, ("take over what a dead run left",)), "this database is the one"
    assert found([*prefect, night.temporary, night.logs], TAGS + NAMES) == []
    named = (*own, root / "reports", root / "ledger.sqlite")
    assert found([root], NAMES, but=named) == []
    open_to_others = [
        p for p in [root, *root.rglob("*")]
        if not p.is_relative_to(root / "intake") and not p.is_symlink() and stat.S_IMODE(p.stat().st_mode) & 0o077
    ]  # fmt: skip  # three thoughts
    assert open_to_others == []
    left = [p for p in night.temporary.iterdir() if not p.name.startswith("weasyprint-")]  # fonts of the killed run
    assert left == []
