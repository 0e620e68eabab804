"""Likelihoods of values of a field, under distributions whose parameters a network computes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import Field


class Likelihood(ABC):
    """A distribution of values; ``width`` is how many numbers a network computes for one example."""

    width: int

    @abstractmethod
    def error(self, outputs: Tensor, values: Tensor) -> Tensor:
        """Return the negative log-likelihood (B,) of ``values`` (B, …), in nats, given ``outputs`` (B, width)."""


class LabelLikelihood(Likelihood):
    """A distribution of values that are right or wrong."""

    @abstractmethod
    def right(self, outputs: Tensor, values: Tensor) -> Tensor:
        """Return the share (B,) of each example's values that are the most likely ones."""


@final
class Categorical(LabelLikelihood):
    """Classes (B,); the outputs are logits, to which softmax is applied here and nowhere before."""

    def __init__(self, classes: int):
        self.width = classes

    def error(self, outputs: Tensor, values: Tensor) -> Tensor:
        """Return the cross-entropy (B,)."""
        return F.cross_entropy(outputs, values, reduction="none")

    def right(self, outputs: Tensor, values: Tensor) -> Tensor:
        """Return 1 where the class is the most likely one, else 0."""
        return (outputs.argmax(1) == values).float()


@final
class Bernoulli(LabelLikelihood):
    """Independent attributes (B, F), each 0 or 1; the outputs are their logits."""

    def __init__(self, attributes: int):
        self.width = attributes

    def error(self, outputs: Tensor, values: Tensor) -> Tensor:
        """Return the sum (B,) of the binary cross-entropies."""
        return F.binary_cross_entropy_with_logits(outputs, values, reduction="none").sum(1)

    def right(self, outputs: Tensor, values: Tensor) -> Tensor:
        """Return the share of the attributes that are right."""
        return ((outputs > 0) == (values > 0.5)).float().mean(1)


@final
class Gaussian(Likelihood):
    """Independent numbers (B, F); the outputs are their means, and their log σ if the deviations are ``learnt``.

    With σ = 1 the error is half the squared error, up to the constant F/2 · log 2π, which is left out there. A σ that
    is learnt needs the term log σ: without it, the error falls without bound as σ grows. The constant is included then,
    so that the error is the whole negative log-likelihood.
    """

    def __init__(self, numbers: int, learnt: bool = False):
        self.width = 2 * numbers if learnt else numbers
        self._learnt = learnt

    def error(self, outputs: Tensor, values: Tensor) -> Tensor:
        """Return ½ Σ (c − μ)² (B,), or Σ ½ ((c − μ) / σ)² + log σ + ½ log 2π."""
        if not self._learnt:
            return 0.5 * (values - outputs).square().sum(1)
        mean, log_deviation = outputs.chunk(2, dim=1)
        squared = ((values - mean) * torch.exp(-log_deviation)).square()
        return (0.5 * squared + log_deviation + 0.5 * math.log(2 * math.pi)).sum(1)


@final
class Joined(LabelLikelihood):
    """Several fields as one condition, all numbers beside each other (B, F), independent of each other."""

    def __init__(self, field: Field):
        self._members = [(member, label_likelihood(member)) for _, member in field.members]
        self.width = sum(likelihood.width for _, likelihood in self._members)

    def error(self, outputs: Tensor, values: Tensor) -> Tensor:
        """Return the sum (B,) of the errors of all fields."""
        return torch.stack([one.error(*both) for one, *both in self._parts(outputs, values)]).sum(0)

    def right(self, outputs: Tensor, values: Tensor) -> Tensor:
        """Return the mean (B,) of the shares of all fields."""
        return torch.stack([one.right(*both) for one, *both in self._parts(outputs, values)]).mean(0)

    def _parts(self, outputs: Tensor, values: Tensor) -> list[tuple[LabelLikelihood, Tensor, Tensor]]:
        of_outputs = outputs.split([likelihood.width for _, likelihood in self._members], dim=1)
        of_values = values.split([member.size for member, _ in self._members], dim=1)
        return [
            (likelihood, output, value.squeeze(1).long() if member.classes else value)
            for (member, likelihood), output, value in zip(self._members, of_outputs, of_values, strict=True)
        ]


def label_likelihood(field: Field) -> LabelLikelihood:
    """Return the distribution of a condition: of a class, of attributes, or of several fields."""
    if field.classes:
        return Categorical(field.classes)
    return Joined(field) if field.members else Bernoulli(field.size)
