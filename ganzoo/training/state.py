"""All that a training moves, as tensors by name and JSON values, and a trainer brought back to it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Set
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from ganzoo.errors import UserError
from ganzoo.health.policies import PolicyHistory
from ganzoo.step.phase_optimizer import PhaseOptimizer
from ganzoo.step.running_means import TermNames
from ganzoo.step.train_step import TrainStep
from ganzoo.storage.sealed import refuse_other_tensors
from ganzoo.text import one_line
from ganzoo.training.trainer import Trainer

_LARGEST = 2**53  # count or number of seconds


def capture(trainer: Trainer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the trainer's state as tensors by name and as JSON values; random states are the step number."""
    train_step, tensors = trainer.train_step, _networks(trainer.train_step)
    numbers: dict[str, Any] = {}
    for phase_optimizer in train_step.phase_optimizers:
        for place, key, value in _slots(phase_optimizer.optimizer):
            name = f"optimizer/{phase_optimizer.phase.name}/{place}/{key}"
            if isinstance(value, Tensor):
                tensors[name] = value
            else:
                numbers[name] = value
    tensors |= {f"tally/{place}": total for place, total in enumerate(train_step.running_means.sums.values())}
    running_means = [[*found, train_step.running_means.counts[found]] for found in train_step.running_means.sums]
    anomaly_check = {"spread": train_step.anomaly_check.collapse_detector.state(), "history": trainer.policies.state()}
    about = {
        "step": trainer.step,
        "seconds": trainer.seconds,
        "tally": running_means,
        "numbers": numbers,
        "guard": anomaly_check,
    }
    return {name: value.detach().clone() for name, value in tensors.items()}, about


