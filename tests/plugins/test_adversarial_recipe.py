"""The adversarial recipe: what may be done together gives what it gives apart."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import installed, select
from ganzoo.catalogue.check import check
from ganzoo.contract.augmentation import Augmentation
from ganzoo.contract.networks import Batchwise, ConditionedDiscriminator, DiscriminatorOutput, batchwise
from ganzoo.contract.recipe import Recipe
from ganzoo.contract.step_context import StepContext
from ganzoo.randomness import Draws, KeyedStreams
from ganzoo.testing.selections import is_refused_by_names

LABELS = torch.arange(8) % 10


def recipe_of(variant: str, **flags: object) -> Recipe:
    selection = select(installed(), variant, {"batch_size": 8, "dataset_size": 16, **flags})
    return build_recipe(selection, check(selection)).train()


def batch() -> dict[str, dict[str, Tensor]]:
    images = torch.rand(8, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return {"dataset": {"image": images, "label": LABELS}}


def played(recipe: Any, phase: str, handed: dict[str, Tensor] | None = None) -> tuple[float, list[Tensor]]:
    """The loss of a phase, and its gradients; what the phase hands on is added to ``handed``."""
    handed = {} if handed is None else handed
    streams = KeyedStreams(0)
    streams.begin(3)
    (played,) = (found for found in recipe.phases() if found.name == phase)
    recipe.zero_grad()
    output = played.loss(batch(), StepContext(3, 10, phase, 0, streams, handed=handed))
    handed.update(output.handed)
    loss = output.total()
    loss.backward()
    return loss.item(), [p.grad.clone() for p in recipe.discriminator.parameters() if p.grad is not None]


FITTING = [
    name
    for name in installed().names("conditioner")
    if not is_refused_by_names(select(installed(), "cgan", {"conditioner": name}))
]


@pytest.mark.parametrize("conditioner", FITTING)
def test_real_and_fake_in_one_batch_are_scored_as_apart(conditioner: str) -> None:
    flags = {"conditioner": conditioner, "discriminator_dropout": 0.0, "recipe_shared_fakes": False}
    together, apart = (
        played(recipe_of("cgan", recipe_joint=joint, **flags), "discriminator") for joint in (True, False)
    )
    assert together[0] == pytest.approx(apart[0], rel=1e-6)
    for one, other in zip(together[1], apart[1], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("variant", "calls"), [("cgan", [24]), ("cgan-conv", [8, 8, 8]), ("dcgan", [8, 8])])
def test_batch_norm_keeps_real_and_fake_apart(variant: str, calls: list[int]) -> None:
    recipe: Any = recipe_of(variant)  # the first two look at mismatched examples as well
    sizes: list[int] = []
    recipe.discriminator.register_forward_hook(lambda _, given, __: sizes.append(len(given[0])))
    played(recipe, "discriminator")
    assert sizes == calls


def test_layers_that_mix_examples_are_known() -> None:
    class CollapseDetector(Batchwise):
        def forward(self, x: Tensor) -> Tensor:
            return x - x.mean(0)

    assert batchwise(nn.Sequential(nn.Linear(2, 2), CollapseDetector()))
    assert batchwise(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))
    assert not batchwise(nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.InstanceNorm1d(2)))


def test_a_critic_fills_in_the_condition() -> None:
    class Scores(nn.Module):
        def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
            assert condition is not None
            return DiscriminatorOutput(x.sum(1, keepdim=True) * condition, x)

    critic = ConditionedDiscriminator(Scores(), torch.tensor([[2.0], [3.0]]))
    assert critic(torch.ones(2, 4)).flatten().tolist() == [8, 12]
    assert not critic.keeps_statistics
    assert ConditionedDiscriminator(nn.BatchNorm1d(2), None).keeps_statistics


def test_shared_fakes_are_those_that_the_generator_made() -> None:
    recipe: Any = recipe_of("cgan", recipe_shared_fakes=True, recipe_mismatched=0.0)
    assert [phase.name for phase in recipe.phases()] == ["generator", "discriminator"]
    seen: list[tuple[Tensor, Tensor]] = []
    recipe.discriminator.register_forward_hook(lambda _, given, __: seen.append((given[0].detach(), given[1])))
    made: list[Tensor] = []
    recipe.generator.register_forward_hook(lambda _, __, answer: made.append(answer.detach()))
    handed: dict[str, Tensor] = {}
    played(recipe, "generator", handed)
    played(recipe, "discriminator", {name: value.detach() for name, value in handed.items()})
    assert len(made) == 1
    (fakes, conditions), (both, both_conditions) = seen
    assert torch.equal(both[8:], fakes)
    assert torch.equal(both_conditions[8:], conditions)
    assert torch.equal(both[:8], batch()["dataset"]["image"])
    played(recipe, "discriminator")
    assert len(made) == 2, "without fakes that were handed on, the discriminator's phase makes its own"


@pytest.mark.parametrize("joint", [True, False])
def test_mismatched_examples_are_real_ones_of_another_class(joint: bool) -> None:
    recipe: Any = recipe_of("cgan", recipe_mismatched=0.3, recipe_joint=joint, discriminator_dropout=0.0)
    seen: list[tuple[Tensor, Tensor, Tensor]] = []
    recipe.discriminator.register_forward_hook(
        lambda _, given, answer: seen.append((given[0].detach(), given[1], answer.logit.detach()))
    )
    loss, _ = played(recipe, "discriminator")
    shown, classes, logits = (torch.cat(parts).split(8) for parts in zip(*seen, strict=True))
    real = batch()["dataset"]["image"]
    assert torch.equal(shown[0], real) and torch.equal(shown[2], real) and not torch.equal(shown[1], real)
    assert torch.equal(classes[0], LABELS) and not (classes[2] == LABELS).any()
    assert ((classes[2] >= 0) & (classes[2] < 10)).all()
    usual, other = (recipe.loss.discriminator(logits[0], logits[place]).mean() for place in (1, 2))
    assert loss == pytest.approx(float(0.5 * (0.7 * usual + 0.3 * other)), rel=1e-5)


def test_every_other_class_is_as_likely() -> None:
    recipe: Any = recipe_of("cgan")
    streams = KeyedStreams(0)
    streams.begin(0)
    others = recipe._wrong_classes(torch.full((9000,), 4), StepContext(0, 1, "discriminator", 0, streams))
    counts = torch.bincount(others, minlength=10)
    assert counts[4] == 0 and counts.sum() == 9000
    assert (counts[counts > 0] - 1000).abs().max() < 150


@pytest.mark.parametrize("condition", ["caption", "attributes", "none"])
def test_what_is_no_class_has_no_other(condition: str) -> None:
    flags = {"dataset": "shapes", "dataset_condition": condition, "recipe_mismatched": 0.5}
    selection = select(installed(), "cgan", {"batch_size": 8, "dataset_size": 16, **flags, **_unless(condition)})
    recipe: Any = build_recipe(selection, check(selection))
    assert recipe._classes == 0


def _unless(condition: str) -> dict[str, str]:
    return {"conditioner": "none"} if condition == "none" else {}


class Marked(Augmentation):
    """Changes examples so that one sees what passed through it, and keeps the numbers that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.draws: list[Tensor] = []

    def forward(self, x: Tensor, draws: Draws) -> Tensor:
        self.draws.append(draws.uniform(len(x)))
        return 3 * x + 10


