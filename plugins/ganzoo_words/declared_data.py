"""The declarations of the datasets of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component
from ganzoo_words.captions import CaptionedShapesConfig


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
