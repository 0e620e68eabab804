"""The noise of examples: the random numbers that a recipe draws for them, as tensors that one may change.

It works for every recipe, because a recipe draws all its random numbers from what it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import final

import torch
from torch import Tensor

from ganzoo.contract.recipe import Recipe
from ganzoo.contract.sampling import SampleRequest
from ganzoo.errors import UserError
from ganzoo.evaluation.sampling import CHUNK
from ganzoo.randomness import Distribution, Draws, ExampleDraws

PARALLEL = 1e-4  # the sine of an angle below which two vectors count as parallel


@dataclass(frozen=True)
class Drawn:
    """The numbers (count, …) of one draw: from N(0, 1), uniform from [0, 1), or of another distribution."""

    values: Tensor
    distribution: Distribution

    @property
    def is_normal(self) -> bool:
        """Whether the numbers are from N(0, 1)."""
        return self.distribution is torch.randn

    @property
    def is_uniform(self) -> bool:
        """Whether the numbers are uniform from [0, 1)."""
        return self.distribution is torch.rand

    @property
    def is_continuous(self) -> bool:
        """Whether the numbers may change a little, which indices may not."""
        return self.is_normal or self.is_uniform

    def changed(self, values: Tensor) -> Drawn:
        """Return other values (count, …) of the same distribution; uniform ones stay between 0 and 1."""
        return replace(self, values=values.clamp(0, 1) if self.is_uniform else values)

    def towards(self, other: Drawn, share: float) -> Drawn:
        """Return the numbers at ``share`` of the way: on the sphere for normal ones, straight for uniform ones.

        Others jump in the middle. Source: White 2016, arXiv 1609.04468.
        """
        if not self.is_continuous:
            return self if share < 0.5 else other
        mixed = spherical(self.values, other.values, share) if self.is_normal else None
        return self.changed(torch.lerp(self.values, other.values, share) if mixed is None else mixed)

    def truncated(self, factor: float) -> Drawn:
        """Return the numbers with their distance from the mean times ``factor``; others stay as they are."""
        mean = 0.5 if self.is_uniform else 0.0
        return self.changed(mean + factor * (self.values - mean)) if self.is_continuous else self


def spherical(a: Tensor, b: Tensor, share: float) -> Tensor:
    """Return the vectors at ``share`` of the way from a to b (B, …), on the sphere; straight if they are parallel.

    >>> spherical(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), 0.5)
    tensor([[0.7071, 0.7071]])
    """
    first, second = a.flatten(1).double(), b.flatten(1).double()
    lengths = first.norm(dim=1) * second.norm(dim=1)
    cosine = ((first * second).sum(1) / lengths.clamp_min(1e-30)).clamp(-1, 1)
    angle = cosine.arccos()[:, None]
    sine = angle.sin()
    on_sphere = (((1 - share) * angle).sin() * first + (share * angle).sin() * second) / sine.clamp_min(PARALLEL)
    mixed = torch.where(sine < PARALLEL, torch.lerp(first, second, share), on_sphere)
    return mixed.to(a.dtype).view_as(a)


@dataclass(frozen=True)
class Noise:
    """The noise of ``count`` examples: every draw of the recipe, in order; the examples are those of the rows."""

    draws: tuple[Drawn, ...]

    @property
    def main(self) -> int:
        """The place of the first draw of continuous numbers: the latent vector. Raises :class:`UserError`."""
        self.refuse_none()
        return next(place for place, drawn in enumerate(self.draws) if drawn.is_continuous)

    def refuse_none(self) -> None:
        """Raise :class:`UserError` if no continuous number is drawn."""
        if not any(drawn.is_continuous for drawn in self.draws):
            raise UserError("this model has no noise: it makes one output of each input; walk between two --labels")

    @property
    def latent(self) -> Tensor:
        """The latent vectors (count, Z)."""
        return self.draws[self.main].values.flatten(1)

    def with_latent(self, latent: Tensor) -> Noise:
        """Return the noise with other latent vectors (count, Z)."""
        place = self.main
        drawn = self.draws[place]
        new = drawn.changed(latent.view(-1, *drawn.values.shape[1:]))
        return Noise((*self.draws[:place], new, *self.draws[place + 1 :]))

    def each(self, change: Callable[[Drawn], Drawn]) -> Noise:
        """Return the noise with every draw changed."""
        return Noise(tuple(map(change, self.draws)))

    def rows(self, chosen: Tensor | slice) -> Noise:
        """Return the noise of the ``chosen`` examples."""
        return self.each(lambda drawn: replace(drawn, values=drawn.values[chosen]))

    def truncated(self, factor: float) -> Noise:
        """Return noise that is closer to the mean (``factor`` below 1): examples are more typical and less varied.

        Source: Karras et al. 2019, arXiv 1812.04948, section B.
        """
        return self.each(lambda drawn: drawn.truncated(factor))

    def towards(self, other: Noise, share: float) -> Noise:
        """Return the noise at ``share`` of the way to ``other``."""
        return Noise(tuple(mine.towards(its, share) for mine, its in zip(self.draws, other.draws, strict=True)))

    def to(self, device: torch.device) -> Noise:
        """Return the noise on a device."""
        return self.each(lambda drawn: replace(drawn, values=drawn.values.to(device)))


@final
class _Recorded(Draws):
    """Passes draws on, and keeps what was drawn."""

    def __init__(self, draws: Draws):
        self._draws = draws
        self.drawn: list[Drawn] = []

    def draw(self, distribution: Distribution, shape: tuple[int, ...]) -> Tensor:
        """Draw numbers and keep them."""
        values = self._draws.draw(distribution, shape)
        self.drawn.append(Drawn(values, distribution))
        return values


@final
class GivenDraws(Draws):
    """Returns the numbers of a noise in place of random ones, in the order in which they were drawn."""

    def __init__(self, noise: Sequence[Tensor]):
        self._left = list(noise)

    # Shapes are not looked at: while a model is exported, the number of examples is a symbol and no number.

    def normal(self, *shape: int | Sequence[int]) -> Tensor:
        """Return the next numbers."""
        return self.draw(torch.randn, ())

    def uniform(self, *shape: int | Sequence[int]) -> Tensor:
        """Return the next numbers."""
        return self.draw(torch.rand, ())

    def integers(self, bound: int, *shape: int | Sequence[int]) -> Tensor:
        """Return the next numbers."""
        return self.draw(torch.randint, ())

    def draw(self, distribution: Distribution, shape: tuple[int, ...]) -> Tensor:
        """Return the next numbers; raises ``ValueError`` if the recipe draws more than it did before."""
        if not self._left:
            raise ValueError("it draws other random numbers than before: a recipe must draw the same for each sample")
        return self._left.pop(0)


def noise_of(
    recipe: Recipe,
    count: int,
    conditions: Tensor | None,
    seed: int,
    controls: Mapping[str, Tensor] = MappingProxyType({}),
    output: str = "",
) -> Noise:
    """Return the noise of the ``count`` examples that ``Model.sample`` returns for ``seed``, on the CPU."""
    device = next(recipe.parameters()).device
    parts = []
    for start in range(0, count, CHUNK):
        rows = slice(start, min(start + CHUNK, count))
        draws = _Recorded(ExampleDraws(seed, "sample", range(rows.start, rows.stop)))
        with torch.no_grad():
            recipe.sample(_request(draws, rows, conditions, controls, output, device))
        parts.append(draws.drawn)
    return Noise(
        tuple(Drawn(torch.cat([one.values for one in same]), same[0].distribution) for same in zip(*parts, strict=True))
    )


def generate(
    recipe: Recipe,
    noise: Noise,
    count: int,
    conditions: Tensor | None,
    controls: Mapping[str, Tensor] = MappingProxyType({}),
    output: str = "",
    chunk: int = CHUNK,
) -> Tensor:
    """Return the ``count`` examples of a noise, (count, …), float32, on the device of the recipe.

    They have gradients with respect to the noise if it requires them. ``chunk`` of them are generated together.
    """
    device = next(recipe.parameters()).device
    made = []
    for start in range(0, count, chunk):
        rows = slice(start, min(start + chunk, count))
        draws = GivenDraws([drawn.values[rows] for drawn in noise.draws])
        made.append(recipe.sample(_request(draws, rows, conditions, controls, output, device)).float())
    return torch.cat(made)


def _request(
    draws: Draws,
    rows: slice,
    conditions: Tensor | None,
    controls: Mapping[str, Tensor],
    output: str,
    device: torch.device,
) -> SampleRequest:
    condition = conditions[rows].to(device) if conditions is not None else None
    chosen = {name: values[rows].to(device) for name, values in controls.items()}
    return SampleRequest(rows.stop - rows.start, condition, draws, chosen, output)
