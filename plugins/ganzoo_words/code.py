"""What a generator is given of a text: the vector itself, a shorter one, or one drawn around it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple, final

from torch import Tensor, nn

from ganzoo.plugin import Draws
from ganzoo_words.recipe_options import CodeConfig


class Coded(NamedTuple):
    """Codes (B, size), and the divergence (B,) of the distribution of each from N(0, 1), which may be 0."""

    values: Tensor
    divergence: Tensor


class Code(nn.Module, ABC):
    """Maps vectors of text to codes of ``size`` numbers, built as ``target(config, inputs)``."""

    size: int

    @abstractmethod
    def forward(self, text: Tensor, draws: Draws) -> Coded:
        """Map vectors (B, T) to codes; random numbers come from ``draws``."""


@final
class AsItIs(Code):
    """The vector of the text."""

    def __init__(self, config: CodeConfig, inputs: int):
        super().__init__()
        self.size = inputs

    def forward(self, text: Tensor, draws: Draws) -> Coded:
        """Return the vectors."""
        return Coded(text, text.new_zeros(text.shape[0]))  # len() would be a number in an export


@final
class Compressed(Code):
    """A linear layer and a leaky ReLU (Reed et al. 2016, arXiv 1605.05396, section 4.1)."""

    def __init__(self, config: CodeConfig, inputs: int):
        super().__init__()
        self.size = config.code_size
        self.layer = nn.Sequential(nn.Linear(inputs, self.size), nn.LeakyReLU(config.code_slope))

    def forward(self, text: Tensor, draws: Draws) -> Coded:
        """Map vectors (B, T) to codes."""
        return Coded(self.layer(text), text.new_zeros(text.shape[0]))


@final
class Augmented(Code):
    """μ + σ ⊙ ε, with μ and σ from the text: conditioning augmentation (Zhang et al. 2017, arXiv 1612.03242, 3.2).

    The divergence KL(N(μ, σ²) ‖ N(0, 1)) is a mean over the numbers of a code, as the code of its authors has it. Both
    come from a linear layer and a leaky ReLU, so that μ may be negative; with slope 1 there is no ReLU at all.
    """

    def __init__(self, config: CodeConfig, inputs: int):
        super().__init__()
        self.size = config.code_size
        self.layer = nn.Sequential(nn.Linear(inputs, 2 * self.size), nn.LeakyReLU(config.code_slope))

    def forward(self, text: Tensor, draws: Draws) -> Coded:
        """Map vectors (B, T) to codes."""
        mean, deviation = self.layer(text).chunk(2, dim=1)  # the deviation as its logarithm
        noise = draws.normal(text.shape[0], self.size).to(text.device)
        divergence = 0.5 * ((2 * deviation).exp() + mean.square() - 1) - deviation
        return Coded(mean + deviation.exp() * noise, divergence.mean(dim=1))


CODES: Mapping[str, type[Code]] = {"text": AsItIs, "compressed": Compressed, "augmented": Augmented}
