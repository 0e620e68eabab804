"""What a diagnosis looks at: examples of the generator as it is, compared with real ones that were measured once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from ganzoo.batches.batches import Batches
from ganzoo.contract.recipe import Recipe
from ganzoo.contract.sampling import SampleRequest
from ganzoo.randomness import KeyedStreams

COUNT = 120  # generated examples; they have 12 examples of each of 10 classes
POOL = 1024  # real examples, at most
GROUPS = 10  # classes that are looked at, at most
FEWEST = 8  # real examples of a class, without which it is left out
NEAR = 0.15  # of the distance of two real examples of a class: two that are nearer are the same picture
COORDINATES = 64  # of the mean example that the next look remembers


@final
class Reference:
    """Real examples of a training, measured once: ``values`` (N, …), and their classes (N,) if they have classes.

    Patterns are looked for in ``some`` of them, as many as make no difference to their means.

    ``groups`` are the classes that are looked at, each with its mean and the root mean square distance from it. Data
    without classes is one group.
    """

    def __init__(self, recipe: Recipe, batches: Mapping[str, Batches]):
        slot = batches[recipe.output.slot]
        real = slot.first(POOL)
        self.values = real[recipe.output.field]
        self.some = self.values[: 2 * COUNT]
        self.share = len(self.values) / slot.order.length
        self.flat = self.values.flatten(1).float()
        self.conditions = _conditions(recipe, batches, real)
        field = recipe.condition_field
        self.groups: Sequence[int] = ()
        if self.conditions is not None and field is not None and field.classes:
            counts = torch.bincount(self.conditions, minlength=field.classes).tolist()
            self.groups = [number for number, count in enumerate(counts) if count >= FEWEST][:GROUPS]
        self.members = [self.flat[self.conditions == group] for group in self.groups] or [self.flat]
        self.means = torch.stack([members.mean(0) for members in self.members])
        self.radii = [float(_radius(members)) or 1e-30 for members in self.members]
        self.radius = float(_radius(self.flat)) or 1e-30

    @cached_property
    def same(self) -> float:
        """The share of pairs of real examples of a class that are the same picture, from 0 to 1."""
        return _same(self.members, self.radii)

    @cached_property
    def nearest(self) -> float:
        """The median distance of real examples from the nearest other one."""
        distances = torch.cdist(self.some.flatten(1).float(), self.flat)
        distances.fill_diagonal_(torch.inf)
        return float(distances.amin(1).median())

    @cached_property
    def told_by_means(self) -> float:
        """The share of real examples that are nearest to the mean of their own class."""
        return _told(self.members, self.means)

    def wanted(self) -> Tensor | None:
        """Return the conditions of the generated examples: as many of each class, or those of real examples."""
        if self.groups:
            groups = torch.tensor(self.groups, device=self.flat.device)
            return groups.repeat_interleave(COUNT // len(self.groups))
        return self.conditions[:COUNT] if self.conditions is not None else None


@final
class Look:
    """One look at a training, in evaluation mode; what costs time is computed when it is asked for.

    ``values`` are the watched values of the steps before, by name; ``gradients`` the size of the gradient of each phase
    as a share of the largest that a look has seen. ``before`` is the :meth:`trace` of the look before.
    """

    def __init__(
        self,
        recipe: Recipe,
        real: Reference,
        values: Mapping[str, float],
        gradients: Mapping[str, float],
        before: Mapping[str, Sequence[float]],
        seed: int,
    ):
        self._recipe, self.real, self.values, self.gradients, self.before = recipe, real, values, gradients, before
        self.field = recipe.output_field
        wanted = real.wanted()
        count = COUNT if wanted is None else len(wanted)
        # The same noise in every look, so that what changes is the generator.
        self.generated = recipe.sample(SampleRequest(count, wanted, KeyedStreams(seed).at("diagnosis")))
        self.flat = self.generated.flatten(1).float()
        self.members = self.flat.chunk(len(real.members))

    @cached_property
    def spread(self) -> float:
        """The distance of generated examples from the mean of their class, as a share of that of real ones."""
        shares = [float(_radius(own)) / real for own, real in zip(self.members, self.real.radii, strict=True)]
        return sum(shares) / len(shares)

    @cached_property
    def same(self) -> float:
        """The share of pairs of generated examples of a class that are the same picture, from 0 to 1.

        If it is s, the generator makes about 1/s pictures of a class (the birthday test, arXiv 1706.08224).
        """
        return _same(self.members, self.real.radii)

    @cached_property
    def told_by_means(self) -> float:
        """The share of generated examples that are nearest to the mean of real examples of their class."""
        return _told(self.members, self.real.means)

    @cached_property
    def jump(self) -> float:
        """How far the mean example has moved since the look before, as a share of the spread of real examples."""
        before, now = self.before.get("mean", []), self._mean
        if len(before) != len(now):
            return 0.0
        moved = torch.tensor(now) - torch.tensor([float(number) for number in before])
        return float(moved.square().mean().sqrt()) * math.sqrt(self.flat.shape[1]) / self.real.radius

    @cached_property
    def moved(self) -> float:
        """How far the mean example has moved from look to look since the start, in the same measure."""
        return self.jump + sum(self.before.get("moved", []))

    @cached_property
    def contrast(self) -> float:
        """How much the values of a generated example differ from one another, as a share of that in real examples."""
        return float(_contrast(self.flat) / _contrast(self.real.flat).clamp(min=1e-30))

    @cached_property
    def accuracy(self) -> float:
        """The share of real and generated examples that the discriminator told apart; NaN if nobody watches it."""
        return self.values.get(self._recipe.watched_accuracy, float("nan"))

    @cached_property
    def prefers_right(self) -> float:
        """The share of real examples that score higher under their own condition than under another example's.

        NaN if the recipe has no verdicts, or verdicts that do not depend on the condition.
        """
        conditions = self.real.conditions
        if conditions is None:
            return float("nan")
        values, right = self.real.values[:COUNT], conditions[:COUNT]
        wrong = right.roll(1, 0)
        differ = (right != wrong).reshape(len(right), -1).any(1)
        own, other = self._recipe.verdicts(values, right), self._recipe.verdicts(values, wrong)
        if not len(own) or not bool(differ.any()) or bool((own == other).all()):
            return float("nan")
        return float((own > other)[differ].float().mean())

    def trace(self) -> Mapping[str, Sequence[float]]:
        """Return numbers that the next look compares with its own."""
        return {"same": [self.same], "moved": [self.moved], "mean": self._mean}

    @cached_property
    def _mean(self) -> list[float]:
        """Some coordinates of the mean example."""
        places = torch.linspace(0, self.flat.shape[1] - 1, COORDINATES).long()
        coordinates: list[float] = self.flat.mean(0)[places.to(self.flat.device)].tolist()
        return coordinates


def _conditions(recipe: Recipe, batches: Mapping[str, Batches], real: Mapping[str, Tensor]) -> Tensor | None:
    ref = recipe.condition
    if ref is None:
        return None
    return real[ref.field] if ref.slot == recipe.output.slot else batches[ref.slot].first(POOL)[ref.field]


def _radius(values: Tensor) -> Tensor:
    return (values - values.mean(0)).square().sum(1).mean().sqrt()


def _contrast(values: Tensor) -> Tensor:
    return values.var(1, unbiased=False).mean().sqrt()


def _same(groups: Sequence[Tensor], radii: Sequence[float]) -> float:
    """Return the share of pairs within groups whose distance is small, for groups whose real radius is known."""
    limits = [NEAR * 2**0.5 * radius for radius in radii]  # two independent examples are √2 radii apart
    shares = [
        float((torch.pdist(group[:COUNT]) < limit).float().mean()) for group, limit in zip(groups, limits, strict=True)
    ]
    return sum(shares) / len(shares)


def _told(groups: Sequence[Tensor], means: Tensor) -> float:
    nearest = [torch.cdist(group, means).argmin(1) == number for number, group in enumerate(groups)]
    return float(torch.cat(nearest).float().mean())
