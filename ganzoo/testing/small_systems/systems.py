"""The systems of the literature, each a selection; each is a row of the table in the docs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ganzoo.catalogue.discovery import Plugin, Provider
from ganzoo.catalogue.registry import Registry, installed
from ganzoo.testing.small_systems.declarations import ganzoo_components, ganzoo_variants


def with_small_systems() -> Registry:
    """Return the installed registry with these parts added."""
    provider = Provider("small-systems", "small-systems", "1")
    return Registry([*installed().plugins, Plugin(provider, tuple(ganzoo_components()), tuple(ganzoo_variants()))])


@dataclass(frozen=True)
class System:
    """A system of the literature as a selection: a variant and flags, what it ``needs`` of the contract, its source.

    ``starts`` are the slots whose networks start from another model. ``uncompiled`` is what its phases would need to be
    compiled, where they are not.
    """

    needs: str
    source: str
    variant: str
    flags: Mapping[str, object]
    uncompiled: str = ""
    starts: tuple[str, ...] = ()


# No batch norm and no dropout: these look at the part of a batch that they are given.
_PLAIN: Mapping[str, object] = {"generator_norm": False, "discriminator_dropout": 0.0}

SYSTEMS: Mapping[str, System] = {
    "BEGAN": System(
        "a loss with a state, moved after each update by means over the batch",
        "arXiv 1703.10717",
        "gan",
        {**_PLAIN, "loss": "balance"},
    ),
    "WGAN": System(
        "weights changed after each update",
        "arXiv 1701.07875",
        "gan",
        {**_PLAIN, "loss": "wasserstein", "penalty": "clip"},
    ),
    "LeCam": System("a penalty with moving averages", "arXiv 2104.03310", "gan", {**_PLAIN, "penalty": "lecam"}),
    "R3GAN's penalties": System(
        "several penalties at once, with options each", "arXiv 2501.05441", "gan", {**_PLAIN, "penalty": "r1,r2"}
    ),
    "R3GAN's schedule of γ": System(
        "a number that follows a schedule of its own", "arXiv 2501.05441", "gan", {**_PLAIN, "penalty": "fading"}
    ),
    "progressive growing": System(
        "phases that change during the training, and parameters that sleep until then",
        "arXiv 1710.10196",
        "growing",
        {"discriminator_dropout": 0.0},
        uncompiled="phases that stay the same",
    ),
    "all of these": System(
        "loss and penalties that keep states beside each other",
        "",
        "gan",
        {**_PLAIN, "loss": "balance", "penalty": "r1,clip,lecam"},
    ),
    "shared fakes": System(
        "tensors handed from one phase to a later one", "", "gan", {**_PLAIN, "recipe_shared_fakes": True}
    ),
    "ACGAN": System(
        "a head on the features of a discriminator that does not see the class",
        "arXiv 1610.09585",
        "gan",
        {**_PLAIN, "generator_conditioner": "concat", "head": "classifier"},
    ),
    "InfoGAN": System(
        "codes in the noise that a user can choose, and a head that recovers them",
        "arXiv 1606.03657",
        "gan",
        {
            **_PLAIN,
            "latent": "codes",
            "latent_size": 16,
            "latent_categories": (5,),
            "head": "code",
            "head_width": 16,
            "head_norm": False,
        },
    ),
    "StyleGAN2's styles": System(
        "a conditioner that sees the noise",
        "arXiv 1912.04958",
        "gan",
        {**_PLAIN, "generator_conditioner": "style"},
    ),
    "BigGAN's chunks of noise": System(
        "a conditioner that sees the noise as well as the condition, of which each block has a chunk of its own",
        "arXiv 1809.11096",
        "gan",
        {
            "latent_size": 48,
            "generator": "chunked",
            "generator_conditioner": "class-style",
            "discriminator_dropout": 0.0,
            "discriminator_conditioner": "concat",
        },
    ),
    "FreezeD": System(
        "networks that start from those of another model, and layers that stay as they are",
        "arXiv 2002.10964",
        "gan",
        {**_PLAIN, "freeze": "discriminator.layers.0"},
        starts=("generator", "discriminator"),
    ),
    "PacGAN": System(
        "a discriminator that scores several examples together, which no pass or process may part",
        "arXiv 1712.04086",
        "gan",
        {"generator_norm": False, "discriminator": "packing", "penalty": "r1"},
    ),
    "ADA": System(
        "an augmentation whose probability follows the discriminator",
        "arXiv 2006.06676",
        "gan",
        {**_PLAIN, "augmentation": "adaptive"},
    ),
    "SRGAN's stages, StyleGAN2's lazy penalty": System(
        "phases with a window of the training, or due every k steps, that share an optimizer",
        "arXiv 1609.04802, arXiv 1912.04958",
        "staged",
        {"penalty": "r1,lecam", "loss": "balance"},
    ),
}
