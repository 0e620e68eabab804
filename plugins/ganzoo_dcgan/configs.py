"""The options of this plugin's components, and the sizes that its networks fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ganzoo.plugin import Config, DataSpec, option

SMALLEST, LARGEST = 8, 256
BASES = range(4, 16)  # sides of the smallest feature map


def plan(size: int) -> tuple[int, int] | None:
    """Return (base, doublings) with size = base · 2^doublings and the smallest base, or ``None`` if none fits."""
    base, doublings = size, 0
    while base % 2 == 0 and base // 2 >= BASES.start:
        base, doublings = base // 2, doublings + 1
    fits = SMALLEST <= size <= LARGEST and base in BASES and doublings > 0
    return (base, doublings) if fits else None


@dataclass(frozen=True)
class DCGANConfig(Config):
    """Options of the DCGAN networks."""

    width: int = option(64, "channels next to the image; each further layer has twice as many, up to 8 times", low=1)

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield the image sizes that it does not fit."""
        for spec in data.values():
            field = spec.target_field
            if field.kind != "image":
                continue
            height, width = field.shape[1:]
            if height != width or plan(height) is None:
                near = min((s for s in range(SMALLEST, LARGEST + 1) if plan(s)), key=lambda s: abs(s - height))
                yield (
                    f"fits square images of {SMALLEST} to {LARGEST} whose side is a number from 4 to 15 doubled "
                    f"some times, not {height}×{width}: set the dataset's size to {near}, or use --generator mlp "
                    "--discriminator mlp"
                )


@dataclass(frozen=True)
class DCGANDiscriminatorConfig(DCGANConfig):
    """Options of the DCGAN discriminator."""

    slope: float = option(0.2, "slope of the leaky ReLU", low=0, high=1)
