"""Gaussians in the plane: the smallest data on which mode collapse can be measured."""

from __future__ import annotations

from pathlib import Path
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Dataset, key
from ganzoo_datasets.configs import GaussiansConfig


@final
class GaussiansDataset(Dataset):
    """Points around the centres in the options, equally many around each.

    Sources: a ring, Metz et al., "Unrolled Generative Adversarial Networks", arXiv:1611.02163; a grid, Srivastava et
    al., "VEEGAN", arXiv:1705.07761, with the centres and the deviation of Lin et al., "PacGAN", arXiv:1712.04086.
    """

    def __init__(self, config: GaussiansConfig, root: Path):
        self._config = config
        centres = torch.tensor(config.centres)
        self._labels = torch.arange(config.count) % len(centres)
        noise = torch.randn(config.count, 2, generator=torch.Generator().manual_seed(key(config.seed, config.stream)))
        self._points = centres[self._labels] + config.std * noise

    def __len__(self) -> int:
        return len(self._labels)

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``point`` (B, 2) float32 and ``label`` (B,) int64."""
        return {"point": self._points[indices], "label": self._labels[indices]}

    def identities(self) -> tuple[bytes, ...]:
        """Return the options that determine the points."""
        config = self._config
        return (repr((config.centres, config.std, config.stream, config.seed)).encode(),)
