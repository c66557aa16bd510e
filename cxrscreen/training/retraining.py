"""From a labelled folder to a judged challenger, in steps that each may be killed and called again.

The test part is scored once, in the last step, by the head that ships; its operating point and, where a search was
asked for, its settings come from out-of-fold scores of the development part. The cross-validation's figures rest on
these same scores, so they are optimistic; their name says so.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from cxrscreen.classifier.bundle import free_folder, save_bundle
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.head import Head
from cxrscreen.classifier.making import GridPoint, SearchRecord
from cxrscreen.classifier.recipe import Recipe, recipe_named
from cxrscreen.errors import DataSetError, ModelError, SettingsError
from cxrscreen.evaluation.comparison import Judged
from cxrscreen.evaluation.data_report import DataReport
from cxrscreen.evaluation.gallery import GalleryPicture
from cxrscreen.evaluation.page import EvaluationFiles, write_evaluation
from cxrscreen.evaluation.result import Comparison, Evaluation
from cxrscreen.labelled.bias import examine
from cxrscreen.labelled.evaluate import evaluation_of, gallery_of
from cxrscreen.labelled.groups import joined_patients
from cxrscreen.labelled.labelled_set import LabelledSet, read_labelled
from cxrscreen.labelled.site import Site
from cxrscreen.labelled.splits import split_by_patient
from cxrscreen.training.base import Bases, base_weights
from cxrscreen.training.challenger import card_and_weights, doubts_of, fit_challenger
from cxrscreen.training.champion import compared_with_champion
from cxrscreen.training.development import Development
from cxrscreen.training.examined import Examined
from cxrscreen.training.points import PointStore
from cxrscreen.training.pooled_maps import PooledMaps, Pooling
from cxrscreen.training.records import extras_of, making_of
from cxrscreen.training.request import RetrainRequest
from cxrscreen.training.runs import open_run
from cxrscreen.training.search import best_of, recipe_of, run_stage
from cxrscreen.training.search_space import Stage
from cxrscreen.training.test_parts import TestPart
from cxrscreen.types import Progress

TEST_PARTS = "test-parts"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrained:
    """What a retraining made.

    Attributes:
        version: Of the new model, which the registry knows from now on.
        card: Of the new model.
        evaluation: Of the test part.
        comparison: With the champion; ``None`` where there was none.
        files: The evaluation report.
        promoted: True where the site promotes by itself and the verdict allowed it.
    """

    version: str
    card: ModelCard
    evaluation: Evaluation
    comparison: Comparison | None
    files: EvaluationFiles
    promoted: bool


class Retraining:
    """One retraining, step by step; each step first does whatever of the earlier ones is missing.

    The same request on the same data gives the same numbers on the same machine, whether or not it was killed on the
    way: feature maps lie in the site's cache, finished points of the search in the run's folder.

    Raises:
        ModelError: The version that was asked for exists already.
    """

    def __init__(self, site: Site, request: RetrainRequest) -> None:
        self._site, self._request = site, request
        self._recipe = recipe_named(request.recipe)
        self._examined: Examined | None = None
        self._maps: PooledMaps | None = None
        self._points: dict[str, tuple[GridPoint, ...]] = {}
        if request.version:
            free_folder(site.models, request.version)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the search's stages in their order; none where no search is asked for."""
        return tuple(stage.name for stage in self._request.space.stages) if self._request.search else ()

    def examine(self, progress: Progress | None = None) -> DataReport:
        """Read the folder, look for leaks and biases, and set the test part aside.

        Raises:
            DataSetError: The folder cannot be trained on.
            ModelError: The base is missing or damaged.
        """
        return self._known(progress).report

    def compute_feature_maps(self, progress: Progress | None = None) -> int:
        """Compute the feature maps that the cache does not hold, and return how many these were."""
        before = self._site.cache.computed
        self._pooled(progress)
        return self._site.cache.computed - before

    def search_stage(self, name: str, progress: Progress | None = None) -> tuple[GridPoint, ...]:
        """Search one stage, after those before it.

        Raises:
            SettingsError: There is no such stage.
        """
        if name not in self.stages:
            raise SettingsError(f"This search has no stage {name!r}. Its stages: {', '.join(self.stages) or 'none'}.")
        stages = self._request.space.stages
        for stage in stages[: self.stages.index(name) + 1]:
            if stage.name not in self._points:
                self._points[stage.name] = self._searched(stage, progress)
        return self._points[name]

    def finish(self, progress: Progress | None = None) -> Retrained:
        """Fit the model, score the test part with it, judge it, report, and hand it to the registry.

        Raises:
            CalibrationError: No operating point can be chosen.
            DataSetError: A radiograph went away meanwhile, or the record of the test part is damaged.
            ModelError: Rounding the base moves a score too far, or the version exists by now.
            ReportError: The report cannot be written.
        """
        site, request, known, maps = self._site, self._request, self._known(progress), self._pooled(progress)
        search = self._search_record(progress)
        recipe = recipe_of(search.chosen, self._recipe) if search else self._recipe
        challenger = fit_challenger(recipe, self._development(progress), maps, seed=request.seed)

        looks = TestPart(site.runs / TEST_PARTS, known.labelled.fingerprint).look(known.run.version)
        test_scores = challenger.head.scores_pooled(maps.test)
        card, weights = card_and_weights(challenger, test_scores, known, request)
        evaluation = evaluation_of(
            known.labelled,
            known.split.test,
            test_scores,
            card,
            name=f"held-out test of {known.labelled.name}",
            data=known.report,
            seen=0,
            looks=looks,
            seed=request.seed,
        ).model_copy(update={"doubts": doubts_of(challenger, known)})
        comparison = compared_with_champion(
            Judged(card.version, test_scores, card.operating_point.threshold),
            known,
            registry=site.registry,
            cache=site.cache,
            seed=request.seed,
            progress=progress,
        )
        making = making_of(known, request, search=search, looks=looks)
        files = write_evaluation(
            evaluation,
            self._gallery(evaluation, challenger.head, progress),
            site.reports / f"retraining-{card.version}",
            making=making,
            comparison=comparison,
        )
        save_bundle(
            site.models,
            card,
            weights,
            extras_of(known, request, making=making, evaluation=evaluation, comparison=comparison),
        )
        known.run.close()
        return Retrained(
            version=card.version,
            card=card,
            evaluation=evaluation,
            comparison=comparison,
            files=files,
            promoted=self._promoted(comparison),
        )

    def _known(self, progress: Progress | None) -> Examined:
        if self._examined is None:
            site, request = self._site, self._request
            labelled = read_labelled(request.data_folder, limits=site.limits, progress=progress)
            _tell_of_left_out(labelled)
            report = examine(labelled, seed=request.seed, progress=progress)
            patients = joined_patients(labelled, report.alike)
            split = split_by_patient(patients, labelled.diseased, seed=request.seed)
            given = base_weights(request.base)
            fingerprint = labelled.fingerprint
            run = open_run(site.runs, request, fingerprint=fingerprint, base_sha256=given.sha256, models=site.models)
            self._examined = Examined(
                labelled=labelled,
                report=report,
                patients=patients,
                split=split,
                bases=Bases.of(given),
                run=run,
            )
            TestPart(site.runs / TEST_PARTS, fingerprint).set_aside(self._examined.files_of(split.test))
        return self._examined

    def _pooled(self, progress: Progress | None) -> PooledMaps:
        if self._maps is None:
            known = self._known(progress)
            self._maps = Pooling(self._site.cache, self._recipe, progress).of_split(
                known.labelled.prepared, known.split, known.shifts(self._request), known.bases
            )
        return self._maps

    def _development(self, progress: Progress | None) -> Development:
        known = self._known(progress)
        return Development.of(self._pooled(progress), known.labelled.diseased, known.split)

    def _searched(self, stage: Stage, progress: Progress | None) -> tuple[GridPoint, ...]:
        known = self._known(progress)
        return run_stage(
            stage,
            self._start_of(stage),
            self._development(progress),
            PointStore(known.run.folder, known.circumstances(self._request)),
            seed=self._request.seed,
            progress=progress,
        )

    def _start_of(self, stage: Stage) -> Recipe:
        earlier = [point for points in self._points.values() for point in points]
        if self._request.space.start == "best" and earlier:
            return recipe_of(best_of(earlier, self._request.space.criterion), self._recipe)
        return stage.starting_from(self._recipe)

    def _search_record(self, progress: Progress | None) -> SearchRecord | None:
        if not self.stages:
            return None
        space = self._request.space
        points = tuple(point for name in self.stages for point in self.search_stage(name, progress))
        return SearchRecord(
            start=space.start, criterion=space.criterion, points=points, chosen=best_of(points, space.criterion)
        )

    def _gallery(self, evaluation: Evaluation, head: Head, progress: Progress | None) -> tuple[GalleryPicture, ...]:
        known, site = self._known(progress), self._site
        test = known.test_set()
        maps = site.cache.feature_maps(test.prepared, known.bases.rounded, step="gallery", progress=progress)
        try:
            return gallery_of(self._request.data_folder, evaluation, test, maps, head, limits=site.limits)
        except OSError as exc:
            raise DataSetError(
                f"A radiograph of {test.name} can no longer be read: {exc.strerror}. Put it back and start again."
            ) from exc

    def _promoted(self, comparison: Comparison | None) -> bool:
        if not self._site.automatic_promotion or comparison is None or comparison.verdict != "promote":
            return False
        try:
            self._site.registry.promote(comparison.challenger, who="automatic", why=" ".join(comparison.reasons))
        except ModelError as exc:  # the champion changed meanwhile: the model is there, a person can compare again
            _log.warning("%s", exc)
            return False
        return True


def retrain(site: Site, request: RetrainRequest, progress: Progress | None = None) -> Retrained:
    """Take all steps in their order; see ``Retraining`` for what may go wrong."""
    retraining = Retraining(site, request)
    retraining.examine(progress)
    retraining.compute_feature_maps(progress)
    for stage in retraining.stages:
        retraining.search_stage(stage, progress)
    return retraining.finish(progress)


def _tell_of_left_out(labelled: LabelledSet) -> None:
    if labelled.left_out:
        by_reason = ", ".join(f"{count} {reason}" for reason, count in sorted(labelled.left_out_counts.items()))
        _log.warning("Files of %s left out: %s. The evaluation report names them.", labelled.name, by_reason)
