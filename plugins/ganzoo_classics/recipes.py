"""The declarations of recipes."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Slot, phase_slots
from ganzoo_classics import configs

UNROLLED = "Metz et al. 2017, arXiv 1611.02163"
VEEGAN = "Srivastava et al. 2017, arXiv 1705.07761"


def declared() -> Iterable[Component]:
    """Return the recipes."""
    yield Component(
        kind="recipe",
        name="unrolled",
        summary="the generator plays against the discriminator as it will be some updates later",
        target="ganzoo_classics.unrolled:Unrolled",
        config=configs.UnrolledConfig,
        source=UNROLLED,
        equation="G maximises L_D(θ_K), θ_{k+1} = θ_k − Adam(∇L_D(θ_k)), with the gradient through all updates",
        strengths="The generator does not run after the discriminator from mode to mode, as it sees the answer.",
        pitfalls="A step costs K + 1 times as much. It compares the whole batch: no --accumulate, one process. Give "
        "recipe-lr and recipe-betas the values of the discriminator's optimizer. Unconditional.",
        origin="5 updates are the paper's for points in the plane; learning rate and betas are the defaults of adam",
        slots=(
            Slot("dataset", "dataset", "digits"),
            Slot("latent", "latent", "normal"),
            Slot("generator", "generator", "mlp"),
            Slot("discriminator", "discriminator", "mlp"),
            Slot("generator-initialiser", "initialiser", "default", of="generator"),
            Slot("discriminator-initialiser", "initialiser", "default", of="discriminator"),
            Slot("loss", "loss", "bce"),
            *phase_slots("generator", "adam", "constant"),
            *phase_slots("discriminator", "adam", "constant"),
        ),
        phases=("generator", "discriminator"),
    )
    yield Component(
        kind="recipe",
        name="veegan",
        summary="a third network reconstructs the noise, and the discriminator sees examples with their noise",
        target="ganzoo_classics.veegan:VEEGAN",
        config=configs.VEEGANConfig,
        source=VEEGAN,
        equation="D: cross-entropy of (F(x), x) and (z, G(z)); G and F: E[−logit(z, G(z)) + λ ‖z − F(G(z))‖²]",
        strengths="A mode that G leaves out is noticed, as F maps it to noise that nobody draws.",
        pitfalls="Noise of many numbers: with few, F fits them all and tells nothing. Reconstructor and discriminator "
        "are fully connected, and examples are flattened for them. Unconditional.",
        origin="layers of 128 units are those of the authors' example in the plane",
        slots=(
            Slot("dataset", "dataset", "digits"),
            Slot("latent", "latent", "normal"),
            Slot("generator", "generator", "mlp"),
            Slot("generator-initialiser", "initialiser", "default", of="generator"),
            *phase_slots("discriminator", "adam", "constant"),
            *phase_slots("generator", "adam", "constant"),
        ),
        phases=("discriminator", "generator"),
    )
