"""What is wrong with a training is told, once and soon, and a sound training hears nothing and is left as it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.catalogue import installed
from ganzoo.errors import UserError
from ganzoo.health.checks import CHECKS
from ganzoo.health.doctor import GONE_AFTER
from ganzoo.testing import selections
from ganzoo.testing.observers import At, StopAt
from ganzoo.testing.trainers import everything, make_trainer, moved
from ganzoo.training.observers import Diagnosis, Observer
from ganzoo.training.observers.metrics_file import read_diagnoses
from ganzoo.training.run import train
from ganzoo.training.trainer import Trainer

VARIANTS = installed().names("variant")
choose = partial(
    selections.choose, steps=400, batch_size=16, dataset_size=16, precision="fp32", log_every=50, checkpoint_every=0,
    generator_widths=(4,), discriminator_widths=(4,),
)  # fmt: skip
Change = Callable[[Tensor, int], Tensor]


class Heard(Observer):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.told: list[Diagnosis] = []

    def diagnosed(self, diagnosis: Diagnosis) -> None:
        """Keep a diagnosis."""
        self.told.append(diagnosis)


# A generator of real examples, to which something happens


def _sound(real: Tensor, look: int) -> Tensor:
    return (real + 0.3 * torch.randn(real.shape, generator=torch.Generator().manual_seed(look))).clamp(-1, 1)


def _few(real: Tensor, look: int) -> Tensor:
    return _sound(real, 0)[:1].expand_as(real)


def _cycling(real: Tensor, look: int) -> Tensor:
    return _sound(real, 0)[look : look + 1].expand_as(real)


def _saturated(real: Tensor, look: int) -> Tensor:
    return _sound(real, look).sign()


def _inverted(real: Tensor, look: int) -> Tensor:
    return -_sound(real, look)


def _checkerboard(real: Tensor, look: int) -> Tensor:
    rows, columns = torch.arange(real.shape[-2])[:, None], torch.arange(real.shape[-1])
    return (0.7 * _sound(real, look) + 0.3 * (1 - 2 * ((rows + columns) % 2))).clamp(-1, 1)


def _memorised(real: Tensor, look: int) -> Tensor:
    return real


FAULTS: Mapping[str, Change] = {
    "few-pictures": _few,
    "cycling": _cycling,
    "saturated": _saturated,
    "inverted": _inverted,
    "checkerboard": _checkerboard,
    "memorised": _memorised,
}


class Switched:
    """Lets a trainer's generator give real examples when it is looked at, and ``change`` them from a step on."""

    def __init__(self, trainer: Trainer, change: Change):
        self._change, self._on, self._looks = change, False, 0
        (batches,) = trainer.train_step.batches.values()
        self._real = batches.first(120)[trainer.train_step.recipe.output.field]
        trainer.train_step.recipe.get_submodule("generator").register_forward_hook(self._replace)

    def switch_on(self) -> None:
        """Let the failure begin."""
        self._on = True

    def _replace(self, generator: torch.nn.Module, given: Any, made: Tensor) -> Tensor:
        if generator.training or len(made) > len(self._real):
            return made
        self._looks += 1
        return (self._change if self._on else _sound)(self._real[: len(made)], self._looks)


def run_with(change: Change, at: int, out: Path, caught: list[Trainer], **flags: Any) -> list[Diagnosis]:
    heard, switched = Heard(), list[Switched]()
    begin = At({1: lambda trainer: switched.append(Switched(trainer, change))}, caught)
    switch = At({at: lambda trainer: switched[0].switch_on()}, caught)
    train(choose("gan", out=out, **flags), [begin, switch, heard])
    return heard.told


@pytest.mark.parametrize("name", FAULTS)
def test_a_failure_is_named_within_300_steps_after_it_begins(name: str, tmp_path: Path, caught: list[Trainer]) -> None:
    told = run_with(FAULTS[name], 110, tmp_path / "run", caught, dataset_count=128)
    assert name in [diagnosis.name for diagnosis in told]
    said = next(diagnosis for diagnosis in told if diagnosis.name == name)
    assert 110 < said.step <= 410
    assert {diagnosis.name for diagnosis in told} <= {name, *(["few-pictures"] if name == "cycling" else [])}
    assert read_diagnoses(tmp_path / "run" / "metrics.jsonl") == told


