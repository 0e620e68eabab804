"""The declarations of the components of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, Slot, phase_slots
from ganzoo_motion.clip_options import ClipsConfig
from ganzoo_motion.digit_options import MovingDigitsConfig
from ganzoo_motion.recipe_options import StoryConfig
from ganzoo_motion.story_options import StoriesConfig

STORYGAN = "Li et al. 2019, arXiv 1812.02784"
SYNCDRAW = "Mittal et al. 2017, arXiv 1611.10314"
CLIPS = Need(("data:video",), "use --dataset moving-digits, stories or clips")


def declare_data() -> Iterable[Component]:
    """Yield the declarations of the datasets."""
    yield Component(
        kind="dataset",
        name="moving-digits",
        summary="clips of one or two handwritten digits that move, with a caption; needs no download",
        target="ganzoo_motion.digits:MovingDigits",
        config=MovingDigitsConfig,
        source=f"digits: Alpaydin and Kaynak 1998, UCI repository; the task: {SYNCDRAW}",
        strengths="Digit, direction and place of every clip are known. The test has pairs of digit and direction that "
        "no training clip has.",
        pitfalls="Digits of 8×8 pixels, enlarged: some look alike in frames below 24 pixels. A conditioner reads a "
        "caption as a bag of words, so that of two digits it cannot tell which one moves where.",
        origin="our own choice; 8 of 40 pairs, and every fifth drawing of a digit, are held out",
    )
    yield Component(
        kind="dataset",
        name="clips",
        summary="a folder of clips: animations (GIF, WebP, PNG), and folders of frames; sub-folders are classes",
        target="ganzoo_motion.clips:Clips",
        config=ClipsConfig,
        strengths="Takes clips as people have them; --dataset-condition first makes clips from a first frame.",
        pitfalls="The first frames of each clip are used, as many as --dataset-frames says; the rest is not.",
        origin="our own choice",
        stand_in="ganzoo_motion.clips:stand_in",
    )
    yield Component(
        kind="dataset",
        name="stories",
        summary="clips of a shape that stays the same, with a sentence for each frame on its size and place; drawn",
        target="ganzoo_motion.stories:Stories",
        config=StoriesConfig,
        strengths="Every frame has a true answer. The test has pairs of shape and colour that no training story has.",
        pitfalls="Places and sizes jump from frame to frame; nothing moves steadily.",
        origin="our own choice; 13 of 64 pairs are held out",
    )


def declare_components() -> Iterable[Component]:
    """Yield the declarations of the recipe and the metric."""
    yield Component(
        kind="recipe",
        name="story",
        summary="clips from captions, stories or a first frame: discriminators of frames and of whole clips",
        target="ganzoo_motion.recipe:Story",
        config=StoryConfig,
        requires=(CLIPS,),
        provides=("data:image",),  # its networks see frames
        source=STORYGAN,
        equation="h₀ ~ N(μ(S), σ²(S)), hₜ = gated(hₜ₋₁, sₜ, t), xₜ = G(hₜ, sₜ); L = L_frame + L_story + λ KL / numbers",
        strengths="Every generator and discriminator of images makes and judges frames, with every conditioner.",
        pitfalls="All frames pass the discriminator of clips as channels, so a clip has a fixed length.",
        origin="the gated step, and frames as channels, are our own; as published are both discriminators, the "
        "divergence, and sentences for frames",
        slots=(
            Slot("dataset", "dataset", "moving-digits"),
            Slot("latent", "latent", "normal"),
            Slot("generator", "generator", "dcgan"),
            Slot("discriminator", "discriminator", "dcgan"),
            Slot("story-discriminator", "discriminator", "dcgan"),
            Slot("generator-conditioner", "conditioner", "none", of="generator"),
            Slot(
                "discriminator-conditioner", "conditioner", "none", of="discriminator", paired="generator-conditioner"
            ),
            Slot(
                "story-discriminator-conditioner",
                "conditioner",
                "none",
                of="story-discriminator",
                paired="generator-conditioner",
            ),
            Slot("generator-initialiser", "initialiser", "normal", of="generator"),
            Slot("discriminator-initialiser", "initialiser", "normal", of="discriminator"),
            Slot("story-discriminator-initialiser", "initialiser", "normal", of="story-discriminator"),
            Slot("loss", "loss", "bce"),
            *phase_slots("discriminator", "adam", "constant"),
            *phase_slots("story-discriminator", "adam", "constant"),
            *phase_slots("generator", "adam", "constant"),
        ),
        phases=("discriminator", "story-discriminator", "generator"),
    )
    yield Component(
        kind="metric",
        name="motion",
        summary="whether clips of a digit show the digit and the direction that were asked for, and keep the digit",
        target="ganzoo_motion.metrics:Motion",
        requires=(
            Need(("data:video",), "choose other metrics, or use --dataset moving-digits"),
            Need(("condition:tokens", "condition:joined", "condition:image"), "use a model of captions"),
        ),
        equation="direction: the centre of light moves along one axis, by 15 % of the side or more",
        strengths="An exact answer for each clip; the direction needs no network.",
        pitfalls="For one digit on black. Light that comes and goes elsewhere counts as motion.",
        origin="our own choice",
    )
    yield Component(
        kind="metric",
        name="story-truth",
        summary="whether the frames of a story show what its sentences say, and keep shape and colour",
        target="ganzoo_motion.story_metrics:StoryTruth",
        requires=(
            Need(("data:video",), "choose other metrics, or use --dataset stories"),
            Need(("condition:tokens",), "use a model of stories, such as storygan"),
        ),
        source=f"{STORYGAN}, section 4.1, which has SSIM instead",
        equation="P(what is read off a frame = what its sentence says)",
        strengths="A true answer for every frame, and constancy apart from it.",
        pitfalls="For --dataset stories alone, whose words it knows.",
        origin="our own choice",
    )