def restore(trainer: Trainer, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Bring ``trainer`` to the state that :func:`capture` returned.

    Raises :class:`UserError`, and changes nothing, where that is no state of this trainer.
    """
    train_step = trainer.train_step
    step, seconds = _time(about, trainer.steps)
    sums, counts = _tally(
        tensors, about.get("tally"), {phase_optimizer.phase.name for phase_optimizer in train_step.phase_optimizers}
    )
    collapse_detector, history = _guard(about.get("guard"))
    numbers = _refuse_other_state(trainer, tensors, about.get("numbers"), step, len(sums), history)
    train_step.recipe.load_state_dict(_below(tensors, "network/"))
    for name, network in train_step.ema.networks.items():
        network.load_state_dict(_below(tensors, f"average/{name}/"))
    for phase_optimizer in train_step.phase_optimizers:
        found: dict[int, dict[str, Any]] = {}
        prefix = f"optimizer/{phase_optimizer.phase.name}/"
        for name, value in (*_below(tensors, prefix).items(), *_below(numbers, prefix).items()):
            place, key = name.split("/", 1)
            found.setdefault(int(place), {})[key] = value
        groups = phase_optimizer.optimizer.state_dict()["param_groups"]
        phase_optimizer.optimizer.load_state_dict({"state": found, "param_groups": groups})
        _lay_out_as_parameters(phase_optimizer.optimizer)
    train_step.running_means.restore(sums, counts)
    train_step.anomaly_check.collapse_detector.restore(collapse_detector)
    trainer.policies.restore(history)
    trainer.step, trainer.seconds = step, seconds


def _networks(train_step: TrainStep) -> dict[str, Tensor]:
    tensors = {f"network/{name}": value for name, value in train_step.recipe.state_dict().items()}
    for name, network in train_step.ema.networks.items():
        tensors |= {f"average/{name}/{key}": value for key, value in network.state_dict().items()}
    return tensors


def _time(about: Mapping[str, Any], steps: int) -> tuple[int, float]:
    step, seconds = about.get("step"), about.get("seconds")
    if not isinstance(step, int) or not 0 <= step <= steps:
        raise UserError(f"its step is {one_line(step)}, and not one of 0 to {steps}")
    if not isinstance(seconds, int | float) or not 0 <= seconds < _LARGEST:
        raise UserError(f"it took {one_line(seconds)} seconds")
    return step, float(seconds)


def _tally(
    tensors: Mapping[str, Tensor], rows: Any, phases: Set[str]
) -> tuple[dict[TermNames, Tensor], dict[TermNames, int]]:
    sums: dict[TermNames, Tensor] = {}
    counts: dict[TermNames, int] = {}
    for place, row in enumerate(rows if isinstance(rows, list) else [rows]):
        match row:
            case [str(phase), [*terms], [*values], int(count)] if phase in phases and 0 <= count < _LARGEST:
                found = TermNames(phase, tuple(map(str, terms)), tuple(map(str, values)))
            case _:
                raise UserError(f"row {place} of its tally is damaged")
        total = tensors.get(f"tally/{place}")
        # What is only watched may be infinite; a training whose terms are would fail at its next report.
        fits = total is not None and total.shape == (len(terms) + len(values),) and total.dtype == torch.float32
        if total is None or not fits or not bool(total[: len(terms)].isfinite().all()):
            raise UserError(f"tally/{place} is not the sum that it should be")
        sums[found], counts[found] = total, count
    return sums, counts


def _guard(about: Any) -> tuple[Mapping[str, Any], Mapping[str, int]]:
    """Return what the guard remembers of examples, and of what was done."""
    match about:
        case {
            "spread": {"real": int() | float() as real, "alive": bool()} as collapse_detector,
            "history": dict() as history,
        }:
            counted = all(type(value) is int and -1 <= value < _LARGEST for value in history.values())
            if 0 <= real < _LARGEST and counted and history.keys() == asdict(PolicyHistory()).keys():
                return collapse_detector, history
    raise UserError("what its guard remembers is damaged")


def _refuse_other_state(
    trainer: Trainer,
    tensors: Mapping[str, Tensor],
    numbers: Any,
    step: int,
    rows: int,
    history: Mapping[str, int],
) -> Mapping[str, Any]:
    """Return ``numbers``; raise :class:`UserError` where they and ``tensors`` are no state after ``step`` steps."""
    wanted: dict[str, Any] = dict(_networks(trainer.train_step))
    mended = history["left_out"] > 0 or history["went_back_to"] >= 0
    for phase_optimizer in trainer.train_step.phase_optimizers if step else ():
        # An optimizer whose updates were all left out or taken back has no state yet.
        if not mended or _below(tensors, f"optimizer/{phase_optimizer.phase.name}/"):
            wanted |= _first_state(phase_optimizer)
    tallied = {f"tally/{place}" for place in range(rows)}
    found = {name: value for name, value in tensors.items() if name not in tallied}
    refuse_other_tensors(found, {name: value for name, value in wanted.items() if isinstance(value, Tensor)})
    kinds = {name: type(value) for name, value in wanted.items() if not isinstance(value, Tensor)}
    if not isinstance(numbers, dict) or {name: type(value) for name, value in numbers.items()} != kinds:
        raise UserError("the numbers of its optimizers are not those that they should be")
    return numbers


def _first_state(phase_optimizer: PhaseOptimizer) -> dict[str, Any]:
    """What an optimizer keeps, by name, as a step of a copy shows."""
    trial = copy.deepcopy(phase_optimizer.optimizer)
    for parameter in (parameter for group in trial.param_groups for parameter in group["params"]):
        parameter.grad = torch.zeros_like(parameter)
    trial.step()
    return {f"optimizer/{phase_optimizer.phase.name}/{place}/{key}": value for place, key, value in _slots(trial)}


def _lay_out_as_parameters(optimizer: torch.optim.Optimizer) -> None:
    """Give the state the order of memory of its parameters: fused optimizers go through both side by side."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)


def _slots(optimizer: torch.optim.Optimizer) -> Iterator[tuple[int, str, Any]]:
    for place, values in optimizer.state_dict()["state"].items():
        yield from ((place, key, value) for key, value in values.items() if value is not None)


def _below(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
