"""Networks and data as tutorials write them, and a loss of a program: what a notebook has in place of names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from ganzoo.contract.loss import Loss

CLASSES, SIZE, NOISE = 3, 8, 16
QUICK: dict[str, Any] = {"steps": 3, "batch_size": 8, "latent_size": NOISE, "device": "cpu", "progress": False}


class LabelledGenerator(nn.Module):
    """Noise (B, Z) and labels to images, with labels as vectors of zeros and a one, made on the default device."""

    def __init__(self, size: int = SIZE) -> None:
        super().__init__()
        self.size = size
        self.main = nn.Sequential(
            nn.Linear(NOISE + CLASSES, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, size * size), nn.Tanh()
        )

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Map (B, Z) and (B,) to (B, 1, H, W)."""
        one_hot = torch.zeros(len(labels), CLASSES).scatter_(1, labels[:, None], 1.0)
        images: Tensor = self.main(torch.cat([z, one_hot], 1))
        return images.view(images.size(0), 1, self.size, self.size)


class LabelledDiscriminator(nn.Module):
    """Images and labels to logits (B, 1), through convolutions whose result is flattened by ``view``."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout(0.3))
        self.head = nn.Linear(8 * SIZE * SIZE // 4 + CLASSES, 1)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """Map (B, 1, H, W) and (B,) to (B, 1)."""
        h = self.main(x)
        h = h.view(h.size(0), -1)
        scores: Tensor = self.head(torch.cat([h, F.one_hot(labels, CLASSES).float()], 1))
        return scores


def convolutional_generator(channels: int = 1) -> nn.Sequential:
    """Return a generator from noise (B, Z, 1, 1), as in the DCGAN tutorial."""
    return nn.Sequential(
        nn.ConvTranspose2d(NOISE, 8, 4, 1, 0, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(True),
        nn.ConvTranspose2d(8, channels, 4, 2, 1, bias=False),
        nn.Tanh(),
    )


def convolutional_discriminator(*last: nn.Module, channels: int = 1) -> nn.Sequential:
    """Return a discriminator with logits (B, 1, 1, 1), or what the layers ``last`` make of them."""
    return nn.Sequential(
        nn.Conv2d(channels, 8, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(8, 1, 4, 1, 0), *last
    )  # fmt: skip


class Scored(nn.Module):
    """A discriminator whose logits pass through a function of the test's choice."""

    def __init__(self, last: Callable[[Tensor], Any]):
        super().__init__()
        self.main = convolutional_discriminator()
        self._last = last

    def forward(self, x: Tensor) -> Any:
        """Map (B, 1, H, W) to the function of logits (B, 1, 1, 1)."""
        return self._last(self.main(x))


class OwnHinge(Loss):
    """A loss without a parameter for options."""

    def __init__(self, margin: float = 1.0):
        self.margin = margin

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the loss (B, X)."""
        return F.relu(self.margin - real) + F.relu(self.margin + fake)

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return the loss (B, X)."""
        return -fake


def pictures(count: int = 24, size: int = SIZE) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return grey images (N, H, W), uint8; every number of a byte occurs."""
    numbers = np.random.default_rng(0).integers(0, 256, (count, size, size), dtype=np.uint8)
    numbers[:, 0, :2] = 0, 255
    return numbers


class Labelled(Dataset[Any]):
    """Pairs of an image and a label, where the image passes through a function of the test's choice."""

    def __init__(self, of: Callable[[Any], Any] = lambda array: array, count: int = 24):
        self.arrays, self.of = pictures(count), of

    def __len__(self) -> int:
        return len(self.arrays)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.of(self.arrays[index]), index % CLASSES


def as_picture(array: Any) -> Image.Image:
    """Return a grey PIL image."""
    return Image.fromarray(array)
