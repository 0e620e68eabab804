"""The declarations of the components of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, Slot, phase_slots
from ganzoo_editing.face_options import FacesConfig
from ganzoo_editing.recipe_options import AttributesConfig, EditableConfig

ICGAN = "Perarnau et al. 2016, arXiv 1611.06355"
GAUTHIER = "Gauthier 2014, Conditional generative adversarial nets for convolutional face generation"
IMAGES = Need(("data:image",), "use --dataset faces, or another dataset of images")
VECTORS = Need(("condition:vector",), "use data with attributes, such as --dataset faces")

PIXELS = Need(("data:image", "data:video"), "choose other metrics, or use a dataset of images")
ATTRIBUTES = Need(("condition:vector",), "choose other metrics, or use data with attributes, such as --dataset faces")

SLOTS = (
    Slot("dataset", "dataset", "faces"),
    Slot("latent", "latent", "normal"),
    Slot("generator", "generator", "dcgan"),
    Slot("discriminator", "discriminator", "dcgan"),
    Slot("generator-conditioner", "conditioner", "concat", of="generator"),
    Slot("discriminator-conditioner", "conditioner", "concat", of="discriminator", paired="generator-conditioner"),
    Slot("generator-initialiser", "initialiser", "normal", of="generator"),
    Slot("discriminator-initialiser", "initialiser", "normal", of="discriminator"),
    Slot("loss", "loss", "bce"),
)
PLAYERS = (*phase_slots("discriminator", "adam", "constant"), *phase_slots("generator", "adam", "constant"))


def declare_components() -> Iterable[Component]:
    """Yield the declarations."""
    yield Component(
        kind="dataset",
        name="faces",
        summary="drawn faces with six exact attributes, and the true answer to every edit; needs no download",
        target="ganzoo_editing.faces:Faces",
        config=FacesConfig,
        strengths="Each face comes with the same face after one attribute has changed, so an edit has a true answer. "
        "The test has combinations of attributes that no training image has.",
        pitfalls="Attributes are independent here; in photographs they are not.",
        origin="our own choice; 12 of 64 combinations are held out",
    )
    yield Component(
        kind="recipe",
        name="attributes",
        summary="a GAN of attributes; those of fakes come from a kernel estimate of the data's",
        target="ganzoo_editing.recipe:Attributes",
        config=AttributesConfig,
        requires=(IMAGES, VECTORS),
        source=GAUTHIER,
        equation="y of a fake ~ 1/N Σ N(yₙ, κ²); D also sees real examples with attributes of others",
        strengths="Fakes have attributes that the data may have, not only those that it has.",
        pitfalls="With wrong attributes the batch size is even.",
        origin="no kernel and no wrong attributes, so that nothing is left out of the data by default",
        slots=(*SLOTS, *PLAYERS),
        phases=("discriminator", "generator"),
    )
    yield Component(
        kind="recipe",
        name="editable-attributes",
        summary="a GAN of attributes, with encoders of noise and attributes that make real examples editable",
        target="ganzoo_editing.recipe:Editable",
        config=EditableConfig,
        requires=(IMAGES, VECTORS),
        source=ICGAN,
        equation="edit(x, y') = G(E_z(x), y'); E_z minimises |z − E_z(G(z, y))|², E_y minimises |y − E_y(x)|²",
        strengths="Edits in one pass, without a search; `ganzoo edit` begins there.",
        pitfalls="What the generator cannot draw, it cannot keep: an edit is as good as the reconstruction. With wrong "
        "attributes the batch size is even.",
        origin="as published, but both encoders may be fitted beside the GAN, and wrong attributes are an option",
        slots=(
            *SLOTS,
            *PLAYERS,
            *phase_slots("noise-encoder", "adam", "constant"),
            *phase_slots("attribute-encoder", "adam", "constant"),
        ),
        phases=("discriminator", "generator", "noise-encoder", "attribute-encoder"),
    )
    yield Component(
        kind="metric",
        name="read-attributes",
        summary="share of the attributes that were asked for that are read off the generated examples",
        target="ganzoo_editing.metrics:ReadAttributes",
        requires=(PIXELS, ATTRIBUTES),
        source=f"{ICGAN}, section 4.2, which compares attributes read off generated faces",
        equation="P(r(G(z, y)) = y) for each attribute, with a reader r that learns from real examples",
        strengths="Says whether a model draws what it is told; on faces and shapes the truth is exact.",
        pitfalls="The reader is trained for each evaluation, half a minute; its own share is that of real examples.",
        origin="400 steps of AdamW, which suffice for 99 % on faces",
    )
    yield Component(
        kind="metric",
        name="edits",
        summary="whether an edit changes what it should and keeps the rest, and how near it is to the true answer",
        target="ganzoo_editing.metrics:Edits",
        requires=(
            Need(("condition:joined",), "evaluate edits: --output edit with --dataset faces --dataset-task edit"),
            PIXELS,
        ),
        source=f"{ICGAN}, section 4.3, which shows such edits",
        equation="changed = P(r(x') = y' where r(x) ≠ y'), kept = P(r(x') = y' where r(x) = y')",
        strengths="One figure for what must change and one for what must stay; drawn faces have a true answer too.",
        pitfalls="An edit that draws another person with the right attributes is found by the error alone.",
        origin="our own choice",
    )
