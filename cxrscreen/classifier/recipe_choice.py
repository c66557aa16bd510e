"""On which data sets a recipe was chosen: there, no figure of its development part is free of that choice."""

from __future__ import annotations

from cxrscreen.classifier.estimate import Frozen


class RecipeChoice(Frozen):
    """A comparison of recipes.

    Attributes:
        among: Recipes that were compared.
        record: By what criterion, and with which departures; a file of this project.
    """

    among: int
    record: str


_CHOSEN_ON = {
    # Framing, block, penalty and copies of the recipe, on the development part of the set with this fingerprint.
    ("lung-focused", "6da33ed7bccd0f371936d883f5d5c3c69bca78da8b3d023537a121a042ce9c6c"): RecipeChoice(
        among=92, record="deployments/recipes/criterion.md"
    ),
}


def choice_of(recipe: str, fingerprint: str) -> RecipeChoice | None:
    """Return how the recipe was chosen on the data set of this fingerprint; ``None`` where it was not."""
    return _CHOSEN_ON.get((recipe, fingerprint))
