"""How far networks have grown: by the number of images that were seen, and kept in a buffer of each network."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo_progan.configs import ProgressiveConfig

UNIT: Final = 2**16  # of one stage, as averages of networks copy whole numbers and blend others


def grown_at(images: int, config: ProgressiveConfig, stages: int) -> int:
    """Return how far networks of so many ``stages`` have grown after ``images`` real images, in units.

    Two stages and a half that fades in are 1.5 · UNIT: the first stage is 0.

    >>> config = ProgressiveConfig(stage_images=100, fade_images=50)
    >>> [grown_at(images, config, 3) / UNIT for images in (0, 100, 125, 150, 250, 275, 9_000)]
    [0.0, 0.0, 0.5, 1.0, 1.0, 1.5, 2.0]
    """
    period, whole = config.stage_images + config.fade_images, (stages - 1) * UNIT
    if not period:
        return whole
    stage, since = divmod(images, period)
    faded = max(0, since - config.stage_images)
    return min(whole, stage * UNIT + (faded * UNIT // config.fade_images if faded else 0))


def borders(config: ProgressiveConfig, stages: int, batch_size: int) -> tuple[int, ...]:
    """Return the steps at which a stage begins to fade in, or is whole.

    >>> borders(ProgressiveConfig(stage_images=100, fade_images=50), 3, batch_size=10)
    (11, 15, 26, 30)
    """
    steps = range(-(-stages * (config.stage_images + config.fade_images) // batch_size) + 1)
    begun = (stage * UNIT + one for stage in range(stages - 1) for one in (1, UNIT))
    found = {bisect_left(steps, units, key=lambda step: grown_at(step * batch_size, config, stages)) for units in begun}
    return tuple(sorted(found - {0}))


@final
class Growth(nn.Module):
    """How far a network has grown: which stages take part in a pass, and the share of the last one.

    A pass of a training leaves the other stages out. A pass in evaluation asks the device alone, so that all stages
    take part, those that have not begun with the share 0.
    """

    grown: Tensor

    def __init__(self, stages: int):
        super().__init__()
        self.last = stages - 1
        self.register_buffer("grown", torch.tensor(self.last * UNIT))
        self._stages = self.last, self.last

    def grow(self, grown: int) -> None:
        """Set how far the network has grown, in units."""
        self.grown.fill_(grown)
        self._stages = grown // UNIT, -(-grown // UNIT)

    @property
    def stages(self) -> tuple[int, int]:
        """The stages whose images take part: the last one that is whole, and the one that fades in, or the same."""
        return self._stages if self.training else (0, self.last)

    def mixed(self, stage: int, coarse: Tensor, fine: Tensor) -> Tensor:
        """Return ``coarse`` and ``fine``, which are of one shape, mixed by the share of ``stage``."""
        share = ((self.grown - (stage - 1) * UNIT) / UNIT).clamp(0, 1).to(fine.dtype)
        return (1 - share) * coarse + share * fine


def doubled(x: Tensor, sides: tuple[int, int]) -> Tensor:
    """Return maps (B, C, h, w) with each place four times, cut to ``sides``."""
    height, width = sides
    return F.interpolate(x, scale_factor=2.0, mode="nearest")[:, :, :height, :width]


def halved(x: Tensor) -> Tensor:
    """Return the means of every four places of maps (B, C, H, W), with sides rounded up; it undoes :func:`doubled`."""
    return F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
