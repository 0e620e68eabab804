"""Building what was selected, and the second check before training: every phase, once, on the meta device."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.catalogue.check import check
from ganzoo.catalogue.component import Component
from ganzoo.catalogue.culprit import culprit
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.catalogue.judgement import Judgement, judge_by
from ganzoo.catalogue.options import Config
from ganzoo.catalogue.part import Part
from ganzoo.catalogue.registry import installed
from ganzoo.catalogue.selection import Selection
from ganzoo.engine.players import freeze_all_but
from ganzoo.errors import Refused, UserError, first_line, in_words
from ganzoo.interfaces import (
    Conditioner,
    Dataset,
    Discriminator,
    Generator,
    Initialiser,
    Latent,
    Loss,
    Penalty,
    Schedule,
    Sites,
    Unconditioned,
)
from ganzoo.metrics import Judge, Metric
from ganzoo.randomness import FreshDraws, KeyedStreams, key
from ganzoo.recipe import Clock, Phase, Recipe

PLAYING = ("generator", "discriminator", "latent", "loss", "penalty")  # the kinds whose code runs in a phase

# An optimizer is a function; everything else that a plugin builds is of a class of the contract.
INTERFACES: Mapping[str, type] = {
    "recipe": Recipe,
    "generator": Generator,
    "discriminator": Discriminator,
    "conditioner": Conditioner,
    "loss": Loss,
    "penalty": Penalty,
    "latent": Latent,
    "initialiser": Initialiser,
    "schedule": Schedule,
    "dataset": Dataset,
    "metric": Metric,
    "judge": Judge,
}


def resolve(component: Component) -> Any:
    """Return what ``component.target`` names; raises ``ImportError`` or, where it is of no use, ``TypeError``."""
    module, name = component.target.split(":")
    try:
        target = getattr(importlib.import_module(module), name)
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # what a plugin runs as it is imported may raise anything, or exit
        raise ImportError(f"{component.target} cannot be loaded ({in_words(problem)})") from problem
    interface = INTERFACES.get(component.kind)
    if interface is not None and not (isinstance(target, type) and issubclass(target, interface)):
        raise TypeError(f"{component.target} is no {interface.__name__} (a class from {interface.__module__})")
    return target


def _target(part: Part) -> Any:
    with part.blamed():
        return resolve(part.component)


class SelectedParts:
    """Builds the selected parts for a recipe (:class:`ganzoo.recipe.Parts`)."""

    def __init__(self, parts: Mapping[str, Part]):
        self._parts = parts

    def build(self, slot: str, **context: Any) -> Any:
        """Return the part in ``slot``, built from its options and ``context``."""
        part = self._parts[slot]
        target, dtype = _target(part), torch.get_default_dtype()
        with part.blamed():
            built = target(part.config, **context)
            if part.slot.kind == "optimizer" and not isinstance(built, torch.optim.Optimizer):
                raise TypeError(f"{part.component.target} returns {type(built).__name__}, which is no Optimizer")
            if torch.get_default_dtype() != dtype:
                torch.set_default_dtype(dtype)
                raise TypeError("it changes torch's default dtype, which all others rely on")
            return built

    def network(self, slot: str, condition: Field | None = None, **shapes: Any) -> nn.Module:
        """Return the network in ``slot`` with its conditioners in place and its weights initialised."""
        network: nn.Module = self.build(slot, sites=self._sites(slot, condition), **shapes)
        for part in self._attached(slot, "initialiser"):
            initialise = self.build(part.slot.name)
            with part.blamed():
                initialise(network)
        return network

    def conditioned(self, slot: str) -> bool:
        """Return whether the network in ``slot`` has a conditioner other than the null one."""
        return any(_target(part).sites for part in self._attached(slot, "conditioner"))

    def _sites(self, slot: str, condition: Field | None) -> Sites:
        for part in self._attached(slot, "conditioner"):
            return Sites(_target(part), part.config, condition, part.blamed)
        return Sites(Unconditioned, Config(), None)

    def _attached(self, slot: str, kind: str) -> list[Part]:
        return [part for part in self._parts.values() if part.slot.of == slot and part.slot.kind == kind]


def build_recipe(selection: Selection, data: Mapping[str, DataSpec], device: torch.device | str = "cpu") -> Recipe:
    """Return the selected recipe with fresh weights that depend on the run's seed alone."""
    parts = SelectedParts(selection.parts)
    with torch.random.fork_rng(devices=[]), torch.device(device):
        torch.manual_seed(key(selection.run.seed, "weights"))
        recipe: Recipe = parts.build("recipe", parts=parts, data=data)
    return recipe


