"""Timing the parts of a step."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any, final

import pytest

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import installed, select
from ganzoo.catalogue.check import check
from ganzoo.step.execution import Execution
from ganzoo.step.phase_optimizer import PhaseOptimizer
from ganzoo.step.precision import Precision
from ganzoo.step.train_step import Feeds, TrainStep
from ganzoo.studio import benchmark as module
from ganzoo.studio.benchmark import benchmark, split
from ganzoo.testing.selections import choose
from ganzoo.testing.trainers import CPU, trainer_of
from ganzoo.training.setup import build_trainer
from ganzoo.training.trainer import Trainer


def test_a_training_of_several_windows_is_measured_in_the_last_one() -> None:
    flags: dict[str, Any] = {"generator_width": 2, "discriminator_width": 2, "recipe_pretraining": 7}
    selection, told = choose("srgan", **flags), list[str]()
    found = benchmark(selection, assemble(selection), Precision("fp32", CPU), 1, told.append)
    assert told == ["srgan is measured from step 8 on, in the last window of its training"]
    assert found.split["generator"] > 0 and found.split["discriminator"] > 0 and not found.split["pretraining"]


# The split


@pytest.mark.parametrize("variant", ["gan-minimal", "cgan"])
def test_the_parts_of_a_step_add_up_to_it(variant: str) -> None:
    with trainer_of(variant) as trainer:
        began = time.perf_counter()
        parts = split(trainer, 5, log_every=1)
        step = (time.perf_counter() - began) / 5
    assert min(parts.values()) >= 0
    assert 0.5 * step <= sum(parts.values()) <= 1.5 * step
    assert all(parts[name] > 0 for name in ("data", "discriminator", "generator", "generator-optimizer", "averages"))


def test_time_is_put_down_to_the_part_that_took_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with trainer_of("gan-minimal") as trainer:
        train_step, pause = trainer.train_step, 0.05
        optimizer = train_step.phase_optimizers[0].optimizer

        def slowly(work: Callable[..., Any]) -> Callable[..., Any]:
            def done(*args: Any, **kwargs: Any) -> Any:
                time.sleep(pause)
                return work(*args, **kwargs)

            return done

        monkeypatch.setattr(optimizer, "step", slowly(optimizer.step))
        monkeypatch.setitem(train_step.losses, "generator", slowly(train_step.losses["generator"]))
        parts = split(trainer, 2, log_every=1)
    name = train_step.phase_optimizers[0].phase.name
    assert parts[f"{name}-optimizer"] >= pause
    assert parts["generator"] >= 2 * pause, "it has two updates a step"
    assert parts["data"] + parts["averages"] + parts["generator-optimizer"] < pause


def test_what_was_followed_is_left_as_it_was() -> None:
    with trainer_of("gan-minimal") as trainer:
        train_step = trainer.train_step
        owners = [
            train_step,
            train_step.ema,
            *train_step.batches.values(),
            *(phase_optimizer.optimizer for phase_optimizer in train_step.phase_optimizers),
        ]
        before = [set(vars(owner)) for owner in owners]
        split(trainer, 1, log_every=1)
        assert [set(vars(owner)) for owner in owners] == before


@final
class Odd(Execution):
    """Another way to carry out steps, in name only."""

    name = "odd"

    def __init__(self, train_step: TrainStep):
        self._train_step = train_step

    def prepare(self, read: Callable[[], Feeds]) -> None:
        (feeds,) = read()
        assert set(feeds) == set(self._train_step.batches)

    def run(self, due: Sequence[PhaseOptimizer], feeds: Feeds, step: int) -> None:
        self._train_step(due, feeds, step)


def test_another_execution_is_timed_as_it_is_and_split_as_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def build(chosen: Any, *others: Any) -> Trainer:
        trainer = build_trainer(
            dataclasses.replace(chosen, run=dataclasses.replace(chosen.run, execution="eager")), *others
        )
        if chosen.run.execution != "eager":
            trainer.execution = Odd(trainer.train_step)
        built.append(trainer.execution.name)
        return trainer

    monkeypatch.setattr(module, "build_trainer", build)
    chosen = select(installed(), "gan-minimal", {"batch_size": 8, "execution": "compile"})
    found = benchmark(chosen, check(chosen), Precision("fp32", CPU), 1, lambda text: None)
    assert built == ["odd", "eager"]
    assert (found.execution, found.split_execution) == ("odd", "eager")
