"""What a GPU must do as a CPU does: recorded steps, guards, resumption, messages; a check raises or returns figures."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from gpu_trainers import build, choose, eager, largest_difference, numerics, play, recorded, system
from torch import nn

import ganzoo
from ganzoo.catalogue import Selection, installed
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.step.processes import DistributedProcesses
from ganzoo.testing.faulty_steps import spoil, wait_for_a_value
from ganzoo.testing.observers import StopAt
from ganzoo.testing.small_systems.systems import SYSTEMS

STEPS = 12
EXACT: Mapping[str, Any] = {"precision": "fp32", "deterministic": True}
Figures = dict[str, Any]
Check = Callable[[torch.device], Figures]


def recorded_equals_eager(selection: Selection, device: torch.device, steps: int = STEPS) -> Figures:
    """Return how far recorded steps are from eager ones, which is 0 with deterministic algorithms."""
    with numerics(selection, device), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        one, other = eager(selection, device), recorded(selection, device)
        play(one, steps)
        play(other, steps)
        difference = largest_difference(one, other)
    told = sorted({str(each.message).splitlines()[0] for each in caught})
    return {"difference": difference, "recordings": len(other.execution._recordings), "warnings": told}  # type: ignore[attr-defined]


def equal_to_the_bit(make: Callable[[torch.device], Selection], device: torch.device) -> Figures:
    """Check that recorded steps of a selection are the eager ones to the bit."""
    found = recorded_equals_eager(make(device), device)
    assert found["recordings"], found
    assert found["difference"] == 0, found
    assert not found["warnings"], found
    return found


def _variant(name: str, device: torch.device, **flags: Any) -> Selection:
    return choose(name, device, **{**EXACT, **flags})


def _system(name: str, device: torch.device) -> Selection:
    return system(name, device, SYSTEMS, **EXACT)


def usual_numerics(device: torch.device) -> Figures:
    """Return how far recorded steps are from eager ones in the default precision, without deterministic algorithms."""
    return {
        name: recorded_equals_eager(choose(name, device), device)["difference"] for name in installed().names("variant")
    }


def two_recordings(device: torch.device) -> Figures:
    """Check a phase that is due every second step."""
    selection = _variant("gan", device)
    with numerics(selection, device):
        one, other = eager(selection, device), recorded(selection, device)
        for trainer in (one, other):
            second = trainer.train_step.phase_optimizers[1]
            second.phase = replace(second.phase, every=2)
            play(trainer, 14)
        count = len(other.execution._recordings)  # type: ignore[attr-defined]
        assert count == 2, count
        assert (difference := largest_difference(one, other)) == 0, difference
    return {"recordings": count}


def spoilt_step(device: torch.device) -> Figures:
    """Check that an update with NaN is left out to the bit by a recorded step, and heard of one step later."""
    selection = _variant("cgan-conv", device, on_non_finite="skip")
    heard: dict[str, list[tuple[int, int]]] = {}
    with numerics(selection, device):
        pair = {"eager": eager(selection, device), "recorded": recorded(selection, device)}
        for name, trainer in pair.items():
            spoil(trainer, steps=(8,))
            heard[name] = []
            for _ in range(STEPS):
                trainer.advance()
                heard[name] += [(trainer.step, each.step) for each in trainer.train_step.anomaly_check.anomalies()]
        assert (difference := largest_difference(pair["eager"], pair["recorded"])) == 0, difference
    assert heard == {"eager": [(9, 9), (9, 9)], "recorded": [(10, 9), (10, 9)]}, heard
    return {"heard after steps": 1}


def same_training(device: torch.device) -> Figures:
    """Check that a deterministic run gives the same weights twice, resumed, and with pictures and evaluations."""
    with tempfile.TemporaryDirectory() as scratch:
        usual: dict[str, Any] = {
            **EXACT, "dataset": "digits", "device": device.type, "steps": 24, "progress": False, "data_root": scratch,
            "checkpoint_every": 10, "execution": "graph" if device.type == "cuda" else "eager",
        }  # fmt: skip
        plain = {**usual, "sample_every": 24}
        once = ganzoo.train("cgan-conv", **plain, out=f"{scratch}/once")
        again = ganzoo.train("cgan-conv", **plain, out=f"{scratch}/again")
        looks: dict[str, Any] = {"metric": ["frechet"], "judge": "plain", "evaluate_every": 6, "evaluate_samples": 300}
        watched = ganzoo.train("cgan-conv", **{**usual, "sample_every": 5, **looks}, out=f"{scratch}/watched")
        with contextlib.suppress(KeyboardInterrupt):  # what a stop by SIGINT ends with
            ganzoo.train("cgan-conv", **plain, out=f"{scratch}/part", observers=[StopAt(13)])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            resumed = ganzoo.train("cgan-conv", **plain, out=f"{scratch}/part", resume=True)
        assert once.finished and resumed.finished
        sums = {"again": again.sha256, "watched": watched.sha256, "resumed": resumed.sha256}
        assert not caught, [str(each.message) for each in caught]
    assert set(sums.values()) == {once.sha256}, {"once": once.sha256, **sums}
    return {"sha256": once.sha256[:16]}


def waits_for_the_host(device: torch.device) -> Figures:
    """Check that a step that reads a value is refused before it is recorded, and made eagerly where nobody insists."""
    selection, said = _variant("gan", device), list[str]()
    with numerics(selection, device):
        trainer = recorded(selection, device, said)
        wait_for_a_value(trainer, "generator")
        play(trainer, STEPS)
        one = eager(selection, device)
        play(one, STEPS)
        assert (difference := largest_difference(one, trainer)) == 0, difference
    assert len(said) == 1 and "the host waits for a value" in said[0], said
    return {"message": said[0]}


def failed_recording(device: torch.device) -> Figures:
    """Check the message of an operation that cannot be recorded, and that the stream is what it was."""
    selection = _variant("gan", device)
    with numerics(selection, device):
        trainer = recorded(selection, device)
        play(trainer, 3)
        stream = _stream(device)
        wait_for_a_value(trainer, "generator")
        try:
            trainer.advance()
        except UserError as problem:
            message = str(problem)
        except AssertionError as problem:
            message = f"cannot be recorded: {problem}"
        assert _stream(device) == stream
    assert "cannot be recorded" in message and "previous error" not in message, message
    return {"message": message}


def _stream(device: torch.device) -> Any:
    return torch.cuda.current_stream(device) if device.type == "cuda" else None


def too_large_a_batch(device: torch.device) -> Figures:
    """Check the message of a training that needs more memory than there is."""
    if device.type != "cuda":
        return {"message": "needs a GPU"}
    torch.cuda.set_per_process_memory_fraction(0.02, device)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            ganzoo.train(
                "dcgan", dataset="digits", dataset_size=64, batch_size=1024, steps=20, device="cuda", progress=False,
                data_root=scratch, out=f"{scratch}/run",
            )  # fmt: skip
    except TrainingFailed as problem:
        message = str(problem)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
        torch.cuda.empty_cache()
    assert "out of memory" in message and "--accumulate" in message, message
    return {"message": message}


def figures_of_a_model(device: torch.device) -> Figures:
    """Check that a model gets the same figures on the device and on the CPU."""
    with tempfile.TemporaryDirectory() as scratch:
        run = ganzoo.train(
            "cgan", dataset="digits", steps=300, device=device.type, progress=False, data_root=scratch,
            out=f"{scratch}/run",
        )  # fmt: skip
        asked: dict[str, Any] = {"metrics": ["frechet", "manifold"], "judge": "plain", "samples": 1000}
        cpu, found = (
            {figure.label: figure.value for figure in ganzoo.evaluate(run, device=name, **asked).figures}
            for name in ("cpu", device.type)
        )
    worst = max(abs(value - cpu[name]) / max(abs(cpu[name]), 0.1) for name, value in found.items())
    assert worst < 0.02, {"cpu": cpu, device.type: found}
    return {"largest difference": worst, **cpu}


def one_process_of_nccl(device: torch.device) -> Figures:
    """Check what processes exchange, with one process of the backend that GPUs use."""
    backend = "nccl" if device.type == "cuda" else "gloo"
    with tempfile.TemporaryDirectory() as scratch:
        store = dist.FileStore(f"{scratch}/store", 1)  # type: ignore[attr-defined]
        where: dict[str, Any] = {"device_id": device} if device.type == "cuda" else {}
        dist.init_process_group(backend, store=store, rank=0, world_size=1, **where)
        try:
            layer = nn.Linear(3, 3, device=device)
            gradients = []
            for overlap in (False, True):
                processes = DistributedProcesses(0, 1, device, overlap)
                layer.zero_grad()
                with processes.exchanging(list(layer.parameters()), passes=1):
                    layer(torch.ones(2, 3, device=device)).sum().backward()
                gradients.append([parameter.grad for parameter in layer.parameters() if parameter.grad is not None])
                before = [gradient.clone() for gradient in gradients[-1]]
                processes.average_gradients(list(layer.parameters()))
                gradients.append(before)
            for other in gradients[1:]:
                assert all(torch.equal(mine, theirs) for mine, theirs in zip(gradients[0], other, strict=True))
            processes.broadcast_weights(layer)
            assert processes.broadcast_text("größer") == "größer"
            assert float(processes.average(torch.tensor([3.0], device=device))) == 3.0
            assert [processes.max_flag(flag) for flag in (2, 0, 1)] == [0, 2, 0]
            if device.type == "cuda":
                norm = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.BatchNorm2d(3))).to(device)
                norm(torch.randn(4, 3, 5, 5, device=device)).square().sum().backward()
        finally:
            dist.destroy_process_group()
    return {"backend": backend}


def compiled(device: torch.device) -> Figures:
    """Check that compiled steps train as eager ones do, within rounding."""
    # With Adam, the least rounding of a gradient near 0 becomes a whole step.
    flags: dict[str, Any] = {"precision": "fp32", "optimizer": "sgd", "optimizer_lr": 0.05}
    selection = choose("cgan", device, **flags)
    with numerics(selection, device):
        one, two = eager(selection, device), build(choose("cgan", device, **flags, execution="compile"), device)
        play(one, STEPS)
        play(two, STEPS)
        difference = largest_difference(one, two)
    assert difference < 1e-2, difference
    return {"difference": difference, "execution": two.execution.name}


def checks() -> dict[str, Check]:
    """Return all checks by name, in order of value."""
    registry = installed()
    found: dict[str, Check] = {
        f"recorded equals eager: {name}": partial(equal_to_the_bit, partial(_variant, name))
        for name in registry.names("variant")
    }
    found |= {
        "two recordings": two_recordings,
        "a spoilt step": spoilt_step,
        "the same training": same_training,
        "a step that waits": waits_for_the_host,
    }
    more: Mapping[str, list[tuple[str, str]]] = {
        "optimizer": [("gan", name) for name in registry.names("optimizer")],
        "penalty": [("cgan-conv", name) for name in registry.names("penalty") if name != "none"],
        "conditioner": [("cgan", "multiply"), ("cgan", "add")],
    }
    for kind, cases in more.items():
        for variant, name in cases:
            flags: dict[str, Any] = {kind: name}
            make = partial(_variant, variant, **flags)
            found[f"recorded equals eager: {kind} {name}"] = partial(equal_to_the_bit, make)
    found["recorded equals eager: accumulated"] = partial(equal_to_the_bit, partial(_variant, "cgan", accumulate=2))
    found |= {
        f"recorded equals eager: system {name}": partial(equal_to_the_bit, partial(_system, name))
        for name, about in SYSTEMS.items()
        if not about.starts and not about.uncompiled
    }
    found |= {
        "the default precision": usual_numerics,
        "figures of a model": figures_of_a_model,
        "one process of NCCL": one_process_of_nccl,
        "too large a batch": too_large_a_batch,
        "compiled steps": compiled,
    }
    return found


def last_checks() -> dict[str, Check]:
    """Return the checks after which a device is unusable."""
    return {"a recording that fails": failed_recording}
