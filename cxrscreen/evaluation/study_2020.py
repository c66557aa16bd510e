"""What the 2020 study reported on its 54 test images, with the intervals that it did not print.

It printed accuracy 0.9815, precision 0.97, sensitivity 1.00 and specificity 0.9545. Only one table of
54 images gives these four: 32 true and 1 false positive, 21 true and no false negative.
"""

from __future__ import annotations

from cxrscreen.classifier.estimate import Estimate
from cxrscreen.evaluation.intervals import fraction

STUDY_2020: tuple[tuple[str, Estimate], ...] = (
    ("accuracy", fraction(53, 54)),
    ("precision", fraction(32, 33)),
    ("sensitivity", fraction(32, 32)),
    ("specificity", fraction(21, 22)),
)
"""Figures by name. Another split and other images than ours."""
