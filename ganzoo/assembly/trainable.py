"""Which parameters a phase trains."""

from __future__ import annotations

from torch import nn

from ganzoo.contract.recipe import Phase, Recipe


def trained_parameters(recipe: Recipe, phase: Phase) -> list[nn.Parameter]:
    """Return the parameters that a phase moves, each once, even where two networks share it."""
    owned = (parameter for name in phase.trains for parameter in recipe.get_submodule(name).parameters())
    return list(dict.fromkeys(owned))


def freeze_all_but(recipe: Recipe, phase: Phase) -> None:
    """Let only what ``phase`` trains ask for gradients, so that none is computed to be thrown away."""
    recipe.requires_grad_(False)
    for parameter in trained_parameters(recipe, phase):
        parameter.requires_grad_(True)