def assemble(selection: Selection) -> dict[str, DataSpec]:
    """Return the data specs of a selection that can train; raises :class:`Refused` with every reason why not.

    First the declarations, then every phase, backward included, on the meta device. Reads no data.
    """
    data = check(selection)
    recipe = build_recipe(selection, data, "meta")
    batch = _meta_batch(data, selection.run.batch_size)
    problems = []
    declared = selection.recipe.phases
    phases = recipe.phases()
    if sorted(phase.name for phase in phases) != sorted(declared):
        names = ", ".join(phase.name for phase in phases)
        raise Refused([f"{selection.parts['recipe'].label} declares the phases {', '.join(declared)} but has {names}"])
    for phase in phases:
        problems += dry_run(recipe, phase, batch, selection)
    problems += _dry_sample(recipe, batch, selection)
    if selection.run.evaluate_every:
        judgement_of(selection, recipe)
    if problems:
        raise Refused(problems)
    return data


def judgement_of(selection: Selection, recipe: Recipe) -> Judgement:
    """Return how a training is to be evaluated; raises :class:`Refused` where names are unknown."""
    settings = selection.run
    return judge_by(installed(), selection.parts[recipe.output.slot], settings.judge, settings.metric or ())


def dry_run(recipe: Recipe, phase: Phase, batch: Mapping[str, Mapping[str, Tensor]], selection: Selection) -> list[str]:
    """Run one phase with meta tensors; return what is wrong with it."""
    clock = Clock(0, 1, phase.name, 0, KeyedStreams(0, "meta"))
    freeze_all_but(recipe, phase)
    recipe.zero_grad(set_to_none=True)
    buffers = dict(recipe.named_buffers())
    try:
        phase.loss(batch, clock).total().backward()
    except UserError as problem:
        return [str(problem)]
    except Exception as problem:
        size, reason = selection.run.batch_size, _in_whose(problem)
        return [f"phase {phase.name!r} cannot run with {_players(selection)} on batches of {size}: {reason}"]
    idle = [
        f"{network}.{name}"
        for network in phase.trains
        for name, parameter in recipe.get_submodule(network).named_parameters()
        if parameter.grad is None
    ]
    if idle:
        return [f"phase {phase.name!r} gives no gradient to {', '.join(idle[:3])}, so it could never learn"]
    for name, buffer in recipe.named_buffers():
        if buffer is not buffers.get(name):  # averages, and what undoes an update, would go on with the old one
            return [f"phase {phase.name!r} replaces the buffer {name}: it must write into it, as copy_ does"]
    return []


def _dry_sample(recipe: Recipe, batch: Mapping[str, Mapping[str, Tensor]], selection: Selection) -> list[str]:
    """Sample once with meta tensors; return what is wrong with it."""
    chosen = recipe.condition
    condition = batch[chosen.slot][chosen.field] if chosen is not None else None
    try:
        with torch.no_grad():
            made = recipe.eval().sample(selection.run.batch_size, condition, FreshDraws(None, "meta"))
        shape = tuple(made.shape)
    except Exception as problem:
        return [f"{selection.parts['recipe'].label} cannot sample with {_players(selection)}: {_in_whose(problem)}"]
    finally:
        recipe.train()
    wanted = (selection.run.batch_size, *recipe.output_field.shape)
    return [] if shape == wanted else [f"samples of {_players(selection)} have shape {shape}, not {wanted}"]


def _players(selection: Selection) -> str:
    return " and ".join(
        f"{part.label} ({part.provider.package})" for part in selection.parts.values() if part.slot.kind in PLAYING
    )


def _in_whose(problem: Exception) -> str:
    """Return what went wrong, and in whose code where that can be told."""
    owner = culprit(problem, installed())
    where = f"in {owner.owned}: " if owner is not None else ""
    return f"{where}{first_line(problem)}"


def _meta_batch(data: Mapping[str, DataSpec], size: int) -> dict[str, dict[str, Tensor]]:
    return {
        slot: {name: _meta_field(field, size) for name, field in spec.fields.items()} for slot, spec in data.items()
    }


def _meta_field(field: Field, size: int) -> Tensor:
    whole = field.kind in ("class", "tokens")
    return torch.empty((size, *field.shape), dtype=torch.int64 if whole else torch.float32, device="meta")
