"""How near generated images are to the true ones: L1, PSNR and SSIM, beside those of the input itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import Aim, Examples, Metric, MetricContext, MetricValues, UserError
from ganzoo_images.derived import grey
from ganzoo_images.metric_options import PairedConfig

RANGE: Final = 2.0  # of images in [-1, 1]; a maximum of the images at hand would make figures incomparable
LEAST_ERROR: Final = 1e-10  # of the mean square, as a share of the squared range: 100 dB
WINDOW, DEVIATION = 11, 1.5  # of SSIM's weights, in pixels
STABLE = (0.01, 0.03)  # SSIM's K1 and K2
CHUNK: Final = 256  # images at once


@final
class Paired(Metric):
    """The mean over all images of L1 (in 0 … 1), PSNR (dB) and SSIM; ``input …`` are those of the input.

    The input is enlarged to the size of the true image by bicubic interpolation, and grey is shown as colour: what one
    has without any model. PSNR is at most 100 dB. Source of SSIM: Wang et al. 2004, Image Quality Assessment, with
    Gaussian weights of 11 × 11 pixels.
    """

    figures: ClassVar[Mapping[str, Aim]] = {
        "psnr": "high",
        "ssim": "high",
        "l1": "low",
        "input psnr": "high",
        "input ssim": "high",
        "input l1": "low",
    }
    judged = False

    def __init__(self, config: PairedConfig):
        self._config = config

    def measure(self, generated: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Compare every generated image, and its input, with the true image."""
        made, given, true = generated.values, generated.conditions, generated.truth
        if given is None or true is None:
            raise UserError("metric 'paired' needs true images, and this data has none: choose another --metric")
        found = [
            {**compared(one, right, self._config), **compared(_resized(seen, right), right, self._config, "input ")}
            for one, seen, right in zip(made.split(CHUNK), given.split(CHUNK), true.split(CHUNK), strict=True)
        ]
        return {name: float(torch.cat([each[name] for each in found]).mean()) for name in self.figures}

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of the true images: PSNR has no finite one."""
        return {"l1": 0.0, "ssim": 1.0}


def compared(images: Tensor, true: Tensor, config: PairedConfig, name: str = "") -> dict[str, Tensor]:
    """Return PSNR, SSIM and L1 (B,) of images (B, C, H, W) and the true ones, under names that begin with ``name``."""
    images, true = _seen(images, config), _seen(true, config)
    error = (images - true).div(RANGE)
    mean_square = error.square().flatten(1).mean(dim=1).clamp(min=LEAST_ERROR)
    return {
        f"{name}psnr": -10 * mean_square.log10(),
        f"{name}ssim": ssim(images, true),
        f"{name}l1": error.abs().flatten(1).mean(dim=1),
    }


def _seen(images: Tensor, config: PairedConfig) -> Tensor:
    images, cut = images.clamp(-1, 1), config.shave
    images = grey(images) if config.luminance else images
    if 2 * cut >= min(images.shape[2:]):
        raise UserError(f"--paired-shave {cut} leaves nothing of {images.shape[2]}×{images.shape[3]} pixels")
    return images[:, :, cut : images.shape[2] - cut, cut : images.shape[3] - cut]


def _resized(images: Tensor, like: Tensor) -> Tensor:
    """Return images with the channels and the size of ``like``."""
    if images.shape[1] != like.shape[1]:
        images = grey(images).expand(-1, like.shape[1], -1, -1)
    if images.shape[2:] == like.shape[2:]:
        return images
    return F.interpolate(images, like.shape[2:], mode="bicubic", antialias=True)


def ssim(images: Tensor, true: Tensor) -> Tensor:
    """Return the structural similarity (B,) of images (B, C, H, W) in [-1, 1]; small ones have a smaller window."""
    side = min(WINDOW, *(size - 1 + size % 2 for size in images.shape[2:]))
    line = torch.arange(side, device=images.device) - (side - 1) / 2
    weights = (-line.square() / (2 * DEVIATION**2)).exp()
    window = torch.outer(weights, weights)[None, None] / weights.sum().square()

    def mean(values: Tensor) -> Tensor:
        return F.conv2d(values.flatten(0, 1)[:, None], window)

    first, second = ((constant * RANGE) ** 2 for constant in STABLE)
    mean_x, mean_y = mean(images), mean(true)
    of_x, of_y = mean(images.square()) - mean_x.square(), mean(true.square()) - mean_y.square()
    together = mean(images * true) - mean_x * mean_y
    similar = (2 * mean_x * mean_y + first) * (2 * together + second)
    values = similar / ((mean_x.square() + mean_y.square() + first) * (of_x + of_y + second))
    similarity: Tensor = values.flatten(1).mean(dim=1).unflatten(0, images.shape[:2]).mean(dim=1)
    return similarity
