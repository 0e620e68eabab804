"""The declarations of the variants of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Variant
from ganzoo_motion.declared import STORYGAN, SYNCDRAW

CONDITIONED = {
    "generator-conditioner": "concat",
    "discriminator-conditioner": "projection",
    "story-discriminator-conditioner": "projection",
}
SMALL = {
    "generator.width": 24,
    "discriminator.width": 24,
    "story-discriminator.width": 48,
    "latent.size": 16,
    "optimizer.lr": 5e-4,
    "run.ema": 0.99,
}


def declare_variants() -> Iterable[Variant]:
    """Yield the declarations."""
    yield Variant(
        name="caption2video",
        summary="clips from a caption: a code for each frame, discriminators of frames and of clips",
        recipe="story",
        parts=CONDITIONED,
        overrides={**SMALL, "generator-conditioner.size": 16, "run.batch_size": 32, "run.steps": 2000},
        published={
            "dataset.size": 64,
            "dataset.frames": 10,
            "generator.width": 64,
            "discriminator.width": 64,
            "latent.size": 100,
            "optimizer.lr": 2e-4,
            "run.batch_size": 64,
            "run.epochs": 200,
            "run.ema": 0.0,
        },
        source=f"{SYNCDRAW}; Pan et al. 2018, arXiv 1804.08264",
        strengths="The words say what moves, and where to; also for pairs that no training clip has.",
        pitfalls="The published networks differ from each other and from these; the toy task is the same.",
    )
    yield Variant(
        name="image2video",
        summary="clips from their first frame: what it shows goes on, in a way that the noise chooses",
        recipe="story",
        overrides={**SMALL, "dataset.condition": "first", "run.batch_size": 32, "run.steps": 2000},
        published={
            "dataset.size": 64,
            "dataset.frames": 16,
            "generator.width": 64,
            "discriminator.width": 64,
            "latent.size": 100,
            "optimizer.lr": 2e-4,
            "run.batch_size": 64,
            "run.epochs": 200,
            "run.ema": 0.0,
        },
        source="Li et al. 2018, arXiv 1812.01261",
        strengths="The clip begins with the very frame that is given.",
        pitfalls="Several ways to go on are right for one frame; look at several --seed.",
    )
    yield Variant(
        name="storygan",
        summary="a frame for each sentence of a story: discriminators of images and of whole stories",
        recipe="story",
        parts={"dataset": "stories", **CONDITIONED},
        overrides={
            **SMALL,
            "generator-conditioner.size": 16,
            "recipe.sentences": 4,
            "recipe.generator_updates": 2,
            "run.batch_size": 32,
            "run.steps": 2000,
        },
        published={
            "dataset.size": 64,
            "dataset.frames": 5,
            "recipe.sentences": 5,
            "generator.width": 64,
            "discriminator.width": 64,
            "latent.size": 100,
            "optimizer.lr": 2e-4,
            "run.batch_size": 24,
            "run.epochs": 120,
            "run.ema": 0.0,
        },
        source=f"{STORYGAN}; yitong91/StoryGAN",
        figures="SSIM on CLEVR-SV: StoryGAN .672, a plain image GAN .596",
        strengths="What a story says once stays the same in all its frames; each sentence changes the rest.",
        pitfalls="The filter that the paper makes of a sentence and its loss of categories are left out.",
    )
