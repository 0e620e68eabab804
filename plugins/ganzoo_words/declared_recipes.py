"""The declarations of the recipes of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, Slot, phase_slots
from ganzoo_words import recipe_options

CAPTIONS = Need(
    ("condition:tokens",),
    "use --dataset captioned-shapes, a table with captions (--dataset table --dataset-label none), or --dataset shapes "
    "--dataset-condition caption",
)


def _of_network(name: str) -> tuple[Slot, Slot]:
    """Return the slots of the conditioner and of the initialiser of a network."""
    return (
        Slot(f"{name}-conditioner", "conditioner", "none", of=name),
        Slot(f"{name}-initialiser", "initialiser", "default", of=name),
    )


FIRST = (
    Slot("dataset", "dataset", "captioned-shapes"),
    Slot("text-encoder", "text-encoder", "bag-of-words"),
    Slot("latent", "latent", "normal"),
    Slot("generator", "generator", "dcgan"),
    Slot("discriminator", "discriminator", "dcgan"),
    *_of_network("generator"),
    *_of_network("discriminator"),
    Slot("loss", "loss", "bce"),
    *phase_slots("discriminator", "adam", "constant"),
    *phase_slots("generator", "adam", "constant"),
)


def declare_recipes() -> Iterable[Component]:
    """Yield the declarations."""
    yield Component(
        kind="recipe",
        name="text-to-image",
        summary="makes images from captions; real images with wrong captions are fakes too",
        target="ganzoo_words.text_to_image:TextToImage",
        config=recipe_options.TextToImageConfig,
        requires=(CAPTIONS,),
        source="Reed et al. 2016, arXiv 1605.05396",
        equation="L(real, match) + ½ L(real, mismatch) + ½ L(fake, match)",
        strengths="The discriminator learns what words mean, not only what images look like.",
        pitfalls="A batch in which all captions are equal has no wrong ones: that term is left out then.",
        origin="equal shares of fakes and of wrong captions, as published",
        slots=FIRST,
        phases=("discriminator", "generator"),
    )
    yield Component(
        kind="recipe",
        name="stacked",
        summary="makes a small image from a caption, and then a larger one from both, in two stages",
        target="ganzoo_words.stacked:Stacked",
        config=recipe_options.StackedConfig,
        requires=(CAPTIONS, Need(("data:image",), "use --dataset captioned-shapes, or a table of images")),
        source="Zhang et al. 2017, arXiv 1612.03242",
        equation="in each stage L(real, match) + ½ L(real, mismatch) + ½ L(fake, match) + λ KL(N(μ, σ²) ‖ N(0, 1))",
        strengths="The first stage gets shapes and colours right at little cost, the second adds detail.",
        pitfalls="The second stage cannot mend a wrong first one: look at its images before it ends.",
        origin="equal shares of fakes and of wrong captions, as published",
        slots=(
            *FIRST,
            Slot("refiner", "network", "stack-refiner"),
            Slot("refiner-discriminator", "discriminator", "dcgan"),
            *_of_network("refiner"),
            *_of_network("refiner-discriminator"),
            *phase_slots("refiner-discriminator", "adam", "constant"),
            *phase_slots("refiner", "adam", "constant"),
        ),
        phases=("discriminator", "generator", "refiner-discriminator", "refiner"),
    )
