"""Of which of a model's radiographs the lung segmenter had learnt from the patient, as the model's card records it.

Lung fields of such patients may be better than those of any patient to come. Where only one class has them, they may
even help to tell the classes apart.
"""

from __future__ import annotations

from cxrscreen.classifier.estimate import Estimate, Frozen


class PartOverlap(Frozen):
    """One part of the model's labelled set.

    Attributes:
        positives: COVID-19 radiographs that have a score.
        positives_learnt: Of them, with a patient whom the segmenter had learnt from.
        negatives: Normal radiographs that have a score.
        negatives_learnt: Likewise.
        auc_of_others: Of the radiographs whose patients the segmenter had not learnt from; ``None`` where they lack a
            class.
    """

    positives: int
    positives_learnt: int
    negatives: int
    negatives_learnt: int
    auc_of_others: Estimate | None

    @property
    def learnt(self) -> int:
        """Of both classes."""
        return self.positives_learnt + self.negatives_learnt

    @property
    def in_words(self) -> str:
        """How many of each class."""
        return (
            f"{self.positives_learnt} of {self.positives} COVID-19 and {self.negatives_learnt} of {self.negatives} "
            "normal radiographs"
        )


class SegmenterOverlap(Frozen):
    """Patients are the same where both sets give them the same number; sets that number otherwise seem to share none.

    Attributes:
        development: Scored out of fold.
        test: Held out.
    """

    development: PartOverlap
    test: PartOverlap

    @property
    def limit(self) -> str | None:
        """One sentence for the limits of the card; ``None`` where no patient is shared."""
        if not self.development.learnt + self.test.learnt:
            return None
        return (
            f"The lung fields of {self.test.in_words} of the test part, and of {self.development.in_words} of the "
            "development part, come from a segmenter that had learnt from the patient: there they may be better than "
            "elsewhere."
        )
