"""Clips: moving digits with captions, folders of clips, networks, recipes and metrics of motion; imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, hookimpl
from ganzoo_motion.clip_options import ClipsConfig
from ganzoo_motion.digit_options import MovingDigitsConfig


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield Component(
        kind="dataset",
        name="moving-digits",
        summary="clips of one or two handwritten digits that move, with a caption; needs no download",
        target="ganzoo_motion.digits:MovingDigits",
        config=MovingDigitsConfig,
        source="digits: Alpaydin and Kaynak 1998, UCI repository; the task: Mittal et al. 2017, arXiv 1611.10314",
        strengths="Digit, direction and place of every clip are known. The test has pairs of digit and direction that "
        "no training clip has.",
        pitfalls="Digits of 8×8 pixels, enlarged: a few classes look alike in frames below 24 pixels.",
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
