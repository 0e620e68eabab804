"""The momentum that rises, against updates by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import installed
from ganzoo.catalogue.options import make

COMPONENT = installed().component("optimizer", "sgd-rising")


def test_updates_by_hand() -> None:
    options = {"lr": 0.1, "momentum": 0.5, "final": 0.7, "updates": 2}
    weight = nn.Parameter(torch.tensor([1.0]))
    optimizer = resolve(COMPONENT)(make(COMPONENT.config, options, "sgd-rising"), [weight])
    seen = []
    for _ in range(4):
        weight.grad = torch.tensor([1.0])
        optimizer.step()
        seen.append(weight.item())
    velocities = [-0.1]
    for momentum in (0.6, 0.7, 0.7):  # it stays at the last one
        velocities.append(momentum * velocities[-1] - 0.1)
    assert seen == pytest.approx([1 + sum(velocities[: n + 1]) for n in range(4)])


def test_a_momentum_that_falls_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be below"):
        COMPONENT.config(momentum=0.9, final=0.5)
