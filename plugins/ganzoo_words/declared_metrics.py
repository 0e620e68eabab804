"""The declarations of the metrics of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need
from ganzoo_words import metric_options

CAPTIONS = Need(("condition:tokens",), "choose other metrics, or a model that makes images from captions")


def declare_metrics() -> Iterable[Component]:
    """Yield the declarations."""
    yield Component(
        kind="metric",
        name="r-precision",
        summary="is the own caption of an image the best one of 100, for a network that learnt to match real images?",
        target="ganzoo_words.r_precision:LearntRPrecision",
        config=metric_options.LearntRPrecisionConfig,
        requires=(CAPTIONS,),
        source="Xu et al. 2018, AttnGAN, arXiv 1711.10485, section 4.1",
        equation="share of images x with s(x, own caption) > s(x, t) for 99 other captions t",
        strengths="For any captions. The figure of real images says how far the network itself can be trusted.",
        pitfalls="A network that learnt from the training may know combinations badly that were held out.",
        origin="100 captions, as published; a bag of words and convolutions, as our captions are short",
    )
    yield Component(
        kind="metric",
        name="read-back",
        summary="what drawn shapes show, read back exactly: R-precision, and each part of the caption",
        target="ganzoo_words.read_back:ReadBack",
        config=metric_options.RPrecisionConfig,
        requires=(CAPTIONS, Need(("data:image",), "choose other metrics, or a dataset of images")),
        source="R-precision: Xu et al. 2018, AttnGAN, arXiv 1711.10485, section 4.1",
        equation="share of images that show more parts of their own caption than of any of 99 others",
        strengths="No judge: the nearest of many drawings tells what an image shows. 100 % for real images.",
        pitfalls="For captioned-shapes alone. It says nothing of sharpness or variety.",
        origin="100 captions, as published",
    )
    yield Component(
        kind="metric",
        name="tag-recall",
        summary="recall and F1 of the ten words that draws stand for most often, beside those of the nearest images",
        target="ganzoo_words.tag_recall:TagRecall",
        config=metric_options.TagRecallConfig,
        requires=(
            Need(("condition:vector",), "choose other metrics, or a model that makes words from features"),
            Need(("data:point",), "choose other metrics, or data whose target is the vector of a word"),
        ),
        source="Mirza & Osindero 2014, arXiv 1411.1784, section 4.2",
        equation="|kept ∩ true| / min(|kept|, |true|) for the words that are kept of an image",
        strengths="Exact, without a judge; the nearest images say what a model adds.",
        pitfalls="Needs many draws of each image: take 100 times as many samples as the test has images.",
        origin="ten words are kept, as published; of a small vocabulary one word is the nearest, not twenty",
    )
