"""From a labelled folder to a judged challenger, in steps that each may be killed and called again.

The test part is scored once, in the last step, by the head that ships; its operating point and, where a search was
asked for, its settings come from out-of-fold scores of the development part. The cross-validation's figures rest on
these same scores, so they are optimistic; their name says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cxrscreen.classifier.bundle import read_card, save_bundle
from cxrscreen.classifier.card import ModelCard
from cxrscreen.classifier.heads import AnyHead
from cxrscreen.classifier.making import GridPoint
from cxrscreen.classifier.recipe import dense_recipe, recipe_named
from cxrscreen.errors import SettingsError
from cxrscreen.evaluation.comparison import Judged
from cxrscreen.evaluation.data_report import DataReport
from cxrscreen.evaluation.gallery import GalleryPicture
from cxrscreen.evaluation.page import HTML_FILE, PDF_FILE, RECORD_FILE, EvaluationFiles, write_evaluation
from cxrscreen.evaluation.result import Comparison, Evaluation
from cxrscreen.labelled.evaluation import evaluation_of
from cxrscreen.labelled.gallery_pictures import gallery_of
from cxrscreen.labelled.site import Site
from cxrscreen.training.card_making import FinalLook, card_and_weights
from cxrscreen.training.challenger import Challenger, doubts_of, fit_challenger, not_shown
from cxrscreen.training.champion import compared_with_champion
from cxrscreen.training.development import Development
from cxrscreen.training.examined import Examined
from cxrscreen.training.held_out import HeldOut, scored_on
from cxrscreen.training.points import PointStore, circumstances_of
from cxrscreen.training.pooled_maps import PooledMaps, Pooling
from cxrscreen.training.promotion import promoted_by_itself
from cxrscreen.training.records import extras_of, making_of, read_judgement
from cxrscreen.training.request import RetrainRequest
from cxrscreen.training.runs import check_version
from cxrscreen.training.search import recipe_of
from cxrscreen.training.staged_search import StagedSearch
from cxrscreen.training.trust import measured_trust
from cxrscreen.types import Progress, Scores


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
        ModelError: The version that was asked for exists already, or the recipe has nothing to search.
    """

    def __init__(self, site: Site, request: RetrainRequest) -> None:
        self._site, self._request = site, request
        self._recipe = recipe_named(request.recipe)
        if request.search or request.augmentation.copies:
            dense_recipe(request.recipe)
        self._examined: Examined | None = None
        self._maps: PooledMaps | None = None
        self._search: StagedSearch | None = None
        if request.version:
            check_version(site, request.version)

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
        with self._step():
            return self._known(progress).report

    def compute_feature_maps(self, progress: Progress | None = None) -> int:
        """Compute the feature maps that the cache does not hold, and return how many these were."""
        before = self._site.cache.computed
        with self._step():
            self._pooled(progress)
        return self._site.cache.computed - before

    def search_stage(self, name: str, progress: Progress | None = None) -> tuple[GridPoint, ...]:
        """Search one stage, after those before it.

        Raises:
            SettingsError: There is no such stage.
        """
        if name not in self.stages:
            raise SettingsError(f"This search has no stage {name!r}. Its stages: {', '.join(self.stages) or 'none'}.")
        with self._step():
            return self._searched(name, progress)

    def finish(self, progress: Progress | None = None) -> Retrained:
        """Fit the model, score the test part with it, judge it, report, and hand it to the registry.

        Raises:
            CalibrationError: No operating point can be chosen.
            DataSetError: A radiograph went away meanwhile, or the record of the test part is damaged.
            ModelError: Rounding the base moves a score too far, or the version exists by now.
            ReportError: The report cannot be written.
        """
        with self._step():
            known = self._known(progress)
            made = self._made_before(known) if known.run.saved else self._made(known, progress)
            promoted = promoted_by_itself(self._site, made.evaluation, made.comparison)
            known.run.close()
            self._forget()
        return replace(made, promoted=promoted)

    def _made(self, known: Examined, progress: Progress | None) -> Retrained:
        site, request, maps = self._site, self._request, self._pooled(progress)
        search, recipe = None, self._recipe
        if self.stages:
            self._searched(self.stages[-1], progress)
            staged = self._staged()
            search = staged.record()
            recipe = recipe_of(search.chosen, staged.recipe)
        development = self._development(progress)
        challenger = fit_challenger(recipe, development, maps, known, seed=request.seed)
        trust = measured_trust(challenger, development, known, cache=site.cache, seed=request.seed, progress=progress)

        looks = self._look(known)
        test_scores = challenger.scores(maps.test)
        final = FinalLook(maps.test, test_scores, looks)
        card, weights = card_and_weights(challenger, trust, final, known, request)
        evaluation = self._evaluation(challenger, test_scores, card, looks=looks)
        comparison = compared_with_champion(
            Judged(
                card.version,
                test_scores,
                card.operating_point.threshold,
                card.shortcuts,
                challenger.recipe.framing,
                card.band,
            ),
            known,
            registry=site.registry,
            cache=site.cache,
            segmenters=site.segmenters,
            seed=request.seed,
            progress=progress,
        )
        making = making_of(known, request, search=search, looks=looks)
        pictures = self._gallery(evaluation, challenger.head, progress)
        report = self._report_folder(card.version)
        files = write_evaluation(evaluation, pictures, report, making=making, comparison=comparison)
        extras = extras_of(known, request, making=making, evaluation=evaluation, comparison=comparison)
        known.run.about_to_save(card)
        save_bundle(site.models, card, weights, extras)
        return Retrained(
            version=card.version, card=card, evaluation=evaluation, comparison=comparison, files=files, promoted=False
        )

    def _made_before(self, known: Examined) -> Retrained:
        """What this run had made when it was killed: its model was saved, its promotion perhaps not settled."""
        bundle, report = self._site.models / known.run.version, self._report_folder(known.run.version)
        evaluation, comparison = read_judgement(bundle)
        return Retrained(
            version=known.run.version,
            card=read_card(bundle),
            evaluation=evaluation,
            comparison=comparison,
            files=EvaluationFiles(report / HTML_FILE, report / PDF_FILE, report / RECORD_FILE),
            promoted=False,
        )

    def _look(self, known: Examined) -> int:
        """Count who was scored on the test part, now that this model is about to be."""
        version, members = known.run.version, known.files_of(known.whole.test)
        self._site.registry.check_free(version)  # else its report would take the place of another one's
        scored = scored_on(members, self._site.registry)
        return HeldOut.of(self._site, known.labelled).look(version, members, scored=scored)

    def _evaluation(self, challenger: Challenger, scores: Scores, card: ModelCard, *, looks: int) -> Evaluation:
        known = self._known(None)
        evaluation = evaluation_of(
            known.labelled,
            known.split.test,
            scores,
            card,
            name=f"held-out test of {known.labelled.name}",
            data=known.report,
            patients=known.patients,
            seen=0,
            looks=looks,
            seed=self._request.seed,
        )
        return evaluation.model_copy(
            update={
                "doubts": doubts_of(challenger, known),
                "left_out": (*evaluation.left_out, *not_shown(known)),
            }
        )

    def _report_folder(self, version: str) -> Path:
        return self._site.reports / f"retraining-{version}"

    @contextmanager
    def _step(self) -> Iterator[None]:
        """Let a step that fails leave the run, for whoever starts it again."""
        try:
            yield
        except BaseException:
            if self._examined is not None:
                self._examined.run.let_go()
            self._forget()
            raise

    def _forget(self) -> None:
        self._examined, self._maps = None, None
        self._search = None

    def _known(self, progress: Progress | None) -> Examined:
        if self._examined is None:
            self._examined = known = Examined.of(self._site, self._request, progress)
            # Also those that this recipe cannot be shown.
            HeldOut.of(self._site, known.labelled).set_aside(known.files_of(known.whole.test))
        return self._examined

    def _pooled(self, progress: Progress | None) -> PooledMaps:
        if self._maps is None:
            known = self._known(progress)
            self._maps = Pooling(self._site.cache, self._recipe, progress).of_split(
                known, known.shifts(self._request), seed=self._request.seed
            )
        return self._maps

    def _development(self, progress: Progress | None) -> Development:
        known = self._known(progress)
        return Development.of(self._pooled(progress), known.labelled.diseased, known.split)

    def _searched(self, name: str, progress: Progress | None) -> tuple[GridPoint, ...]:
        seed, development = self._request.seed, self._development(progress)
        store = PointStore(self._known(progress).run.folder, circumstances_of(development, seed=seed))
        return self._staged().up_to(name, development, store, seed=seed, progress=progress)

    def _staged(self) -> StagedSearch:
        if self._search is None:
            self._search = StagedSearch(self._request.space, dense_recipe(self._request.recipe))
        return self._search

    def _gallery(self, evaluation: Evaluation, head: AnyHead, progress: Progress | None) -> tuple[GalleryPicture, ...]:
        known, site = self._known(progress), self._site
        return gallery_of(
            self._request.data_folder,
            evaluation,
            known.sighted,
            head,
            known.bases.rounded,
            recipe=self._recipe,
            cache=site.cache,
            limits=site.limits,
            progress=progress,
        )


def retrain(site: Site, request: RetrainRequest, progress: Progress | None = None) -> Retrained:
    """Take all steps in their order; see ``Retraining`` for what may go wrong."""
    retraining = Retraining(site, request)
    retraining.examine(progress)
    retraining.compute_feature_maps(progress)
    for stage in retraining.stages:
        retraining.search_stage(stage, progress)
    return retraining.finish(progress)
