"""The dry run names the part that breaks its contract, the rule, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.contract.networks import Discriminator, DiscriminatorOutput
from ganzoo.testing.odd_parts import (
    PlainAugmentation,
    PlainHead,
    PlainLatent,
    PlainLoss,
    PlainPenalty,
    refusal_of,
)


class LossAfterMeans(PlainLoss):
    def after_update(self, means: Any) -> None:  # type: ignore[override]
        pass


class PenaltyAfterNetwork(PlainPenalty):
    def after_update(self, network: Any, means: Any) -> None:  # type: ignore[override]
        pass


class AugmentationAfterNetwork(PlainAugmentation):
    def after_update(self, network: Any, means: Any) -> None:  # type: ignore[override]
        pass


class StepNumber(PlainLoss):
    def before_step(self) -> None:  # type: ignore[override]
        pass


class ScoresOnce(PlainLoss):
    def discriminator(self, real: Tensor) -> Tensor:  # type: ignore[override]
        return real


class HeadOfReal(PlainHead):
    def discriminator(self, real: Any) -> Any:  # type: ignore[override]
        return {}


class DrawsAll(PlainLatent):
    def draw(self, count: int) -> Tensor:  # type: ignore[override]
        return torch.zeros(count, 16)


@pytest.mark.parametrize(
    ("kind", "target", "rule"),
    [
        ("loss", LossAfterMeans, "after_update() takes means, and must take player, means"),
        ("penalty", PenaltyAfterNetwork, "after_update() takes network, means, and must take means"),
        ("augmentation", AugmentationAfterNetwork, "after_update() takes network, means, and must take means"),
        ("loss", StepNumber, "before_step() takes no arguments, and must take progress"),
        ("loss", ScoresOnce, "discriminator() takes real, and must take real, fake"),
        ("head", HeadOfReal, "discriminator() takes real, and must take real, fake"),
        ("latent", DrawsAll, "draw() takes count, and must take count, draws"),
    ],
)
def test_the_part_with_other_parameters_is_named(kind: str, target: type, rule: str) -> None:
    assert refusal_of(kind, target) == (f"{kind} 'odd' of package odd-parts breaks its contract: {rule}",)


def test_a_latent_that_draws_another_shape_is_named() -> None:
    class Longer(PlainLatent):
        def draw(self, count: int, draws: Any) -> Tensor:
            return torch.cat([super().draw(count, draws)] * 2)

    (problem,) = refusal_of("latent", Longer)
    assert problem.startswith("latent 'odd' of package odd-parts breaks its contract: draw(): it returns a tensor of ")
    assert problem.endswith("must return numbers of shape (8, 16), by its shape (16,)")


@pytest.mark.parametrize("shape", [None, 16, [16]])
def test_a_latent_has_a_shape(shape: Any) -> None:
    (problem,) = refusal_of("latent", type("Shapeless", (PlainLatent,), {"shape": shape}))
    assert problem.startswith("latent 'odd' of package odd-parts fails: its constructor must set shape to a tuple")


def test_a_latent_with_random_numbers_of_its_own_is_named() -> None:
    class Own(PlainLatent):
        def draw(self, count: int, draws: Any) -> Tensor:
            return torch.randn(count, 16)

    (problem,) = refusal_of("latent", Own)
    assert problem.startswith("latent 'odd' of package odd-parts breaks its contract: it draws random numbers")


def test_the_means_that_there_are_are_told() -> None:
    class Wishing(PlainLoss):
        def after_update(self, player: Any, means: Any) -> None:
            self.k.copy_(means["L(x)"])

    problems = refusal_of("loss", Wishing)
    assert len(problems) == 2  # the two phases have different means
    assert (
        "in loss 'odd' of package odd-parts: this update has no mean 'L(x)', but 'adversarial', 'D(x)'" in problems[0]
    )
    assert "from statistics()" in problems[0]


def test_one_problem_is_told_once() -> None:
    class Failing(PlainLoss):
        def __init__(self, config: Any):
            super().__init__(config)
            self.weight = nn.Parameter(torch.ones(3, 5))

        def _weighed(self, logit: Tensor) -> Tensor:
            return logit @ self.weight

        discriminator = lambda self, real, fake: self._weighed(fake)  # noqa: E731
        generator = lambda self, fake, real: self._weighed(fake)  # noqa: E731

    (problem,) = refusal_of("loss", Failing)
    assert problem.startswith("phase 'discriminator' cannot run")
    assert "in loss 'odd' of package odd-parts: " in problem


def test_the_message_of_torch_is_not_cut_at_its_colon() -> None:
    class Misused(PlainLoss):
        def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
            made: Tensor = torch.max(real, 0.5)  # type: ignore[call-overload]
            return made

    (problem,) = refusal_of("loss", Misused)
    assert re.search(r"in loss 'odd' of package odd-parts: max.* expected one of: \* \(Tensor input", problem)


class Encoder(Discriminator):
    """An auto-encoder whose reconstruction passes through a function of the test's choice."""

    reconstruct: Callable[[Tensor], Tensor]

    def __init__(self, config: Any, in_shape: Any, sites: Any):
        super().__init__()
        self.layer = nn.Linear(in_shape[0] * in_shape[1] * in_shape[2], 1)

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        return DiscriminatorOutput(self.layer(x.flatten(1)), x.flatten(1), type(self).reconstruct(x))


@pytest.mark.parametrize("reconstruct", [lambda x: x.flatten(1), lambda x: x[:1], lambda x: x > 0])
def test_a_reconstruction_has_the_shape_of_the_examples(reconstruct: Any) -> None:
    problems = refusal_of("discriminator", type("Odd", (Encoder,), {"reconstruct": staticmethod(reconstruct)}))
    assert len(problems) == 1
    assert "discriminator 'odd' of package odd-parts breaks its contract: its reconstruction is a tensor" in problems[0]
    assert "must have the shape of the examples, (" in problems[0]


def test_a_reconstruction_is_allowed() -> None:
    assert not refusal_of("discriminator", type("Even", (Encoder,), {"reconstruct": staticmethod(lambda x: x * 2)}))
