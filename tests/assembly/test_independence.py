"""A loss or a penalty that compares the examples of a batch must say so; what only looks as if is not accused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.contract.packs import WHOLE_BATCH
from ganzoo.testing.odd_parts import PlainLoss, PlainPenalty, refusal_of
from ganzoo.testing.selections import one_of_each, variants_with


class Relativistic(PlainLoss):
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.softplus(fake.mean(0) - real) + F.softplus(fake - real.mean(0))


class ComparesFakes(PlainLoss):
    def generator(self, fake: Tensor, real: Any) -> Tensor:
        return F.softplus(real().mean() - fake)


class Ranked(PlainLoss):
    def generator(self, fake: Tensor, real: Any) -> Tensor:
        return F.softplus(-fake) * (fake >= fake.median())


class Spread(PlainPenalty):
    def forward(self, discriminator: Any, real: Tensor, fake: Tensor, draws: Any) -> Any:
        return {"spread": (fake - fake.mean(0)).flatten(1).square().sum(1)}


class NormalisedScores(PlainPenalty):
    def forward(self, discriminator: Any, real: Tensor, fake: Tensor, draws: Any) -> Any:
        return {"plain": discriminator(real).square().sum(1), "normalised": F.softmax(discriminator(fake)[:, 0], 0)}


@pytest.mark.parametrize(
    ("kind", "target", "function"),
    [
        ("loss", Relativistic, "discriminator()"),
        ("loss", ComparesFakes, "generator()"),
        ("loss", Ranked, "generator()"),
        ("penalty", Spread, "forward(), term 'spread',"),
        ("penalty", NormalisedScores, "forward(), term 'normalised',"),
    ],
)
def test_what_compares_examples_must_say_so(kind: str, target: Any, function: str) -> None:
    (problem,) = refusal_of(kind, target)
    assert problem.startswith(
        f"{kind} 'odd' of package odd-parts breaks its contract: what {function} returns for one example depends on "
        "the others of its batch; set pack = WHOLE_BATCH in its class"
    )
    assert not refusal_of(kind, type("Declared", (target,), {"pack": WHOLE_BATCH}))


class Interpolated(PlainPenalty):
    def forward(self, discriminator: Any, real: Tensor, fake: Tensor, draws: Any) -> Any:
        share = draws.uniform(len(real), *[1] * (real.dim() - 1))
        return {"odd": discriminator.gradient(torch.lerp(fake, real, share)).norm(dim=1)}


class OneNumberForAll(PlainPenalty):
    def forward(self, discriminator: Any, real: Tensor, fake: Tensor, draws: Any) -> Any:
        return {"odd": discriminator(real)[:, 0] * draws.uniform(1)}


class Dropping(PlainLoss):
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.softplus(F.dropout(fake, 0.5)) + F.softplus(-real)


class Infinite(PlainLoss):
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (real * 0 + 2).log() + fake / 0


class NeedsEight(PlainLoss):
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return real.view(8, 1) - fake.view(8, 1)


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("penalty", Interpolated),
        ("penalty", OneNumberForAll),
        ("loss", Dropping),
        ("loss", Infinite),
        ("loss", NeedsEight),
    ],
)
def test_what_looks_at_each_example_alone_is_not_accused(kind: str, target: Any) -> None:
    assert not refusal_of(kind, target)


@pytest.mark.parametrize(
    ("kind", "variant"),
    [
        pytest.param(kind, name, marks=[] if name in one_of_each("recipe") else [pytest.mark.long])
        for kind in ("loss", "penalty")
        for name in variants_with(kind)
    ],
)
def test_batch_norm_in_a_network_is_no_fault_of_a_part(kind: str, variant: str) -> None:
    assert not refusal_of(kind, {"loss": PlainLoss, "penalty": Interpolated}[kind], variant, dataset_size=16)
