"""The shipped model's own gate, through the same passes as in screening, on real radiographs and awkward files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cxrscreen.classifier.bundle import load_classifier, read_card, read_making
from cxrscreen.classifier.registry import SHIPPED_MODELS, SHIPPED_VERSION
from cxrscreen.lungs.bundle import SHIPPED_LUNGS, load_segmenter
from cxrscreen.lungs.gate_bundle import load_gate
from cxrscreen.radiograph.read import read_radiograph
from cxrscreen.radiograph.refusal import Reason
from tests.lungs.test_gate_real import ACCEPTED, REFUSED
from tests.radiograph.drawn import LIMITS

if TYPE_CHECKING:
    from cxrscreen.screening.looking import Tools

pytestmark = [pytest.mark.real_data, pytest.mark.tensorflow]

SHIPPED = SHIPPED_MODELS / SHIPPED_VERSION
AT_ONCE = 8


@pytest.fixture(scope="module")
def tools() -> Tools:
    from cxrscreen.screening.looking import Tools  # noqa: PLC0415  # starts TensorFlow

    return Tools(
        card=read_card(SHIPPED),
        classifier=load_classifier(SHIPPED),
        segmenter=load_segmenter(SHIPPED_LUNGS),
        gate=load_gate(SHIPPED),
    )


def refusals(tools: Tools, contents: Sequence[bytes]) -> Iterator[Reason | None]:
    """Why each one is refused."""
    from cxrscreen.screening.looking import Stopped, look_together  # noqa: PLC0415  # starts TensorFlow

    for start in range(0, len(contents), AT_ONCE):
        radiographs = [read_radiograph(content, LIMITS) for content in contents[start : start + AT_ONCE]]
        for seen in look_together(tools, radiographs, "guided"):
            yield seen.refusal.reason if isinstance(seen, Stopped) else None


def test_the_awkward_files_are_told_from_radiographs(real_data: Path, tools: Tools) -> None:
    numbers = [*ACCEPTED, *REFUSED]
    folder = real_data / "cxr" / "formats"
    found = dict(
        zip(
            numbers,
            refusals(tools, [next(folder.glob(f"{number}_*")).read_bytes() for number in numbers]),
            strict=True,
        )
    )
    assert {number: found[number] for number in ACCEPTED} == dict.fromkeys(ACCEPTED)
    for number, allowed in REFUSED.items():
        assert found[number] in allowed, number


def test_of_the_held_out_test_part_it_refuses_what_its_card_says(real_data: Path, tools: Tools) -> None:
    making, gate = read_making(SHIPPED), tools.card.gate
    assert making is not None
    assert gate is not None
    assert gate.in_test is not None
    diseased, contents = [], []
    for label in ("covid", "normal"):
        for file in sorted((real_data / "cxr" / label).iterdir()):
            content = file.read_bytes()
            if hashlib.sha256(content).hexdigest() in making.test:
                diseased.append(label == "covid")
                contents.append(content)
    assert len(contents) == len(making.test) == gate.in_test.refused.n
    refused = [reason is not None for reason in refusals(tools, contents)]
    assert sum(refused) / len(refused) == pytest.approx(gate.in_test.refused.value)
    of_diseased = [one for one, is_diseased in zip(refused, diseased, strict=True) if is_diseased]
    assert sum(of_diseased) / len(of_diseased) == pytest.approx(gate.in_test.refused_positives.value)
