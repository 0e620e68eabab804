"""The options of this plugin's components."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import Config, DataSpec, option


@dataclass(frozen=True)
class EmbeddingConfig(Config):
    """Options of a conditioner whose embedding has the size of its site."""

    deviation: float = option(1.0, "initial standard deviation of the embeddings", low=0)


@dataclass(frozen=True)
class MultiplyConfig(Config):
    """Options of multiplication."""

    deviation: float = option(1.0, "initial standard deviation of the embeddings", low=0)
    mean: float = option(0.0, "initial mean of the embeddings")
    image_deviation: float = option(
        0.6, "initial standard deviation of the embeddings at a site that is an image", low=0
    )
    image_mean: float = option(
        1.0, "initial mean of the embeddings at a site that is an image; with 0 the image is lost"
    )


@dataclass(frozen=True)
class ConcatConfig(Config):
    """Options of concatenation."""

    size: int = option(0, "size of the embedding; 0 means the number of classes or attributes", low=0)
    deviation: float = option(1.0, "initial standard deviation of the embeddings", low=0)
    normalised: bool = option(False, "scale every embedding to a mean square of 1, as StyleGAN2 does")


@dataclass(frozen=True)
class OneHotConfig(Config):
    """Options of the one-hot code."""

    scale: float = option(1.0, "what a number of the code is multiplied by: the value of a one-hot class")


@dataclass(frozen=True)
class ProjectionConfig(Config):
    """Options of the projection."""

    deviation: float = option(
        1.0, "initial standard deviation of what the projection adds to a logit, for features of mean square 1", low=0
    )
    weights: Literal["plain", "spectral"] = option(
        "plain", "embeddings as they are, or with spectral normalisation, as SNGAN and BigGAN have it"
    )


@dataclass(frozen=True)
class ModulationConfig(Config):
    """Options of a conditioner that scales and shifts channels."""

    deviation: float = option(
        0.0, "initial standard deviation of scales, around 1, and of shifts, around 0, among conditions", low=0
    )


@dataclass(frozen=True)
class UpsamplingConfig(Config):
    """Options of the upsampling generator."""

    widths: tuple[int, int] = option((128, 64), "channels of the two inner convolutions", low=1)
    slope: float = option(0.02, "slope of the leaky ReLU", low=0, high=1)
    padding: Literal["both", "end"] = option(
        "both", "the sides that convolutions of stride 2 pad: both, as PyTorch does, or the end, as Keras does"
    )
    norm_eps: float = option(1e-5, "epsilon of batch norm; that of Keras is 0.001", low=0)

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield the image sizes that it cannot generate."""
        for spec in data.values():
            field = spec.target_field
            sides = field.shape[1:] if field.kind == "image" else ()
            if any(side % 4 for side in sides):
                height, width = sides
                yield (
                    f"generates images whose sides are multiples of 4, not {height} high and {width} wide: "
                    "set the dataset's size, or --generator mlp"
                )


@dataclass(frozen=True)
class StridedConfig(Config):
    """Options of the strided discriminator."""

    widths: tuple[int, ...] = option((32, 64, 128), "channels of the convolutions", low=1)
    slope: float = option(0.02, "slope of the leaky ReLU", low=0, high=1)
    dropout: float = option(0.25, "dropout rate after each convolution", low=0, high=0.99)
    padding: Literal["both", "end"] = option(
        "both", "the sides that convolutions of stride 2 pad: both, as PyTorch does, or the end, as Keras does"
    )
    norm_eps: float = option(1e-5, "epsilon of batch norm; that of Keras is 0.001", low=0)
