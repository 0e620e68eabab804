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

from ganzoo.catalogue.options import options_of
from ganzoo.errors import UserError
from ganzoo.health.doctor import GONE_AFTER
from ganzoo.storage.metric_rows import read_diagnoses
from ganzoo.testing import selections
from ganzoo.testing.observers import StopAt
from ganzoo.testing.selections import NETWORKS, each_variant
from ganzoo.testing.trainers import everything, make_trainer, moved
from ganzoo.training.observers import Diagnosis
from ganzoo.training.run import train

choose = partial(
    selections.choose, steps=400, batch_size=16, dataset_size=16, precision="fp32", log_every=50, checkpoint_every=0,
    generator_widths=(4,), discriminator_widths=(4,),
)  # fmt: skip
Change = Callable[[Tensor, int], Tensor]


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


class Looked:
    """A doctor's looks at a generator that gives real examples, which ``change`` spoils from a step on."""

    def __init__(self, variant: str, **flags: Any):
        self.trainer = make_trainer(choose(variant, dataset_count=128, **flags))
        self.change, self._looks = _sound, 0
        (batches,) = self.trainer.train_step.batches.values()
        self._real = batches.first(120)[self.trainer.train_step.recipe.output.field]
        self.trainer.train_step.recipe.get_submodule("generator").register_forward_hook(self._replace)

    def told(self, change: Change, at: int, **values: float) -> list[Diagnosis]:
        """Return what is told in 600 steps."""
        told: list[Diagnosis] = []
        for step in range(0, 600, 100):
            self.change = change if step > at else _sound
            told += self.trainer.doctor.look(step, values)
        return told

    def _replace(self, generator: torch.nn.Module, given: Any, made: Tensor) -> Tensor:
        self._looks += 1
        return self.change(self._real[: len(made)], self._looks)


@pytest.mark.parametrize("at", [0, 110])
@pytest.mark.parametrize("name", FAULTS)
def test_a_failure_is_named_within_300_steps_after_it_begins(name: str, at: int) -> None:
    told = Looked("gan").told(FAULTS[name], at)
    said = next(diagnosis for diagnosis in told if diagnosis.name == name)
    assert at < said.step <= at + 300
    assert {diagnosis.name for diagnosis in told} <= {name, *(["few-pictures"] if name == "cycling" else [])}
    assert len(told) == len({diagnosis.name for diagnosis in told})


def test_a_generator_that_never_made_more_than_few_is_named() -> None:
    looked = Looked("gan")
    told = looked.told(_few, -1)  # it began before the first look, and has not moved since
    assert [(diagnosis.name, diagnosis.step) for diagnosis in told] == [("few-pictures", 200)]


def test_a_long_training_has_a_longer_start() -> None:
    assert Looked("gan", steps=10_000).told(_few, -1)[0].step == 500


def test_real_examples_with_a_little_noise_are_nothing_to_speak_of() -> None:
    assert Looked("gan").told(_sound, 0) == []


@pytest.mark.parametrize(("accuracy", "gradient", "wins"), [(1.0, 1e-4, True), (1.0, 0.5, False), (0.9, 1e-4, False)])
def test_a_discriminator_wins_if_it_is_right_and_its_gradient_is_gone(
    accuracy: float, gradient: float, wins: bool
) -> None:
    looked = Looked("gan")
    for size in (1.0, gradient):
        for parameter in looked.trainer.train_step.recipe.get_submodule("discriminator").parameters():
            parameter.grad = torch.full_like(parameter, size)
        looked.trainer.doctor.watch()
    told = looked.told(_sound, 0, **{"D accuracy": accuracy})
    assert [(diagnosis.step, diagnosis.name) for diagnosis in told] == ([(200, "discriminator-wins")] if wins else [])


@pytest.mark.parametrize(("hears", "ignored"), [(0.0, True), (1.0, False), (math.nan, False)])
def test_a_condition_is_ignored_if_both_networks_ignore_it(
    hears: float, ignored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = Looked("cgan")
    recipe = looked.trainer.train_step.recipe
    assert recipe.condition is not None
    (batches,) = looked.trainer.train_step.batches.values()
    right = batches.first(120)[recipe.condition.field]

    def verdicts(examples: Tensor, condition: Tensor) -> Tensor:
        noise = torch.randn(
            len(examples), generator=torch.Generator().manual_seed(int((condition * torch.arange(120)).sum()))
        )
        return examples.new_empty(0) if math.isnan(hears) else hears * 9 * (condition == right) + noise

    monkeypatch.setattr(recipe, "verdicts", verdicts)
    told = looked.told(_sound, 0)  # in the order of the data, which is not that of the classes asked for
    assert [(diagnosis.step, diagnosis.name) for diagnosis in told] == ([(200, "condition-ignored")] if ignored else [])


# A doctor changes nothing


def few_examples(variant: str) -> dict[str, object]:
    """Return the flags of a small dataset, where that of the variant has a size to set."""
    config = selections.choose(variant).parts["dataset"].config
    return {"dataset_count": 64} if any(option.name == "count" for option in options_of(type(config))) else {}


@pytest.mark.parametrize("variant", each_variant("recipe", *NETWORKS))
def test_a_look_changes_nothing_to_the_bit(variant: str) -> None:
    trainer = make_trainer(selections.choose(variant, batch_size=16, dataset_size=16, **few_examples(variant)))
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
