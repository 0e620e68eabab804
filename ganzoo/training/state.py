"""The state of a training as named tensors and JSON values: captured from a trainer, and restored into it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from ganzoo.errors import UserError
from ganzoo.health.diagnosis import empty_state, is_state
from ganzoo.health.policies import PolicyHistory
from ganzoo.step.phase_optimizer import PhaseOptimizer, quiet_optimizers
from ganzoo.step.running_means import OutputNames
from ganzoo.step.train_step import TrainStep
from ganzoo.storage.sealed import refuse_other_tensors
from ganzoo.text import one_line
from ganzoo.training.trainer import Trainer

_LARGEST = 2**53  # of a count or of seconds; larger ones would not be exact in JSON


def capture(trainer: Trainer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the trainer's state as tensors by name and as JSON values; the step number determines all random states.

    Checkpoints keep the names of earlier versions, so that these can be read: ``tally`` is for the running means,
    ``guard`` for the anomaly check and the doctor, ``spread`` for the collapse detector, ``history`` for the policies.
    """
    train_step, tensors = trainer.train_step, _networks(trainer.train_step)
    numbers: dict[str, Any] = {}
    for phase_optimizer in _owners(train_step):
        for index, key, value in _optimizer_state(phase_optimizer.optimizer):
            name = f"optimizer/{phase_optimizer.phase.name}/{index}/{key}"
            if isinstance(value, Tensor):
                tensors[name] = value
            else:
                numbers[name] = value
    tensors |= {f"tally/{row}": total for row, total in enumerate(train_step.running_means.sums.values())}
    means = [[*names, train_step.running_means.counts[names]] for names in train_step.running_means.sums]
    anomaly_state = {
        "spread": train_step.anomaly_check.collapse_detector.state(),
        "history": trainer.policies.state(),
        "diagnosis": trainer.doctor.state(),
    }
    about = {
        "step": trainer.step,
        "seconds": trainer.seconds,
        "tally": means,
        "numbers": numbers,
        "guard": anomaly_state,
    }
    return {name: value.detach().clone() for name, value in tensors.items()}, about


