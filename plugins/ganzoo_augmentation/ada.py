"""ADA: random changes, each with a probability that follows the discriminator (arXiv 2006.06676)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Augmentation, Draws, Progress
from ganzoo_augmentation.ada_changes import Strengths, moved, recoloured, with_holes
from ganzoo_augmentation.configs import AdaConfig


@final
class Ada(Augmentation):
    """The paper's pipe of flips, moves, scalings, rotations and colours; p rises while the discriminator overfits.

    After every ``interval`` updates p moves by batch · interval / (1000 · kimg): up if the mean sign of the logits of
    real examples in these updates was above the target, else down.
    """

    p: Tensor
    seen: Tensor
    stride: Tensor

    def __init__(self, config: AdaConfig):
        super().__init__(config)
        self._config = config
        self._strengths = Strengths(config.blit, config.geometry, config.colour, config.cutout)
        self.register_buffer("p", torch.full((), config.p))
        self.register_buffer("seen", torch.zeros(2))  # since p moved: the sum of the mean signs, and their number
        self.register_buffer("stride", torch.zeros(1))  # how far p moves

    def forward(self, x: Tensor, draws: Draws) -> Tensor:
        """Map images (B, C, H, W) to images, each of which underwent each change with probability p."""
        blit, geometry, colour, cutout = (self.p * strength for strength in self._strengths)
        if self._strengths.blit or self._strengths.geometry:
            x = moved(x, blit, geometry, draws)
        if self._strengths.colour:
            x = recoloured(x, colour, draws)
        return with_holes(x, cutout, draws) if self._strengths.cutout else x

    def statistics(self, real: Tensor) -> Mapping[str, Tensor]:
        """Return the signs of the logits, if p has a target."""
        return {} if self._config.target is None else {"sign of D(x)": real.sign()}

    def before_step(self, progress: Progress) -> None:
        """Set how far p moves, or p itself where it has no target."""
        if self._config.target is not None:
            self.stride.fill_(progress.batch_size * self._config.interval / (1000 * self._config.kimg))
        else:
            self.p.fill_(self._config.p * _risen(progress.step / progress.steps, self._config.burn_in))

    def after_update(self, means: Mapping[str, Tensor]) -> None:
        """Count the signs of one update, and move p if there were enough; the device decides."""
        if self._config.target is None:
            return
        sign = means["sign of D(x)"]
        self.seen.add_(torch.stack([sign, torch.ones_like(sign)]))
        total, count = self.seen.unbind()
        due = count >= self._config.interval
        direction = (total / count - self._config.target).sign()
        self.p.add_(due * direction * self.stride[0]).clamp_(0, self._config.limit)
        self.seen.mul_(~due)


def _risen(done: float, burn_in: float) -> float:
    """Return the share of p at a share of the run: half a cosine from 0 to 1 until ``burn_in``."""
    return (1 - math.cos(math.pi * done / burn_in)) / 2 if done < burn_in else 1.0
