"""What a training takes is estimated from a few of its steps; how fast anything is, is not tested."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest
import torch

from ganzoo.catalogue import Selection
from ganzoo.catalogue.check import check
from ganzoo.contract.read_only import NotAtHand
from ganzoo.health import free_memory as memory_module
from ganzoo.step.precision import Precision
from ganzoo.studio import estimate as module
from ganzoo.studio.estimate import Estimate, Window, count_parameters, estimate, seconds_per_step
from ganzoo.testing.command_lines import ganzoo, problem
from ganzoo.testing.selections import choose
from ganzoo.testing.trainers import CPU, trainer_of
from ganzoo.training.run import train
from ganzoo.training.trainer import Trainer

FP32 = Precision("fp32", CPU)


def estimate_of(selection: Selection, done: int = 0) -> Estimate:
    return estimate(selection, check(selection), FP32, done, print)


def test_the_time_is_the_sum_of_its_parts() -> None:
    found = Estimate({"generator": 5}, 10**6, (Window(100, 0.1), Window(300, 0.2)), 7.0, 4, 0.5, 2, 1.5)
    assert (found.steps, found.stepping, found.seconds) == (400, 70.0, 7.0 + 70.0 + 2.0 + 3.0)
    assert found.steps_per_second == 400 / 70
    assert Estimate({}, 0, (), 1.0, 0, 0.5, 0, 1.5).steps_per_second == 0


@pytest.mark.parametrize(("steps", "done"), [(10, 0), (12, 0), (12, 5), (12, 10), (1, 0), (12, 12)])
def test_pictures_and_checkpoints_are_counted_as_a_training_makes_them(
    steps: int, done: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    often = {"sample_every": 5, "checkpoint_every": 4, "keep_checkpoints": 99}
    selection = choose("gan-minimal", tmp_path / "run", steps=steps, **often)
    found = estimate_of(selection, done)
    saved, drawn = list[int](), list[int]()
    if done:
        train(choose("gan-minimal", tmp_path / "run", steps=done, **often))
    from ganzoo.training.checkpointer import Checkpointer
    from ganzoo.training.preview import Preview

    save, draw = Checkpointer.save, Preview.draw
    monkeypatch.setattr(Checkpointer, "save", lambda self: (saved.append(0), save(self)))
    monkeypatch.setattr(Preview, "draw", lambda self, *given: (drawn.append(0), draw(self, *given))[1])
    train(selection, resume=bool(done))
    assert (found.steps, found.pictures, found.checkpoints) == (steps - done, len(drawn), len(saved))


def test_the_parameters_are_those_that_a_training_says_with_data_and_without() -> None:
    selection = choose("cgan", None, dataset_size=None)
    found = estimate_of(selection)
    with trainer_of("cgan") as trainer:
        recipe = trainer.train_step.recipe
        assert found.parameters == {
            name: sum(parameter.numel() for parameter in network.parameters())
            for name, network in recipe.named_children()
            if list(network.parameters())
        }
    assert count_parameters(selection, check(selection)) == found.parameters


def test_the_seconds_of_a_step_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAPS", 3)
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    with trainer_of("gan-minimal", steps=1000) as trainer:
        lasting = iter([9.0, *[0.5] * 9999])  # the first step is slow

        def advance(self: Trainer) -> None:
            clock[0] += next(lasting)
            self.step += 1

        monkeypatch.setattr(Trainer, "advance", advance)
        assert seconds_per_step(trainer, 1000, 30.0) == 0.5
        assert clock[0] < 9 + 2 * 30


def test_a_lap_that_the_machine_disturbs_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, advanced = [0.0], [0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    with trainer_of("gan-minimal", steps=10**6) as trainer:

        def advance(self: Trainer) -> None:
            advanced[0] += 1
            clock[0] += 100.0 if advanced[0] == 100 else 0.01
            self.step += 1

        monkeypatch.setattr(Trainer, "advance", advance)
        assert seconds_per_step(trainer, 10**6, 3.0) == pytest.approx(0.01)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_no_step_is_made_beyond_the_end(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[int]()
    advance = Trainer.advance
    monkeypatch.setattr(Trainer, "advance", lambda self: (made.append(self.step), advance(self)))
    assert estimate_of(choose("gan-minimal", None, steps=steps)).steps == steps
    assert max(made) < steps


def test_every_window_of_the_phases_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    from ganzoo.contract.recipe import Phase

    late = {"first": 20}
    changed = lambda phases: [  # noqa: E731
        dataclasses.replace(phase, **late) if phase.name == "generator" else phase for phase in phases
    ]
    assert {field.name for field in dataclasses.fields(Phase)} >= set(late)
    with trainer_of("gan-minimal", steps=100) as trainer:
        recipe = trainer.train_step.recipe
        phases = changed(recipe.phases())
        monkeypatch.setattr(recipe, "phases", lambda: phases)
        assert [window.steps for window in module._measured(trainer, 0, 0.1)] == [20, 80]
        assert [window.steps for window in module._measured(trainer, 50, 0.1)] == [50]


def test_weights_and_random_numbers_of_the_process_stay_as_they_were() -> None:
    before = torch.get_rng_state()
    estimate_of(choose("cgan", None))
    assert torch.equal(torch.get_rng_state(), before)


# The command


@pytest.mark.parametrize("variant", ["gan-minimal", "cgan"])
def test_a_dry_run_tells_parameters_memory_speed_and_time(variant: str, here: Path) -> None:
    answer = ganzoo("train", variant, "--dry-run", "--device", "cpu", "--steps", "40")
    lines = answer.err.splitlines()
    assert lines[0] == "everything fits"
    assert [line.split(":")[0] for line in lines[1:]] == ["parameters", "memory", "speed", "time"]
    assert "40 steps" in lines[-1]


def test_what_is_left_of_a_run_is_told(tmp_path: Path) -> None:
    train(choose("gan-minimal", tmp_path / "run", steps=10, checkpoint_every=10))
    again = ("train", "gan-minimal", "--out", tmp_path / "run", "--resume", "--dry-run")
    assert "all steps are made" in ganzoo(*again).err
    assert " for 15 steps" in ganzoo(*again, "--steps", "25").err


def test_data_that_is_not_there_is_neither_downloaded_nor_needed(here: Path) -> None:
    answer = ganzoo("train", "cgan", "--dataset", "mnist", "--data-root", "nowhere", "--dry-run")
    assert answer.status == 0
    assert "everything fits\nparameters: generator " in answer.err
    assert "measured when the data is there: MNIST is not in nowhere" in answer.err
    with pytest.raises(NotAtHand):
        estimate_of(choose("cgan", None, dataset="cifar10", dataset_size=32, data_root="nowhere"))


def test_what_a_training_would_refuse_is_refused(here: Path) -> None:
    assert "--batch-size 1797" in problem("train", "cgan", "--batch-size", "5000", "--dry-run", "--device", "cpu")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit of memory is Linux's")
def test_a_training_that_needs_more_memory_than_there_is_ends_no_process(here: Path) -> None:
    words = ("--generator-widths", "400000,400000", "--device", "cpu")
    told = problem("train", "cgan", *words, "--dry-run")
    assert "out of memory on cpu with batches of" in told
    assert "smaller networks" in told


def test_free_memory_is_the_least_of_machine_and_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  8000 kB\nMemAvailable:    3000 kB\n")
    monkeypatch.setattr(memory_module, "_MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(memory_module, "_GROUP", tmp_path)
    assert memory_module.free_memory(CPU) == 3000 * 1024
    for limit, expected in (("max", 3000 * 1024), ("2000000", 2_000_000 - 900_000 + 400_000)):
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        (tmp_path / "memory.current").write_text("900000\n")
        (tmp_path / "memory.stat").write_text("anon 500000\ninactive_file 400000\n")
        assert memory_module.free_memory(CPU) == expected
    (tmp_path / "meminfo").write_text("nothing")
    (tmp_path / "memory.max").unlink()
    assert memory_module.free_memory(CPU) >= 2**60
