"""Walks through what a model generates: paths in its noise, and from one condition to another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor

from ganzoo.contract.field_values import values_of
from ganzoo.errors import UserError
from ganzoo.studio.directions import find_directions
from ganzoo.studio.mixed_conditions import is_continuous, mixed_conditions
from ganzoo.studio.model import Model
from ganzoo.studio.noise import Noise, generate, noise_of

REACH = 3.0  # standard deviations of normal noise, and the length of a step along a direction


@dataclass(frozen=True)
class Start:
    """The ``count`` examples that a walk starts from: a model, their conditions (count, …) and chosen controls."""

    model: Model
    count: int
    conditions: Tensor | None = None
    controls: Mapping[str, Tensor] = field(default_factory=dict)
    truncation: float = 1.0

    def noise(self, seed: int) -> Noise:
        """Return the noise of the examples that ``Model.sample`` returns for ``seed``, truncated."""
        model = self.model
        noise = noise_of(model.recipe, self.count, self.conditions, seed, self.controls, model.output_name)
        return noise.truncated(self.truncation)

    def generate(self, noise: Noise, conditions: Tensor | None) -> Tensor:
        """Return the examples (count, …) of a noise, on the CPU."""
        model = self.model
        with torch.no_grad():
            made = generate(model.recipe, noise, self.count, conditions, self.controls, model.output_name)
        return made.cpu()


class Walk(ABC):
    """A path of examples: ``title`` names it."""

    title: str

    def __init__(self, start: Start):
        self.start = start

    @abstractmethod
    def at(self, share: float) -> Tensor:
        """Return the examples (count, …) at ``share`` of the way, from 0 to 1, on the CPU."""

    def mark(self, share: float) -> str:
        """Return what is written on the examples at ``share`` of the way."""
        return f"{share:.0%}"


class _Steps(Walk):
    """A walk on which numbers go from ``low`` to ``high``."""

    def __init__(self, start: Start, low: float, high: float):
        super().__init__(start)
        self._low, self._high = low, high

    def _value(self, share: float) -> float:
        return self._low + share * (self._high - self._low)

    def mark(self, share: float) -> str:
        """Return the number."""
        return f"{self._value(share):+.2f}"


@final
class AlongDimension(_Steps):
    """One coordinate of the latent vector takes every value from ``low`` to ``high``; all others stay.

    Without these it goes from -3 to 3 for normal noise, and through the whole range for uniform noise, where 0 is the
    lowest value and 1 the highest one.
    """

    def __init__(self, start: Start, seed: int, dimension: int, low: float | None = None, high: float | None = None):
        self._noise = start.noise(seed)
        drawn = self._noise.draws[self._noise.main]
        usual = (0.0, 1.0) if drawn.is_uniform else (-REACH, REACH)
        super().__init__(start, usual[0] if low is None else low, usual[1] if high is None else high)
        size = self._noise.latent.shape[1]
        if not 0 <= dimension < size:
            raise UserError(f"the latent vector has the dimensions 0 to {size - 1}, not {dimension}")
        self._dimension, self.title = dimension, f"dimension {dimension}"

    def at(self, share: float) -> Tensor:
        """Return the examples with the coordinate at ``share`` of its way."""
        latent = self._noise.latent.clone()
        latent[:, self._dimension] = self._value(share)
        return self.start.generate(self._noise.with_latent(latent), self.start.conditions)


@final
class AlongDirection(_Steps):
    """Steps of ``low`` to ``high`` along direction ``number`` of the generator, the strongest one being number 0."""

    def __init__(self, start: Start, seed: int, number: int, low: float | None = None, high: float | None = None):
        super().__init__(start, -REACH if low is None else low, REACH if high is None else high)
        self._noise = start.noise(seed)
        self._direction = direction(start, self._noise, number)
        self.title = f"direction {number}"

    def at(self, share: float) -> Tensor:
        """Return the examples at a step along the direction."""
        latent = self._noise.latent + self._value(share) * self._direction
        return self.start.generate(self._noise.with_latent(latent), self.start.conditions)


def direction(start: Start, noise: Noise, number: int) -> Tensor:
    """Return direction ``number`` (Z,) at the first example of a noise; raises :class:`UserError` if there is none."""
    vectors = find_directions(start.model, noise, start.conditions, start.controls).vectors
    if not 0 <= number < len(vectors):
        raise UserError(f"this model has the directions 0 to {len(vectors) - 1}, not {number}")
    return vectors[number]


@final
class BetweenSeeds(Walk):
    """From the examples of one seed to those of another: on a sphere for normal noise, straight for uniform noise."""

    def __init__(self, start: Start, first: int, second: int):
        super().__init__(start)
        self._noises = start.noise(first), start.noise(second)
        self._noises[0].refuse_none()
        self.title = f"seed {first} → {second}"

    def at(self, share: float) -> Tensor:
        """Return the examples of the noise at ``share`` of the way."""
        first, second = self._noises
        return self.start.generate(first.towards(second, share), self.start.conditions)


@final
class BetweenConditions(Walk):
    """From one condition to another, with the same noise."""

    def __init__(self, start: Start, seed: int, first: Tensor, second: Tensor, names: tuple[str, str]):
        super().__init__(start)
        assert start.model.condition is not None
        self._straight = is_continuous(start.model.condition, first)
        self._first, self._second = (one.expand(start.count, *one.shape) for one in (first, second))
        at_first = Start(start.model, start.count, self._first, start.controls, start.truncation)
        self._noise = at_first.noise(seed)
        self.title = " → ".join(names)

    def at(self, share: float) -> Tensor:
        """Return the examples at ``share`` of the way between the conditions."""
        model = self.start.model
        if self._straight:
            return self.start.generate(self._noise, torch.lerp(self._first, self._second, share))
        device = next(model.recipe.parameters()).device
        with mixed_conditions(model.recipe, self._second[:1].to(device), share):
            return self.start.generate(self._noise, self._first)


def between_conditions(start: Start, seed: int, asked: tuple[str, str]) -> BetweenConditions:
    """Return the walk between two conditions as a user gives them; raises :class:`UserError` for what is none."""
    model = start.model
    if model.condition is None:
        raise UserError("this model is unconditional: it has no labels to walk between; try --between 0 1")
    read = model.conditions(2, [*asked])
    assert read is not None
    values = values_of(model.condition)
    words = [values.word(one) or given for one, given in zip(read, asked, strict=True)]
    return BetweenConditions(start, seed, read[0], read[1], (words[0], words[1]))


def path(walk: Walk, frames: int) -> list[Tensor]:
    """Return the examples (count, …) at ``frames`` equal steps of a walk, its beginning and its end included."""
    return [walk.at(share) for share in shares(frames)]


def shares(frames: int) -> list[float]:
    """Return ``frames`` numbers at equal distances, from 0 to 1.

    >>> shares(3)
    [0.0, 0.5, 1.0]
    """
    return [number / max(frames - 1, 1) for number in range(frames)]
