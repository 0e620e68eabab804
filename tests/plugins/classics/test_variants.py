"""The classic variants: published structures to the number, and trainings that resume to the bit."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import DataConfig, DataSpec, Field, Selection, installed, select
from ganzoo.catalogue.check import check
from ganzoo.contract.recipe import Recipe
from ganzoo.storage.run_folder import RunFolder
from ganzoo.testing.selections import choose
from ganzoo.testing.tapes import recorded
from ganzoo.testing.trainers import everything, make_trainer, moved, trainer_of
from ganzoo.training.checkpoints import resume, write_checkpoint

REGISTRY = installed()
MNIST_LIKE = DataSpec({"image": Field("image", (1, 28, 28)), "label": Field("class", classes=10)}, "image", "label")
PLANE = DataSpec({"point": Field("point", (2,)), "label": Field("class", classes=25)}, "point", "label")


@dataclasses.dataclass(frozen=True)
class Imagined(DataConfig):
    described: Any = None

    def spec(self, root: object) -> DataSpec:
        described: DataSpec = self.described
        return described


def published(variant: str, spec: DataSpec) -> Recipe:
    """The recipe of the preset, on data of which only the description exists."""
    selection = select(REGISTRY, variant, {}, "published")
    part = selection.parts["dataset"]
    component = dataclasses.replace(part.component, config=Imagined)
    parts = {**selection.parts, "dataset": dataclasses.replace(part, component=component, config=Imagined(spec))}
    imagined: Selection = dataclasses.replace(selection, parts=parts)
    return build_recipe(imagined, check(imagined))


def trainable(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


# Layer by layer: weights and biases of linear layers and convolutions, gains and shifts of batch norm.
STRUCTURES = [
    ("cgan-original", MNIST_LIKE, "generator", (100 + 1) * 200 + (10 + 1) * 1000 + 1201 * 1200 + 1201 * 784),
    ("cgan-original", MNIST_LIKE, "discriminator", 785 * 240 * 5 + 11 * 50 * 5 + (240 + 50 + 1) * 240 * 4 + 241),
    ("wgan-gp", MNIST_LIKE, "generator", 129 * 4096 + (256 * 25 + 1) * 128 + (128 * 25 + 1) * 64 + 64 * 25 + 1),
    ("wgan-gp", MNIST_LIKE, "discriminator", 26 * 64 + (64 * 25 + 1) * 128 + (128 * 25 + 1) * 256 + 4097),
    ("fgan", MNIST_LIKE, "generator", 101 * 1200 + 2 * 1200 + 1201 * 1200 + 2 * 1200 + 1201 * 784),
    ("fgan", MNIST_LIKE, "discriminator", 785 * 240 + 241 * 240 + 241),
    ("dragan", MNIST_LIKE, "generator", 101 * 128 + 129 * 784),
    ("dragan", MNIST_LIKE, "discriminator", 785 * 128 + 129),
    ("pacgan", PLANE, "discriminator", (2 * 2 + 1) * 1000 + 2 * 201 * 1000 + 201),
    ("veegan", PLANE, "generator", 255 * 128 + 129 * 128 + 129 * 2),
    ("veegan", PLANE, "reconstructor", 3 * 128 + 129 * 128 + 129 * 254),
    ("veegan", PLANE, "discriminator", (254 + 2 + 1) * 128 + 129),
    ("unrolled", PLANE, "generator", 257 * 128 + 129 * 128 + 129 * 2),
    ("unrolled", PLANE, "discriminator", 3 * 128 + 129 * 128 + 129),
]


@pytest.mark.parametrize(("variant", "spec", "network", "count"), STRUCTURES)
def test_published_networks_have_the_parameters_of_their_source(
    variant: str, spec: DataSpec, network: str, count: int
) -> None:
    assert trainable(published(variant, spec).get_submodule(network)) == count


def options(variant: str, slot: str) -> Any:
    return select(REGISTRY, variant, {}, "published").parts[slot].config


def test_published_settings_are_those_of_their_source() -> None:
    critic = options("wgan", "recipe")
    assert (critic.discriminator_updates, critic.thorough_updates) == (5, 100)
    assert (options("wgan", "penalty").limit, options("wgan", "discriminator-optimizer").lr) == (0.01, 5e-5)
    gp = options("wgan-gp", "discriminator-optimizer")
    assert (gp.lr, gp.betas, options("wgan-gp", "penalty").weight) == (1e-4, (0.5, 0.9), 10.0)
    original = options("cgan-original", "generator-optimizer")
    assert (original.lr, original.momentum, original.final) == (0.1, 0.5, 0.7)
    falling = options("cgan-original", "generator-schedule")
    assert (falling.divisor, original.lr * falling.floor) == (1.00004, pytest.approx(1e-6))
    packs = options("pacgan", "discriminator-optimizer")
    assert (packs.lr, packs.betas[0], options("pacgan", "discriminator").pack) == (1e-4, 0.8, 2)
    unrolled = options("unrolled", "recipe")
    assert (unrolled.unrolled, unrolled.lr, unrolled.betas) == (5, 1e-4, (0.5, 0.999))
    assert select(REGISTRY, "fgan", {}, "published").run.batch_size == 4096


@pytest.mark.parametrize("preset", ["default", "published"])
def test_the_unrolled_updates_are_those_of_the_optimizer(preset: str) -> None:
    parts = select(REGISTRY, "unrolled", {}, preset).parts
    recipe: Any = parts["recipe"].config
    optimizer: Any = parts["discriminator-optimizer"].config
    assert (recipe.lr, recipe.betas) == (optimizer.lr, optimizer.betas)


# What is new among them: recipes, networks, an optimizer, phases of a window.
NEW: dict[str, tuple[str, dict[str, object]]] = {
    "unrolled": ("unrolled", {"recipe_unrolled": 2}),
    "veegan": ("veegan", {}),
    "packs": ("gan", {"discriminator": "maxout", "discriminator_pack": 2, "optimizer": "sgd-rising"}),
    "thorough": ("wgan", {"recipe_thorough_updates": 4, "recipe_discriminator_updates": 2, "optimizer": "adam"}),
    "halving": ("wgan-gp", {"discriminator_pack": 2}),
    "cgan-original": ("cgan-original", {"generator_dropout": 0.5}),
}
each_new = pytest.mark.parametrize("case", NEW)


def chosen(case: str, **flags: object) -> Selection:
    variant, own = NEW[case]
    return choose(variant, **{"steps": 6, "device": "cpu", "precision": "fp32", **own, **flags})


@each_new
def test_a_resumed_training_is_the_same_to_the_bit(case: str, tmp_path: Path) -> None:
    selection, folder = chosen(case, out=tmp_path), RunFolder(tmp_path)
    whole, again, told = make_trainer(selection), make_trainer(selection), list[str]()
    for step in range(4):
        if step == 2:
            write_checkpoint(folder.checkpoints, whole, selection)
        whole.advance()
    resume(folder, again, selection, told.append)
    assert (again.step, told) == (2, [])
    for _ in range(2):
        again.advance()
    assert moved(everything(whole), everything(again)) == set()


@each_new
def test_recorded_steps_are_the_eager_ones(case: str) -> None:
    selection = chosen(case)
    alike, (replayed, recorder) = make_trainer(selection), recorded(selection)
    for phase_optimizer in alike.train_step.phase_optimizers:
        phase_optimizer.make_recordable(torch.device("cpu"))
    alike.train_step.ema.make_recordable(torch.device("cpu"))
    for _ in range(6):
        alike.advance()
        replayed.advance()
    assert recorder.tapes
    assert moved(everything(alike), everything(replayed)) == set()


def test_thorough_updates_are_due_in_the_first_25_steps_and_in_every_500th() -> None:
    selection = select(REGISTRY, "wgan", {"recipe_thorough_updates": 100, "dataset": "digits"})
    phases = {phase.name: phase for phase in build_recipe(selection, check(selection)).phases()}
    updates = [
        sum(phase.updates for name, phase in phases.items() if name != "generator" and phase.due(step))
        for step in (0, 24, 25, 499, 500, 501, 1000)
    ]
    assert updates == [100, 100, 5, 5, 100, 5, 100]
    assert {phases[name].optimizer for name in ("discriminator-early", "discriminator-later")} == {"discriminator"}


def test_thorough_updates_clip_the_weights_too() -> None:
    with trainer_of("wgan", recipe_thorough_updates=7, recipe_discriminator_updates=1, batch_size=4) as trainer:
        before = everything(trainer)
        trainer.advance()
        assert any(name.startswith("discriminator") for name in moved(before, everything(trainer)))
        weights = [parameter.abs().max() for parameter in trainer.train_step.recipe.discriminator.parameters()]
        assert max(weights) <= torch.tensor(0.03)
