from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom.uid import JPEGBaseline8Bit

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.isolation import READER, IsolatedReader
from cxrscreen.radiograph.refusal import Reason
from tests.radiograph.drawn import LIMITS, chest, dicom, dicom_around, encoded

if TYPE_CHECKING:
    from collections.abc import Iterator

CHEST = chest()
CONTENT = dicom_around(encoded(".jpg", CHEST), CHEST, bits=8, syntax=JPEGBaseline8Bit)
NAMED = dicom(CHEST, bits=8, PatientName="Sari^Dewi")
CRASHING = "import os; os.read(0, 8); os.abort()"
HANGING = "import time; time.sleep(600)"
EXITING = "import no_module_of_this_name"
KILLED = "import os; os.read(0, 8); os.kill(os.getpid(), 9)"  # as a kernel short of memory does
TALKING = "import os; os.read(0, 8); os.write(1, b'patient Sari Dewi, 3 pages'); os.read(0, 10**9)"
BOASTING = "import os; os.read(0, 8); os.write(1, (2**40).to_bytes(8, 'big')); os.read(0, 10**9)"
# A reader whose work on the bytes is replaced.
REPLACED = """
import os
from cxrscreen.radiograph import reader_process
from cxrscreen.radiograph.refusal import Reason

def decode(content, *_, **__):
    {work}

reader_process.decode_radiograph = reader_process.decode_identity = decode
reader_process.main()
"""
SPINNING = """
import resource
from cxrscreen.radiograph import reader_process

def decode(content, *_):
    resource.setrlimit(resource.RLIMIT_CPU, (1, resource.RLIM_INFINITY))
    while True:
        pass

reader_process.decode_radiograph = decode
reader_process.main()
"""


@pytest.fixture
def readers() -> Iterator[list[IsolatedReader]]:
    """Readers that a test makes; all end with it."""
    made: list[IsolatedReader] = []
    yield made
    for reader in made:
        reader.close()


def reader_of(readers: list[IsolatedReader], code: str | None = None, *, seconds: float = 20) -> IsolatedReader:
    reader = (
        IsolatedReader()
        if code is None
        else IsolatedReader((sys.executable, "-P", "-B", "-c", code), seconds_at_most=seconds)
    )
    readers.append(reader)
    return reader


@pytest.mark.parametrize("code", [CRASHING, TALKING, BOASTING], ids=["crash", "nonsense", "a boast of a terabyte"])
def test_a_reader_that_crashes_or_talks_nonsense_refuses_the_file_and_spares_the_process(
    code: str, readers: list[IsolatedReader]
) -> None:
    reader = reader_of(readers, code)
    for _ in range(2):  # the second time with a new process
        with pytest.raises(RefusedError) as refusal:
            reader.radiograph(CONTENT, LIMITS)
        assert refusal.value.reason is Reason.DAMAGED
        assert "Sari" not in f"{refusal.value!r} {refusal.value.__cause__!r}"


@pytest.mark.parametrize(
    ("code", "trouble"),
    [(HANGING, TimeoutError), (EXITING, ChildProcessError), (KILLED, ChildProcessError)],
    ids=["hang", "exit", "killed"],
)
def test_a_reader_that_the_machine_stops_is_no_verdict_on_the_file(
    code: str, trouble: type[OSError], readers: list[IsolatedReader]
) -> None:
    reader = reader_of(readers, code, seconds=0.5)
    with pytest.raises(trouble):
        reader.radiograph(CONTENT, LIMITS)
    with pytest.raises(trouble):
        reader.identity(CONTENT)


def test_a_reader_that_cannot_be_started_refuses_nothing(readers: list[IsolatedReader]) -> None:
    readers.append(IsolatedReader(("/no/such/interpreter",)))
    with pytest.raises(FileNotFoundError):
        readers[0].radiograph(CONTENT, LIMITS)


def test_a_file_that_takes_more_processor_time_than_any_radiograph_is_unreadable(readers: list[IsolatedReader]) -> None:
    with pytest.raises(RefusedError) as refusal:
        reader_of(readers, SPINNING).radiograph(CONTENT, LIMITS)
    assert refusal.value.reason is Reason.UNREADABLE


def test_a_file_that_takes_more_memory_than_a_fresh_reader_may_have_is_too_large(readers: list[IsolatedReader]) -> None:
    greedy = reader_of(readers, REPLACED.format(work="bytearray(2**36)"))
    for _ in range(2):
        with pytest.raises(RefusedError) as refusal:
            greedy.radiograph(CONTENT, LIMITS)
        assert refusal.value.reason is Reason.TOO_LARGE


def test_memory_that_earlier_files_took_is_no_verdict_on_the_next(readers: list[IsolatedReader]) -> None:
    hoarding = """
    global kept
    if "kept" in globals():
        raise MemoryError
    kept = True
    raise reader_process.RefusedError(Reason.DAMAGED, "once")
"""
    reader = reader_of(readers, REPLACED.format(work=hoarding.strip()))
    for _ in range(2):  # the second time a new process is asked again
        with pytest.raises(RefusedError) as refusal:
            reader.radiograph(CONTENT, LIMITS)
        assert refusal.value.reason is Reason.DAMAGED


