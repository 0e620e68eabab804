"""Which parameters a recipe has, and which of them a phase trains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor, nn

from ganzoo.contract.recipe import Phase, Recipe
from ganzoo.text import did_you_mean


def trained_parameters(recipe: Recipe, *phases: Phase) -> list[nn.Parameter]:
    """Return the parameters that phases train, each once, even if two networks share it; frozen ones are left out."""
    names = (name for phase in phases for name in phase.trains)
    parameters = (parameter for name in names for parameter in recipe.get_submodule(name).parameters())
    frozen = {parameter for name in recipe.frozen for parameter in recipe.get_submodule(name).parameters()}
    return [parameter for parameter in dict.fromkeys(parameters) if parameter not in frozen]


def parameter_counts(recipe: Recipe) -> dict[str, int]:
    """Return the number of parameters of each network that has some."""
    counts = {name: sum(p.numel() for p in network.parameters()) for name, network in recipe.named_children()}
    return {name: count for name, count in counts.items() if count}


def freeze_all_but(recipe: Recipe, phase: Phase) -> None:
    """Require gradients only of the parameters that ``phase`` trains, so that no other gradient is computed."""
    recipe.requires_grad_(False)
    for parameter in trained_parameters(recipe, phase):
        parameter.requires_grad_(True)


def frozen_tensors(recipe: Recipe) -> dict[str, Tensor]:
    """Return the parameters and buffers of the frozen networks, by name."""
    return {
        f"{name}.{key}": tensor
        for name in recipe.frozen
        for key, tensor in recipe.get_submodule(name).state_dict(keep_vars=True).items()
    }


def unfreezable(recipe: Recipe, phases: Sequence[Phase]) -> Iterator[str]:
    """Yield a sentence for each name of a frozen network that is wrong, and for each phase that would train nothing."""
    modules = dict(recipe.named_modules())
    unknown = [name for name in recipe.frozen if not name or name not in modules]
    networks = [name for name, network in recipe.named_children() if any(True for _ in network.parameters())]
    for name in unknown:
        hint = did_you_mean(name, [name for name in modules if name])
        yield f"--freeze names {name!r}, which is no network or layer here{hint} Networks: {', '.join(networks)}"
    if unknown:
        return
    for phase in phases:
        if not trained_parameters(recipe, phase):
            yield (
                f"phase {phase.name!r} would train nothing, as --freeze keeps {', '.join(recipe.frozen)}: "
                f"leave a part of {', '.join(phase.trains)} to be trained"
            )
