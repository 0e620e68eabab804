"""How fast a GPU trains: each variant eagerly and recorded, against a tutorial's loop and against what limits it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import common
import torch
from gpu_trainers import NO_FILES, play
from torch.profiler import ProfilerActivity, profile
from training import Training, choose
from tutorial import LOOPS

from ganzoo.studio.benchmark import cost_of_step
from ganzoo.studio.cost import Cost
from ganzoo.studio.machine import Machine

TUTORIAL = "tutorial"
ROUNDS = {"cuda": 3, "cpu": 1}
STEPS = {"cuda": 300, "cpu": 3}
SLOW_STEPS = {"cuda": 30, "cpu": 2}  # of the tutorial's loop and of eager steps
PROFILED = 3  # steps
MANNERS: Mapping[str, Mapping[str, str]] = {
    "fp32, eager": {"precision": "fp32", "execution": "eager"},
    "fp32": {"precision": "fp32"},
    "eager": {"execution": "eager"},
    "auto": {},
}
ON_GPUS: Mapping[str, Mapping[str, str]] = {"tf32": {"precision": "tf32"}}
COMPILED: Mapping[str, Mapping[str, str]] = {
    "compiled": {"execution": "compile"},
    "tf32, compiled": {"execution": "compile", "precision": "tf32"},
}
CASES: Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, float]]] = {
    "cgan, published, 28×28": (
        "cgan",
        {**LOOPS["cgan"][1], "dataset": "digits"},
        {"times the tutorial": 30, "steps/s": 3000},
    ),
    "dcgan, 64×64, batch 128": (
        "dcgan",
        {"dataset": "digits", "dataset_size": 64, "batch_size": 128},
        {"times the tutorial": 4, "of the limit": 0.4},
    ),
    "cgan-conv, published, 28×28": ("cgan-conv", {**LOOPS["cgan-conv"][1], "dataset": "digits"}, {}),
}
"""Variants that a tutorial has a loop for: the variant, its flags, and the targets."""

Figures = dict[str, Any]


def against_the_tutorial(name: str, device: torch.device, machine: Callable[[], Machine]) -> Figures:
    """Return the speed of a case in every manner and that of the tutorial's loop, in turns, and the targets."""
    variant, flags, targets = CASES[name]
    selection = choose(variant, **flags, **_where(device))
    loop = LOOPS[variant][0](selection)
    found = _measured(variant, {**flags, **_where(device)}, device, machine(), common.turn(loop.step, device))
    auto = found["manners"]["auto"]
    seen = {"steps/s": auto["steps/s"], "times the tutorial": auto["times the tutorial"], "of the limit": auto["limit"]}
    return {**found, "targets": {goal: [wanted, seen[goal], seen[goal] >= wanted] for goal, wanted in targets.items()}}


def compiled(name: str, device: torch.device, machine: Callable[[], Machine]) -> Figures:
    """Return the speed of the compiled steps of a case; their compilation takes a minute."""
    variant, flags, _ = CASES[name]
    return _measured(variant, {**flags, **_where(device)}, device, machine(), manners=COMPILED)


def defaults(variant: str, device: torch.device, machine: Callable[[], Machine]) -> Figures:
    """Return the speed of a variant with its default settings in every manner, on data that needs no files."""
    dataset = choose(variant, **_where(device)).parts["dataset"].component.name
    flags = {"dataset": NO_FILES[dataset]} if dataset in NO_FILES else {}
    return _measured(variant, {**flags, **_where(device)}, device, machine())


def _where(device: torch.device) -> Mapping[str, Any]:
    return {"device": device.type, "data_root": Path("data")}


def _measured(
    variant: str,
    flags: Mapping[str, Any],
    device: torch.device,
    machine: Machine,
    tutorial: common.Turn | None = None,
    manners: Mapping[str, Mapping[str, str]] = MANNERS,
) -> Figures:
    if device.type == "cuda" and manners is MANNERS:
        manners = {**MANNERS, **ON_GPUS}
    trainings = {name: Training(choose(variant, **flags, **manner)) for name, manner in manners.items()}
    turns: dict[str, common.Turn] = {name: training.turn for name, training in trainings.items()}
    turns |= {TUTORIAL: tutorial} if tutorial is not None else {}
    slow = {TUTORIAL, *(name for name, training in trainings.items() if training.trainer.execution.name == "eager")}
    steps = {name: (SLOW_STEPS if name in slow else STEPS)[device.type] for name in turns}
    seconds = common.interleaved(turns, steps, ROUNDS[device.type])
    results: dict[str, Figures] = {}
    costs: dict[str, Cost] = {}
    for name, training in trainings.items():
        found = {"manner": training.manner, "steps/s": 1 / common.median(seconds[name]), **_kernels(training)}
        precision = training.precision.name
        cost = costs.setdefault(precision, costs.get(precision) or _cost(variant, flags, precision))
        limit = max(cost.flops / machine.matrix_rates[precision], cost.bytes / machine.copy_rate)
        found["limit"] = round(found["steps/s"] * limit, 4)
        if tutorial is not None:
            found["times the tutorial"] = common.median(common.ratios(seconds, TUTORIAL, name))
        results[name] = found
    return {"batch": next(iter(trainings.values())).batch_size, "manners": results}


def _cost(variant: str, flags: Mapping[str, Any], precision: str) -> Cost:
    eager = choose(variant, **{**flags, "execution": "eager", "precision": precision})
    return cost_of_step(Training(eager).trainer)


def _kernels(training: Training) -> Figures:
    """Return what a step launches on the device: how many kernels, their seconds, and the longest of them."""
    if training.device.type != "cuda":
        return {}
    try:
        return _profiled(training)
    except RuntimeError as problem:  # some machines allow no profiling
        return {"not profiled": str(problem).splitlines()[0]}


def _profiled(training: Training) -> Figures:
    with training.precision.set():
        play(training.trainer, PROFILED)
        torch.cuda.synchronize()
        with profile(activities=[ProfilerActivity.CUDA]) as found:
            play(training.trainer, PROFILED)
            torch.cuda.synchronize()
    events = [event for event in found.key_averages() if event.device_type.name == "CUDA"]
    longest = sorted(events, key=lambda event: event.self_device_time_total, reverse=True)[:12]
    return {
        "kernels": sum(event.count for event in events) // PROFILED,
        "busy": sum(event.self_device_time_total for event in events) / 1e6 / PROFILED,
        "longest": [
            [event.key[:100], event.count // PROFILED, round(event.self_device_time_total / PROFILED, 1)]
            for event in longest
        ],
    }
