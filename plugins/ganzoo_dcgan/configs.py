"""The options of this plugin's components, and the image sizes that its networks support."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ganzoo.plugin import Config, DataSpec, option

SMALLEST, LARGEST = 8, 256
BASES = range(4, 16)  # sides of the smallest feature map


def factorise(size: int) -> tuple[int, int] | None:
    """Return (base, doublings) with size = base · 2^doublings and the smallest base, or ``None`` if none fits."""
    base, doublings = size, 0
    while base % 2 == 0 and base // 2 >= BASES.start:
        base, doublings = base // 2, doublings + 1
    fits = SMALLEST <= size <= LARGEST and base in BASES and doublings > 0
    return (base, doublings) if fits else None


@dataclass(frozen=True)
class DCGANConfig(Config):
    """Options of the DCGAN networks."""

    width: int = option(
        64, "channels of the layer next to the image; each further layer doubles them, up to 8 times as many", low=1
    )

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield the image sizes that it does not support."""
        for spec in data.values():
            field = spec.target_field
            if field.kind != "image":
                continue
            height, width = field.shape[1:]
            if height != width or factorise(height) is None:
                near = min((s for s in range(SMALLEST, LARGEST + 1) if factorise(s)), key=lambda s: abs(s - height))
                yield (
                    f"needs square images of {SMALLEST} to {LARGEST} pixels whose side is n · 2^k with n from 4 to 15 "
                    f"and k at least 1, not {height}×{width}: set the dataset's size to {near}, or use --generator mlp "
                    "--discriminator mlp"
                )


@dataclass(frozen=True)
class DCGANDiscriminatorConfig(DCGANConfig):
    """Options of the DCGAN discriminator."""

    slope: float = option(0.2, "slope of the leaky ReLU", low=0, high=1)
