"""The declarations of the conditioners of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need
from ganzoo_images.conditioner_options import LandmarksConfig

BESIDE_IMAGE = (
    Need(("condition:image-and-more",), "use --conditioner none, or data with an image and more as the condition"),
    Need(("beside-image",), "use --conditioner none, or a variant that takes an image and more, such as pix2pix"),
    Need(
        ("site:input-map",),
        "use networks that condition an image: --generator unet --discriminator patch",
    ),
)


def declare_conditioners() -> Iterable[Component]:
    """Yield the declarations."""
    yield Component(
        kind="conditioner",
        name="planes",
        summary="what stands beside an input image, as constant planes: classes one-hot, numbers as they are",
        target="ganzoo_images.beside:Planes",
        requires=BESIDE_IMAGE,
        source="Isola et al. 2017, arXiv 1611.07004, with the label planes of Perarnau et al. 2016, arXiv 1611.06355",
        equation="[x, code(y)] in each place",
        strengths="A class and an image as the condition, with nothing learnt.",
        pitfalls="As many channels as there are classes or numbers.",
        origin="our own choice",
    )
    yield Component(
        kind="conditioner",
        name="landmarks",
        summary="points that stand beside an input image, as a plane with a spot for each point",
        target="ganzoo_images.beside:Landmarks",
        config=LandmarksConfig,
        requires=BESIDE_IMAGE,
        source="Ma et al. 2017, arXiv 1705.09368, section 3.1.1",
        equation="exp(−d² / 2r²) at the distance d from a point",
        strengths="A convolution sees where a point is; it cannot see that from two numbers.",
        pitfalls="Takes vectors of x and y in [−1, 1] alone.",
        origin="the paper has discs of 4 pixels in images of 256; radius 0.06 suits 32",
    )
