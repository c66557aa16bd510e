"""A slice of the corpus, on every run of the tests; ``python -m tests.fuzz`` is the whole of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import JPEGBaseline8Bit

from cxrscreen.errors import RefusedError
from cxrscreen.radiograph.isolation import IsolatedReader
from cxrscreen.radiograph.radiograph import Radiograph
from cxrscreen.radiograph.refusal import Reason
from tests.fuzz.corpus import LIMITS, Tally, run
from tests.fuzz.dicom_breaks import elements_in
from tests.fuzz.mutate import case
from tests.fuzz.seeds import CHEST, seeds
from tests.radiograph.drawn import dicom_around, encoded

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED, CASES = 11, 400
SECONDS_AT_MOST = 20


@pytest.fixture(scope="module")
def reader() -> Iterator[IsolatedReader]:
    reader = IsolatedReader()
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def tally(reader: IsolatedReader) -> Tally:
    return run(SEED, range(CASES), reader)


def test_every_broken_file_is_read_or_refused_and_nothing_else(tally: Tally) -> None:
    assert tally.escaped == []
    assert tally.troubles == []
    assert sum(sum(counted.values()) for counted in tally.outcomes.values()) == CASES


def test_no_broken_file_takes_long(tally: Tally) -> None:
    assert tally.slowest[0][0] < SECONDS_AT_MOST


def test_the_corpus_is_neither_too_broken_nor_too_sound_to_find_anything(tally: Tally) -> None:
    for kind, counted in tally.outcomes.items():
        assert 0.05 < counted["accepted"] / counted.total() < 0.8, kind
        assert len(counted) >= 5, kind


def test_the_seeds_of_the_corpus_are_sound(reader: IsolatedReader) -> None:
    refused: Counter[str] = Counter()
    for files in seeds().values():
        for name, content in files.items():
            try:
                assert isinstance(reader.radiograph(content, LIMITS), Radiograph)
            except RefusedError as exc:
                refused[f"{name}: {exc.reason}"] += 1
    # Its codec decodes it; what is refused are the colours of a test picture.
    assert set(refused) == {"SC_rgb_jpeg_gdcm.dcm: colour"}


# Found by the whole corpus: GDCM crashes on the first two; of the third, libpng prints more than can be listened to.
@pytest.mark.parametrize("number", [6558, 14_099, 6725], ids=["JPEG", "lossless JPEG", "a thousand chunks too many"])
def test_a_file_that_ends_its_reader_is_refused_and_the_next_is_read(number: int, reader: IsolatedReader) -> None:
    with pytest.raises(RefusedError) as refusal:
        reader.radiograph(case(4, number)[2], LIMITS)
    assert refusal.value.reason is Reason.DAMAGED
    assert isinstance(reader.radiograph(encoded(".png", CHEST), LIMITS), Radiograph)


def test_a_case_comes_again_with_its_number() -> None:
    assert case(SEED, 7) == case(SEED, 7)
    assert len({case(SEED, number)[2] for number in range(40)}) == 40


def test_taking_a_file_apart_and_putting_it_together_changes_nothing() -> None:
    content = dicom_around(encoded(".jpg", CHEST), CHEST, bits=8, syntax=JPEGBaseline8Bit)
    assert b"".join(element.written() for element in elements_in(content[132:])) == content[132:]
