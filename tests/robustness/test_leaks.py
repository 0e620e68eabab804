"""Nothing piles up: memory, file handles and threads stay where they are, over many steps and over many trainings."""

from __future__ import annotations

import ctypes
import gc
import itertools
import os
import platform
import statistics
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

import ganzoo
from ganzoo.catalogue import installed, select
from ganzoo.training.observers import Observer, Report
from ganzoo.training.run import train

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import memory

pytestmark = [
    pytest.mark.curves,
    pytest.mark.skipif(not memory.PROC.is_dir(), reason="what a process holds is read from /proc"),
]

LIBRARY = "".join(platform.libc_ver())
STEPS, WARM, EVERY = 300, 150, 50
MEBIBYTES, BLOCKS = 2.0, 2.0  # that may come in all, and of Python's blocks with each step


@dataclass(frozen=True)
class Held:
    """What this process held after so many steps or rounds."""

    sample: memory.Sample
    blocks: int


def hold(step: int) -> Held:
    gc.collect()
    if LIBRARY.startswith("glibc"):  # what was freed and is kept for the next who asks is no leak
        ctypes.CDLL(None).malloc_trim(0)
    sample = memory.look(os.getpid(), step)
    assert sample is not None
    return Held(sample, sys.getallocatedblocks())


def more_memory(held: Sequence[Held]) -> float:
    """Return the mebibytes that came again and again: what came only once, such as a new pool, is no leak."""
    sizes = [seen.sample.memory for seen in held]
    more = [after - before for before, after in itertools.pairwise(sizes)]
    return statistics.median_low(more) * len(more)


def grown(held: Sequence[Held]) -> set[str]:
    """Return what is more at the end than at the beginning."""
    first, last = held[0], held[-1]
    steps = last.sample.step - first.sample.step
    more = {
        "memory": more_memory(held) > MEBIBYTES,
        "objects": last.blocks > first.blocks + BLOCKS * steps,
        "descriptors": last.sample.descriptors > first.sample.descriptors,
        "threads": last.sample.threads > first.sample.threads,
    }
    return {name for name, is_more in more.items() if is_more}


class Watching(Observer):
    """Looks at its own process now and then."""

    def __init__(self) -> None:
        self.held: list[Held] = []

    def reported(self, report: Report) -> None:
        if report.step >= WARM:
            self.held.append(hold(report.step))


class Leaking(Observer):
    """Keeps a tensor each step, and with each report an open file, 1 MiB and a thread."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.opened: list[int] = []
        self.over = threading.Event()

    def stepped(self, step: int) -> None:
        self.kept.append([torch.zeros(8), {step: step}])

    def reported(self, report: Report) -> None:
        self.kept.append(torch.ones(2**18))
        self.opened.append(os.open(os.devnull, os.O_RDONLY))
        threading.Thread(target=self.over.wait, daemon=True).start()

    def ended(self) -> None:
        self.over.set()
        for descriptor in self.opened:
            os.close(descriptor)


@pytest.mark.parametrize(
    ("leaking", "expected"),
    [(False, set()), (True, {"memory", "objects", "descriptors", "threads"})],
    ids=["as it is", "with leaks"],
)
def test_nothing_piles_up_while_a_training_goes(leaking: bool, expected: set[str], tmp_path: Path) -> None:
    """The second case shows that the first one could fail."""
    often = {"log_every": EVERY, "sample_every": EVERY, "checkpoint_every": EVERY}
    flags = {"dataset_size": 8, "batch_size": 8, "steps": STEPS, "device": "cpu", "out": tmp_path / "run"}
    watching = Watching()
    train(select(installed(), "gan-minimal", {**flags, **often}), [*([Leaking()] if leaking else []), watching])
    assert len(watching.held) == (STEPS - WARM) // EVERY + 1
    assert grown(watching.held) == expected, watching.held


@pytest.mark.long
def test_nothing_piles_up_over_many_steps(tmp_path: Path, record: Callable[..., None]) -> None:
    found = memory.last_long(tmp_path, 100_000)
    record(promise="no leak", **{name: value for name, value in found.items() if name != "promise"})
    assert found["samples"] > 20
    assert found["slope"] <= memory.SLOPE
    assert found["threads"][0] == found["threads"][1]
    # One more is a picture or a save that is being written just then.
    assert found["descriptors"][1] <= found["descriptors"][0] + 1


@pytest.mark.parametrize("rounds", [2, pytest.param(50, marks=pytest.mark.long)])
def test_nothing_is_left_of_trainings_and_models(
    rounds: int, tmp_path: Path, stand_in_root: Callable[[str], Path], record: Callable[..., None]
) -> None:
    few = {"steps": 3, "batch_size": 4, "checkpoint_every": 2, "progress": False}
    held, others = [], set(memory.descendants(os.getpid()))
    for number in range(rounds + 1):
        run = ganzoo.train("gan-minimal", **few, dataset_size=8, out=tmp_path / f"memory-{number}")
        streamed = {"dataset": "folder", "data_root": stand_in_root("folder"), "data_budget": 0, "workers": 1}
        ganzoo.train("gan-minimal", **few, **streamed, out=tmp_path / f"streamed-{number}")
        assert set(memory.descendants(os.getpid())) <= others
        ganzoo.load(run.folder.path).sample(8)
        held.append(hold(number))
    # The first round makes what is made once: imports, fonts, pools of memory.
    first, last = held[0], held[-1]
    record(
        promise="nothing is left of trainings", rounds=rounds,
        memory=[round(seen.sample.memory, 1) for seen in (first, last)],
        descriptors=[seen.sample.descriptors for seen in (first, last)],
        threads=[seen.sample.threads for seen in (first, last)],
        blocks=last.blocks - first.blocks,
    )  # fmt: skip
    assert last.sample.descriptors == first.sample.descriptors
    assert last.sample.threads == first.sample.threads
    assert more_memory(held) <= MEBIBYTES + 0.1 * rounds
    assert last.blocks - first.blocks <= 300 * rounds
