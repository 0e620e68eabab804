"""However a training is stepped, saved, stopped, killed and resumed, at step s it is the one that never stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from ganzoo.catalogue import Selection, installed, select
from ganzoo.catalogue.check import check
from ganzoo.errors import UserError
from ganzoo.step.device import choose_device
from ganzoo.step.precision import choose_precision
from ganzoo.step.processes import SingleProcess
from ganzoo.storage.checkpoint_files import checkpoints
from ganzoo.storage.run_folder import RunFolder
from ganzoo.training.checkpoints import resume, write_checkpoint
from ganzoo.training.observers import Observer
from ganzoo.training.preview import Preview
from ganzoo.training.setup import build_trainer
from ganzoo.training.state import capture
from ganzoo.training.stop import Stop
from ganzoo.training.trainer import Checkpointing, Intervals, Trainer

LAST = 40  # step that is gone to; the one after it, the last of the training, would report and begin a new sum
NEVER = 10**9
SCHEDULES = installed().names("schedule")
OPTIMIZERS = installed().names("optimizer")


@dataclass(frozen=True)
class Way:
    """How a small training goes."""

    optimizer: str
    schedule: str
    streamed: bool = False
    workers: int = 0
    execution: str = "eager"

    @property
    def label(self) -> str:
        """How it is called in a list of tests."""
        source = f"streamed-by-{self.workers}" if self.streamed else "memory"
        return f"{self.optimizer}-{self.schedule}-{source}-{self.execution}"

    def build(self) -> tuple[Selection, Trainer]:
        """Return the selection and a trainer at its first step."""
        flags = {
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "execution": self.execution,
            "workers": self.workers,
            "data_budget": 0 if self.streamed else 64,
            "steps": LAST + 1,
            "batch_size": 8,
            "dataset_size": 8,
            "generator_widths": (16, 16),
            "discriminator_widths": (16, 16),
            "recipe_discriminator_updates": 2,
        }
        selection = select(installed(), "cgan", flags)
        precision = choose_precision("fp32", choose_device("cpu"))
        with torch.random.fork_rng():
            trainer = build_trainer(selection, check(selection), precision, SingleProcess(), lambda text: None)
            trainer.prepare()
        return selection, trainer


def fingerprint(trainer: Trainer) -> str:
    """Return a hash of everything that a save holds, but for the seconds."""
    tensors, about = capture(trainer)
    digest = hashlib.sha256(json.dumps({**about, "seconds": 0}, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


@cache
def uninterrupted(way: Way) -> tuple[str, ...]:
    """Return the fingerprints of a training without interruption, after 0, 1, … steps."""
    _, trainer = way.build()
    found = [fingerprint(trainer)]
    while trainer.step < LAST:
        trainer.advance()
        found.append(fingerprint(trainer))
    return tuple(found)


class StopAfter(Observer):
    """Sends this process a signal after some steps."""

    def __init__(self, steps: int, number: int):
        self._left, self._number = steps, number

    def stepped(self, step: int) -> None:
        self._left -= 1
        if self._left == 0:
            signal.raise_signal(self._number)


class SavesBy(Checkpointing):
    """Saves with the function that it is given, evaluates nothing, and never goes back."""

    def __init__(self, save: Callable[[], None]):
        self._save = save

    def save(self) -> None:
        self._save()

    def evaluate(self) -> Mapping[str, float]:
        return {}

    def roll_back(self) -> int:
        raise AssertionError("there is nothing to roll back from")


class Training(RuleBasedStateMachine):
    """One training and its saves; ``saves`` says of each step whose save is there whether it is whole."""

    way: Way
    done: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.folder = RunFolder(Path(tempfile.mkdtemp()))
        self.saves: dict[int, bool] = {}
        self.begin()
        self.done["examples"] += 1

    def begin(self) -> None:
        """Do what a new process does."""
        self.selection, self.trainer = self.way.build()
        self.warnings: list[str] = []

    def saved(self) -> None:
        """Remember that there is a save of this step, and that older ones may have gone."""
        self.saves[self.trainer.step] = True
        settings, steps = self.selection.run, sorted(self.saves)
        regular = [step for step in steps if step % settings.checkpoint_every == 0]
        self.saves = {step: self.saves[step] for step in {*steps[-settings.keep_checkpoints :], *regular[-1:]}}

    @rule(count=st.integers(1, 6))
    def step(self, count: int) -> None:
        for _ in range(min(count, LAST - self.trainer.step)):
            self.trainer.advance()
            self.done["steps"] += 1

    @rule()
    def save(self) -> None:
        write_checkpoint(self.folder.checkpoints, self.trainer, self.selection)
        self.saved()
        self.done["saves"] += 1

    @precondition(lambda self: self.trainer.step < LAST)
    @rule(count=st.integers(1, 6), number=st.sampled_from([signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]))
    def stop_by_a_signal_and_resume(self, count: int, number: int) -> None:
        trainer, stop, before = self.trainer, Stop(), self.trainer.step
        count = min(count, LAST - before)
        intervals = Intervals(NEVER, NEVER, 0, 0, stop)
        with stop.listening():
            preview = Preview(trainer.train_step.recipe, trainer.train_step.batches, 0, trainer.device)
            trainer.run([StopAfter(count, number)], intervals, preview, SavesBy(self.save))
        assert (trainer.step, stop.signal) == (before + count, number)
        assert trainer.step in self.saves
        self.done["steps"] += count
        self.done["signals"] += 1
        self.kill_and_resume()

    @rule()
    def kill_and_resume(self) -> None:
        self.begin()
        valid = [step for step in self.saves if self.saves[step]]
        if self.saves and not valid:
            with pytest.raises(UserError, match="are damaged"):
                resume(self.folder, self.trainer, self.selection, self.warnings.append)
            shutil.rmtree(self.folder.checkpoints)
            self.saves.clear()
            self.begin()
        resume(self.folder, self.trainer, self.selection, self.warnings.append)
        assert self.trainer.step == max(valid, default=0), "at most the steps since the last save are lost"
        assert bool(self.warnings) == any(step > self.trainer.step for step in self.saves), "damage is told"
        # What could not be gone on from has been set aside.
        self.saves = {step: whole for step, whole in self.saves.items() if step <= self.trainer.step}
        self.done["resumptions"] += 1

    @precondition(lambda self: self.saves and self.saves[max(self.saves)])
    @rule(place=st.floats(0, 1), bit=st.integers(0, 7))
    def damage_the_newest_save(self, place: float, bit: int) -> None:
        path = checkpoints(self.folder.checkpoints)[0]
        content = bytearray(path.read_bytes())
        begins = 8 + int.from_bytes(content[:8], "little")  # where the tensors do, after the header
        content[begins + int(place * (len(content) - 1 - begins))] ^= 1 << bit
        path.write_bytes(content)
        self.saves[max(self.saves)] = False
        self.done["damages"] += 1

    @invariant()
    def is_the_training_that_never_stopped(self) -> None:
        assert fingerprint(self.trainer) == uninterrupted(self.way)[self.trainer.step]

    def teardown(self) -> None:
        shutil.rmtree(self.folder.path)


QUICK = [Way(name, SCHEDULES[place % len(SCHEDULES)], place % 2 == 1) for place, name in enumerate(OPTIMIZERS)]
MANY = [Way(name, schedule, streamed) for name in OPTIMIZERS for schedule in SCHEDULES for streamed in (False, True)]
WORKERS = [Way(name, "cosine", streamed=True, workers=1) for name in OPTIMIZERS]
COMPILED = [Way(name, "cosine", execution="compile") for name in OPTIMIZERS]


def cases() -> list[object]:
    """Return ways with the number of examples to try of each."""
    counts = [(QUICK, 1, ()), (MANY, 10, pytest.mark.long), (WORKERS + COMPILED, 4, pytest.mark.long)]
    return [
        pytest.param(way, count, marks=marks, id=f"{way.label}-{count}")
        for ways, count, marks in counts
        for way in ways
    ]


@pytest.mark.parametrize(("way", "count"), cases())
def test_a_training_is_what_it_would_be_without_interruptions(
    way: Way, count: int, record: Callable[..., None]
) -> None:
    done: Counter[str] = Counter()
    machine = type("TrainingThisWay", (Training,), {"way": way, "done": done})
    few = settings(max_examples=count, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=few)
    assert done["examples"] > 0
    record(promise="resumption is exact", way=way.label, **done)


def test_every_rule_works_once() -> None:
    """The quick examples above may leave one out."""
    done: Counter[str] = Counter()
    machine = type("TrainingThisWay", (Training,), {"way": QUICK[0], "done": done})()
    machine.step(2)
    machine.save()
    machine.stop_by_a_signal_and_resume(2, signal.SIGTERM)
    machine.is_the_training_that_never_stopped()
    machine.save()
    machine.damage_the_newest_save(0.5, 3)
    machine.kill_and_resume()
    machine.is_the_training_that_never_stopped()
    machine.teardown()
    assert set(done) == {"examples", "steps", "saves", "signals", "damages", "resumptions"}
