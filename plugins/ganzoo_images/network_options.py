"""The options of networks that make images from images; this module imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import Config, DataSpec, option

WIDTH = "channels of the first layer"


def image_shapes(data: Mapping[str, DataSpec]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield the shapes of input and target, where both are images."""
    for spec in data.values():
        for given in (spec.fields[name] for name in spec.condition_names):
            if given.kind == spec.target_field.kind == "image":
                yield given.shape, spec.target_field.shape


def _sides(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape[1:]))


@dataclass(frozen=True)
class SameSizeConfig(Config):
    """Options of a generator whose output has the size of its input."""

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield a sentence where input and output differ in size."""
        for given, made in image_shapes(data):
            if given[1:] != made[1:]:
                yield (
                    f"makes images of the size of its input, and the data has inputs of {_sides(given)} and targets of "
                    f"{_sides(made)}: use --generator super-resolution or encoder-decoder"
                )


@dataclass(frozen=True)
class UNetConfig(SameSizeConfig):
    """Options of the U-Net."""

    width: int = option(64, WIDTH, low=1, high=1024)
    depth: int = option(8, "how often the size is halved, at most; as often as it can be", low=1, high=12)
    dropout: float = option(0.5, "dropout rate, which is the noise of the generator", low=0, high=0.99)
    dropped: int = option(3, "layers of the decoder with dropout, from the innermost", low=0, high=12)
    norm: Literal["instance", "batch", "none"] = option("instance", "normalisation; instance has a gain and a shift")

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield a sentence where the size cannot be halved once."""
        yield from super().problems(data)
        for given, _ in image_shapes(data):
            if any(side % 2 for side in given[1:]):
                yield f"needs images with even sides, not {_sides(given)}: set --dataset-size"


@dataclass(frozen=True)
class ResidualImageConfig(SameSizeConfig):
    """Options of the residual generator."""

    width: int = option(64, WIDTH, low=1, high=1024)
    blocks: int = option(9, "residual blocks", low=0, high=64)
    dropout: float = option(0.0, "dropout rate in the blocks, which is the noise of the generator", low=0, high=0.99)
    norm: Literal["instance", "batch", "none"] = option("instance", "normalisation; instance has no gain and no shift")

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield a sentence where the size cannot be halved twice."""
        yield from super().problems(data)
        for given, _ in image_shapes(data):
            if any(side % 4 for side in given[1:]):
                yield f"needs images whose sides are multiples of 4, not {_sides(given)}: set --dataset-size"


@dataclass(frozen=True)
class SuperResolutionConfig(Config):
    """Options of the generator that enlarges images."""

    width: int = option(64, WIDTH, low=1, high=1024)
    blocks: int = option(16, "residual blocks", low=0, high=64)
    skip: bool = option(True, "add to the enlarged input; without, the network makes the whole image")
    norm: Literal["instance", "batch", "none"] = option("batch", "normalisation in the blocks")

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield a sentence where the target is not 1, 2, 4, 8 or 16 times as large as the input."""
        for given, made in image_shapes(data):
            factors = {large / small for small, large in zip(given[1:], made[1:], strict=True)}
            if factors not in ({1}, {2}, {4}, {8}, {16}):
                yield (
                    f"makes images 1, 2, 4, 8 or 16 times as large as its input, and the data has inputs of "
                    f"{_sides(given)} and targets of {_sides(made)}: use --generator encoder-decoder"
                )
            if given[0] != made[0] and self.skip:
                yield "adds to its input, which has other channels than the targets: use --no-generator-skip"


@dataclass(frozen=True)
class EncoderDecoderConfig(Config):
    """Options of the encoder and decoder."""

    width: int = option(64, WIDTH, low=1, high=1024)
    bottleneck: int = option(4000, "numbers in the code between encoder and decoder", low=1, high=2**16)
    dropout: float = option(0.0, "dropout rate in the first half of the decoder", low=0, high=0.99)
    norm: Literal["instance", "batch", "none"] = option("batch", "normalisation; instance leaves the code as it is")

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield a sentence where a side of the target is odd."""
        for _, made in image_shapes(data):
            if any(side % 2 for side in made[1:]):
                yield f"makes images with even sides, not {_sides(made)}: set --dataset-size"


@dataclass(frozen=True)
class PatchConfig(Config):
    """Options of the discriminator of patches."""

    width: int = option(64, WIDTH, low=1, high=1024)
    field: Literal["1", "16", "70", "286"] = option(
        "70", "sides of the patches that are scored, in pixels; of small images, fewer"
    )
    norm: Literal["instance", "batch", "none"] = option("instance", "normalisation, not in the first layer")
    affine: bool = option(True, "give instance norm a gain and a shift")


@dataclass(frozen=True)
class SuperResolutionDiscriminatorConfig(Config):
    """Options of the discriminator of enlarged images."""

    width: int = option(64, WIDTH, low=1, high=1024)
    dense: int = option(1024, "units of the dense layer", low=1, high=2**16)
    norm: Literal["instance", "batch", "none"] = option("batch", "normalisation, not in the first layer")
