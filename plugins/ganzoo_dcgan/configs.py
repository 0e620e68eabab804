"""The options of this plugin's components, and the image sizes that its networks support."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import Config, DataSpec, option

SMALLEST, LARGEST = 8, 256
BASES = range(4, 16)  # sides of the smallest feature map


def factorise(height: int, width: int) -> tuple[tuple[int, int], int] | None:
    """Return ((h, w), k) with sides h · 2^k and w · 2^k and the smallest h and w, or ``None`` if none fit."""
    base, doublings = (height, width), 0
    while all(side % 2 == 0 and side // 2 >= BASES.start for side in base):
        base, doublings = (base[0] // 2, base[1] // 2), doublings + 1
    fits = all(SMALLEST <= side <= LARGEST for side in (height, width)) and all(side in BASES for side in base)
    return (base, doublings) if fits and doublings else None


@dataclass(frozen=True)
class DCGANConfig(Config):
    """Options of the DCGAN networks."""

    width: int = option(
        64, "channels of the layer next to the image; each further layer doubles them, up to 8 times as many", low=1
    )
    weights: Literal["plain", "spectral", "equalised"] = option(
        "plain", "weights as they are, with spectral normalisation, or with an equalised learning rate"
    )

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield the image sizes that it does not support."""
        for spec in data.values():
            field = spec.target_field
            if field.kind != "image":
                continue
            height, width = field.shape[1:]
            if factorise(height, width) is None:
                near = min((s for s in range(SMALLEST, LARGEST + 1) if factorise(s, s)), key=lambda s: abs(s - height))
                yield (
                    f"needs images of {SMALLEST} to {LARGEST} pixels whose sides are n · 2^k with n from 4 to 15 and "
                    f"one k of at least 1 for both, not {height} high and {width} wide: set the dataset's size to "
                    f"{near}, or use --generator mlp --discriminator mlp"
                )


@dataclass(frozen=True)
class DCGANDiscriminatorConfig(DCGANConfig):
    """Options of the DCGAN discriminator."""

    slope: float = option(0.2, "slope of the leaky ReLU", low=0, high=1)
    pack: int = option(
        1, "images that are scored together (PacGAN); a condition acts at the input, later on by the first", low=1
    )
    norm: bool = option(True, "batch norm from the second layer on; not with gradient penalties or spectral weights")
