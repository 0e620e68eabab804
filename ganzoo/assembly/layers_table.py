"""The networks of a selection, layer by layer: what each layer puts out, and how many parameters it has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from torch import Tensor, nn

from ganzoo.assembly.dry_run import begin_trial, trial_batch
from ganzoo.assembly.parts import SelectedParts, build_recipe
from ganzoo.assembly.phases import windows
from ganzoo.catalogue.check import check
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.optimization import Progress
from ganzoo.contract.recipe import Recipe
from ganzoo.contract.step_context import StepContext
from ganzoo.randomness import KeyedStreams, seeded


class Layer(NamedTuple):
    """A layer: its name in the network, its class, the shape of one example that it puts out, and its parameters.

    ``shape`` is ``None`` where no phase calls the layer, or where it puts out something other than a tensor.
    """

    name: str
    type: str
    shape: tuple[int, ...] | None
    parameters: int


def layers_of(selection: Selection) -> dict[str, list[Layer]]:
    """Return the layers of each network, without memory for them: every phase runs once on the meta device.

    Raises :class:`~ganzoo.errors.Refused` where the parts do not fit together.
    """
    data = check(selection)
    parts = SelectedParts(selection.parts)
    recipe = build_recipe(selection, data, "meta", parts).train()
    shapes: dict[nn.Module, tuple[int, ...]] = {}

    def note(module: nn.Module, given: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.dim():
            shapes.setdefault(module, tuple(output.shape[1:]))

    hooks = [module.register_forward_hook(note) for module in recipe.modules()]
    with seeded(0):
        _run_phases(recipe, selection, parts)
    for hook in hooks:
        hook.remove()
    networks = ((name, network) for name, network in recipe.named_children() if any(True for _ in network.parameters()))
    return {name: list(_layers(network, shapes)) for name, network in networks}


def _run_phases(recipe: Recipe, selection: Selection, parts: SelectedParts) -> None:
    batch = trial_batch(recipe.data, selection.run.batch_size, "meta")
    for window in windows(recipe.phases(), recipe.borders):
        steps, streams = window.step + 1, KeyedStreams(0, "meta")
        handed: dict[str, Tensor] = {}
        begin_trial(recipe, Progress(window.step, steps, selection.run.batch_size), streams, parts)
        for phase in window.phases:
            context = StepContext(window.step, steps, phase.name, 0, streams, handed=handed)
            context.receive(phase.loss(batch, context).handed)


def _layers(network: nn.Module, shapes: dict[nn.Module, tuple[int, ...]]) -> Iterator[Layer]:
    for name, module in network.named_modules():
        own = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        runs = module in shapes and not any(True for _ in module.children())
        if own or runs:
            yield Layer(name or "(itself)", type(module).__name__, shapes.get(module), own)
