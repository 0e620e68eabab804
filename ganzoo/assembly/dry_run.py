"""The second check before training: every phase runs once without data, on the meta device where that is possible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.assembly.broken_contract import BrokenContract
from ganzoo.assembly.contract_checks import contracts_checked, refuse_other_output
from ganzoo.assembly.forbidden import READS_A_VALUE, forbidden_refused
from ganzoo.assembly.independence import shapes_recorded, undeclared_dependence
from ganzoo.assembly.packs import broken_packs
from ganzoo.assembly.parts import SelectedParts, build_recipe
from ganzoo.assembly.phases import undeclared, windows
from ganzoo.assembly.trainable import freeze_all_but, frozen_tensors, trained_parameters, unfreezable
from ganzoo.assembly.update_checks import calls_watched, never_called
from ganzoo.catalogue.attribution import attribute
from ganzoo.catalogue.check import check
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.discovery import LOCAL
from ganzoo.catalogue.evaluation_plan import EvaluationPlan, plan_evaluation
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.field_values import values_of
from ganzoo.contract.optimization import Progress
from ganzoo.contract.recipe import FieldRef, Phase, Recipe
from ganzoo.contract.sampling import SampleRequest
from ganzoo.contract.step_context import StepContext
from ganzoo.contract.update_means import UpdateMeans
from ganzoo.contract.working_state import scheduled
from ganzoo.errors import Refused, UserError
from ganzoo.randomness import ExampleDraws, FreshDraws, KeyedStreams, seeded
from ganzoo.text import first_line

# The kinds of part whose code runs in a phase.
PHASE_KINDS = ("generator", "discriminator", "latent", "loss", "penalty")
CODE_KINDS = (*PHASE_KINDS, "generator-penalty", "conditioner", "initialiser")


def assemble(selection: Selection) -> dict[str, DataSpec]:
    """Return the data specs of a selection; raises :class:`Refused` with every problem if it cannot train.

    Checks the declarations, then runs every phase, including its backward pass, on the meta device. Parts of a program
    were not written for that device, so that they run on the CPU, with random examples. Reads no data.
    """
    data = check(selection)
    own = [part for part in selection.parts.values() if part.provider.package == LOCAL and not part.provider.file]
    device = "cpu" if any(part.slot.kind in CODE_KINDS for part in own) else "meta"
    parts = SelectedParts(selection.parts)
    recipe = build_recipe(selection, data, device, parts)
    batch = trial_batch(data, selection.run.batch_size, device)
    with seeded(0):
        problems = _problems(selection, recipe, batch, parts)
    if problems:
        raise Refused(dict.fromkeys(problems))
    return data


class Problem(NamedTuple):
    """The ``text`` of a problem; several phases may have the same one, which is ``about`` the same then."""

    about: object
    text: str


def _problems(
    selection: Selection, recipe: Recipe, batch: Mapping[str, Mapping[str, Tensor]], parts: SelectedParts
) -> list[str]:
    phases = recipe.phases()
    of_settings = [*broken_packs(parts, selection.run), *_uncompiled(selection, recipe)]
    if declared := [*undeclared(phases, selection), *unfreezable(recipe, phases), *of_settings]:
        return declared
    recipe.train()
    found: list[Problem] = []
    asleep: dict[Phase, set[str]] = {}
    with contracts_checked(recipe, parts), shapes_recorded(recipe) as shapes:
        with forbidden_refused(parts), calls_watched(recipe) as missed:
            for window in windows(phases, recipe.borders):
                steps = max(selection.run.steps or 0, window.step + 1)
                handed: dict[str, Tensor] = {}
                streams = KeyedStreams(0, _device_of(batch))
                begin_trial(recipe, Progress(window.step, steps, selection.run.batch_size), streams, parts)
                for phase in window.phases:
                    context = StepContext(window.step, steps, phase.name, 0, streams, handed=handed)
                    found += dry_run(recipe, phase, batch, selection, context)
                    untrained = _untrained(recipe, phase)
                    asleep[phase] = asleep.get(phase, untrained) & untrained
        found += _dry_sample(recipe, batch, selection)
    first: dict[object, str] = {}
    for problem in found:
        first.setdefault(problem.about, problem.text)
    problems = list(first.values())
    if not problems:
        problems += never_called(selection, parts, missed)
        problems += undeclared_dependence(selection, parts, shapes)
        problems += _never_learning(recipe, asleep)
    if selection.run.evaluate_every:
        evaluation_plan_of(selection, recipe)
    return problems


def begin_trial(recipe: Recipe, progress: Progress, streams: KeyedStreams, parts: SelectedParts) -> None:
    """Let the parts and the recipe prepare a step; an error of their code names them."""
    for module in scheduled(recipe):
        with _attributed(module, parts):
            module.before_step(progress)
    with _attributed(recipe, parts):
        recipe.before_step(StepContext(progress.step, progress.steps, "before", 0, streams))


def _attributed(module: object, parts: SelectedParts) -> AbstractContextManager[None]:
    part = parts.owner(module)
    return part.attributed() if part is not None else nullcontext()


def evaluation_plan_of(selection: Selection, recipe: Recipe) -> EvaluationPlan:
    """Return how a training is evaluated; raises :class:`Refused` if a metric or the judge is unknown."""
    settings = selection.run
    return plan_evaluation(
        selection.registry, selection.parts[recipe.output.slot], settings.judge, settings.metric or ()
    )


def dry_run(
    recipe: Recipe,
    phase: Phase,
    batch: Mapping[str, Mapping[str, Tensor]],
    selection: Selection,
    context: StepContext,
) -> list[Problem]:
    """Run one phase on the device of ``batch``, and return its problems; ``context`` keeps what it hands on."""
    freeze_all_but(recipe, phase)
    recipe.zero_grad(set_to_none=True)
    buffers = dict(recipe.named_buffers())
    versions = {name: tensor._version for name, tensor in frozen_tensors(recipe).items()}
    try:
        output = phase.loss(batch, context)
        refuse_other_output(output, phase.name, selection.parts["recipe"])
        output.total().backward()
        context.receive(output.handed)
        with torch.no_grad():
            recipe.after_update(phase.name, UpdateMeans([output], lambda means: means))
    except BrokenContract as problem:
        return [Problem(problem.where, str(problem))]
    except UserError as problem:
        return [Problem(str(problem), str(problem))]
    except Exception as problem:
        size, reason = selection.run.batch_size, _located(problem, selection)
        text = f"phase {phase.name!r} cannot run with {_phase_parts(selection)} on batches of {size}: {reason}"
        return [Problem(reason, text)]
    for name, buffer in recipe.named_buffers():
        if buffer is not buffers.get(name):  # the moving average and the undoing of an update would use the old tensor
            text = f"phase {phase.name!r} replaces the buffer {name}: it must write into it, as copy_ does"
            return [Problem(name, text)]
    for name, tensor in frozen_tensors(recipe).items():
        if tensor._version != versions[name]:
            text = (
                f"phase {phase.name!r} changes {name}, which --freeze keeps as it is: freeze another network, or leave "
                "out what changes it, such as a penalty that clips weights"
            )
            return [Problem(name, text)]
    return []


def _uncompiled(selection: Selection, recipe: Recipe) -> list[str]:
    """Return a sentence if the phases are to be compiled and change during the training."""
    if selection.run.execution != "compile" or not recipe.borders:
        return []
    return [
        f"--execution compile needs phases that stay the same, and those of {selection.parts['recipe'].label} change "
        f"at step {recipe.borders[0] + 1}: use --execution eager"
    ]


def _untrained(recipe: Recipe, phase: Phase) -> set[str]:
    """Return the parameters that a phase trains, and that got no gradient."""
    trained = set(trained_parameters(recipe, phase))
    return {name for name, parameter in recipe.named_parameters() if parameter in trained and parameter.grad is None}


def _never_learning(recipe: Recipe, asleep: Mapping[Phase, set[str]]) -> Iterator[str]:
    """Yield a sentence for each phase with parameters that get no gradient, neither from it nor from another phase."""
    names = {parameter: name for name, parameter in recipe.named_parameters()}
    learning = {
        names[parameter]
        for phase, untrained in asleep.items()
        for parameter in trained_parameters(recipe, phase)
        if names[parameter] not in untrained
    }
    for phase, untrained in asleep.items():
        if never := sorted(untrained - learning):
            yield f"phase {phase.name!r} gives no gradient to {', '.join(never[:3])}, so it could never learn"


def _dry_sample(recipe: Recipe, batch: Mapping[str, Mapping[str, Tensor]], selection: Selection) -> list[Problem]:
    """Sample every output once on the device of ``batch``, and return the problems."""
    return [problem for name in recipe.outputs for problem in _dry_output(recipe, name, batch, selection)]


def _dry_output(
    recipe: Recipe, name: str, batch: Mapping[str, Mapping[str, Tensor]], selection: Selection
) -> list[Problem]:
    output = recipe.outputs[name]
    ref = output.condition
    try:
        with torch.no_grad():
            condition = recipe.values(ref, batch) if ref is not None else None
            count = selection.run.batch_size
            draws = ExampleDraws(0, "sample", range(count), _device_of(batch))
            samples = recipe.eval().sample(SampleRequest(count, condition, draws, output=name))
        shape = tuple(samples.shape)
    except BrokenContract as problem:
        return [Problem(problem.where, str(problem))]
    except Exception as problem:
        reason = _located(problem, selection)
        text = f"{selection.parts['recipe'].label} cannot sample with {_phase_parts(selection)}: {reason}"
        return [Problem(reason, text + _unset_condition(recipe))]
    finally:
        recipe.train()
    expected = (selection.run.batch_size, *recipe.field(output.values).shape)
    if shape == expected:
        return []
    which = f" for output {name!r}" if name else ""
    wrong = f"samples of {_phase_parts(selection)}{which} have shape {shape}, not {expected}"
    return [Problem(("samples", name), wrong)]


def _unset_condition(recipe: Recipe) -> str:
    """Return what to do if ``sample`` was given no condition, and perhaps needs one."""
    conditions = [FieldRef(slot, spec.condition) for slot, spec in recipe.data.items() if spec.condition]
    if recipe.condition is not None or not conditions:
        return ""
    return f"; sample() gets no condition: to give it one, set condition = {conditions[0]} in the recipe's constructor"


def _phase_parts(selection: Selection) -> str:
    return " and ".join(
        f"{part.label} ({part.provider.short})" for part in selection.parts.values() if part.slot.kind in PHASE_KINDS
    )


def _located(problem: Exception, selection: Selection) -> str:
    """Return the message of ``problem``, with the plugin whose code raised it if that is known."""
    owner = attribute(problem, selection.registry)
    where = f"in {owner.label_with_package}: " if owner is not None else ""
    return f"{where}{READS_A_VALUE if _reads_a_value(problem) else first_line(problem)}"


def _reads_a_value(problem: Exception) -> bool:
    """Whether code asked for a number of a tensor; on the meta device there is none."""
    return "meta tensor" in str(problem).lower() and any(
        word in str(problem) for word in ("item", "_local_scalar", "copy out")
    )


def _device_of(batch: Mapping[str, Mapping[str, Tensor]]) -> torch.device:
    return next(values.device for fields in batch.values() for values in fields.values())


def trial_batch(data: Mapping[str, DataSpec], size: int, device: str) -> dict[str, dict[str, Tensor]]:
    """Return a batch of random examples; on the meta device they have no values."""
    generator = torch.Generator().manual_seed(0) if device == "cpu" else None
    draws = FreshDraws(generator, device)
    return {
        slot: {
            name: values_of(spec.field(name)).trial(size, draws)
            for name in dict.fromkeys((*spec.fields, *filter(None, (spec.condition,))))
        }
        for slot, spec in data.items()
    }
