"""Made-up evaluations for tests: nobody's radiographs, nobody's figures."""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np

from cxrscreen.classifier.bias_report import BalanceRow, BiasReport, Shortcut
from cxrscreen.classifier.calibration import ReliabilityBin
from cxrscreen.classifier.card import DataSetCard
from cxrscreen.classifier.estimate import Estimate
from cxrscreen.classifier.making import Augmentation, GridPoint, Making, SearchRecord
from cxrscreen.classifier.map_card import MapCard
from cxrscreen.classifier.reference import Reference
from cxrscreen.classifier.shortcut_audit import ShortcutAudit
from cxrscreen.classifier.uncertain_band import UncertainBand
from cxrscreen.evaluation.data_report import Copy, DataReport, Likeness
from cxrscreen.evaluation.gallery import GalleryPicture, choose, predicted
from cxrscreen.evaluation.result import (
    Comparison,
    Confusion,
    CurvePoint,
    Evaluation,
    Figures,
    LeftOutFile,
    Predictive,
    ScoredFile,
    SeenBy,
    Subgroup,
)
from cxrscreen.evaluation.site_acceptance import LocalPoint, SiteAcceptance, site_acceptance
from cxrscreen.evaluation.trust import GateFigures, MapFigures
from cxrscreen.evaluation.trust_figures import map_figures
from cxrscreen.evaluation.unscored import Unscored
from cxrscreen.lungs.map_audit import MapAudit, RegionShare

THRESHOLD = 0.3
WILSON = "Wilson, radiographs taken as independent"
BOOTSTRAP = "bootstrap by patient, 2000 draws"


def estimate(value: float, low: float, high: float, n: int = 53, method: str = WILSON) -> Estimate:
    return Estimate(value=value, low=low, high=high, n=n, method=method)


def shortcuts(*, exchanged: tuple[float, float], difference: tuple[float, float] = (0.31, 0.47)) -> ShortcutAudit:
    """An audit with these 95 % limits."""

    def between(limits: tuple[float, float]) -> Estimate:
        return estimate(sum(limits) / 2, *limits, n=240, method=BOOTSTRAP)

    return ShortcutAudit(
        n=240,
        positives=140,
        patients=190,
        without_fields=6,
        intact=between((0.93, 0.99)),
        lungs_out=between((0.5, 0.64)),
        lungs_only=between((0.9, 0.96)),
        exchanged=between(exchanged),
        difference=between(difference),
        same_view=between((0.86, 0.97)),
    )


BAND = UncertainBand(
    low=0.22,
    high=0.61,
    largest_error=0.05,
    missed=estimate(0.03125, 0.0055, 0.157, n=32),
    found=estimate(0.90625, 0.758, 0.968, n=32),
    false_alarms=estimate(0.048, 0.0085, 0.227, n=21),
    cleared=estimate(0.714, 0.5, 0.862, n=21),
    uncertain=estimate(0.132, 0.065, 0.248),
)


def made_up_maps() -> MapFigures:
    generator = np.random.default_rng(9)
    shares = (
        MapAudit(
            lungs=RegionShare(energy=energy, area=0.3),
            clavicles=RegionShare(energy=0.1, area=0.08),
            mediastinum=RegionShare(energy=0.2, area=0.15),
            border=RegionShare(energy=0.02, area=0.2),
            text=RegionShare(energy=0.0, area=0.0),
        )
        for energy in generator.uniform(0.2, 0.7, 50)
    )
    limit = MapCard(least=1.2, n=200, below_chance=estimate(0.1, 0.06, 0.15, n=200))
    figures = map_figures([*shares, None, None], without_fields=1, limit=limit)
    assert figures is not None
    return figures


MAPS = made_up_maps()
GATE = GateFigures(
    n=54,
    refused=estimate(1 / 54, 0.003, 0.098, n=54),
    refused_diseased=estimate(1 / 33, 0.005, 0.153, n=33),
    refused_healthy=estimate(0.0, 0.0, 0.155, n=21),
    flagged=estimate(2 / 54, 0.01, 0.125, n=54),
    reasons={"turned": 1},
    notices={"It looks unlike the radiographs that the model was made from: the score means little here.": 2},
    strangeness=Reference.of([0.4, 0.6, 1.1]),
)


