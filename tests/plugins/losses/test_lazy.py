"""Lazy penalties: phases of their own, due every k steps, with k times the weight."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ganzoo.assembly.dry_run import assemble
from ganzoo.contract.optimization import Progress
from ganzoo.contract.step_context import StepContext
from ganzoo.errors import Refused
from ganzoo.randomness import KeyedStreams
from ganzoo.testing.selections import choose
from ganzoo.testing.small_systems.systems import with_small_systems
from ganzoo.testing.tapes import recorded
from ganzoo.testing.trainers import make_trainer

LAZY: dict[str, Any] = {
    "generator_widths": (8,),
    "discriminator_widths": (8,),
    "penalty": "r1,r2,lecam",
    "penalty_r1_every": 4,
    "penalty_r2_every": 2,
    "generator_penalty": "path-length,orthogonal",
    "generator_penalty_path_length_every": 3,
}


def test_each_lazy_penalty_is_a_phase_that_shares_the_optimizer_of_its_network() -> None:
    trainer = make_trainer(choose("gan", **LAZY))
    phases = {phase.phase.name: phase.phase for phase in trainer.train_step.phase_optimizers}
    assert {name: (phase.every, phase.optimizer) for name, phase in phases.items()} == {
        "discriminator": (1, ""),
        "discriminator-penalty-every-2": (2, "discriminator"),
        "discriminator-penalty-every-4": (4, "discriminator"),
        "generator": (1, ""),
        "generator-penalty-every-3": (3, "generator"),
    }


def test_a_lazy_penalty_is_what_it_is_at_each_step_times_the_steps_between() -> None:
    found = {}
    for every in (1, 5):
        trainer = make_trainer(choose("gan", penalty="r1", penalty_every=every, generator_norm=False))
        trainer.advance()
        terms, _ = trainer.train_step.running_means.means()
        found[every] = terms
    # At the first step the phase of the discriminator has moved it by one update, at a small rate.
    lazy = found[5]["discriminator-penalty-every-5"]["r1"]
    assert lazy / found[1]["discriminator"]["r1"] == pytest.approx(5, rel=0.3)
    assert "r1" not in found[5]["discriminator"]


def test_it_is_computed_at_every_kth_step_only_and_its_state_moves_then() -> None:
    trainer = make_trainer(choose("gan", **LAZY))
    penalty = trainer.train_step.recipe.generator_penalties.penalties[0]
    lengths = []
    for _ in range(7):
        trainer.advance()
        lengths.append(float(penalty.path_length))
    moved = [before != after for before, after in zip([0.0, *lengths], lengths, strict=False)]
    assert moved == [True, False, False, True, False, False, True]


def test_a_recorded_step_knows_whether_a_penalty_is_due() -> None:
    selection = choose("gan", steps=30, precision="fp32", **LAZY)
    eager, (replayed, recorder) = make_trainer(selection), recorded(selection)
    for _ in range(30):
        eager.advance()
        replayed.advance()
    assert recorder.tapes, "some of the sets of phases were recorded"
    expected, found = (trainer.train_step.recipe.state_dict() for trainer in (eager, replayed))
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5)
    assert replayed.train_step.running_means.counts == eager.train_step.running_means.counts


def test_weights_are_clipped_after_lazy_updates_too() -> None:
    trainer = make_trainer(
        choose("gan", penalty="r1,clipping", penalty_every=2, penalty_limit=0.02, generator_norm=False)
    )
    for _ in range(3):
        trainer.advance()
        assert all(p.abs().max() <= 0.02 for p in trainer.train_step.recipe.discriminator.parameters())


def test_a_recipe_without_a_phase_for_a_lazy_penalty_is_refused() -> None:
    selection = choose("staged", registry=with_small_systems(), penalty="r1,r2", penalty_r1_every=4)
    with pytest.raises(Refused, match=r"recipe 'staged' never computes penalty 'r1'.* in a phase of its own"):
        assemble(selection)


def test_a_lazy_penalty_learns_from_fakes_of_the_condition_of_the_real_batch() -> None:
    trainer = make_trainer(choose("cgan", penalty="r2", penalty_every=2, recipe_fake_conditions="random"))
    recipe: Any = trainer.train_step.recipe
    seen = []
    recipe.generator.register_forward_hook(lambda _, given, __: seen.append(given[1]))
    batch = {"dataset": {"image": torch.zeros(4, 1, 16, 16), "label": torch.tensor([1, 2, 3, 4])}}
    streams = KeyedStreams(0)
    streams.begin(0)
    (phase,) = (phase for phase in recipe.phases() if phase.every == 2)
    recipe.before_step(StepContext(0, 1, "before", 0, streams))
    assert phase.loss(batch, StepContext(0, 1, phase.name, 0, streams)).terms.keys() == {"r2"}
    assert [labels.tolist() for labels in seen] == [[1, 2, 3, 4]]
    assert Progress(0, 1).steps == 1
