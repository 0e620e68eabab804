"""What became of the pixels of a folder's images, in sentences for the user."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence

from ganzoo.plugin import Limits, usual_limits
from ganzoo_datasets.images import Canvas, Facts

RESHAPED = {
    "crop": "are cut at two sides: --dataset-fit pad shows all of them",
    "pad": "get bars at two sides",
    "stretch": "are stretched",
}


def limits_in(found: Sequence[Facts]) -> Limits:
    """Return the limits of all values of images; there must be one."""
    return functools.reduce(Limits.with_, (one.limits for one in found))


def with_usual_limits(canvas: Canvas, found: Sequence[Facts]) -> Canvas:
    """Return the canvas with the usual limits for the images that have values beyond 8 bits."""
    whole, real = [one for one in found if one.whole], [one for one in found if one.real]
    return dataclasses.replace(
        canvas,
        whole=usual_limits(limits_in(whole), whole=True) if whole else canvas.whole,
        real=usual_limits(limits_in(real), whole=False) if real else canvas.real,
    )


def pixel_notes(canvas: Canvas, found: Sequence[Facts], colour: str, range_given: bool) -> Iterator[str]:
    """Yield a sentence for all that a picture does not show of its file; ``colour`` names the background."""
    transparent = [one for one in found if one.transparent]
    if transparent and canvas.mode != "RGBA":
        yield (
            f"{_images(transparent, found)} transparent pixels, which are laid on {colour}: --dataset-background "
            "sets another colour, and --dataset-channels rgba keeps them transparent"
        )
    deep = {
        "whole numbers": ([one for one in found if one.whole], canvas.whole),
        "floating-point numbers": ([one for one in found if one.real], canvas.real),
    }
    for numbers, (some, limits) in deep.items():
        if some:
            has = limits_in(some)
            cut = limits.low > has.low or limits.high < has.high
            yield (
                f"{_images(some, found)} {numbers} from {has} as values: {limits} become black to white"
                f"{', and values outside are cut' if cut else ''}; --dataset-range MIN,MAX sets other limits"
            )
    if range_given and not any(some for some, _ in deep.values()):
        yield "--dataset-range changes nothing, as no image has values beyond 8 bits"
    if halved := [one for one in found if one.halved]:
        yield f"{_images(halved, found)} 16 bits for each colour, of which the upper 8 are used"
    if animated := [one for one in found if one.animated]:
        yield f"{_images(animated, found)} several frames or pages, of which the first is used"
    if reshaped := [one for one in found if one.reshaped]:
        shape = f"{canvas.width} wide and {canvas.height} high"
        yield f"{_images(reshaped, found)} another shape than {shape}, and {RESHAPED[canvas.fit]}"


def _images(some: Sequence[Facts], every: Sequence[Facts]) -> str:
    return f"{len(some):,} of {len(every):,} images {'has' if len(some) == 1 else 'have'}"