def made_up_files(diseased: int = 32, healthy: int = 21) -> tuple[ScoredFile, ...]:
    generator = np.random.default_rng(7)
    high = 1 / (1 + np.exp(-generator.normal(3, 2, diseased)))
    low = 1 / (1 + np.exp(-generator.normal(-3, 2, healthy)))
    return (
        *(ScoredFile(file=f"covid/covid_{i:03}.png", label="covid", score=float(s)) for i, s in enumerate(high, 1)),
        *(ScoredFile(file=f"normal/normal_{i:03}.png", label="normal", score=float(s)) for i, s in enumerate(low, 1)),
    )


def made_up_curve(files: tuple[ScoredFile, ...]) -> tuple[CurvePoint, ...]:
    positives = sum(file.label == "covid" for file in files)
    points = [CurvePoint(threshold=None, sensitivity=0, false_positive_rate=0, precision=None)]
    found = alarms = 0
    for file in sorted(files, key=lambda file: -file.score):
        found += file.label == "covid"
        alarms += file.label == "normal"
        points.append(
            CurvePoint(
                threshold=file.score,
                sensitivity=found / positives,
                false_positive_rate=alarms / (len(files) - positives),
                precision=found / (found + alarms),
            )
        )
    return tuple(points)


FIGURES = Figures(
    n=53,
    positives=32,
    patients=40,
    confusion=Confusion(true_positive=31, false_negative=1, false_positive=5, true_negative=16),
    accuracy=estimate(0.8868, 0.7742, 0.9471),
    precision=estimate(0.8611, 0.7134, 0.9392, n=36),
    sensitivity=estimate(0.96875, 0.8426, 0.9945, n=32),
    specificity=estimate(0.7619, 0.5491, 0.8937, n=21),
    balanced_accuracy=estimate(0.8653, 0.7702, 0.9427, method=BOOTSTRAP),
    auc=estimate(0.9717, 0.9301, 0.9971, method=BOOTSTRAP),
    average_precision=estimate(0.9829, 0.9552, 0.9982, method=BOOTSTRAP),
    brier=estimate(0.0731, 0.0405, 0.1117, method=BOOTSTRAP),
)

BIAS = BiasReport(
    radiographs=266,
    positives=160,
    patients=201,
    patients_with_several=40,
    patients_of_both_classes=1,
    copies=2,
    alike=2,
    alike_across_classes=1,
    disjoint_sources=True,
    balance=(
        BalanceRow(by="source", value="first/source-of-radiographs", diseased=160, healthy=0),
        BalanceRow(by="source", value="Second Archive", diseased=0, healthy=106),
        BalanceRow(by="view", value="PA", diseased=90, healthy=106),
        BalanceRow(by="view", value="AP Supine", diseased=70, healthy=0),
        BalanceRow(by="sex", value="F", diseased=60, healthy=50),
        BalanceRow(by="sex", value="M", diseased=90, healthy=56),
        BalanceRow(by="sex", value="not stated", diseased=10, healthy=0),
        BalanceRow(by="age", value="18 to 39", diseased=40, healthy=50),
        BalanceRow(by="age", value="not stated", diseased=120, healthy=56),
    ),
    shortcuts=(
        Shortcut(
            name="image shape",
            meaning="Width, height and aspect of the picture, without its content.",
            auc=estimate(0.8, 0.74, 0.86, n=266, method=BOOTSTRAP),
        ),
        Shortcut(
            name="16x16 thumbnail",
            meaning="The picture in 256 cells: no lesion can be seen in it.",
            auc=estimate(0.91, 0.87, 0.95, n=266, method=BOOTSTRAP),
        ),
    ),
    summary=(
        (
            "All COVID-19 radiographs come from one set of sources and all normal ones from another: a model may tell "
            "the sources apart instead of the disease, and no figure on this set can show which it does."
        ),
        "A 16x16 thumbnail alone tells the classes apart with an AUC of 0.91 (0.87 to 0.95).",
    ),
)

