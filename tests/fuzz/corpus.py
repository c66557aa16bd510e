"""Run cases of the corpus through the reader and count what came of them."""

from __future__ import annotations

import contextlib
import resource
import time
from collections import Counter
from dataclasses import dataclass, field

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.acceptance import AcceptanceLimits
from cxrscreen.radiograph.isolation import IsolatedReader
from cxrscreen.radiograph.radiograph import Radiograph
from tests.fuzz.mutate import case

# The default limits but for the smallest side, so that small pictures, which are quickly read, reach the decoders.
LIMITS = AcceptanceLimits(min_side_pixels=8, max_pixels=64_000_000, max_aspect=100.0)


@dataclass
class Tally:
    """What came of cases.

    Attributes:
        outcomes: By type: "accepted", "refused: REASON", or what the machine is said to have lacked.
        ways: By type and way of breaking.
        deaths: Number of each case that ended its reader, and what the caller was told in the end.
        escaped: Number and type of each exception that is neither a refusal nor trouble of the machine.
        troubles: Number and type of each case that the machine was blamed for.
        slowest: Seconds and number of the slowest cases, identity and pixels together.
    """

    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    ways: Counter[str] = field(default_factory=Counter)
    deaths: list[tuple[int, str]] = field(default_factory=list)
    escaped: list[tuple[int, str]] = field(default_factory=list)
    troubles: list[tuple[int, str]] = field(default_factory=list)
    slowest: list[tuple[float, int]] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        for kind, counted in other.outcomes.items():
            self.outcomes.setdefault(kind, Counter()).update(counted)
        self.ways.update(other.ways)
        self.deaths += other.deaths
        self.escaped += other.escaped
        self.troubles += other.troubles
        self.slowest = sorted(self.slowest + other.slowest, reverse=True)[:5]


def run(seed: int, numbers: range, reader: IsolatedReader) -> Tally:
    """Read the cases of these numbers as a batch would: first who it is, then the pixels."""
    tally = Tally()
    for number in numbers:
        kind, way, content = case(seed, number)
        tally.ways[f"{kind}, {way}"] += 1
        before = reader.pid
        started = time.perf_counter()
        outcome = _outcome(reader, content, number, tally)
        seconds = time.perf_counter() - started
        tally.outcomes.setdefault(kind, Counter())[outcome] += 1
        if before is not None and reader.pid != before:
            tally.deaths.append((number, outcome))
        tally.slowest = sorted([*tally.slowest, (seconds, number)], reverse=True)[:5]
    return tally


def _outcome(reader: IsolatedReader, content: bytes, number: int, tally: Tally) -> str:
    try:
        with contextlib.suppress(RefusedError):  # as in identify: reading the pixels says so
            reader.identity(content)
        radiograph = reader.radiograph(content, LIMITS)
    except RefusedError as exc:
        return f"refused: {exc.reason}"
    except (OSError, MemoryError) as exc:
        tally.troubles.append((number, type(exc).__name__))
        return f"trouble: {type(exc).__name__}"
    except Exception as exc:  # noqa: BLE001  # this is what the corpus looks for
        tally.escaped.append((number, type(exc).__name__))
        return f"escaped: {type(exc).__name__}"
    return "accepted" if _is_sound(radiograph) else "escaped: an unsound radiograph"


def _is_sound(radiograph: Radiograph) -> bool:
    """Tell whether a radiograph keeps its promises, so that no later step can stumble over it."""
    pixels, reading, facts = radiograph.pixels, radiograph.reading, radiograph.acquisition
    identity = radiograph.identity
    texts = (identity.patient_name, identity.patient_id, identity.study_instance_uid, facts.window, facts.encoding)
    for text in texts:
        if text is not None and (len(text) > 1100 or text.encode("utf-8").decode() != text):
            return False
    shades = int(pixels.max()) - int(pixels.min())
    return (
        pixels.ndim == reading.ndim == 2
        and pixels.size <= LIMITS.max_pixels
        and max(reading.shape) <= 1024
        and shades > 0
    )


def peak_megabytes() -> tuple[float, float]:
    """Return the largest resident size so far of this process and of any reader that it has ended."""
    here, readers = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return here, readers
