"""The declarations of the recipes of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, Slot, phase_slots
from ganzoo_images import recipe_options, transfer_options

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
            Need(
                ("condition:image", "condition:image-and-more"),
                "use --dataset edges, glyph-pairs, holes or low-resolution",
            ),
            Need(("pairs",), "use --dataset pairs, or the variant cyclegan, which needs no pairs"),
            GENERATORS,
        ),
        provides=("image-input", "beside-image"),
        source="Isola et al. 2017, arXiv 1611.07004; Ledig et al. 2017, arXiv 1609.04802; "
        "Pathak et al. 2016, arXiv 1604.07379",
        equation="a · L_GAN(G, D) + λ · |y − G(x)| + c · |φ(y) − φ(G(x))|²",
        slots=(
            Slot("dataset", "dataset", "glyph-pairs"),
            Slot("generator", "generator", "unet"),
            Slot("discriminator", "discriminator", "patch"),
            Slot("generator-conditioner", "conditioner", "none", of="generator", optional=True),
            Slot(
                "discriminator-conditioner",
                "conditioner",
                "none",
                of="discriminator",
                paired="generator-conditioner",
                optional=True,
            ),
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
    yield Component(
        kind="recipe",
        name="transfer",
        summary="carries an image over into another domain: one discriminator of images, and one of pairs",
        target="ganzoo_images.transfer:Transfer",
        config=transfer_options.TransferConfig,
        requires=(
            Need(("condition:image",), "use --dataset garments, or another dataset of pairs of images"),
            Need(("pairs",), "use --dataset pairs, or the variant cyclegan, which needs no pairs"),
            GENERATORS,
        ),
        provides=("image-input",),
        source="Yoo et al. 2016, arXiv 1603.07442",
        equation="D: log D(y) + log D(y') + log(1 − D(G(x))); A: log A(x, y) + log(1 − A(x, y')) + log(1 − A(x, G(x)))"
        ", with y' of another input; a third each",
        strengths="Output and input need no place in common: the converter may draw what the input only shows in part.",
        pitfalls="Slow without a distance: --recipe-distance-weight 10 helps. A batch holds pairs of examples.",
        origin="as published",
        slots=(
            Slot("dataset", "dataset", "glyph-pairs"),
            Slot("generator", "generator", "encoder-decoder"),
            Slot("discriminator", "discriminator", "patch"),
            Slot("pair-discriminator", "discriminator", "patch"),
            *INITIALISED,
            Slot("pair-discriminator-initialiser", "initialiser", "default", of="pair-discriminator"),
            Slot("loss", "loss", "bce"),
            *PHASES,
        ),
        phases=("generator", "discriminator"),
    )
