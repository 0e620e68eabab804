"""Augmentations: random changes of the images that a discriminator sees."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, hookimpl
from ganzoo_augmentation import configs

IMAGES = (Need(("data:image",), "choose a dataset of images, or leave out --augmentation"),)


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield Component(
        kind="augmentation",
        name="mirror",
        summary="exchanges left and right in half of the images",
        target="ganzoo_augmentation.simple:Mirror",
        config=configs.MirrorConfig,
        requires=IMAGES,
        source="Karras et al. 2020, arXiv 2006.06676, section 2 and appendix B (x-flip)",
        equation="T(x) = x mirrored with probability ½, else x; D sees T(x) and T(G(z))",
        strengths="Twice as many images where a mirrored one is as real: faces, animals, landscapes.",
        pitfalls="Wrong for digits, letters and everything that has a left and a right: as the discriminator cannot "
        "tell, the generator may mirror any of its images. Conditions do not change with the image.",
        origin="½ makes both directions equally frequent",
    )
    yield Component(
        kind="augmentation",
        name="diffaugment",
        summary="colour, translation and cutout in every image, real and generated; for small datasets",
        target="ganzoo_augmentation.simple:DiffAugment",
        config=configs.DiffAugmentConfig,
        requires=IMAGES,
        source="Zhao et al. 2020, arXiv 2006.10738",
        equation="D sees T(x) and T(G(z)) in the steps of D and of G; T: brightness ± ½, saturation × [0, 2], "
        "contrast × [½, 1½], a move by up to ⅛ of the size, a square of half the size set to 0",
        strengths="In the paper large gains with 100 to 10,000 images; nothing to tune; for grey, colour and alpha.",
        pitfalls="With much data, or few steps, it costs quality. What it moves in and cuts out is 0, a mid grey, "
        "which is no colour of digits. A generator may learn changes that real images also show; then take "
        "words off the policy.",
        origin="the authors' code: all three words for small datasets, ⅛ and ½ of the size",
    )
    yield Component(
        kind="augmentation",
        name="ada",
        summary="flips, moves, scalings, rotations and colours, each with a probability that follows overfitting",
        target="ganzoo_augmentation.ada:Ada",
        config=configs.AdaConfig,
        requires=IMAGES,
        source="Karras et al. 2020, arXiv 2006.06676",
        equation="p ← clamp(p + sign(E[sign D(x)] − target) · batch · interval / (1000 · kimg)); each change with "
        "probability p",
        strengths="Adjusts itself: little happens while data suffices, and p rises as the discriminator memorises. "
        "R3GAN's fixed p with a burn-in: --augmentation-target none --augmentation-p 0.55 --augmentation-burn-in 0.1.",
        pitfalls="Near p = 1 the changes leak into generated images. A short run ends before p has risen: lower kimg. "
        "Resampling is bilinear: the paper's sym6 filters blur less and alias less. Hues need three channels. "
        "Losses whose logits mean nothing alone, such as wasserstein, need a fixed p.",
        origin="the authors' code, pipe bgc: target 0.6, interval 4, 500 kimg; cutout is off",
    )
