"""The declarations of the datasets of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component
from ganzoo_words.caption_file_options import CaptionFilesConfig
from ganzoo_words.captions import CaptionedShapesConfig
from ganzoo_words.tags import TaggedShapesConfig


def declare_data() -> Iterable[Component]:
    """Yield the declarations."""
    yield Component(
        kind="dataset",
        name="captioned-shapes",
        summary="one or two drawn shapes with a caption; the test has combinations that the training does not have",
        target="ganzoo_words.captioned_shapes:CaptionedShapes",
        config=CaptionedShapesConfig,
        equation="a | two, colour, shape, place: 640 captions, of which 128 are held out",
        strengths="What an image shows can be read back exactly. Every word of a held-out caption is known.",
        pitfalls="A model that draws these shapes well may know no other words and no grammar.",
        origin="our own choice",
    )
    yield Component(
        kind="dataset",
        name="caption-files",
        summary="your own images with a text file of captions for each, one caption a line",
        target="ganzoo_words.caption_files:CaptionFiles",
        config=CaptionFilesConfig,
        source="Layout: a text file beside each image, or in a folder of the same tree, as for CUB (Reed et al. 2016)",
        strengths="Several captions for an image are several examples; nothing must be put into a table.",
        pitfalls="Captions of different words for one image count as wrong captions of each other.",
        origin="The size of folder.",
        stand_in="ganzoo_words.stand_ins:caption_files",
    )
    yield Component(
        kind="dataset",
        name="tagged-shapes",
        summary="features of drawn shapes, and the vectors of their keywords; the test has other combinations",
        target="ganzoo_words.tagged_shapes:TaggedShapes",
        config=TaggedShapesConfig,
        equation="nine keywords of 110 for each image: colour, shape, what these are also called, number, place, both",
        strengths="Every keyword of an image is known, so that recall is exact. Related words have near vectors.",
        pitfalls="Its features are pixels, and its vectors are drawn: neither comes from a trained network.",
        origin="our own choice",
    )
