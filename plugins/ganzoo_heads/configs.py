"""The options of this plugin's components."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import Config, DataSpec, Field, option


@dataclass(frozen=True)
class ClassifierConfig(Config):
    """Options of the auxiliary classifier."""

    real_weight: float = option(1.0, "factor of the discriminator's error on real examples", low=0)
    fake_weight: float = option(1.0, "factor of the discriminator's error on fakes", low=0)
    generator_weight: float = option(1.0, "factor of the generator's error", low=0)

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield the fields of a condition that it cannot predict."""
        for spec in data.values():
            for name in spec.condition_names:
                if not _predictable(spec.fields[name]):
                    what = f"the field {name!r} ({spec.fields[name].describe()})"
                    yield f"predicts classes and attributes, not {what}: use --head none"


def _predictable(field: Field) -> bool:
    return field.kind in ("class", "vector")


@dataclass(frozen=True)
class DataToDataConfig(Config):
    """Options of the data-to-data cross-entropy."""

    weight: float = option(0.5, "factor of its errors for both networks", low=0)
    margin: float = option(
        0.98, "cosine to the class proxy that is near enough; 1 - margin is far enough", low=0, high=1
    )
    temperature: float = option(0.5, "divides the cosines; lower values attend to the hardest examples", low=0.01)
    size: int = option(512, "numbers in the vector of an example", low=1)


@dataclass(frozen=True)
class CodesConfig(Config):
    """Options of noise with codes."""

    size: int = option(62, "numbers of the noise besides the codes", low=1)
    noise: Literal["uniform", "normal"] = option(
        "uniform", "distribution of the noise: uniform from -1 to 1, or N(0, 1)"
    )
    categories: tuple[int, ...] = option((10,), "categories of each categorical code, 10 or 10,5", low=2)
    numbers: int = option(2, "continuous codes, uniform from -1 to 1", low=0)

    def __post_init__(self) -> None:
        if not self.categories and not self.numbers:
            raise ValueError(
                "options 'categories' and 'numbers' leave no code: give one of them, or use another latent"
            )


@dataclass(frozen=True)
class CodeHeadConfig(Config):
    """Options of the head that recovers codes."""

    width: int = option(128, "units of its hidden layer; 0 means none", low=0)
    norm: bool = option(True, "batch norm in the hidden layer")
    slope: float = option(0.1, "slope of the leaky ReLU", low=0, high=1)
    category_weight: float = option(1.0, "factor of the errors of categorical codes", low=0)
    number_weight: float = option(1.0, "factor of the error of continuous codes", low=0)
    learnt_deviation: bool = option(False, "learn the deviation of continuous codes; without it the deviation is 1")


@dataclass(frozen=True)
class InfoGANConfig(Config):
    """Options of the InfoGAN networks."""

    widths: tuple[int, ...] = option((64, 128), "channels of the convolutions, from the image inwards", low=1)
    dense: int = option(1024, "units of the dense layer", low=1)

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield the image sizes that are too small."""
        smallest = 2 ** len(self.widths)
        for spec in data.values():
            field = spec.target_field
            sides = field.shape[1:] if field.kind == "image" else ()
            if any(side < smallest for side in sides):
                yield f"needs images of at least {smallest} pixels a side: set the dataset's size, or fewer widths"


@dataclass(frozen=True)
class InfoGANGeneratorConfig(InfoGANConfig):
    """Options of the InfoGAN generator."""

    output: Literal["tanh", "sigmoid"] = option("tanh", "output activation; sigmoid is rescaled to [-1, 1]")


@dataclass(frozen=True)
class InfoGANDiscriminatorConfig(InfoGANConfig):
    """Options of the InfoGAN discriminator."""

    slope: float = option(0.1, "slope of the leaky ReLU", low=0, high=1)
