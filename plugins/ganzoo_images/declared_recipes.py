"""The declarations of the recipes of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, Slot, phase_slots
from ganzoo_images import recipe_options

GENERATORS = Need(("image-generator",), "use --generator unet, residual-image, super-resolution or encoder-decoder")
INITIALISED = (
    Slot("generator-initialiser", "initialiser", "default", of="generator"),
    Slot("discriminator-initialiser", "initialiser", "default", of="discriminator"),
)
PHASES = (*phase_slots("generator", "adam", "constant"), *phase_slots("discriminator", "adam", "constant"))


def declare_recipes() -> Iterable[Component]:
    """Yield the declarations."""
    yield Component(
        kind="recipe",
        name="translation",
        summary="makes images from images: an adversarial term, and the distance from the true image",
        target="ganzoo_images.translation:Translation",
        config=recipe_options.TranslationConfig,
        requires=(
            Need(("condition:image",), "use --dataset edges, glyph-pairs, holes or low-resolution"),
            Need(("pairs",), "use a dataset of pairs, or the variant cyclegan, which needs none"),
            GENERATORS,
        ),
        provides=("image-input",),
        source="Isola et al. 2017, arXiv 1611.07004; Ledig et al. 2017, arXiv 1609.04802; "
        "Pathak et al. 2016, arXiv 1604.07379",
        equation="a · L_GAN(G, D) + λ · |y − G(x)| + c · |φ(y) − φ(G(x))|²",
        slots=(
            Slot("dataset", "dataset", "glyph-pairs"),
            Slot("generator", "generator", "unet"),
            Slot("discriminator", "discriminator", "patch"),
            *INITIALISED,
            Slot("loss", "loss", "bce"),
            *PHASES,
        ),
        phases=("generator", "discriminator"),
    )
    yield Component(
        kind="recipe",
        name="cycle",
        summary="translates between two domains of images without pairs, in both directions",
        target="ganzoo_images.cycle:Cycle",
        config=recipe_options.CycleConfig,
        requires=(Need(("data:image",), "use --dataset outlines, or another dataset of two domains"), GENERATORS),
        provides=("image-input",),
        source="Zhu et al. 2017, arXiv 1703.10593",
        equation="L_GAN(G, D_B) + L_GAN(F, D_A) + λ (|F(G(a)) − a| + |G(F(b)) − b|)",
        slots=(
            Slot("dataset", "dataset", "outlines"),
            Slot("generator", "generator", "residual-image"),
            Slot("discriminator", "discriminator", "patch"),
            *INITIALISED,
            Slot("loss", "loss", "lsgan"),
            *PHASES,
        ),
        phases=("generator", "discriminator"),
    )
