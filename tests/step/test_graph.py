"""Recorded steps: replayed with new data, noise and rates, they give the training of eager steps."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.catalogue import Selection, installed
from ganzoo.contract.recipe import PhaseOutput
from ganzoo.contract.step_context import StepContext
from ganzoo.errors import UserError
from ganzoo.step.graph import WARM_UP
from ganzoo.testing import selections
from ganzoo.testing.faulty_steps import spoil, wait_for_a_value
from ganzoo.testing.selections import each_variant
from ganzoo.testing.tapes import ONLY_ON_A_GPU, TapeRecorder, recordable, recorded, with_rates_on_the_device
from ganzoo.testing.trainers import make_trainer
from ganzoo.training.trainer import Trainer

CPU = torch.device("cpu")
choose = partial(selections.choose, steps=8, dataset_size=16, precision="fp32")


def weights(trainer: Trainer) -> dict[str, Tensor]:
    state = trainer.train_step.recipe.state_dict()
    for name, network in trainer.train_step.ema.networks.items():
        state |= {f"{name} averaged {key}": value for key, value in network.state_dict().items()}
    return {name: value.detach().clone() for name, value in state.items()}


def assert_same_training(selection: Selection) -> TapeRecorder:
    """Replayed steps are those of the same operations to the bit, and eager ones up to the rounding of rates."""
    eager, alike = make_trainer(selection), with_rates_on_the_device(make_trainer(selection))
    replayed, recorder = recorded(selection)
    for _ in range(selection.run.steps or 0):
        for trainer in (eager, alike, replayed):
            trainer.advance()
    expected, found = weights(alike), weights(replayed)
    assert [name for name, value in expected.items() if not torch.equal(value, found[name])] == []
    assert replayed.train_step.running_means.counts == eager.train_step.running_means.counts
    terms, values = eager.train_step.running_means.means()
    again, watched = replayed.train_step.running_means.means()
    assert again.keys() == terms.keys()
    assert all(again[phase] == pytest.approx(terms[phase], rel=1e-3) for phase in terms)
    assert watched == pytest.approx(values, rel=1e-2, abs=1e-3)
    return recorder


@pytest.mark.parametrize("variant", each_variant("recipe"))
def test_a_recorded_step_is_replayed_with_new_data_noise_and_rates(variant: str) -> None:
    recorder = assert_same_training(choose(variant, schedule="cosine", **recordable(variant)))
    assert len(recorder.tapes) == 1


@pytest.mark.parametrize("penalty", [name for name in installed().names("penalty") if name != "none"])
def test_penalties_are_recorded_too(penalty: str) -> None:
    assert_same_training(choose("cgan", penalty=penalty, loss="wasserstein", recipe_discriminator_updates=2))


def test_passes_and_low_precision_are_recorded_too() -> None:
    assert_same_training(choose("cgan", accumulate=2, precision="bf16"))


@pytest.mark.parametrize("optimizer", installed().names("optimizer"))
def test_every_optimizer_is_recorded(optimizer: str) -> None:
    if optimizer in ONLY_ON_A_GPU:
        pytest.skip(f"torch records {optimizer} on a GPU alone")
    assert_same_training(choose("gan", optimizer=optimizer, schedule="linear"))


def test_phases_that_are_not_always_due_have_recordings_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    selection = choose("gan", steps=14)
    eager, (replayed, recorder) = with_rates_on_the_device(make_trainer(selection)), recorded(selection)
    for trainer in (eager, replayed):
        second = trainer.train_step.phase_optimizers[1]
        second.phase = replace(second.phase, every=2)
        for _ in range(14):
            trainer.advance()
    assert len(recorder.tapes) == 2
    found = weights(replayed)
    assert all(torch.equal(value, found[name]) for name, value in weights(eager).items())


def test_a_step_that_asks_for_its_number_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = type(make_trainer(choose("gan")).train_step.recipe)
    original = recipe.generate  # type: ignore[attr-defined]

    def generate(self: Any, batch: Any, context: StepContext) -> PhaseOutput:
        outcome: PhaseOutput = original(self, batch, context)
        return PhaseOutput({name: term * (1 + context.step) for name, term in outcome.terms.items()})

    monkeypatch.setattr(recipe, "generate", generate)
    selection = choose("gan")
    strict, _ = recorded(selection)
    for _ in range(WARM_UP + 1):
        strict.advance()
    with pytest.raises(UserError, match="cannot be recorded: phase 'generator' needs the number of the step"):
        strict.advance()
    said: list[str] = []
    lenient, _ = recorded(selection, said.append)
    for _ in range(8):
        lenient.advance()
    assert len(said) == 1
    assert "continuing without recordings" in said[0]
    assert lenient.step == 8


def test_a_step_that_waits_for_a_value_is_not_recorded() -> None:
    said: list[str] = []
    eager, (trainer, recorder) = make_trainer(choose("gan")), recorded(choose("gan"), said.append)
    wait_for_a_value(trainer, "generator")
    for _ in range(8):
        trainer.advance()
        eager.advance()
    assert len(said) == 1
    assert "cannot be recorded: the host waits for a value" in said[0]
    assert recorder.tapes == [], "the device would be in no state to go on"
    assert trainer.train_step.running_means.counts == eager.train_step.running_means.counts
    strict, _ = recorded(choose("gan"))
    wait_for_a_value(strict, "generator")
    for _ in range(WARM_UP):
        strict.advance()
    with pytest.raises(UserError, match="cannot be recorded: the host waits for a value"):
        strict.advance()


def test_only_sound_steps_warm_up() -> None:
    trainer, recorder = recorded(choose("gan", on_non_finite="skip"))
    spoil(trainer, steps=(0, 1, 2))
    for _ in range(8):
        trainer.advance()
    state = [phase.optimizer.state for phase in trainer.train_step.phase_optimizers]
    assert len(recorder.tapes) == 1
    assert all(int(values["step"]) == 5 for each in state for values in each.values())


@pytest.mark.parametrize("optimizer", [name for name in installed().names("optimizer") if name not in ONLY_ON_A_GPU])
@pytest.mark.parametrize("clips", [False, True])
def test_a_spoilt_step_is_left_out_to_the_bit_while_it_is_replayed(
    optimizer: str, clips: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    selection = choose("cgan", optimizer=optimizer, on_non_finite="skip")
    eager, (replayed, recorder) = with_rates_on_the_device(make_trainer(selection)), recorded(selection)
    if clips:
        monkeypatch.setattr(type(eager.train_step.recipe), "after_update", clip)
    for trainer in (eager, replayed):
        spoil(trainer, steps=(5,))
        for _ in range(8):
            trainer.advance()
    assert len(recorder.tapes) == 1
    expected, found = weights(eager), weights(replayed)
    assert [name for name, value in expected.items() if not torch.equal(value, found[name])] == []
    assert [each.step for each in eager.train_step.anomaly_check.anomalies()] == [6, 6]
    assert [each.step for each in replayed.train_step.anomaly_check.anomalies(wait=True)] == [6, 6]
    for one, other in zip(eager.train_step.phase_optimizers, replayed.train_step.phase_optimizers, strict=True):
        for before, after in zip(one.optimizer.state.values(), other.optimizer.state.values(), strict=True):
            assert all(torch.equal(before[key], after[key]) for key in before if before[key] is not None)


def clip(self: Any, phase: str, means: Any) -> None:
    for parameter in self.parameters():
        parameter.clamp_(-0.05, 0.05)
