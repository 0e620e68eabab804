"""The declaration of the metric of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need
from ganzoo_images.metric_options import PairedConfig

PAIRS = (
    Need(("condition:image",), "choose other metrics, or use a model that makes images from images"),
    Need(("data:image",), "choose other metrics, or use a dataset of images"),
    Need(("pairs",), "choose other metrics, or use a dataset of pairs"),
)


def declare_metrics() -> Iterable[Component]:
    """Yield the declarations."""
    yield Component(
        kind="metric",
        name="paired",
        summary="PSNR, SSIM and L1 of generated images and the true ones, beside those of the input itself",
        target="ganzoo_images.paired:Paired",
        config=PairedConfig,
        requires=PAIRS,
        source="Wang et al. 2004, Image Quality Assessment: From Error Visibility to Structural Similarity",
        equation="PSNR = −10 log10(mean((y − G(x))² / 4)) for images in [−1, 1]",
        strengths="Exact, without a judge; the figures of the input say what a model adds.",
        pitfalls="A blurred mean of all that could be right has a better PSNR than a sharp image.",
        origin="SSIM with Gaussian weights of 11 × 11 pixels, deviation 1.5",
    )
    yield Component(
        kind="metric",
        name="neighbours",
        summary="PSNR, SSIM and L1 of the true image of the nearest training input: what one has without a model",
        target="ganzoo_images.neighbours:Neighbours",
        requires=PAIRS,
        strengths="Tells whether a model does more than to remember: its own figures (paired) must be better.",
        pitfalls="Compares every input with all training inputs: slow for much data. Only if it is named.",
        origin="our own choice: the squared distance of pixels",
    )
