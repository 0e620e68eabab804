"""The second check before training: every phase runs once on the meta device."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ganzoo.assembly.contract_checks import contracts_checked, refuse_other_output
from ganzoo.assembly.parts import SelectedParts, build_recipe
from ganzoo.assembly.phases import undeclared, windows
from ganzoo.assembly.trainable import freeze_all_but
from ganzoo.assembly.update_checks import after_update_watched, never_updated
from ganzoo.catalogue.attribution import attribute
from ganzoo.catalogue.check import check
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.catalogue.evaluation_plan import EvaluationPlan, plan_evaluation
from ganzoo.catalogue.registry import installed
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.recipe import Phase, Recipe
from ganzoo.contract.sampling import SampleRequest
from ganzoo.contract.step_context import StepContext
from ganzoo.contract.update_means import UpdateMeans
from ganzoo.errors import Refused, UserError
from ganzoo.randomness import FreshDraws, KeyedStreams
from ganzoo.text import first_line

_READS_A_VALUE = (
    "it reads the value of a tensor on the host (as .item(), float(), bool(), if, print and numpy() do), and a step "
    "stays on the device: use operations of torch, such as torch.where"
)
# The kinds of part whose code runs in a phase.
PHASE_KINDS = ("generator", "discriminator", "latent", "loss", "penalty")


def assemble(selection: Selection) -> dict[str, DataSpec]:
    """Return the data specs of a selection; raises :class:`Refused` with every problem if it cannot train.

    Checks the declarations, then runs every phase, including its backward pass, on the meta device. Reads no data.
    """
    data = check(selection)
    parts = SelectedParts(selection.parts)
    recipe = build_recipe(selection, data, "meta", parts)
    batch = _meta_batch(data, selection.run.batch_size)
    phases = recipe.phases()
    if problems := list(undeclared(phases, selection)):
        raise Refused(problems)
    with contracts_checked(recipe, parts, selection.parts), after_update_watched(recipe) as missed:
        for together in windows(phases):
            handed: dict[str, Tensor] = {}
            for phase in together:
                problems += dry_run(recipe, phase, batch, selection, handed)
    if not problems:
        problems += never_updated(selection, missed)
    problems += _dry_sample(recipe, batch, selection)
    if selection.run.evaluate_every:
        evaluation_plan_of(selection, recipe)
    if problems:
        raise Refused(dict.fromkeys(problems))
    return data


def evaluation_plan_of(selection: Selection, recipe: Recipe) -> EvaluationPlan:
    """Return how a training is evaluated; raises :class:`Refused` if a metric or the judge is unknown."""
    settings = selection.run
    return plan_evaluation(installed(), selection.parts[recipe.output.slot], settings.judge, settings.metric or ())


def dry_run(
    recipe: Recipe,
    phase: Phase,
    batch: Mapping[str, Mapping[str, Tensor]],
    selection: Selection,
    handed: dict[str, Tensor],
) -> list[str]:
    """Run one phase on the meta device, and return its problems; add what it hands on to ``handed``."""
    context = StepContext(phase.first, phase.first + 1, phase.name, 0, KeyedStreams(0, "meta"), handed=handed)
    freeze_all_but(recipe, phase)
    recipe.zero_grad(set_to_none=True)
    buffers = dict(recipe.named_buffers())
    try:
        output = phase.loss(batch, context)
        refuse_other_output(output, phase.name, selection.parts["recipe"])
        output.total().backward()
        handed.update({name: value.detach() for name, value in output.handed.items()})
        with torch.no_grad():
            recipe.after_update(phase.name, UpdateMeans([output], lambda means: means))
    except UserError as problem:
        return [str(problem)]
    except Exception as problem:
        size, reason = selection.run.batch_size, _located(problem)
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
    """Sample once on the meta device, and return the problems."""
    ref = recipe.condition
    condition = batch[ref.slot][ref.field] if ref is not None else None
    try:
        with torch.no_grad():
            samples = recipe.eval().sample(SampleRequest(selection.run.batch_size, condition, FreshDraws(None, "meta")))
        shape = tuple(samples.shape)
    except Exception as problem:
        return [f"{selection.parts['recipe'].label} cannot sample with {_phase_parts(selection)}: {_located(problem)}"]
    finally:
        recipe.train()
    expected = (selection.run.batch_size, *recipe.output_field.shape)
    return [] if shape == expected else [f"samples of {_phase_parts(selection)} have shape {shape}, not {expected}"]


def _phase_parts(selection: Selection) -> str:
    return " and ".join(
        f"{part.label} ({part.provider.short})" for part in selection.parts.values() if part.slot.kind in PHASE_KINDS
    )


def _located(problem: Exception) -> str:
    """Return the message of ``problem``, with the plugin whose code raised it if that is known."""
    owner = attribute(problem, installed())
    where = f"in {owner.label_with_package}: " if owner is not None else ""
    return f"{where}{_READS_A_VALUE if _reads_a_value(problem) else first_line(problem)}"


def _reads_a_value(problem: Exception) -> bool:
    """Whether code asked for a number of a tensor; on the meta device there is none."""
    return "meta tensor" in str(problem).lower() and any(
        word in str(problem) for word in ("item", "_local_scalar", "copy out")
    )


def _meta_batch(data: Mapping[str, DataSpec], size: int) -> dict[str, dict[str, Tensor]]:
    return {
        slot: {name: _meta_field(field, size) for name, field in spec.fields.items()} for slot, spec in data.items()
    }


def _meta_field(field: Field, size: int) -> Tensor:
    dtype = torch.int64 if field.kind in ("class", "tokens") else torch.float32
    return torch.empty((size, *field.shape), dtype=dtype, device="meta")
