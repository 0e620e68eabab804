"""The options of the recipes that make images from images; this module imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ganzoo.plugin import Config, DataSpec, option


@dataclass(frozen=True)
class TranslationConfig(Config):
    """Options of the recipe that makes images from images, with true pairs."""

    pairs: bool = option(True, "show the discriminator the input beside the output")
    adversarial: float = option(1.0, "weight of the adversarial term; at 0 the distance alone trains", low=0)
    distance: Literal["absolute", "squared"] = option("absolute", "the distance from the true image, pixel by pixel")
    distance_weight: float = option(100.0, "weight of that distance", low=0)
    border: int = option(0, "pixels at the border of the target whose distance counts more", low=0, high=256)
    border_factor: float = option(10.0, "how much more it counts", low=1)
    content: float = option(0.0, "weight of the distance of VGG19's features", low=0)
    content_weights: Path | None = option(
        None, "safetensors file of VGG19's weights with the names of torchvision; none: fixed random weights"
    )
    pretraining: int = option(0, "steps at the beginning in which the squared distance alone trains", low=0)
    discriminator_weight: float = option(0.5, "factor of the discriminator's loss", low=0)
    jitter: float = option(1.0, "how much larger images are made before a random part is cut out", low=1, high=4)
    flip: bool = option(False, "mirror half of the pairs")

    def __post_init__(self) -> None:
        if not (self.adversarial or self.distance_weight or self.content):
            raise ValueError(
                "every weight is 0: set --recipe-adversarial, --recipe-distance-weight or --recipe-content"
            )

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield a sentence where images would move, and points that are known of them would not."""
        beside = any(spec.fields[name].kind == "vector" for spec in data.values() for name in spec.condition_names)
        if beside and (self.flip or self.jitter > 1):
            yield "moves images, and not the points that are part of the condition: use --recipe-jitter 1 and no flip"


@dataclass(frozen=True)
class CycleConfig(Config):
    """Options of the recipe for two domains without pairs."""

    cycle: float = option(10.0, "weight of the distance of an image from itself, there and back again", low=0)
    identity: float = option(
        0.0, "weight of the distance of an image from what its own domain's generator makes of it, times that", low=0
    )
    pool: int = option(50, "images of each generator that are kept, to be shown to the discriminator later", low=0)
    discriminator_weight: float = option(0.5, "factor of the discriminators' loss", low=0)
    jitter: float = option(1.0, "how much larger images are made before a random part is cut out", low=1, high=4)
    flip: bool = option(False, "mirror half of the images")

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield a sentence where the data has no two domains of images."""
        spec = data["dataset"]
        names = domains(spec)
        if not names:
            yield "needs images as the condition, or two domains 'a' and 'b': choose another --dataset"
        elif self.identity and len({spec.fields[name].shape for name in names}) > 1:
            yield "has an identity term, and the images of the two domains differ in shape: use --recipe-identity 0"


def domains(spec: DataSpec) -> tuple[str, ...]:
    """Return the names of the two domains: input and target of pairs, or ``a`` and ``b``; nothing if there are none."""
    names = (spec.condition, spec.target) if spec.condition in spec.fields else ("a", "b")
    images = [name for name in names if name in spec.fields and spec.fields[name].kind == "image"]
    return tuple(images) if len(images) == 2 else ()