DATA = DataReport(
    bias=BIAS,
    copies=(Copy(file="covid/copy.png", of="covid/covid_001.png"),),
    alike=(
        Likeness(
            first="covid/covid_002.png",
            second="normal/mirrored.png",
            correlation=0.98,
            mirrored=True,
            across_classes=True,
            same_patient=False,
        ),
        Likeness(
            first="covid/covid_003.png",
            second="covid/brighter.png",
            correlation=0.995,
            mirrored=False,
            across_classes=False,
            same_patient=True,
        ),
    ),
)


def evaluation(**changes: object) -> Evaluation:
    files = made_up_files()
    base = Evaluation(
        name="held-out test of radiographs-2026",
        evaluated_at="2026-03-14T02:14:09+07:00",
        model="standard-0",
        weights_sha256="9f3b" * 16,
        recipe="standard",
        data_set=DataSetCard(
            name="radiographs-2026: first/source-of-radiographs; Second Archive",
            fingerprint="ab" * 32,
            n=266,
            positives=160,
            patients=201,
        ),
        seen=0,
        seen_by=SeenBy(files=0, content=0),
        looks=2,
        threshold=THRESHOLD,
        figures=FIGURES,
        curve=made_up_curve(files),
        calibration=tuple(
            ReliabilityBin(mean_score=mean, observed=estimate(value, low, high, n=13))
            for mean, value, low, high in (
                (0.01, 0.0, 0.0, 0.23),
                (0.2, 0.31, 0.13, 0.58),
                (0.9, 0.92, 0.67, 0.99),
                (0.99, 1.0, 0.77, 1.0),
            )
        ),
        predictive=tuple(
            Predictive(
                prevalence=prevalence,
                ppv=estimate(ppv, ppv / 2, min(1, 2 * ppv), method="both Wilson limits together"),
                npv=estimate(0.99, 0.97, 0.999, method="both Wilson limits together"),
            )
            for prevalence, ppv in ((0.01, 0.039), (0.05, 0.176), (0.1, 0.311), (0.3, 0.636))
        ),
        subgroups=(
            Subgroup(
                by="view",
                value="PA",
                n=40,
                positives=19,
                sensitivity=estimate(0.95, 0.75, 0.99, n=19),
                specificity=estimate(0.76, 0.55, 0.89, n=21),
                auc=estimate(0.95, 0.89, 0.99, n=40, method=BOOTSTRAP),
            ),
            Subgroup(
                by="view",
                value="AP Supine",
                n=13,
                positives=13,
                sensitivity=estimate(1.0, 0.77, 1.0, n=13),
                specificity=None,
                auc=None,
            ),
        ),
        data=DATA,
        files=files,
        left_out=(
            LeftOutFile(file="covid/copy.png", reason="copy"),
            LeftOutFile(file="normal/lateral.dcm", reason="view"),
        ),
        doubts=(
            ScoredFile(file="normal/normal_101.png", label="normal", score=0.99996),
            ScoredFile(file="covid/a-name-that-goes-on_" + "and-on_" * 20 + ".png", label="covid", score=0.004),
        ),
        calibrated_on=213,
        band=BAND,
        shortcuts=shortcuts(exchanged=(0.03, 0.12)),
        card_shortcuts=shortcuts(exchanged=(0.9, 0.97)),
        maps=MAPS,
        gate=GATE,
    )
    return base.model_copy(update=changes)


COMPARISON = Comparison(
    champion="standard-2",
    challenger="standard-0",
    n=53,
    positives=32,
    patients=40,
    seen_by_champion=4,
    auc=estimate(0.012, -0.004, 0.031, method="paired bootstrap by patient, 2000 draws"),
    sensitivity=estimate(-0.031, -0.1, 0.0, method="paired bootstrap by patient, 2000 draws"),
    specificity=estimate(0.095, 0.0, 0.2, method="paired bootstrap by patient, 2000 draws"),
    brier=estimate(-0.01, -0.03, 0.004, method="paired bootstrap by patient, 2000 draws"),
    verdict="cannot tell",
    reasons=(
        "AUC: +0.012 (-0.004 to +0.031) on 53 radiographs: no difference can be told from chance.",
        "Sensitivity: -0.031 (-0.100 to 0.000): it may be worse by more than the 0.05 that is allowed.",
    ),
)


