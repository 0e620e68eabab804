"""Stacked digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo_datasets.configs import (
    MnistConfig,
    StackedMnistConfig,
)
from ganzoo_datasets.idx import IdxDataset
from ganzoo_datasets.stacked import StackedMnistDataset

# The stacked digits


@pytest.mark.parametrize("split", ["train", "test"])
def test_stacked_digits_are_those_of_mnist_and_spell_their_class(split: Any, roots: dict[str, Path]) -> None:
    fields = StackedMnistDataset(StackedMnistConfig(split=split, count=500), roots["stacked-mnist"]).read(
        torch.arange(500)
    )
    mnist = IdxDataset(MnistConfig(split=split), roots["stacked-mnist"])
    known = mnist.read(torch.arange(len(mnist)))
    digit_of = {
        image.numpy().tobytes(): int(label) for image, label in zip(known["image"], known["label"], strict=True)
    }
    assert len(digit_of) == len(mnist)
    spelt = [[digit_of[channel.numpy().tobytes()] for channel in image] for image in fields["image"]]
    assert [int("".join(map(str, digits))) for digits in spelt] == fields["label"].tolist()
    assert len(set(fields["label"].tolist())) > 300


def test_stacked_digits_depend_on_seed_and_index_alone(roots: dict[str, Path]) -> None:
    def read(**options: Any) -> dict[str, torch.Tensor]:
        return StackedMnistDataset(StackedMnistConfig(**options), roots["stacked-mnist"]).read(torch.arange(50))

    one, more, other = read(count=50), read(count=1000), read(count=50, seed=1)
    assert all(torch.equal(one[name], more[name]) for name in one)
    assert not torch.equal(one["label"], other["label"])


def test_stacked_mnist_has_as_many_images_as_the_literature_takes(roots: dict[str, Path]) -> None:
    root = roots["stacked-mnist"]
    assert len(StackedMnistDataset(StackedMnistConfig(), root)) == 128_000
    assert len(StackedMnistDataset(StackedMnistConfig(split="test"), root)) == 26_000
    assert len(StackedMnistDataset(StackedMnistConfig(split="test", count=7), root)) == 7
