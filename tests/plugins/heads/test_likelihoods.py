"""Likelihoods by hand, on tensors small enough for plain Python."""

from __future__ import annotations

import math

import pytest
import torch

from ganzoo.catalogue.data import Field, joined
from ganzoo_heads.likelihoods import Bernoulli, Categorical, Gaussian, label_likelihood


def test_softmax_is_applied_once() -> None:
    # Known defect of ACGAN, InfoGAN and SGAN ports: a softmax in the network before a cross-entropy that has its own.
    # The right answer then never costs less than log(1 + 2/e), and pulls on the network for ever.
    sure = torch.tensor([[200.0, 0.0, 0.0]], requires_grad=True)
    error = Categorical(3).error(sure, torch.tensor([0]))
    error.sum().backward()
    assert error.item() == 0.0
    assert sure.grad is not None and not sure.grad.any()
    assert Categorical(3).error(torch.softmax(sure, 1), torch.tensor([0])).item() == pytest.approx(
        math.log(1 + 2 / math.e)
    )


def test_classes_by_hand() -> None:
    logits, classes = torch.tensor([[1.0, 2.0, -1.0], [0.0, 0.5, 0.0]]), torch.tensor([0, 1])
    error = Categorical(3).error(logits, classes)
    sums = [sum(math.exp(one) for one in row) for row in logits.tolist()]
    assert error.tolist() == pytest.approx([math.log(sums[0]) - 1.0, math.log(sums[1]) - 0.5])
    assert Categorical(3).right(logits, classes).tolist() == [0.0, 1.0]


def test_attributes_by_hand() -> None:
    logits, attributes = torch.tensor([[1.0, -2.0]]), torch.tensor([[1.0, 1.0]])
    expected = math.log(1 + math.exp(-1.0)) + math.log(1 + math.exp(2.0))
    assert Bernoulli(2).error(logits, attributes).tolist() == pytest.approx([expected])
    assert Bernoulli(2).right(logits, attributes).tolist() == [0.5]


def test_a_sure_and_right_attribute_has_no_gradient() -> None:
    sure = torch.tensor([[200.0, -200.0]], requires_grad=True)
    Bernoulli(2).error(sure, torch.tensor([[1.0, 0.0]])).sum().backward()
    assert sure.grad is not None and not sure.grad.any()


def test_a_fixed_deviation_gives_half_the_squared_error() -> None:
    # Known defect of InfoGAN ports: the mean squared error in its place, which is twice as much as the likelihood says.
    means, numbers = torch.tensor([[0.5, -1.0]]), torch.tensor([[1.0, 1.0]])
    assert Gaussian(2).error(means, numbers).tolist() == [0.5 * (0.25 + 4.0)]
    density = torch.distributions.Normal(means, 1.0).log_prob(numbers).sum(1)
    assert (Gaussian(2).error(means, numbers) + density).item() == pytest.approx(-math.log(2 * math.pi))


def test_a_learnt_deviation_has_the_log_term() -> None:
    # Known defect of InfoGAN ports: without log σ the error falls towards 0 as σ grows, whatever the means are.
    means, log_deviations = torch.tensor([[0.5, -1.0]]), torch.tensor([[0.3, -0.7]])
    numbers = torch.tensor([[1.0, 1.0]])
    error = Gaussian(2, learnt=True).error(torch.cat([means, log_deviations], 1), numbers)
    expected = -torch.distributions.Normal(means, log_deviations.exp()).log_prob(numbers).sum(1)
    torch.testing.assert_close(error, expected)
    wide = Gaussian(2, learnt=True).error(torch.cat([means, log_deviations + 9.0], 1), numbers)
    assert wide.item() > error.item()


def test_the_best_learnt_deviation_is_that_of_the_errors() -> None:
    log_deviation = torch.tensor(0.0, requires_grad=True)
    differences = torch.tensor([[0.1], [-0.3], [0.2]])
    outputs = torch.cat([torch.zeros(3, 1), log_deviation.expand(3, 1)], dim=1)
    error = Gaussian(1, learnt=True).error(outputs, differences).mean()
    (slope,) = torch.autograd.grad(error, log_deviation)
    assert slope.item() == pytest.approx(1 - differences.square().mean().item())  # d/dlogσ at σ = 1; zero at σ² = MSE


def test_several_fields_add_up() -> None:
    field = joined({"label": Field("class", classes=3), "attributes": Field("vector", (2,))})
    likelihood = label_likelihood(field)
    outputs = torch.tensor([[1.0, 2.0, -1.0, 1.0, -2.0]])
    values = torch.tensor([[1.0, 1.0, 1.0]])  # class 1, then two attributes
    assert likelihood.width == 5
    alone = Categorical(3).error(outputs[:, :3], torch.tensor([1])) + Bernoulli(2).error(outputs[:, 3:], values[:, 1:])
    torch.testing.assert_close(likelihood.error(outputs, values), alone)
    assert likelihood.right(outputs, values).tolist() == [0.75]