def test_real_examples_with_a_little_noise_are_nothing_to_speak_of(tmp_path: Path, caught: list[Trainer]) -> None:
    assert run_with(_sound, 110, tmp_path / "run", caught, dataset_count=128) == []


# Trainings that fail because of how they were started

FAILING = {
    "few-pictures": ("gan-minimal", {"latent_lowest": 0.0}),
    "saturated": ("gan", {"generator_optimizer_lr": 0.1}),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_training_that_fails_from_its_start_is_told(name: str, tmp_path: Path) -> None:
    variant, flags = FAILING[name]
    heard, widths = Heard(), {"generator_widths": None, "discriminator_widths": None}
    train(choose(variant, out=tmp_path / "run", steps=300, **{**widths, **flags, "dataset_size": 8}), [heard])
    assert name in [diagnosis.name for diagnosis in heard.told]


# A doctor changes nothing


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_look_changes_nothing_to_the_bit(variant: str) -> None:
    trainer = make_trainer(selections.choose(variant, batch_size=16, dataset_size=16, dataset_count=64))
    trainer.advance()
    before = everything(trainer)
    state, modes = torch.get_rng_state(), [module.training for module in trainer.train_step.recipe.modules()]
    trainer.doctor.look(trainer.step, {})
    trainer.doctor.look(100, {})
    assert moved(before, everything(trainer)) == set()
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in trainer.train_step.recipe.modules()] == modes


def test_a_resumed_run_tells_what_the_whole_one_tells(tmp_path: Path) -> None:
    flags = {"steps": 60, "diagnose_every": 10, "checkpoint_every": 25, "log_every": 10}
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganzoo.health.doctor.FAIR_START", 10)
        patch.setattr("ganzoo.health.checks.BEGUN", -1.0)  # so that a generator that has learnt nothing is told
        train(choose("gan-minimal", out=whole, latent_highest=-0.9, **flags))
        assert not train(choose("gan-minimal", out=halves, latent_highest=-0.9, **flags), [StopAt(35)]).finished
        train(choose("gan-minimal", out=halves, latent_highest=-0.9, **flags), resume=True)
    told = read_diagnoses(whole / "metrics.jsonl")
    assert told
    assert read_diagnoses(halves / "metrics.jsonl") == told


# What is counted


def test_a_failure_is_told_again_after_it_was_gone_for_long() -> None:
    doctor = make_trainer(selections.choose("gan")).doctor
    seen = [True, True, True, False, True, True, *[False] * GONE_AFTER, True, True]
    told = [doctor._is_new("saturated", noticed) for noticed in seen]
    assert [number for number, new in enumerate(told) if new] == [1, len(seen) - 1]


def test_data_that_cannot_be_read_ends_no_training() -> None:
    warned: list[str] = []
    trainer = make_trainer(selections.choose("gan"))

    def unreadable(count: int) -> Any:
        raise UserError("the disk is gone")

    (batches,) = trainer.train_step.batches.values()
    batches.first = unreadable  # type: ignore[method-assign]
    trainer.doctor._warn = warned.append
    assert trainer.doctor.look(100, {}) == trainer.doctor.look(200, {}) == []
    assert len(warned) == 1
    assert warned[0].endswith("the disk is gone")


def test_numbers_that_are_not_finite_are_no_diagnosis() -> None:
    trainer = make_trainer(selections.choose("gan"))
    trainer.doctor.look(0, {})
    with torch.no_grad():
        for parameter in trainer.train_step.recipe.parameters():
            parameter.fill_(math.nan)
    assert [*trainer.doctor.look(100, {}), *trainer.doctor.look(200, {})] == []
    assert trainer.doctor.state()["before"] == {}


def test_every_check_has_a_section_on_the_page_of_traps() -> None:
    page = (Path(__file__).parents[2] / "docs" / "traps.md").read_text(encoding="utf-8")
    headings = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
    assert {check.name for check in CHECKS} <= set(headings)
