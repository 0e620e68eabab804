"""The digits of scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganzoo_datasets.configs import (
    DigitsConfig,
)
from ganzoo_datasets.digits import DigitsDataset
from ganzoo_datasets.labelled import resize

# Digits


def test_digits_are_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    fields = DigitsDataset(DigitsConfig(size=8), Path()).read(torch.arange(1797))
    theirs = load_digits()
    assert np.array_equal(fields["image"].squeeze(1).numpy(), np.rint(theirs.images * 255 / 16))
    assert np.array_equal(fields["label"].numpy(), theirs.target)


def test_digits_without_the_bundled_file_come_through_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = DigitsDataset(DigitsConfig(), Path()).read(torch.arange(1797))
    monkeypatch.setattr("ganzoo_datasets.digits.Path", lambda *_: Path("/nowhere/digits.csv.gz"))
    other = DigitsDataset(DigitsConfig(), Path()).read(torch.arange(1797))
    assert all(torch.equal(usual[name], other[name]) for name in usual)


@pytest.mark.parametrize("size", [8, 16, 28, 64])
def test_digits_use_the_full_range(size: int) -> None:
    images = DigitsDataset(DigitsConfig(size=size), Path()).read(torch.arange(1797))["image"]
    assert (int(images.min()), int(images.max())) == (0, 255)


@given(value=st.integers(0, 255), height=st.integers(1, 40), size=st.integers(1, 40))
def test_resizing_keeps_a_flat_image_flat(value: int, height: int, size: int) -> None:
    image = torch.full((2, 1, height, height), value, dtype=torch.uint8)
    assert torch.equal(resize(image, size), torch.full((2, 1, size, size), value, dtype=torch.uint8))
