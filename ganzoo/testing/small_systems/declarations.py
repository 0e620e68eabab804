"""The declarations of all parts of the small systems, as a plugin makes them."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, Slot, Variant, hookimpl, phase_slots
from ganzoo.testing.small_systems.augmentations import Adaptive
from ganzoo.testing.small_systems.conditioners import ChunkedConfig, ChunkedGenerator, Style
from ganzoo.testing.small_systems.growing import Growing
from ganzoo.testing.small_systems.losses import Balance, Relativistic
from ganzoo.testing.small_systems.packing import PackingConfig, PackingDiscriminator
from ganzoo.testing.small_systems.penalties import Clip, ClipConfig, Fading
from ganzoo.testing.small_systems.staged import Staged, StagedConfig

NOISE = Need(
    ("site:noise",),
    "choose another conditioner there: generators such as mlp pass their noise on, no discriminator does",
)


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Declare the parts."""
    yield Component(kind="loss", name="balance", summary="an error and its balance", target=Balance)
    yield Component(kind="loss", name="relativistic", summary="scores relative to each other", target=Relativistic)
    yield Component(kind="penalty", name="clip", summary="weight clipping", target=Clip, config=ClipConfig)
    yield Component(kind="penalty", name="fading", summary="R1 that fades", target=Fading)
    yield Component(
        kind="recipe",
        name="growing",
        summary="a generator that grows",
        target=Growing,
        slots=(
            Slot("dataset", "dataset", "digits"),
            Slot("latent", "latent", "normal"),
            Slot("discriminator", "discriminator", "mlp"),
            Slot("loss", "loss", "bce"),
            *phase_slots("generator", "adam", "constant"),
            *phase_slots("discriminator", "adam", "constant"),
        ),
        phases=("generator", "discriminator"),
    )
    yield Component(
        kind="conditioner",
        name="style",
        summary="a gain and a shift that follow the noise",
        target=Style,
        requires=(NOISE,),
    )
    yield Component(
        kind="conditioner",
        name="class-style",
        summary="a gain and a shift that follow the noise and the class",
        target=Style,
        requires=(Need(("condition:class",), "use a dataset with classes"), NOISE),
    )
    yield Component(
        kind="generator",
        name="chunked",
        summary="passes a chunk of its noise to each block",
        target=ChunkedGenerator,
        config=ChunkedConfig,
        provides=("site:input-vector", "site:block", "site:noise"),
    )
    yield Component(
        kind="discriminator",
        name="packing",
        summary="scores several examples together",
        target=PackingDiscriminator,
        config=PackingConfig,
        provides=("site:input-vector",),
    )
    yield Component(kind="augmentation", name="adaptive", summary="adaptive noise", target=Adaptive)
    yield Component(
        kind="recipe",
        name="staged",
        summary="pre-training, then an adversarial training with a lazy penalty",
        target=Staged,
        config=StagedConfig,
        slots=(
            Slot("dataset", "dataset", "digits"),
            Slot("latent", "latent", "normal"),
            Slot("generator", "generator", "mlp"),
            Slot("discriminator", "discriminator", "mlp"),
            Slot("loss", "loss", "bce"),
            Slot("penalty", "penalty", "r1", several=True),
            *phase_slots("generator", "adam", "constant"),
            *phase_slots("discriminator", "adam", "constant"),
        ),
        phases=("pretraining", "generator", "discriminator", "lazy-penalty"),
    )


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Declare a variant of the recipe."""
    yield Variant(name="growing", summary="the growing recipe", recipe="growing")
    yield Variant(name="staged", summary="the staged recipe", recipe="staged", overrides={"generator.norm": False})
