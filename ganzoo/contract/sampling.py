"""What a recipe is asked to generate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from ganzoo.contract.latent import Latent
from ganzoo.randomness import Draws


@dataclass(frozen=True)
class SampleRequest:
    """``count`` examples for a ``condition`` (count, …), or for none.

    ``draws`` are on the CPU, and take shapes (count, …): each example has random numbers of its own.

    ``controls`` (count, …) are the values that the user chose among the recipe's controls, by name. What is not chosen
    is drawn at random. ``output`` is the name of one of the recipe's outputs. ``noise`` (count, …) takes the place of
    what would be drawn; only a recipe with a :attr:`~ganzoo.plugin.Recipe.noise_shape` gets it.
    """

    count: int
    condition: Tensor | None
    draws: Draws
    controls: Mapping[str, Tensor] = field(default_factory=dict)
    output: str = ""
    noise: Tensor | None = None

    def noise_of(self, latent: Latent) -> Tensor:
        """Return the noise (count, …) that was given, or drawn from ``latent``."""
        return self.noise if self.noise is not None else latent.draw(self.count, self.draws)
