"""The shipped segmenter's card against the radiographs that it was made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrscreen.lungs.bundle import SHIPPED_LUNGS

pytestmark = [pytest.mark.real_data, pytest.mark.tensorflow]


def test_on_patients_that_it_has_not_seen_it_agrees_as_its_card_says(real_data: Path) -> None:
    from cxrscreen.lungs.segmenter import Segmenter  # noqa: PLC0415  # starts TensorFlow
    from cxrscreen.training.lung_agreement import agreement_of  # noqa: PLC0415  # likewise
    from cxrscreen.training.lung_segmenter import SHIPPED_FOLD, folds_by_patient, marks_of  # noqa: PLC0415  # likewise
    from cxrscreen.training.lung_set import read_lung_set  # noqa: PLC0415  # likewise

    segmenter = Segmenter.of(SHIPPED_LUNGS)
    card, masked = segmenter.card, read_lung_set(real_data / "lungs")
    assert masked.fingerprint == card.data_set.fingerprint
    train, test = folds_by_patient(masked, seed=card.seed)[SHIPPED_FOLD]
    assert {masked.radiographs[place].sha256 for place in test} == set(card.held_out)
    assert not {masked.patients[place] for place in train} & {masked.patients[place] for place in test}
    assert marks_of(masked, train) == card.learnt_from
    assert not any(card.learnt(masked.radiographs[place].patient for place in test) or ())
    again = agreement_of(
        card.test.name,
        segmenter.lung_fields([masked.radiographs[place].square for place in test]),
        [masked.radiographs[place].mask for place in test],
        [masked.patients[place] for place in test],
        seed=card.seed,
    )
    assert again.mean.value == pytest.approx(card.test.mean.value, abs=1e-3)  # another processor rounds otherwise
    assert again.least == pytest.approx(card.test.least, abs=5e-3)
    assert (again.n, again.patients) == (card.test.n, card.test.patients)
