"""Pairs that are made of the images of any other dataset: edges, a lower resolution, a hole."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Generic, TypeVar, final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import Dataset, key
from ganzoo_images.derived_options import (
    INPUT,
    TARGET,
    DerivedConfig,
    EdgesConfig,
    HolesConfig,
    LowResolutionConfig,
)

C = TypeVar("C", bound=DerivedConfig)

HELD_OUT = 10  # of so many examples one is for the test, where a dataset has no parts
LUMINANCE = torch.tensor([0.299, 0.587, 0.114])  # ITU-R BT.601


class Derived(Dataset, Generic[C]):
    """The targets are images of another dataset; a subclass makes the inputs of them, and may change the targets."""

    def __init__(self, config: C, root: Path):
        self.config = config
        inner = config.inner()
        tested = inner.for_test(root)
        chosen = tested if config.split == "test" else inner
        self._target = chosen.config.spec(root).target
        self._classes = [name for name in config.spec(root).fields if name not in (INPUT, TARGET)]
        self._images: Dataset = chosen.open(root)
        self._kept = _kept(len(self._images), config, parted=tested != inner)

    def __len__(self) -> int:
        return len(self._kept)

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``input`` and ``target``, uint8, and the classes of the images."""
        kept = self._kept[indices]
        fields = self._images.read(kept)
        classes = {name: fields[name] for name in self._classes}
        return {**self.pairs(fields[self._target], kept), **classes}

    @abstractmethod
    def pairs(self, images: Tensor, numbers: Tensor) -> dict[str, Tensor]:
        """Return ``input`` and ``target`` of images (B, C, H, W), uint8, that have these ``numbers`` (B,)."""

    def notes(self) -> Sequence[str]:
        """Return those of the images."""
        return self._images.notes()

    def identities(self) -> Iterable[bytes]:
        """Return the options of the pairs, and what identifies the images."""
        changed = (value for name, value in vars(self.config).items() if name not in ("split", "count"))
        yield repr(tuple(changed)).encode()
        yield from self._images.identities()


def _kept(count: int, config: DerivedConfig, parted: bool) -> Tensor:
    """Return the numbers of the images that are used."""
    numbers = torch.arange(count)
    if not parted:
        held_out = numbers % HELD_OUT == HELD_OUT - 1
        numbers = numbers[held_out if config.split == "test" else ~held_out]
    return numbers[: config.count] if config.split == "train" and config.count is not None else numbers


def grey(images: Tensor) -> Tensor:
    """Return the luminance (B, 1, H, W) of images (B, C, H, W) of 1, 3 or more channels, float32."""
    if images.shape[1] < 3:
        return images[:, :1].float()
    return (images[:, :3].float() * LUMINANCE[:, None, None]).sum(dim=1, keepdim=True)


@final
class Edges(Derived[EdgesConfig]):
    """The input is white where the target changes, in any of its channels."""

    def pairs(self, images: Tensor, numbers: Tensor) -> dict[str, Tensor]:
        """Return the edges (B, 1, H, W) of the images, and the images.

        The change is the length of Sobel's gradient, scaled so that a step from 0 to 255 has length 1.
        """
        across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / (4 * 255)
        padded = F.pad(images.flatten(0, 1)[:, None].float(), (1, 1, 1, 1), mode="replicate")
        gradient = F.conv2d(padded, torch.stack([across, across.T])[:, None])
        change = gradient.norm(dim=1).unflatten(0, images.shape[:2]).amax(dim=1, keepdim=True)
        edges = (change > self.config.threshold).byte() * 255
        return {INPUT: edges, TARGET: images}


@final
class LowResolution(Derived[LowResolutionConfig]):
    """The input is the target at a lower resolution, by bicubic interpolation with anti-aliasing."""

    def pairs(self, images: Tensor, numbers: Tensor) -> dict[str, Tensor]:
        """Return the small images, and the images."""
        sides = [side // self.config.factor for side in images.shape[2:]]
        small = F.interpolate(images.float(), sides, mode="bicubic", antialias=True)
        return {INPUT: small.round_().clamp_(0, 255).byte(), TARGET: images}


@final
class Holes(Derived[HolesConfig]):
    """The input is the target with a hole of one colour."""

    def pairs(self, images: Tensor, numbers: Tensor) -> dict[str, Tensor]:
        """Return the images with holes, and what was in the holes or the images."""
        config, sides = self.config, images.shape[2:]
        height, width = config.sides(sides)
        top, left = (
            self._corner(numbers, side - hole, axis)
            for axis, (side, hole) in enumerate(zip(sides, (height, width), strict=True))
        )
        y, x = torch.arange(sides[0])[None, :, None], torch.arange(sides[1])[None, None, :]
        y, x = y - top[:, None, None], x - left[:, None, None]
        band = config.overlap
        inside = (y >= band) & (y < height - band) & (x >= band) & (x < width - band)
        holed = torch.where(inside[:, None], self._colour(images.shape[1]), images)
        if config.deliver == "image":
            return {INPUT: holed, TARGET: images}
        first_row, first_column = (sides[0] - height) // 2, (sides[1] - width) // 2
        return {INPUT: holed, TARGET: images[:, :, first_row : first_row + height, first_column : first_column + width]}

    def _corner(self, numbers: Tensor, free: int, axis: int) -> Tensor:
        """Return where the holes begin (B,): in the middle of ``free`` pixels, or anywhere in them."""
        if self.config.place == "centre":
            return torch.full_like(numbers, free // 2)
        seeds = (key(self.config.seed, f"holes/{axis}", int(number)) for number in numbers)
        return torch.tensor([seed % (free + 1) for seed in seeds])

    def _colour(self, channels: int) -> Tensor:
        """Return the colour of a hole (C, 1, 1); alpha, if there is any, is opaque."""
        colour = torch.tensor(self.config.fill)
        shown = grey(colour[None, :, None, None])[0].round() if channels < 3 else colour[:, None, None]
        opaque = torch.full((max(0, channels - len(shown)), 1, 1), 255)
        return torch.cat([shown, opaque]).byte()
