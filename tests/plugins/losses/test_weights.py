"""Constraints and penalties on weights, and the generator's path length, by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import installed
from ganzoo.catalogue.options import make
from ganzoo.contract.networks import ConditionedDiscriminator, ConditionedGenerator
from ganzoo.contract.penalty import PenaltyOutput
from ganzoo.randomness import FreshDraws
from ganzoo.testing.selections import choose
from ganzoo.testing.trainers import make_trainer


def made(name: str, kind: str = "penalty", **options: Any) -> Any:
    component = installed().component(kind, name)
    return resolve(component)(make(component.config, options, name))


def draws() -> FreshDraws:
    return FreshDraws(torch.Generator().manual_seed(0))


def test_known_defect_wgan_critic_weights_unclipped_after_its_last_update(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every update of the critic is followed by a clamp, the last one before the generator's update too."""
    trainer = make_trainer(
        choose("gan", loss="wasserstein", penalty="clipping", penalty_limit=0.01, recipe_discriminator_updates=3)
    )
    recipe: Any = trainer.train_step.recipe
    largest = []
    limit = torch.tensor(0.01)
    for name in ("discriminate", "generate"):
        original = getattr(recipe, name)

        def watched(*given: Any, original: Any = original) -> Any:
            largest.append(max(p.detach().abs().max() for p in recipe.discriminator.parameters()))
            return original(*given)

        trainer.train_step.losses[{"discriminate": "discriminator", "generate": "generator"}[name]] = watched
    trainer.advance()
    trainer.advance()
    assert len(largest) == 8
    assert largest[0] > limit, "the first update begins with the initial weights"
    assert all(value <= limit for value in largest[1:]), "to the bit"
    assert max(p.detach().abs().max() for p in recipe.discriminator.parameters()) == limit


class TestOrthogonal:
    def test_the_sum_of_squared_products_of_different_rows(self) -> None:
        layer = nn.Linear(2, 3, bias=False)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]))
        # Products of rows: 0, 1, 2, each twice; the diagonal does not count.
        term = made("orthogonal", weight=0.1)(ConditionedDiscriminator(layer, None), torch.ones(4, 2), None, draws())
        assert term["orthogonal"].tolist() == pytest.approx([0.1 * 2 * (0 + 1 + 4)] * 4)

    @pytest.mark.parametrize("layer", [nn.Conv2d(3, 4, 2), nn.ConvTranspose2d(3, 4, 2), nn.Linear(12, 4)])
    def test_rows_are_outputs_of_every_kind_of_layer(self, layer: nn.Module) -> None:
        weight: Any = layer.weight
        rows = weight.detach().transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else weight.detach()
        product = rows.flatten(1) @ rows.flatten(1).T
        expected = 1e-4 * (product * (1 - torch.eye(4))).square().sum()
        generator = ConditionedGenerator(layer, None, (1,))
        term = made("orthogonal", "generator-penalty")(generator, torch.ones(2, 5), draws())["orthogonal"]
        assert term.tolist() == pytest.approx([float(expected)] * 2, rel=1e-4)

    def test_orthogonal_rows_of_any_length_cost_nothing(self) -> None:
        layer = nn.Linear(4, 3)
        with torch.no_grad():
            layer.weight.copy_(5 * torch.eye(3, 4))
        term = made("orthogonal")(ConditionedDiscriminator(layer, None), torch.ones(1, 4), None, draws())
        assert term["orthogonal"].tolist() == [0]


class _Linear(nn.Module):
    """A generator of images (B, 1, 2, 3) that is linear in its noise, with a known Jacobian."""

    def __init__(self, matrix: Tensor):
        super().__init__()
        self.matrix = nn.Parameter(matrix)

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        return (z @ self.matrix.T).view(-1, 1, 2, 3)


class TestPathLength:
    def output(self, penalty: Any, scale: float = 1.0, batch: int = 4) -> PenaltyOutput:
        generator = ConditionedGenerator(_Linear(scale * torch.eye(6)), None, (1, 2, 3))
        output: PenaltyOutput = penalty(generator, torch.zeros(batch, 6), draws())
        return output

    def test_the_length_is_the_norm_of_the_direction_through_the_jacobian(self) -> None:
        lengths = self.output(made("path-length", "generator-penalty"), scale=3.0).values["length of paths"]
        direction = draws().normal(4, 1, 2, 3).flatten(1) / 6**0.5
        torch.testing.assert_close(lengths, 3.0 * direction.norm(dim=1))

    def test_its_mean_square_does_not_depend_on_the_number_of_pixels(self) -> None:
        """J = I: E‖y‖² is the number of channels."""
        lengths = self.output(made("path-length", "generator-penalty"), batch=5000).values["length of paths"]
        assert lengths.square().mean().item() == pytest.approx(1, abs=0.03)

    def test_the_moving_average_by_hand(self) -> None:
        penalty = made("path-length", "generator-penalty", decay=0.9, weight=2.0)
        averages = []
        for length in (3.0, 5.0):
            penalty.after_update({"length of paths": torch.tensor(length)})
            averages.append(float(penalty.path_length))
        assert averages == pytest.approx([0.3, 0.9 * 0.3 + 0.5])
        output = self.output(penalty)
        expected = 2.0 * (output.values["length of paths"] - 0.77).square()
        torch.testing.assert_close(output.terms["path-length"], expected)

    def test_the_generator_learns_from_it(self) -> None:
        generator = _Linear(torch.eye(6))
        penalty = made("path-length", "generator-penalty")
        conditioned = ConditionedGenerator(generator, None, (1, 2, 3))
        penalty(conditioned, torch.zeros(4, 6), draws()).terms["path-length"].sum().backward()
        assert generator.matrix.grad is not None
        assert generator.matrix.grad.abs().sum() > 0
