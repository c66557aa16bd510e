"""A search, stage by stage: what each stage starts from, and what the whole ends with."""

from __future__ import annotations

from dataclasses import dataclass, field

from cxrscreen.classifier.making import GridPoint, SearchRecord
from cxrscreen.classifier.recipe import DenseRecipe
from cxrscreen.training.development import Development
from cxrscreen.training.points import PointStore
from cxrscreen.training.search import best_of, recipe_of, run_stage
from cxrscreen.training.search_space import SearchSpace, Stage
from cxrscreen.types import Progress


@dataclass(frozen=True, slots=True)
class StagedSearch:
    """One search.

    Attributes:
        space: What is searched.
        recipe: Gives the settings that neither a stage nor an earlier best point sets.
        points: Of the stages that are done, by their names.
    """

    space: SearchSpace
    recipe: DenseRecipe
    points: dict[str, tuple[GridPoint, ...]] = field(default_factory=dict)

    def up_to(
        self, name: str, development: Development, store: PointStore, *, seed: int, progress: Progress | None
    ) -> tuple[GridPoint, ...]:
        """Search what is missing of the stages up to this one, and return its points."""
        for stage in self.space.stages:
            if stage.name not in self.points:
                start = self._start_of(stage)
                self.points[stage.name] = run_stage(stage, start, development, store, seed=seed, progress=progress)
            if stage.name == name:
                break
        return self.points[name]

    def record(self) -> SearchRecord:
        """All points in the order of the stages, once these are done."""
        points = tuple(point for stage in self.space.stages for point in self.points[stage.name])
        chosen = best_of(points, self.space.criterion)
        return SearchRecord(start=self.space.start, criterion=self.space.criterion, points=points, chosen=chosen)

    def _start_of(self, stage: Stage) -> DenseRecipe:
        earlier = [point for points in self.points.values() for point in points]
        if self.space.start == "best" and earlier:
            return recipe_of(best_of(earlier, self.space.criterion), self.recipe)
        return stage.starting_from(self.recipe)
