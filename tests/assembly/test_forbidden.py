"""No part reads a value on the host, on the CPU either, where parts of a program are tried."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn
from torch.nn import functional as F

import ganzoo
from ganzoo.errors import UserError
from ganzoo.testing.odd_parts import PlainAugmentation, PlainHead, PlainLatent, PlainLoss, PlainPenalty
from ganzoo.testing.own_parts import QUICK, SIZE

READS: dict[str, Callable[[Tensor], Any]] = {
    "item": lambda x: x.mean().item(),
    "float": lambda x: float(x.mean()),
    "if": lambda x: 1 if x.mean() > 0 else 2,
    "tolist": lambda x: x.tolist(),
    "numpy": lambda x: x.detach().numpy(),
    "array": lambda x: np.asarray(x.detach()),
    "print": repr,
    "one_hot": lambda x: F.one_hot(x.detach().long().abs()),
}


class ReadingLoss(PlainLoss):
    read: Callable[[Tensor], Any]

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        type(self).read(fake)
        return super().discriminator(real, fake)


class ReadingPenalty(PlainPenalty):
    def forward(self, discriminator: Any, real: Tensor, fake: Tensor, draws: Any) -> Any:
        real.mean().item()
        return super().forward(discriminator, real, fake, draws)


class ReadingAugmentation(PlainAugmentation):
    def forward(self, x: Tensor, draws: Any) -> Tensor:
        return x * float(draws.uniform(1))


class ReadingHead(PlainHead):
    def generator(self, fake: Any) -> Any:
        bool(fake.features.mean() > 0)
        return super().generator(fake)


class ReadingLatent(PlainLatent):
    def draw(self, count: int, draws: Any) -> Tensor:
        z = super().draw(count, draws)
        return z / float(z.std())


class ReadingAfterwards(PlainLoss):
    def after_update(self, player: Any, means: Any) -> None:
        self.k.fill_(float(means["adversarial"]))


def trained(**flags: Any) -> str:
    try:
        ganzoo.train("gan", **{**QUICK, "steps": 1, "dataset_size": SIZE, **flags})
    except UserError as problem:
        return str(problem)
    return ""


@pytest.mark.parametrize("read", READS)
def test_a_loss_of_a_program_reads_no_values(read: str, tmp_path: Any) -> None:
    reading = type("ReadingLoss", (ReadingLoss,), {"read": staticmethod(READS[read])})
    problem = trained(loss=reading(), out=tmp_path / "run")
    assert re.match("loss 'reading-loss' of .* it reads the value of a tensor on the host .*: use operations", problem)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("kind", "target", "given"),
    [
        ("penalty", ReadingPenalty, ReadingPenalty()),
        ("augmentation", ReadingAugmentation, ReadingAugmentation()),
        ("head", ReadingHead, ReadingHead),
        ("latent", ReadingLatent, ReadingLatent()),
        ("loss", ReadingAfterwards, ReadingAfterwards()),
    ],
)
def test_no_part_of_a_program_reads_values(kind: str, target: type, given: Any, tmp_path: Any) -> None:
    size = {} if kind != "latent" else {"latent_size": None}
    problem = trained(**{kind: given, "out": tmp_path / "run", **size})
    assert re.match(f"{kind} '[a-z-]+' of .* it reads the value of a tensor on the host", problem)


def test_plain_networks_may_read(tmp_path: Any) -> None:
    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(SIZE * SIZE, 1)

        def forward(self, x: Tensor) -> Tensor:
            made: Tensor = self.layer(x.flatten(1)) / (1 + abs(float(x.mean().detach())))
            return made

    assert not trained(discriminator=Reads(), out=tmp_path / "run")
