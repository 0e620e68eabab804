"""Augmentations that change images in the same way throughout a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

from torch import Tensor

from ganzoo.plugin import Augmentation, Draws
from ganzoo_augmentation.configs import DiffAugmentConfig, MirrorConfig
from ganzoo_augmentation.pixels import colours, column, mirrored, translated, with_alpha, without_rectangle


@final
class Mirror(Augmentation):
    """Exchanges left and right in a share of the images."""

    def __init__(self, config: MirrorConfig):
        super().__init__(config)
        self._probability = config.probability

    def forward(self, x: Tensor, draws: Draws) -> Tensor:
        """Map images (B, C, H, W) to images, some of them mirrored."""
        return mirrored(x, draws.uniform(len(x)) < self._probability)


@final
class DiffAugment(Augmentation):
    """Colour, translation and cutout, as the policy says (Zhao et al. 2020, arXiv 2006.10738, section 3.2)."""

    def __init__(self, config: DiffAugmentConfig):
        super().__init__(config)
        changes: Mapping[str, Callable[[Tensor, Draws], Tensor]] = {
            "color": _recoloured,
            "translation": self._translated,
            "cutout": self._cut,
        }
        self._changes = [changes[name] for name in config.policy]
        self._translation, self._cutout = config.translation, config.cutout

    def forward(self, x: Tensor, draws: Draws) -> Tensor:
        """Map images (B, C, H, W) to images, all of them changed."""
        for change in self._changes:
            x = change(x, draws)
        return x

    def _translated(self, x: Tensor, draws: Draws) -> Tensor:
        """Move each image by whole pixels."""
        farthest = [int(size * self._translation + 0.5) for size in x.shape[-2:]]
        down, right = (draws.integers(2 * most + 1, len(x)) - most for most in farthest)
        return translated(x, down, right)

    def _cut(self, x: Tensor, draws: Draws) -> Tensor:
        """Set a rectangle to 0, whose centre is anywhere in the image; a part of the rectangle may be outside."""
        height, width = (int(size * self._cutout + 0.5) for size in x.shape[-2:])
        # An even size has its centre between two pixels, and one place more.
        top = draws.integers(x.shape[-2] + 1 - height % 2, len(x)) - height // 2
        left = draws.integers(x.shape[-1] + 1 - width % 2, len(x)) - width // 2
        return without_rectangle(x, top, left, height, width)


def _recoloured(x: Tensor, draws: Draws) -> Tensor:
    """Change brightness by -0.5 to 0.5, saturation by 0 to 2 and contrast by 0.5 to 1.5."""
    colour, alpha = colours(x)
    brightness, saturation, contrast = (column(draws.uniform(len(x))) for _ in range(3))
    colour = colour + (brightness - 0.5)
    grey = colour.mean(1, keepdim=True)
    colour = grey + (colour - grey) * (2 * saturation)
    middle = colour.mean((1, 2, 3), keepdim=True)
    return with_alpha(middle + (colour - middle) * (contrast + 0.5), alpha)
