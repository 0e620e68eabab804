"""The second check before training: every phase runs once without data, on the meta device where that is possible."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ganzoo.assembly.parts import build_recipe
from ganzoo.assembly.trainable import freeze_all_but
from ganzoo.catalogue.attribution import attribute
from ganzoo.catalogue.check import check
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.catalogue.discovery import LOCAL
from ganzoo.catalogue.evaluation_plan import EvaluationPlan, plan_evaluation
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.recipe import Phase, Recipe
from ganzoo.contract.step_context import StepContext
from ganzoo.errors import Refused, UserError
from ganzoo.randomness import Draws, FreshDraws, KeyedStreams, seeded
from ganzoo.text import first_line

# The kinds of part whose code runs in a phase.
PHASE_KINDS = ("generator", "discriminator", "latent", "loss", "penalty")
CODE_KINDS = (*PHASE_KINDS, "conditioner", "initialiser")


def assemble(selection: Selection) -> dict[str, DataSpec]:
    """Return the data specs of a selection; raises :class:`Refused` with every problem if it cannot train.

    Checks the declarations, then runs every phase, including its backward pass, on the meta device. Parts of a program
    were not written for that device, so that they run on the CPU, with random examples. Reads no data.
    """
    data = check(selection)
    own = [part for part in selection.parts.values() if part.provider.package == LOCAL]
    device = "cpu" if any(part.slot.kind in CODE_KINDS for part in own) else "meta"
    recipe = build_recipe(selection, data, device)
    batch = _trial_batch(data, selection.run.batch_size, device)
    with seeded(0):
        problems = _problems(selection, recipe, batch)
    if problems:
        raise Refused(problems)
    return data


def _problems(selection: Selection, recipe: Recipe, batch: Mapping[str, Mapping[str, Tensor]]) -> list[str]:
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
        evaluation_plan_of(selection, recipe)
    return problems


def evaluation_plan_of(selection: Selection, recipe: Recipe) -> EvaluationPlan:
    """Return how a training is evaluated; raises :class:`Refused` if a metric or the judge is unknown."""
    settings = selection.run
    return plan_evaluation(
        selection.registry, selection.parts[recipe.output.slot], settings.judge, settings.metric or ()
    )


def dry_run(recipe: Recipe, phase: Phase, batch: Mapping[str, Mapping[str, Tensor]], selection: Selection) -> list[str]:
    """Run one phase on the device of ``batch``, and return its problems."""
    context = StepContext(0, 1, phase.name, 0, KeyedStreams(0, _device_of(batch)))
    freeze_all_but(recipe, phase)
    recipe.zero_grad(set_to_none=True)
    buffers = dict(recipe.named_buffers())
    try:
        phase.loss(batch, context).total().backward()
    except UserError as problem:
        return [str(problem)]
    except Exception as problem:
        size, reason = selection.run.batch_size, _located(problem, selection)
        return [f"phase {phase.name!r} cannot run with {_phase_parts(selection)} on batches of {size}: {reason}"]
    untrained = [
        f"{network}.{name}"
        for network in phase.trains
        for name, parameter in recipe.get_submodule(network).named_parameters()
        if parameter.grad is None
    ]
    if untrained:
        return [f"phase {phase.name!r} gives no gradient to {', '.join(untrained[:3])}, so it could never learn"]
    for name, buffer in recipe.named_buffers():
        if buffer is not buffers.get(name):  # the moving average and the undoing of an update would use the old tensor
            return [f"phase {phase.name!r} replaces the buffer {name}: it must write into it, as copy_ does"]
    return []


def _dry_sample(recipe: Recipe, batch: Mapping[str, Mapping[str, Tensor]], selection: Selection) -> list[str]:
    """Sample once on the device of ``batch``, and return the problems."""
    ref = recipe.condition
    condition = batch[ref.slot][ref.field] if ref is not None else None
    try:
        with torch.no_grad():
            samples = recipe.eval().sample(selection.run.batch_size, condition, FreshDraws(None, _device_of(batch)))
        shape = tuple(samples.shape)
    except Exception as problem:
        reason = _located(problem, selection)
        return [f"{selection.parts['recipe'].label} cannot sample with {_phase_parts(selection)}: {reason}"]
    finally:
        recipe.train()
    expected = (selection.run.batch_size, *recipe.output_field.shape)
    return [] if shape == expected else [f"samples of {_phase_parts(selection)} have shape {shape}, not {expected}"]


def _phase_parts(selection: Selection) -> str:
    return " and ".join(
        f"{part.label} ({part.provider.package})" for part in selection.parts.values() if part.slot.kind in PHASE_KINDS
    )


def _located(problem: Exception, selection: Selection) -> str:
    """Return the message of ``problem``, with the plugin whose code raised it if that is known."""
    owner = attribute(problem, selection.registry)
    where = f"in {owner.label_with_package}: " if owner is not None else ""
    return f"{where}{first_line(problem)}"


def _device_of(batch: Mapping[str, Mapping[str, Tensor]]) -> torch.device:
    return next(values.device for fields in batch.values() for values in fields.values())


def _trial_batch(data: Mapping[str, DataSpec], size: int, device: str) -> dict[str, dict[str, Tensor]]:
    """Return a batch of random examples; on the meta device they have no values."""
    generator = torch.Generator().manual_seed(0) if device == "cpu" else None
    draws = FreshDraws(generator, device)
    return {
        slot: {name: _trial_field(field, size, draws) for name, field in spec.fields.items()}
        for slot, spec in data.items()
    }


def _trial_field(field: Field, size: int, draws: Draws) -> Tensor:
    if field.kind in ("class", "tokens"):
        return draws.integers(field.classes or len(field.names) or 1, size, *field.shape)
    return draws.uniform(size, *field.shape) * 2 - 1 if field.bounded else draws.normal(size, *field.shape)
