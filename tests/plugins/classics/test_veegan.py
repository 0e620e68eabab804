"""VEEGAN: which network each term reaches, and the sign of the discriminator."""

from __future__ import annotations

from typing import Any

import torch

from ganzoo.contract.step_context import StepContext
from ganzoo.randomness import KeyedStreams
from ganzoo.testing.trainers import everything, moved, trainer_of


def test_every_network_is_trained_by_its_phase() -> None:
    with trainer_of("veegan", batch_size=8, execution="eager") as trainer:
        before = everything(trainer)
        trainer.advance()
        after = moved(before, everything(trainer))
        for network in ("generator", "reconstructor", "discriminator"):
            assert any(name.startswith(network) for name in after), network


def test_the_signs_of_the_game() -> None:
    """D raises the logit of (F(x), x) and lowers that of (z, G(z)); G raises it, and draws F(G(z)) to z."""
    with trainer_of("veegan", batch_size=8) as trainer:
        recipe: Any = trainer.train_step.recipe
        target = recipe.output_field
        real = torch.rand(8, *target.shape)
        batch = {"dataset": {recipe.output.field: real}}
        logits: list[torch.Tensor] = []
        recipe.logit = lambda z, examples: logits.append(torch.zeros(8, 1, requires_grad=True)) or logits[-1]
        context = StepContext(0, 1, "discriminator", 0, KeyedStreams(seed=0))
        of_real, of_fake = torch.autograd.grad(recipe.discriminate(batch, context).total(), logits)
        assert (of_real < 0).all() and (of_fake > 0).all()
        logits.clear()
        output = recipe.generate(batch, StepContext(0, 1, "generator", 0, KeyedStreams(seed=0)))
        (of_made,) = torch.autograd.grad(output.terms["adversarial"], logits)
        assert (of_made < 0).all()
        gradients = torch.autograd.grad(output.terms["reconstruction"], [*recipe.reconstructor.parameters()])
        assert all(gradient.abs().max() > 0 for gradient in gradients)
