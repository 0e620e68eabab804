"""Which parameters a phase trains."""

from __future__ import annotations

from torch import nn

from ganzoo.contract.recipe import Phase, Recipe


def trained_parameters(recipe: Recipe, *phases: Phase) -> list[nn.Parameter]:
    """Return the parameters that phases train, each once, even if two networks share it."""
    names = (name for phase in phases for name in phase.trains)
    parameters = (parameter for name in names for parameter in recipe.get_submodule(name).parameters())
    return list(dict.fromkeys(parameters))


def freeze_all_but(recipe: Recipe, phase: Phase) -> None:
    """Require gradients only of the parameters that ``phase`` trains, so that no other gradient is computed."""
    recipe.requires_grad_(False)
    for parameter in trained_parameters(recipe, phase):
        parameter.requires_grad_(True)