def augmented(**flags: object) -> tuple[Any, list[Tensor]]:
    """A recipe with a marked augmentation, and the examples that its discriminator sees."""
    recipe: Any = recipe_of("gan", generator_norm=False, discriminator_dropout=0.0, **flags)
    recipe.augmentation = Marked()
    seen: list[Tensor] = []
    recipe.discriminator.register_forward_hook(lambda _, given, __: seen.append(given[0].detach()))
    return recipe, seen


@pytest.mark.parametrize("loss", ["bce", "lsgan"])
def test_ada_augments_real_and_fake_in_the_steps_of_both_networks(loss: str) -> None:
    """The known defect: an augmentation of real examples alone, or of the discriminator's step alone."""
    recipe, seen = augmented(loss=loss)
    made: list[Tensor] = []
    recipe.generator.register_forward_hook(lambda _, __, answer: made.append(answer.detach()))
    played(recipe, "discriminator")
    torch.testing.assert_close(torch.cat(seen), 3 * torch.cat([batch()["dataset"]["image"], made[0]]) + 10)
    real, fake = recipe.augmentation.draws
    assert not torch.equal(real, fake), "each has changes of its own"
    seen.clear()
    played(recipe, "generator")
    torch.testing.assert_close(torch.cat(seen), 3 * made[1] + 10)


def test_ada_penalties_have_the_gradient_with_respect_to_images_before_the_augmentation() -> None:
    """The known defect: R1 of augmented images. The discriminator sees 3x + 10, so the chain rule gives a factor 9."""
    recipe, _ = augmented(penalty="r1")
    recipe.discriminator = linear = _Linear(16 * 16)
    output = recipe.phases()[0].loss(batch(), StepContext(0, 10, "discriminator", 0, KeyedStreams(0)))
    assert output.terms["r1"].item() == pytest.approx(0.5 * 9 * linear.layer.weight.square().sum().item(), rel=1e-5)
    penalised = linear.seen[-1]
    torch.testing.assert_close(penalised, 3 * batch()["dataset"]["image"] + 10)


class _Linear(nn.Module):
    def __init__(self, size: int):
        super().__init__()
        self.layer, self.seen = nn.Linear(size, 1), list[Tensor]()

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        self.seen.append(x.detach())
        return DiscriminatorOutput(self.layer(x.flatten(1)), x.flatten(1))


def test_an_augmentation_learns_how_sure_the_loss_is_of_real_examples() -> None:
    """The logits of least squares are around 1 and 0: their sign alone would say that every example is real."""
    recipe, _ = augmented(loss="lsgan")
    told: list[Tensor] = []
    recipe.augmentation.statistics = lambda real: told.append(real) or {}
    logits: list[Tensor] = []
    recipe.discriminator.register_forward_hook(lambda _, __, answer: logits.append(answer.logit.detach()))
    played(recipe, "discriminator")
    torch.testing.assert_close(told[0], torch.cat(logits)[:8] - 0.5)
