"""Data that is not finite is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.catalogue import installed, select
from ganzoo.errors import UserError
from ganzoo.training.run import train
from ganzoo_datasets.gaussians import GaussiansDataset

# Data, memory, determinism


def test_data_that_is_not_finite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = GaussiansDataset.read

    def read(self: Any, indices: Tensor) -> dict[str, Tensor]:
        fields = plain(self, indices)
        return fields | {"point": torch.full_like(fields["point"], math.nan)}

    monkeypatch.setattr(GaussiansDataset, "read", read)
    with pytest.raises(UserError, match=r"dataset 'ring' .* has in .* numbers that are not finite"):
        train(select(installed(), "gan", {"dataset": "ring", "steps": 2, "out": tmp_path / "run"}))
    assert not (tmp_path / "run").exists()