def test_what_the_machine_lacks_in_the_reader_reaches_this_process(readers: list[IsolatedReader]) -> None:
    reader = reader_of(readers, REPLACED.format(work="raise OSError(28, 'No space left on device')"))
    with pytest.raises(OSError, match="No space left on device"):
        reader.radiograph(CONTENT, LIMITS)
    with pytest.raises(OSError, match="No space left on device"):
        reader.identity(CONTENT)


def test_the_reader_may_write_no_file_has_no_core_and_a_short_environment(
    readers: list[IsolatedReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:secret")
    reader = reader_of(readers)
    reader.identity(NAMED)
    assert reader._reader is not None
    process = Path(f"/proc/{reader._reader.process.pid}")
    assert b"secret" not in (process / "environ").read_bytes()
    limits = (process / "limits").read_text().splitlines()
    bounds = {line[:26].strip(): line[26:].split()[:2] for line in limits}
    assert bounds["Max file size"] == bounds["Max core file size"] == ["0", "0"]
    assert "Umask:\t0077" in (process / "status").read_text()


def _confined(work: str) -> str:
    """Return what becomes of a piece of work in a confined process."""
    code = f"""
import os, socket
from cxrscreen.radiograph.confinement import confine
if not confine():
    print("no Landlock")
    raise SystemExit
try:
    {work}
    print("done")
except OSError as exc:
    print(exc.strerror)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_a_confined_process_makes_moves_removes_and_executes_nothing_and_reaches_no_address(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("kept")
    tries = ("open({new!r}, 'w')", "os.mkdir({new!r})", "os.remove({kept!r})", "os.rename({kept!r}, {new!r})")
    tries += ("os.execv('/bin/true', ['true'])", "os.symlink({kept!r}, {new!r})", "open({kept!r}, 'a')")
    with socket.create_server(("127.0.0.1", 0)) as server:
        tries += (f"socket.create_connection({server.getsockname()!r})", "open({kept!r}).read()")
        names = {"kept": str(kept), "new": str(tmp_path / "new")}
        with ThreadPoolExecutor(2) as pool:
            came_of = list(pool.map(_confined, [work.format(**names) for work in tries]))
    if "no Landlock" in came_of:
        pytest.skip("this kernel has no Landlock")
    assert came_of == ["Permission denied"] * 8 + ["done"]
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_reader_that_died_between_two_files_is_started_again(readers: list[IsolatedReader]) -> None:
    reader = reader_of(readers)
    first = reader.radiograph(CONTENT, LIMITS)
    assert reader._reader is not None
    process = reader._reader.process
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
    assert (first.pixels == reader.radiograph(CONTENT, LIMITS).pixels).all()


def test_the_signals_that_stop_a_batch_do_not_stop_the_file_in_hand(readers: list[IsolatedReader]) -> None:
    reader = reader_of(readers)
    reader.identity(NAMED)
    assert reader._reader is not None
    process = reader._reader.process
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(process.pid, number)
    assert reader.identity(NAMED).patient_name == "Sari, Dewi"
    assert reader._reader.process is process


def test_the_reader_ends_when_its_parent_is_killed() -> None:
    code = """
import os, signal
from cxrscreen.radiograph.identity import identify
from cxrscreen.radiograph.isolation import READER
identify(b"\\0" * 128 + b"DICM")
print(READER._reader.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    reader, until = int(killed.stdout), time.monotonic() + 10
    while time.monotonic() < until and _runs(reader):
        time.sleep(0.01)
    assert not _runs(reader)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"  # nobody may be there to bury it
    except FileNotFoundError:
        return False


def test_an_interrupt_between_request_and_reply_does_not_mix_up_two_files(
    readers: list[IsolatedReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = reader_of(readers)

    def interrupted(*_: object, **__: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cxrscreen.radiograph.isolation.receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            reader.radiograph(CONTENT, LIMITS)
    assert reader.identity(NAMED).patient_name == "Sari, Dewi"


def test_threads_share_one_reader_without_mixing_their_pictures(readers: list[IsolatedReader]) -> None:
    reader = reader_of(readers)
    pictures = [np.roll(CHEST, 40 * shift, axis=1) for shift in range(6)]
    files = [dicom_around(encoded(".jpg", p), p, bits=8, syntax=JPEGBaseline8Bit) for p in pictures]
    with ThreadPoolExecutor(4) as pool:
        decoded = list(pool.map(lambda file: reader.radiograph(file, LIMITS), files))
    for picture, radiograph in zip(pictures, decoded, strict=True):
        assert np.abs(radiograph.pixels.astype(int) - picture).mean() < 4


def test_a_forked_copy_reads_with_a_reader_of_its_own() -> None:
    before = READER.radiograph(CONTENT, LIMITS)
    assert READER._reader is not None
    process = READER._reader.process
    child = os.fork()
    if child == 0:
        same = READER.identity(NAMED).patient_name == "Sari, Dewi" and READER._reader.process.pid != process.pid
        READER.close()
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert (READER.radiograph(CONTENT, LIMITS).pixels == before.pixels).all()
    assert READER._reader.process is process


def test_a_folder_named_dl_in_the_working_directory_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readers: list[IsolatedReader]
) -> None:
    (tmp_path / "dl").mkdir()
    monkeypatch.chdir(tmp_path)
    assert reader_of(readers).radiograph(CONTENT, LIMITS).pixels.shape == CHEST.shape
