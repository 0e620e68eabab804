"""Optimizers against updates by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import installed, select
from ganzoo.catalogue.options import make
from ganzoo.testing.strategies import examples

REGISTRY = installed()
bounded = examples(60)


# Optimizers

OPTIMIZERS = REGISTRY.names("optimizer")


def optimizer_of(name: str, parameters: list[nn.Parameter], **options: Any) -> torch.optim.Optimizer:
    component = REGISTRY.component("optimizer", name)
    optimizer: torch.optim.Optimizer = resolve(component)(make(component.config, options, name), parameters)
    return optimizer


def parameter(*values: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=torch.float64))


finite = st.lists(st.floats(-100, 100), min_size=1, max_size=8)
nonzero = st.floats(0.01, 100) | st.floats(-100, -0.01)


class TestOptimizers:
    @pytest.mark.parametrize("name", OPTIMIZERS)
    @pytest.mark.parametrize("curvature", [0.1, 1.0, 10.0])
    def test_every_one_lowers_a_convex_quadratic(self, name: str, curvature: float) -> None:
        """With its own defaults, from anywhere; the learning rate of a default is not for speed."""
        p = parameter(1.0, -2.0, 0.5)
        curvatures = torch.tensor([curvature, 0.5, 1.0], dtype=torch.float64)
        optimizer = optimizer_of(name, [p])
        losses = []
        for _ in range(200):
            loss = (curvatures * p.square()).sum() / 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0]
        assert losses == sorted(losses, reverse=True), "it never rises"

    @bounded
    @given(start=finite, rate=st.floats(1e-6, 10))
    def test_sgd_goes_down_the_gradient(self, start: list[float], rate: float) -> None:
        p = parameter(*start)
        before = p.detach().clone()
        gradient = torch.sin(before)
        p.grad = gradient.clone()
        optimizer_of("sgd", [p], lr=rate).step()
        torch.testing.assert_close(p.detach(), before - rate * gradient, rtol=1e-12, atol=1e-12)

    @pytest.mark.parametrize("name", ["adam", "adamw"])
    @bounded
    @given(gradients=st.lists(nonzero, min_size=1, max_size=8), rate=st.floats(1e-6, 1))
    def test_the_first_step_of_adam_has_the_size_of_the_rate(
        self, name: str, gradients: list[float], rate: float
    ) -> None:
        p = parameter(*[0.0] * len(gradients))  # at 0 there is no decay either
        gradient = torch.tensor(gradients, dtype=torch.float64)
        p.grad = gradient.clone()
        optimizer_of(name, [p], lr=rate, betas=(0, 0.99)).step()
        torch.testing.assert_close(p.detach(), -rate * gradient.sign(), rtol=2e-6, atol=0)

    @pytest.mark.parametrize("name", ["adam", "adamw"])
    @pytest.mark.parametrize("betas", [(0, 0.99), (0.0, 0.99), "0,.99", [0, 0.99]])
    def test_a_first_beta_of_zero_works_however_it_is_written(self, name: str, betas: Any) -> None:
        p = parameter(1.0, -1.0)
        optimizer = optimizer_of(name, [p], betas=betas, lr=0.01)
        for _ in range(3):
            optimizer.zero_grad()
            p.square().sum().backward()
            optimizer.step()
        assert p.abs().max() < 1

    def test_a_first_beta_of_zero_works_from_the_command_line(self) -> None:
        selection = select(REGISTRY, "gan", {"optimizer-betas": "0,.99"})
        for phase in ("discriminator", "generator"):
            config = selection.parts[f"{phase}-optimizer"].config
            assert resolve(REGISTRY.component("optimizer", "adam"))(config, [parameter(1.0)])

    def test_sgd_with_momentum(self) -> None:
        p, velocity, expected = parameter(1.0), 0.0, 1.0
        optimizer = optimizer_of("sgd", [p], lr=0.1, momentum=0.5)
        for _ in range(5):
            p.grad = p.detach().clone()
            velocity = 0.5 * velocity + expected
            expected -= 0.1 * velocity
            optimizer.step()
        assert p.item() == pytest.approx(expected, rel=1e-12)

    def test_rmsprop_divides_by_the_size_of_the_gradients(self) -> None:
        p, square, expected = parameter(1.0), 0.0, 1.0
        optimizer = optimizer_of("rmsprop", [p], lr=0.01, alpha=0.9)
        for _ in range(5):
            p.grad = p.detach().clone()
            square = 0.9 * square + 0.1 * expected**2
            expected -= 0.01 * expected / (math.sqrt(square) + 1e-8)
            optimizer.step()
        assert p.item() == pytest.approx(expected, rel=1e-12)

    def test_adam_over_several_steps(self) -> None:
        p, first, second, expected = parameter(1.0), 0.0, 0.0, 1.0
        optimizer = optimizer_of("adam", [p], lr=0.01, betas=(0.5, 0.9))
        for step in range(1, 6):
            p.grad = p.detach().clone()
            first, second = 0.5 * first + 0.5 * expected, 0.9 * second + 0.1 * expected**2
            expected -= 0.01 * (first / (1 - 0.5**step)) / (math.sqrt(second / (1 - 0.9**step)) + 1e-8)
            optimizer.step()
        assert p.item() == pytest.approx(expected, rel=1e-12)

    def test_the_decay_of_adamw_is_decoupled(self) -> None:
        p, q = parameter(2.0), parameter(2.0)
        p.grad, q.grad = torch.zeros_like(p), torch.zeros_like(q)
        optimizer_of("adamw", [p], lr=0.1, weight_decay=0.5).step()
        optimizer_of("adam", [q], lr=0.1, weight_decay=0.5).step()
        assert p.item() == pytest.approx(2.0 * (1 - 0.1 * 0.5), rel=1e-12)
        assert q.item() == pytest.approx(2.0 - 0.1, rel=1e-6)

    @pytest.mark.parametrize("name", OPTIMIZERS)
    def test_meta_parameters_are_no_obstacle(self, name: str) -> None:
        optimizer_of(name, [nn.Parameter(torch.empty(3, device="meta"))])
