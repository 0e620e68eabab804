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

from ganzoo.step.precision import choose_precision
from ganzoo.studio.benchmark import cost_of_step
from ganzoo.studio.machine import Machine

TUTORIAL = "tutorial"
ROUNDS = {"cuda": 5, "cpu": 1}
STEPS = {"cuda": 300, "cpu": 3}
TUTORIAL_STEPS = {"cuda": 20, "cpu": 2}
PROFILED = 3  # steps
MANNERS: Mapping[str, Mapping[str, str]] = {
    "fp32, eager": {"precision": "fp32", "execution": "eager"},
    "fp32": {"precision": "fp32"},
    "eager": {"execution": "eager"},
    "auto": {},
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
) -> Figures:
    trainings = {name: Training(choose(variant, **flags, **manner)) for name, manner in MANNERS.items()}
    turns: dict[str, common.Turn] = {name: training.turn for name, training in trainings.items()}
    turns |= {TUTORIAL: tutorial} if tutorial is not None else {}
    steps = {name: (TUTORIAL_STEPS if name == TUTORIAL else STEPS)[device.type] for name in turns}
    seconds = common.interleaved(turns, steps, ROUNDS[device.type])
    manners: dict[str, Figures] = {}
    for name, training in trainings.items():
        found = {"manner": training.manner, "steps/s": 1 / common.median(seconds[name]), **_kernels(training)}
        found["limit"] = _share_of_limit(variant, flags, found["steps/s"], training, machine)
        if tutorial is not None:
            found["times the tutorial"] = common.median(common.ratios(seconds, TUTORIAL, name))
        manners[name] = found
    return {"batch": trainings["auto"].batch_size, "manners": manners}


def _share_of_limit(variant: str, flags: Mapping[str, Any], rate: float, training: Training, machine: Machine) -> float:
    """Return which share of the nearer of the machine's two rates a training reaches."""
    cost = cost_of_step(
        Training(choose(variant, **flags, execution="eager", precision=training.precision.name)).trainer
    )
    precision = choose_precision(training.precision.name, training.device).name
    share: float = round(rate * max(cost.flops / machine.matrix_rates[precision], cost.bytes / machine.copy_rate), 4)
    return share


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
    longest = sorted(events, key=lambda event: event.self_device_time_total, reverse=True)[:8]
    return {
        "kernels": sum(event.count for event in events) // PROFILED,
        "busy": sum(event.self_device_time_total for event in events) / 1e6 / PROFILED,
        "longest": {event.key[:60]: round(event.self_device_time_total / PROFILED, 1) for event in longest},
    }
