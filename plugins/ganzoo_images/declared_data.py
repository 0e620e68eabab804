"""The declarations of the datasets of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component
from ganzoo_images import derived_options, figure_options, glyph_options, outline_options

FONTS = "DejaVu fonts (free licence, https://dejavu-fonts.github.io) and STIX fonts (OFL), which come with matplotlib"


def declare_data() -> Iterable[Component]:
    """Yield the declarations."""
    yield Component(
        kind="dataset",
        name="glyphs",
        summary="letters drawn with the fonts that come with matplotlib, or with your own: letter and style",
        target="ganzoo_images.glyphs:Glyphs",
        config=glyph_options.GlyphsConfig,
        source=FONTS,
        strengths="Exact classes of letter and style. The test has letters in styles that the training does not have.",
        pitfalls="A font without one of the characters draws its sign for a missing one.",
        origin="our own choice",
    )
    yield Component(
        kind="dataset",
        name="glyph-pairs",
        summary="letters in two styles: regular to bold, or upright to oblique; the test has other letters",
        target="ganzoo_images.glyphs:GlyphPairs",
        config=glyph_options.GlyphPairsConfig,
        source=FONTS,
        strengths="Exact pairs without a download. Every fifth letter is held out in all styles.",
        pitfalls="A few hundred pairs: a wide network learns them by heart.",
        origin="our own choice",
    )
    yield Component(
        kind="dataset",
        name="edges",
        summary="pairs: the edges of an image, and the image; of any dataset of images",
        target="ganzoo_images.derived:Edges",
        config=derived_options.EdgesConfig,
        equation="1 where |Sobel(channel)| > threshold for some channel",
        strengths="Pairs of any images: --dataset-of folder --dataset-options path=photos.",
        pitfalls="Edges say nothing of colours, so several images are right for one input.",
        origin="our own choice; the paper of pix2pix has HED edges, which need a trained network",
    )
    yield Component(
        kind="dataset",
        name="low-resolution",
        summary="pairs: an image at a lower resolution, and the image; of any dataset of images",
        target="ganzoo_images.derived:LowResolution",
        config=derived_options.LowResolutionConfig,
        source="Ledig et al. 2017, arXiv 1609.04802, section 3",
        equation="bicubic interpolation with anti-aliasing",
        strengths="Pairs of any images: --dataset-of folder --dataset-options path=photos.",
        pitfalls="A model learns to undo this interpolation; photos of a camera were made smaller by another one.",
        origin="factor 4, as published",
    )
    yield Component(
        kind="dataset",
        name="holes",
        summary="pairs: an image with a hole, and what was in the hole; of any dataset of images",
        target="ganzoo_images.derived:Holes",
        config=derived_options.HolesConfig,
        source="Pathak et al. 2016, arXiv 1604.07379, section 3",
        strengths="Training and test have the same holes, in the mean colour of ImageNet: red, green, blue.",
        pitfalls="For a hole at a random place the target is the whole image, most of which the input shows.",
        origin="half of each side in the centre, as published",
    )
    yield Component(
        kind="dataset",
        name="outlines",
        summary="drawn shapes twice: as an outline in colour, and filled; exact pairs for two domains",
        target="ganzoo_images.outlines:Outlines",
        config=outline_options.OutlinesConfig,
        strengths="Two domains whose hidden pairs are known, so that a CycleGAN can be measured.",
        pitfalls="The colour of the outline is that of the shape: nothing is left to chance.",
        origin="our own choice",
    )
    yield Component(
        kind="dataset",
        name="garments",
        summary="pairs: a drawn figure, and what it wears above, alone and in one place",
        target="ganzoo_images.figures:Garments",
        config=figure_options.GarmentsConfig,
        strengths="The true garment is known. Figures of the test wear what no figure of the training wears.",
        pitfalls="48 garments: four kinds, six colours, plain or striped.",
        origin="our own choice",
    )
    yield Component(
        kind="dataset",
        name="poses",
        summary="a drawn figure and the joints of another pose, and the same figure in that pose",
        target="ganzoo_images.figures:Poses",
        config=figure_options.PosesConfig,
        strengths="Joints and clothes of the target are known. Those of the test wear what none of the training wears.",
        pitfalls="Figures face the viewer; limbs have one length.",
        origin="our own choice, after Ma et al. 2017, arXiv 1705.09368",
    )
