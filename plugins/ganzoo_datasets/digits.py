"""The handwritten digits of scikit-learn: real data without a download."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganzoo.plugin import UserError
from ganzoo_datasets.configs import DigitsConfig
from ganzoo_datasets.labelled import LabelledImages

BRIGHTEST = 16


class DigitsDataset(LabelledImages[DigitsConfig]):
    """1,797 grey 8×8 digits of 43 people, enlarged smoothly.

    Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI repository, 1998; CC BY 4.0.
    """

    def load(self, config: DigitsConfig, root: Path) -> tuple[Tensor, Tensor]:
        """Return the images (1797, 1, 8, 8) and the classes (1797,); ``root`` is not used."""
        table = torch.from_numpy(_table())
        images = (table[:, :-1].reshape(-1, 1, 8, 8).float() * (255 / BRIGHTEST)).round().byte()
        return images, table[:, -1].long()


def _table() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the rows: 64 pixels in 0 … 16, then the label."""
    package = importlib.util.find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise UserError("dataset 'digits' is part of scikit-learn, which is not installed: pip install scikit-learn")
    path = Path(package.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    if path.exists():
        # Importing scikit-learn takes 0.5 s, reading its file 0.003 s.
        with gzip.open(path, "rt") as file:
            return np.loadtxt(file, delimiter=",", dtype=np.uint8)
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return np.column_stack([images, labels]).astype(np.uint8)