def grid_point(stage: str, *settings: float, optimizer: str = "Adam") -> GridPoint:
    rate, batch, epochs = settings
    middle = 0.97 - 0.3 * abs(rate - 0.02) - 0.002 * abs(batch - 7)
    folds = tuple(min(1.0, middle + step) for step in (-0.02, -0.01, 0.0, 0.01, 0.02))
    return GridPoint(
        stage=stage,
        learning_rate=rate,
        batch_size=int(batch),
        optimizer=optimizer,
        epochs=int(epochs),
        fold_auc=folds,
        fold_accuracy=tuple(fold - 0.05 for fold in folds),
    )


def made_up_search() -> SearchRecord:
    points = (
        *(grid_point("coarse", rate, batch, 10) for rate, batch in product((0.001, 0.02, 0.1), (5, 10, 15))),
        *(grid_point("optimizer", 0.001, 5, 10, optimizer=name) for name in ("Adam", "SGD", "RMSprop")),
        *(grid_point("fine rate", rate, 10, 10) for rate in (0.008, 0.02, 0.04)),
        *(grid_point("fine batch", 0.02, batch, 10) for batch in (5, 7, 10, 12)),
        *(grid_point("fine epochs", 0.02, 7, epochs) for epochs in (5, 7, 10, 12)),
    )
    return SearchRecord(start="study", criterion="auc", points=points, chosen=points[-1])


MAKING = Making(
    recipe="standard",
    seed=3,
    data_folder="radiographs-2026",
    fingerprint="ab" * 32,
    base_weights_sha256="1c2d" * 16,
    augmentation=Augmentation(copies=2, max_shift=0.1),
    search=made_up_search(),
    note="With the <b>new</b> archive",
    development=tuple(f"{number:064x}" for number in range(213)),
    test=tuple(f"{number:064x}" for number in range(213, 266)),
    looks=2,
)


def pictures_of(shown: Evaluation) -> tuple[GalleryPicture, ...]:
    slope = np.add.outer(np.arange(120), np.arange(100)).astype(np.uint8)
    jpeg = bytes(cv2.imencode(".jpg", slope)[1])
    return tuple(
        GalleryPicture(
            file=file.file,
            truth=file.label,
            prediction=predicted(file, shown.threshold),
            score=file.score,
            jpeg=jpeg,
        )
        for file in choose(shown.files, shown.threshold)
    )


def unscored() -> Unscored:
    """Eight upside-down radiographs, all of them refused."""
    all_refused = estimate(1.0, 0.51, 1.0, n=4)
    return Unscored(
        name="site",
        evaluated_at="2026-03-14T02:14:09+07:00",
        model="standard-0",
        weights_sha256="9f3b" * 16,
        recipe="lung-focused",
        data_set=DataSetCard(name="site", fingerprint="ab" * 32, n=8, positives=4, patients=8),
        seen=0,
        seen_by=SeenBy(files=0, content=0),
        threshold=THRESHOLD,
        data=DATA,
        left_out=tuple(
            LeftOutFile(file=f"{label}/{n}.png", reason="turned") for label in ("covid", "normal") for n in range(4)
        ),
        card_shortcuts=None,
        gate=GATE.model_copy(
            update={
                "n": 8,
                "refused": estimate(1.0, 0.68, 1.0, n=8),
                "refused_diseased": all_refused,
                "refused_healthy": all_refused,
                "reasons": {"turned": 8},
            }
        ),
        calibrated_on=213,
        diseased=4,
        diseased_refused=4,
        healthy=4,
        healthy_refused=4,
    )


def site(*, judged: Evaluation | None = None, patients: int = 40) -> SiteAcceptance:
    """The paper on an evaluation."""
    return site_acceptance(
        judged or evaluation(),
        healthy_patients=patients,
        diseased_patients=patients,
        local_point=LocalPoint(
            threshold=0.41,
            asked=0.95,
            sensitivity=estimate(0.9375, 0.799, 0.983, n=32),
            specificity=estimate(0.857, 0.654, 0.95, n=21),
        ),
        local_band=BAND,
        local_notes=(),
    )