def restore(trainer: Trainer, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Restore ``trainer`` to a state that :func:`capture` returned.

    Everything is checked before anything is changed: raises :class:`UserError` if the state does not fit this trainer.
    """
    train_step = trainer.train_step
    step, seconds = _step_and_seconds(about, trainer.steps)
    sums, counts = _running_means(
        tensors, about.get("tally"), {phase_optimizer.phase.name for phase_optimizer in train_step.phase_optimizers}
    )
    collapse_state, history, diagnosis = _anomaly_state(about.get("guard"))
    numbers = _refuse_other_state(trainer, tensors, about.get("numbers"), step, len(sums), history)
    train_step.recipe.load_state_dict(_below(tensors, "network/"))
    for name, network in train_step.ema.networks.items():
        network.load_state_dict(_below(tensors, f"average/{name}/"))
    for phase_optimizer in _owners(train_step):
        state: dict[int, dict[str, Any]] = {}
        prefix = f"optimizer/{phase_optimizer.phase.name}/"
        for name, value in (*_below(tensors, prefix).items(), *_below(numbers, prefix).items()):
            index, key = name.split("/", 1)
            state.setdefault(int(index), {})[key] = value
        groups = phase_optimizer.optimizer.state_dict()["param_groups"]
        phase_optimizer.optimizer.load_state_dict({"state": state, "param_groups": groups})
        _match_memory_format(phase_optimizer.optimizer)
    train_step.running_means.restore(sums, counts)
    train_step.anomaly_check.forget()
    train_step.anomaly_check.collapse_detector.restore(collapse_state)
    trainer.policies.restore(history)
    trainer.doctor.restore(diagnosis)
    trainer.step, trainer.seconds = step, seconds


def _owners(train_step: TrainStep) -> list[PhaseOptimizer]:
    return [phase_optimizer for phase_optimizer in train_step.phase_optimizers if phase_optimizer.owns]


def _networks(train_step: TrainStep) -> dict[str, Tensor]:
    tensors = {f"network/{name}": value for name, value in train_step.recipe.state_dict().items()}
    for name, network in train_step.ema.networks.items():
        tensors |= {f"average/{name}/{key}": value for key, value in network.state_dict().items()}
    return tensors


def _step_and_seconds(about: Mapping[str, Any], steps: int) -> tuple[int, float]:
    step, seconds = about.get("step"), about.get("seconds")
    if not isinstance(step, int) or not 0 <= step <= steps:
        raise UserError(f"its step is {one_line(step)}, and must be from 0 to {steps}")
    if not isinstance(seconds, int | float) or not 0 <= seconds < _LARGEST:
        raise UserError(f"its training time is {one_line(seconds)} seconds")
    return step, float(seconds)


def _running_means(
    tensors: Mapping[str, Tensor], rows: Any, phases: Set[str]
) -> tuple[dict[OutputNames, Tensor], dict[OutputNames, int]]:
    sums: dict[OutputNames, Tensor] = {}
    counts: dict[OutputNames, int] = {}
    for number, row in enumerate(rows if isinstance(rows, list) else [rows]):
        match row:
            case [str(phase), [*terms], [*values], int(count)] if phase in phases and 0 <= count < _LARGEST:
                names = OutputNames(phase, tuple(map(str, terms)), tuple(map(str, values)))
            case _:
                raise UserError(f"row {number} of its running means is damaged")
        total = tensors.get(f"tally/{number}")
        # Values that are only reported may be infinite; with infinite terms the training would fail at its next report.
        fits = total is not None and total.shape == (len(terms) + len(values),) and total.dtype == torch.float32
        if total is None or not fits or not bool(total[: len(terms)].isfinite().all()):
            raise UserError(f"tally/{number} is not a valid sum for its running means")
        sums[names], counts[names] = total, count
    return sums, counts


def _anomaly_state(about: Any) -> tuple[Mapping[str, Any], Mapping[str, int], Mapping[str, Any]]:
    """Return the state of the collapse detector, the history of the policies, and the state of the doctor.

    A checkpoint of a version that did not diagnose has no state of a doctor.
    """
    match about:
        case {
            "spread": {"real": int() | float() as real, "alive": bool()} as collapse_state,
            "history": dict() as history,
        }:
            counts_valid = all(type(value) is int and -1 <= value < _LARGEST for value in history.values())
            diagnosis = about.get("diagnosis", empty_state())
            numbers_valid = 0 <= real < _LARGEST and counts_valid and is_state(diagnosis)
            if numbers_valid and history.keys() == asdict(PolicyHistory()).keys():
                return collapse_state, history, diagnosis
    raise UserError("the state of its anomaly check is damaged")


def _refuse_other_state(
    trainer: Trainer,
    tensors: Mapping[str, Tensor],
    numbers: Any,
    step: int,
    rows: int,
    history: Mapping[str, int],
) -> Mapping[str, Any]:
    """Return ``numbers``; raise :class:`UserError` unless they and ``tensors`` fit the state after ``step`` steps."""
    expected: dict[str, Any] = dict(_networks(trainer.train_step))
    any_undone = history["left_out"] > 0 or history["went_back_to"] >= 0
    for phase_optimizer in _owners(trainer.train_step) if step else ():
        # An optimizer has no state yet if all of its updates were skipped or rolled back.
        if not any_undone or _below(tensors, f"optimizer/{phase_optimizer.phase.name}/"):
            stepped = _stepped(trainer.train_step, phase_optimizer, step)
            if trainer.train_step.recipe.borders:  # a parameter that sleeps between two borders has no state yet
                prefix = f"optimizer/{phase_optimizer.phase.name}/"
                awake = {name.split("/", 1)[0] for name in _below(tensors, prefix)}
                stepped = [steps and str(index) in awake for index, steps in enumerate(stepped)]
            expected |= _state_after_a_step(phase_optimizer, stepped)
    sums = {f"tally/{row}" for row in range(rows)}
    others = {name: value for name, value in tensors.items() if name not in sums}
    refuse_other_tensors(others, {name: value for name, value in expected.items() if isinstance(value, Tensor)})
    types = {name: type(value) for name, value in expected.items() if not isinstance(value, Tensor)}
    if not isinstance(numbers, dict) or {name: type(value) for name, value in numbers.items()} != types:
        raise UserError("the numbers of its optimizers do not fit this run's optimizers")
    return numbers


def _stepped(train_step: TrainStep, owner: PhaseOptimizer, steps: int) -> list[bool]:
    """Return for each parameter of an optimizer whether a phase that uses it was due within ``steps`` steps."""
    began = [other for other in train_step.phase_optimizers if other.phase.first < steps]
    trained = {p for other in began if other.optimizer is owner.optimizer for p in other.parameters}
    return [parameter in trained for parameter in owner.stepped]


def _state_after_a_step(phase_optimizer: PhaseOptimizer, stepped: Sequence[bool]) -> dict[str, Any]:
    """Return the state of a copy of an optimizer after a step of some of its parameters, by name in a checkpoint."""
    trial = copy.deepcopy(phase_optimizer.optimizer)
    parameters = [parameter for group in trial.param_groups for parameter in group["params"]]
    for parameter, steps in zip(parameters, stepped, strict=True):
        parameter.grad = torch.zeros_like(parameter) if steps else None
    with quiet_optimizers():
        trial.step()
    prefix = f"optimizer/{phase_optimizer.phase.name}"
    return {f"{prefix}/{index}/{key}": value for index, key, value in _optimizer_state(trial)}


def _match_memory_format(optimizer: torch.optim.Optimizer) -> None:
    """Give the state the memory format of its parameters: fused optimizers read both in the order of memory."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)


def _optimizer_state(optimizer: torch.optim.Optimizer) -> Iterator[tuple[int, str, Any]]:
    """Yield index of the parameter, name and value of everything in an optimizer's state."""
    for index, values in optimizer.state_dict()["state"].items():
        yield from ((index, key, value) for key, value in values.items() if value is not None)


def _below(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
