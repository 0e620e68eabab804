"""Several processes train what one trains."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from ganzoo.catalogue import installed, select
from ganzoo.cli import run as command
from ganzoo.errors import UserError
from ganzoo.randomness import Share
from ganzoo.signals import SIGNALLED
from ganzoo.step.processes import DistributedProcesses
from ganzoo.testing.command_lines import ganzoo
from ganzoo.testing.processes import forked_group, wait_for
from ganzoo.testing.small_systems import declarations
from ganzoo.testing.small_systems.systems import SYSTEMS
from ganzoo.training.run import _refuse_other_steps, train

ALIKE = {  # no batch norm, no dropout: these look at the batch that a process has
    "gan-minimal": (),
    "cgan": ("--no-generator-norm", "--discriminator-dropout", "0", "--penalty", "wgan-gp", "--loss", "wasserstein"),
}


PLAIN = (
    *("--no-generator-norm", "--discriminator-dropout", "0", "--optimizer", "sgd", "--optimizer-lr", "0.05"),
    *("--dataset-size", "8"),
)


def line(out: Path, *words: str) -> list[str]:
    return ["train", *words, "--device", "cpu", "--precision", "fp32", "--batch-size", "16", "--out", str(out)]


def run(out: Path, *words: str, processes: int = 1) -> None:
    """Train in this process, or in several that are forked; how ``torchrun`` starts them is tested below."""
    if processes == 1:
        answer = ganzoo(*line(out, *words))
        assert answer.status == 0, answer.err
        return
    log = out.with_name(f"{out.name}.log")
    started = forked_group(line(out, *words), log, processes)
    assert [process.wait(240) for process in started] == [0] * processes, log.read_text(encoding="utf-8")


def torchrun(out: Path, *words: str, restarts: int = 0) -> subprocess.Popen[str]:
    """Start two processes, as people do."""
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", f"--max-restarts={restarts}"]
    command = [sys.executable, *start, "-m", "ganzoo", *line(out, *words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def furthest(first: Path, second: Path) -> float:
    one, other = load_file(first / "model.safetensors"), load_file(second / "model.safetensors")
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


@pytest.mark.parametrize("processes", [2, pytest.param(4, marks=pytest.mark.long)])
@pytest.mark.parametrize("variant", ALIKE)
def test_processes_have_the_gradient_of_one_with_the_whole_batch(
    variant: str, processes: int, tmp_path: Path, record: Callable[..., None]
) -> None:
    # One step at a rate of 1, without averages: what a weight moved by is its gradient.
    words = (variant, *ALIKE[variant], "--optimizer", "sgd", "--optimizer-lr", "1", "--steps", "1", "--ema", "0")
    run(tmp_path / "one", *words)
    run(tmp_path / "many", *words, processes=processes)
    run(tmp_path / "passes", *words, "--accumulate", str(processes))
    by_processes, by_passes = (furthest(tmp_path / "one", tmp_path / other) for other in ("many", "passes"))
    assert by_processes <= 1e-6
    assert by_passes <= 1e-6
    record(promise="several processes are as one", furthest_gradient=by_processes, of_passes=by_passes)


def test_states_of_losses_and_penalties_are_the_same_in_two_processes(tmp_path: Path) -> None:
    words = ("gan", "--plugin", declarations.__file__, *PLAIN, "--steps", "6", "--checkpoint-every", "6", "--ema", "0")
    parts = ("--loss", "balance", "--penalty", "r1,clip,lecam", "--augmentation", "adaptive")
    saved = []
    for name, how in (("one", {}), ("two", {"processes": 2})):
        run(tmp_path / name, *words, *parts, **how)
        saved.append(load_file(tmp_path / name / "checkpoints" / "step-00000006.safetensors"))
    states = [name for name in saved[0] if name.startswith(("network/loss", "network/penalties", "network/augmen"))]
    assert {name.rsplit(".", 1)[1] for name in states} == {"k", "scores_of_real", "scores_of_fake", "seen", "p"}
    for name in (*states, *(name for name in saved[0] if name.startswith("network/discriminator"))):
        assert float((saved[0][name] - saved[1][name]).abs().max()) <= 1e-6, name


@pytest.mark.long
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_of_the_contract_is_the_same_in_two_processes(system: str, tmp_path: Path) -> None:
    # Not with Adam, which makes the rounding of a gradient near zero as large as the gradient.
    flags: dict[str, object] = {"optimizer": "sgd", "optimizer_lr": 0.05, **SYSTEMS[system].flags}
    flags |= {"dataset_size": 8, "steps": 6, "ema": 0.0}
    given = [word for name, value in flags.items() for word in as_words(name.replace("_", "-"), value)]
    words = (SYSTEMS[system].variant, "--plugin", declarations.__file__, *given)
    run(tmp_path / "one", *words)
    run(tmp_path / "two", *words, processes=2)
    assert furthest(tmp_path / "one", tmp_path / "two") <= 1e-6


def as_words(flag: str, value: object) -> tuple[str, ...]:
    if isinstance(value, bool):
        return (f"--{flag}" if value else f"--no-{flag}",)
    return f"--{flag}", str(value)


def test_two_processes_train_what_one_trains(tmp_path: Path) -> None:
    words = ("gan-minimal", "--steps", "30", "--log-every", "10")
    run(tmp_path / "one", *words)
    run(tmp_path / "two", *words, processes=2)
    assert furthest(tmp_path / "one", tmp_path / "two") <= 1e-6
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == sorted(
        path.name for path in (tmp_path / "one").iterdir()
    )


@pytest.mark.parametrize(
    "flags",
    [
        ("gan",),
        ("cgan", "--penalty", "r1", "--penalty-every", "2", "--accumulate", "2"),
        pytest.param(("wgan-gp",), marks=pytest.mark.long),
        pytest.param(("stylegan2-ada",), marks=pytest.mark.long),
    ],
)
def test_two_processes_that_exchange_during_the_backward_pass_train_the_same(
    flags: tuple[str, ...], tmp_path: Path
) -> None:
    words = (*flags, "--dataset-size", "8", "--steps", "4")
    run(tmp_path / "after", *words, processes=2)
    run(tmp_path / "during", *words, "--overlap", processes=2)
    assert furthest(tmp_path / "after", tmp_path / "during") == 0.0


def test_two_processes_leave_packs_whole(tmp_path: Path) -> None:
    flags = ("--discriminator", "packing", "--discriminator-pack", "4", "--no-generator-norm", "--ema", "0")
    words = ("gan", "--plugin", declarations.__file__, *flags, "--dataset-size", "8", "--steps", "3")
    run(tmp_path / "one", *words)
    run(tmp_path / "two", *words, processes=2)
    assert furthest(tmp_path / "one", tmp_path / "two") <= 1e-6


def test_two_processes_start_alike_from_another_model(tmp_path: Path) -> None:
    words = ("gan-minimal", "--dataset-size", "8")
    run(tmp_path / "other", *words, "--steps", "2", "--seed", "3")
    flags = ("--steps", "3", "--generator-from", str(tmp_path / "other"), "--freeze", "discriminator.layers.0")
    run(tmp_path / "one", *words, *flags)
    run(tmp_path / "two", *words, *flags, processes=2)
    assert furthest(tmp_path / "one", tmp_path / "two") <= 1e-6


def workers(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="utf-8").split()
    return [int(child) for child in children]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find a worker")
@pytest.mark.long
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_is_started_again_and_the_end_is_the_same(
    rank: int, tmp_path: Path, record: Callable[..., None]
) -> None:
    every = ("--checkpoint-every", "20", "--sample-every", "200", "--log-every", "200")
    words = ("gan-minimal", "--steps", "200", "--dataset-size", "8", *every)
    run(tmp_path / "whole", *words, processes=2)
    started = torchrun(tmp_path / "killed", *words, "--resume", restarts=1)
    wait_for(tmp_path / "killed" / "checkpoints" / "step-00000040.safetensors", 120)
    os.kill(sorted(workers(started.pid))[rank], signal.SIGKILL)
    _, said = started.communicate(timeout=240)
    assert started.returncode == 0, said[-3000:]
    models = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "killed")]
    assert models[0] == models[1]
    rows = [json.loads((tmp_path / name / "metrics.jsonl").read_text()) for name in ("whole", "killed")]
    assert {**rows[0], "seconds": 0} == {**rows[1], "seconds": 0}
    record(promise="a killed process is started again", same_at_the_end=1)


ENDLESS = ("gan-minimal", "--steps", "1000000", "--dataset-size", "8", "--checkpoint-every", "20")


def test_a_signal_to_one_process_stops_all_after_the_same_step(tmp_path: Path) -> None:
    out, log = tmp_path / "run", tmp_path / "log"
    first, second = forked_group(line(out, *ENDLESS), log, 2)
    wait_for(out / "checkpoints" / "step-00000020.safetensors", 120)
    second.send_signal(signal.SIGTERM)
    said = (first.wait(), second.wait(), log.read_text(encoding="utf-8"))
    assert said[:2] == (SIGNALLED + signal.SIGTERM, SIGNALLED + signal.SIGTERM), said
    assert re.search(r"stopped after \d+ steps and wrote a checkpoint", said[2]), said
    assert not list(out.rglob("*.tmp*"))


@pytest.mark.long
def test_a_signal_to_the_starter_stops_all_after_the_same_step(tmp_path: Path) -> None:
    started = torchrun(tmp_path / "run", *ENDLESS)
    wait_for(tmp_path / "run" / "checkpoints" / "step-00000020.safetensors", 120)
    started.send_signal(signal.SIGTERM)
    _, said = started.communicate(timeout=120)
    assert started.returncode != 0
    assert re.search(r"stopped after \d+ steps and wrote a checkpoint", said), said[-3000:]
    assert not list((tmp_path / "run").rglob("*.tmp*"))


def test_processes_that_see_other_saves_do_not_train() -> None:
    class Elsewhere(DistributedProcesses):  # type: ignore[misc]
        def __init__(self) -> None:
            self.share = Share(1, 2)

        def broadcast_text(self, text: str) -> str:
            return "40"

    class At:
        step = 0

    with pytest.raises(
        UserError, match="process 1 found the checkpoint of step 0, and the first process that of step 40"
    ):
        _refuse_other_steps(At(), Elsewhere())  # type: ignore[arg-type]


def test_a_batch_that_cannot_be_divided_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["train", "gan", "--batch-size", "10", "--accumulate", "4", "--out", str(tmp_path / "run")]
    assert command(words) == 2
    said = capsys.readouterr().err
    assert "a batch of 10 cannot be divided among 4 passes each: give --batch-size 8" in said


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without an NVIDIA GPU")
def test_batch_norm_of_all_is_for_gpus(tmp_path: Path) -> None:
    selection = select(installed(), "dcgan", {"sync_bn": True, "batch_size": 8, "out": tmp_path / "run"})
    with pytest.raises(UserError, match="--sync-bn needs NVIDIA GPUs"):
        train(selection)


def test_batch_norm_of_all_keeps_the_names_of_weights() -> None:
    """What ``--sync-bn`` does to a network leaves its state as it was, so models of both kinds are the same."""
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    after = nn.SyncBatchNorm.convert_sync_batchnorm(network).state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
