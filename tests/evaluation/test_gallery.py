from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cxrscreen.evaluation.gallery import MOST, GalleryPicture, choose, predicted
from cxrscreen.evaluation.result import Label, ScoredFile

THRESHOLD = 0.3


def scored(label: Label, *scores: float) -> list[ScoredFile]:
    return [ScoredFile(file=f"{label}/{i}-{score}.png", label=label, score=score) for i, score in enumerate(scores)]


def shown(files: list[ScoredFile], most: int = MOST) -> list[tuple[str, float]]:
    return [(file.label, file.score) for file in choose(files, THRESHOLD, most)]


def test_errors_come_first_and_the_worst_error_before_all() -> None:
    files = scored("covid", 0.9, 0.01, 0.99, 0.2) + scored("normal", 0.05, 0.31, 0.001, 0.6)
    assert shown(files)[:4] == [("covid", 0.01), ("normal", 0.6), ("covid", 0.2), ("normal", 0.31)]


def test_right_ones_follow_by_sureness_the_classes_in_turn() -> None:
    files = scored("covid", 0.9, 0.99, 0.4) + scored("normal", 0.05, 0.001)
    assert shown(files) == [("covid", 0.99), ("normal", 0.001), ("covid", 0.9), ("normal", 0.05), ("covid", 0.4)]


def test_a_score_at_the_threshold_is_positive() -> None:
    for label in ("covid", "normal"):
        (file,) = scored(label, THRESHOLD)
        assert predicted(file, THRESHOLD) == "covid"


def test_a_caption_says_truth_and_prediction() -> None:
    picture = GalleryPicture(file="a.png", truth="normal", prediction="covid", score=0.9, jpeg=b"")
    assert picture.caption == "normal - COVID-19"


def test_many_false_alarms_crowd_out_neither_the_one_missed_nor_all_that_is_right() -> None:
    files = scored("normal", *[0.9] * 100, 0.01) + scored("covid", 0.29, 0.9)
    chosen = choose(files, THRESHOLD, most=10)
    assert len(chosen) == 10
    assert sum(file.label == "covid" and file.score < THRESHOLD for file in chosen) == 1
    assert [(file.label, predicted(file, THRESHOLD)) for file in chosen[-2:]] == [
        ("covid", "covid"),
        ("normal", "normal"),
    ]


scores = st.lists(st.floats(0, 1), max_size=40)


@given(covid=scores, normal=scores, most=st.integers(1, 30))
def test_nothing_is_shown_twice_and_no_right_one_before_an_error(
    covid: list[float], normal: list[float], most: int
) -> None:
    files = scored("covid", *covid) + scored("normal", *normal)
    chosen = choose(files, THRESHOLD, most)
    assert len(chosen) == min(most, len(files))
    assert len({file.file for file in chosen}) == len(chosen)
    wrong = [(file.score >= THRESHOLD) != (file.label == "covid") for file in chosen]
    assert wrong == sorted(wrong, reverse=True)
