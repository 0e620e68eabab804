"""Stacked MNIST: three digits as the colour channels of an image, which gives 1,000 modes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Dataset, key
from ganzoo_datasets.configs import DIGITS, StackedMnistConfig
from ganzoo_datasets.idx import IdxDataset


@final
class StackedMnistDataset(Dataset):
    """Images with three MNIST digits a, b and c as channels, of class 100a + 10b + c; stacked when they are read.

    The digits are drawn with replacement from one split of MNIST. Sources: Metz et al., "Unrolled Generative
    Adversarial Networks", arXiv:1611.02163; the numbers of images, Lin et al., "PacGAN", arXiv:1712.04086.
    """

    def __init__(self, config: StackedMnistConfig, root: Path):
        self._digits = IdxDataset(config.digits, root)
        generator = torch.Generator().manual_seed(key(config.seed, f"stacked-mnist/{config.split}"))
        self._chosen = torch.randint(len(self._digits), (config.length, config.channels), generator=generator)
        self._places = len(DIGITS) ** torch.arange(config.channels - 1, -1, -1)

    def __len__(self) -> int:
        return len(self._chosen)

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``image`` (B, 3, size, size) uint8 and ``label`` (B,) int64."""
        chosen = self._chosen[indices]
        fields = self._digits.read(chosen.flatten())
        label = (fields["label"].unflatten(0, chosen.shape) * self._places).sum(dim=1)
        return {"image": fields["image"].squeeze(1).unflatten(0, chosen.shape), "label": label}

    def identities(self) -> Iterator[bytes]:
        """Yield those of the single digits: the options determine what is stacked."""
        return self._digits.identities()
