"""FLOPs and bytes of a step, against counts by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.studio.benchmark import cost_of_step
from ganzoo.studio.cost import cost_of
from ganzoo.testing.trainers import trainer_of

# FLOPs and bytes


def test_the_flops_of_a_step_are_those_counted_by_hand() -> None:
    """A generator 3 → 5 → 64 and a discriminator 64 → 7 → 1, whose generator moves twice a step."""
    widths = {"latent_size": 3, "generator_widths": "5", "discriminator_widths": "7", "dataset_size": 8}
    batch, generator, discriminator = 8, (3 * 5, 5 * 64), (64 * 7, 7 * 1)
    product = 2 * batch  # a multiplication and an addition for each weight and example

    # Two batches are judged. The weights' gradients need one product each; the inputs' none in the first layer.
    learns = product * sum(generator) + 2 * product * (2 * sum(discriminator) + sum(discriminator[1:]))
    # The frozen discriminator passes gradients through every layer, and gets none itself.
    makes = product * (2 * sum(generator) + sum(generator[1:])) + product * 2 * sum(discriminator)
    with trainer_of("gan-minimal", batch_size=batch, **widths) as trainer:
        assert cost_of_step(trainer).flops == learns + 2 * makes


def test_a_penalty_with_second_derivatives_is_counted() -> None:
    with trainer_of("gan") as plain, trainer_of("gan", penalty="r1") as penalised:
        assert cost_of_step(penalised).flops > 1.2 * cost_of_step(plain).flops


def test_a_phase_that_is_due_every_second_step_costs_half() -> None:
    with trainer_of("gan-minimal") as trainer:
        always = cost_of_step(trainer)
        for phase_optimizer in trainer.train_step.phase_optimizers:
            phase_optimizer.phase = replace(phase_optimizer.phase, every=2)
        seldom = cost_of_step(trainer)
    assert seldom.flops == always.flops / 2
    assert always.bytes / 2 < seldom.bytes < always.bytes


A, B, C = 3, 5, 7
LEFT, RIGHT, SAME = torch.rand(A, B), torch.rand(B, C), torch.rand(A, B)
HALF = LEFT.bfloat16()
ROWS = torch.tensor([0, 2])
WORK: dict[str, tuple[Callable[[], Any], int]] = {
    "a product": (lambda: torch.mm(LEFT, RIGHT), 4 * (A * B + B * C + A * C)),
    "a cast": (lambda: LEFT.to(torch.bfloat16), 6 * A * B),
    "a product in bfloat16": (lambda: torch.mm(HALF, HALF.t()), 2 * (2 * A * B + A * A)),
    "a sum": (lambda: LEFT + SAME, 4 * 3 * A * B),
    "a sum in place": (lambda: SAME.add_(LEFT), 4 * 3 * A * B),
    "a sum into a given place": (lambda: torch.add(LEFT, LEFT, out=SAME), 4 * 3 * A * B),
    "sums of lists": (lambda: torch._foreach_add_([SAME, SAME], [LEFT, LEFT]), 2 * 4 * 3 * A * B),
    "a copy": (lambda: SAME.copy_(LEFT), 4 * 2 * A * B),
    "a fill": (lambda: SAME.fill_(1), 4 * A * B),
    "new zeros": (lambda: torch.zeros_like(LEFT), 4 * A * B),
    "memory that nobody touched": (lambda: torch.empty_like(LEFT), 0),
    "views": (lambda: LEFT.t().reshape(B, A).unsqueeze(0).expand(9, B, A).detach()[2:4], 0),
    "a part": (lambda: -LEFT[:2], 4 * 2 * 2 * B),
    "what was expanded": (lambda: LEFT[:1].expand(A, B) * SAME, 4 * (B + 2 * A * B)),
    "some rows": (lambda: LEFT[ROWS], 8 * 2 + 2 * 4 * 2 * B),
}  # fmt: skip


@pytest.mark.parametrize(("work", "expected"), WORK.values(), ids=WORK)
def test_the_bytes_of_an_operation_are_those_counted_by_hand(work: Callable[[], Any], expected: int) -> None:
    assert cost_of(work).bytes == expected


def test_the_bytes_of_a_backward_pass_count_too() -> None:
    weight: Tensor = torch.rand(A, B, requires_grad=True)
    forward = cost_of(lambda: weight.square().sum())
    both = cost_of(lambda: weight.square().sum().backward())
    assert both.bytes >= forward.bytes + 4 * 3 * A * B


def test_only_products_and_convolutions_have_flops() -> None:
    assert cost_of(lambda: torch.mm(LEFT, RIGHT)).flops == 2 * A * B * C
    images, kernel = torch.rand(2, 3, 6, 6), torch.rand(4, 3, 3, 3)
    assert cost_of(lambda: torch.conv2d(images, kernel)).flops == 2 * (2 * 4 * 4 * 4) * (3 * 3 * 3)
    assert cost_of(lambda: LEFT.exp() + LEFT).flops == 0
