"""The options of the recipes that make images from captions; this module imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import Config, DataSpec, option

SMALLEST = 8  # side of an image of the first stage


@dataclass(frozen=True)
class CodeConfig(Config):
    """Options of what a generator is given of a text."""

    code: Literal["text", "compressed", "augmented"] = option(
        "text", "what the generator gets: the text's vector, a shorter one, or one drawn around it (StackGAN)"
    )
    code_size: int = option(128, "numbers of a code that is compressed or augmented", low=1)
    code_slope: float = option(0.2, "slope of the leaky ReLU behind its linear layer; 1 is none", low=0.01, high=1)
    divergence: float = option(2.0, "weight of the divergence of augmented codes from N(0, 1)", low=0)


@dataclass(frozen=True)
class FromCaptionsConfig(CodeConfig):
    """Options of every recipe that makes images from captions."""

    pretraining: int = option(
        0, "steps at the beginning in which the text encoder learns to match images; 0: the discriminator trains it",
        low=0,
    )  # fmt: skip
    margin: float = option(1.0, "margin between right and wrong pairs in the pre-training", low=0)
    mismatched: float = option(
        0.5, "share of real images with a wrong caption among the discriminator's fakes", low=0, high=1
    )
    mismatch: Literal["caption", "class"] = option(
        "caption", "a wrong caption has other words, or also belongs to another class of the data"
    )

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield a sentence where wrong captions are to be of another class, and the data has no classes."""
        if self.mismatch == "class" and not any(field.classes for field in data["dataset"].fields.values()):
            yield "takes wrong captions from other classes, and the data has none: use --recipe-mismatch caption"


@dataclass(frozen=True)
class TextToImageConfig(FromCaptionsConfig):
    """Options of text to image."""

    interpolation: bool = option(
        False, "half as many more fakes in the generator's phase, for texts in the middle of two (GAN-INT)"
    )


@dataclass(frozen=True)
class StackedConfig(FromCaptionsConfig):
    """Options of two stages."""

    factor: int = option(
        2, "the second stage makes images at most so many times as high and wide as the first", low=2, high=8
    )
    first_stage: int = option(2000, "steps of the first stage, after the pre-training", low=1)

    def small(self, sides: Sequence[int]) -> tuple[int, ...]:
        """Return the sides of the images of the first stage; the factor is halved where they would be below 8.

        >>> StackedConfig(factor=4).small((64, 48)), StackedConfig(factor=4).small((16, 16))
        ((16, 12), (8, 8))
        """
        factor = self.factor
        while factor > 1 and any(side % factor or side // factor < SMALLEST for side in sides):
            factor //= 2
        return tuple(side // factor for side in sides)
