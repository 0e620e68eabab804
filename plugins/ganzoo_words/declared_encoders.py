"""The kind of text encoders, and the declarations of those of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Kind, Need
from ganzoo_words import conditioner_options, encoder_options, network_options

TEXT_ENCODER = Kind(
    "text-encoder", "what makes a vector of a caption", "ganzoo_words.encoder:TextEncoder", is_network=True
)


def declare_encoders() -> Iterable[Component]:
    """Yield the declarations."""
    yield Component(
        kind="text-encoder",
        name="bag-of-words",
        summary="the mean of a learnt vector for each word of a caption",
        target="ganzoo_words.encoder:BagOfWords",
        config=encoder_options.BagOfWordsConfig,
        equation="Σ E w / |Σ E w|, scaled to a mean square of 1",
        strengths="Small and fast. Words that it knows make new captions without further learning.",
        pitfalls="The order of words is lost: red circle, blue square is blue circle, red square.",
        origin="our own choice, for captions of a few words",
    )
    yield Component(
        kind="text-encoder",
        name="gru",
        summary="a recurrent network that reads the words of a caption in their order",
        target="ganzoo_words.encoder:GRU",
        config=encoder_options.GRUConfig,
        source="Cho et al. 2014, arXiv 1406.1078",
        equation="the state behind the last word, scaled to a mean square of 1",
        strengths="Sees the order of words. In place of the published character-level network, which is not at hand.",
        pitfalls="It may learn combinations by heart, so that new ones come out wrong; slower than a bag of words.",
        origin="our own choice; 1,024 numbers in the preset published, as many as the published encoder has",
    )


def declare_conditioners() -> Iterable[Component]:
    """Yield the declaration."""
    yield Component(
        kind="conditioner",
        name="replicated",
        summary="repeat the condition over the last feature map, and join both by a 1×1 convolution",
        target="ganzoo_words.replicated:Replicated",
        config=conditioner_options.ReplicatedConfig,
        requires=(
            Need(("condition:embedding",), "use --conditioner none, or data with labels or captions"),
            Need(
                ("site:head",),
                "it is for discriminators (--discriminator-conditioner replicated); choose another one for the "
                "generator, such as --generator-conditioner concat, and --discriminator dcgan or mlp",
            ),
        ),
        source="Reed et al. 2016, arXiv 1605.05396, section 4.1",
        equation="lrelu(W (h ‖ lrelu(V y))) at every place of a feature map h",
        strengths="Joins features and text by a layer, so that one may decide what the other means.",
        pitfalls="For discriminators alone. Batch norm in it mixes the examples of a batch.",
        origin="128 numbers and slope 0.2, as published; batch norm is off by default",
    )


def declare_networks() -> Iterable[Component]:
    """Yield the declaration."""
    yield Component(
        kind="network",
        name="stack-refiner",
        summary="from a small image and a text to a larger image: two halvings, residual blocks, doublings",
        target="ganzoo_words.refiner:Refiner",
        config=network_options.RefinerConfig,
        provides=("site:input-map", "site:block", "site:block-map", "site:norm"),
        source="Zhang et al. 2017, arXiv 1612.03242, section 3.4; hanzhanggit/StackGAN",
        strengths="Sees the whole small image beside the text, so that it can add what the first stage left out.",
        pitfalls="Batch norm throughout: samples depend on how well its statistics are known.",
        origin="a narrow form for processors; StackGAN has width 128 and four blocks",
    )
