"""The declarations of the networks of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need
from ganzoo_images import network_options as options

PIX2PIX = "Isola et al. 2017, arXiv 1611.07004"
SRGAN = "Ledig et al. 2017, arXiv 1609.04802"

IMAGES = Need(("data:image",), "use --generator mlp --discriminator mlp, or a dataset of images")
FROM_IMAGES = Need(("image-input",), "use a variant that makes images from images, such as pix2pix, or --generator mlp")


def declare_networks() -> Iterable[Component]:
    """Yield the declarations."""
    yield Component(
        kind="generator",
        name="unet",
        summary="a U-Net: images to images of the same size, with connections between layers of one size",
        target="ganzoo_images.unet:UNet",
        config=options.UNetConfig,
        requires=(FROM_IMAGES,),
        provides=("image-generator", "site:input-map", "site:block", "site:block-map", "site:norm"),
        source=f"{PIX2PIX}, section 6.1.1",
        strengths="Keeps what input and output share, such as lines. Dropout is its noise, also in samples.",
        pitfalls="It takes pixels over from the input, so it cannot move things far.",
        origin="phillipi/pix2pix: 54,419,459 parameters for 256×256 in colour",
    )
    yield Component(
        kind="generator",
        name="residual-image",
        summary="residual blocks between two halvings and two doublings: images to images of the same size",
        target="ganzoo_images.residual:ResidualImage",
        config=options.ResidualImageConfig,
        requires=(FROM_IMAGES,),
        provides=("image-generator", "site:input-map", "site:block", "site:block-map"),
        source="Zhu et al. 2017, arXiv 1703.10593, section 7.2",
        strengths="For changes of style: each pixel sees a part of the input. Works on larger images than trained.",
        pitfalls="Slow for its number of parameters: all blocks work at a quarter of the size.",
        origin="9 blocks for 256×256 (11,378,179 parameters in colour), 6 for 128×128",
    )
    yield Component(
        kind="generator",
        name="super-resolution",
        summary="residual blocks and sub-pixel convolutions: images to images that are 1 to 16 times as large",
        target="ganzoo_images.residual:SuperResolution",
        config=options.SuperResolutionConfig,
        requires=(FROM_IMAGES,),
        provides=("image-generator", "site:input-map", "site:block", "site:block-map"),
        source=f"{SRGAN}, figure 4; Shi et al. 2016, arXiv 1609.05158",
        strengths="Works on inputs of any size. With the skip it begins with bicubic interpolation and adds to it.",
        pitfalls="Batch norm may leave stains in images that are brighter or darker than those of the training.",
        origin="16 blocks of width 64, as published; the skip is our own",
    )
    yield Component(
        kind="generator",
        name="encoder-decoder",
        summary="an image becomes a code, and the code an image of any size",
        target="ganzoo_images.encoder_decoder:EncoderDecoder",
        config=options.EncoderDecoderConfig,
        requires=(FROM_IMAGES,),
        provides=("image-generator", "site:input-map", "site:block"),
        source="Pathak et al. 2016, arXiv 1604.07379, section 3.1",
        strengths="Sees the whole input at once: for what is missing, and for what moves.",
        pitfalls="Details do not pass the code. Most parameters are around it.",
        origin="pathak22/context-encoder",
    )
    yield Component(
        kind="discriminator",
        name="patch",
        summary="one logit for each patch of 1, 16, 70 or 286 pixels (PatchGAN); for images of any size",
        target="ganzoo_images.discriminators:Patch",
        config=options.PatchConfig,
        requires=(IMAGES,),
        provides=("site:input-map", "site:block", "site:block-map"),
        source=f"{PIX2PIX}, section 6.1.2",
        strengths="Judges texture, with few parameters; the distance from the truth takes care of the rest.",
        pitfalls="It sees no more than a patch, so it accepts an image whose parts do not belong together.",
        origin="phillipi/pix2pix: 2,769,601 parameters for pairs in colour",
    )
    yield Component(
        kind="discriminator",
        name="super-resolution",
        summary="eight convolutions of size 3, every second of stride 2, then two dense layers",
        target="ganzoo_images.discriminators:SuperResolutionDiscriminator",
        config=options.SuperResolutionDiscriminatorConfig,
        requires=(IMAGES,),
        provides=("site:input-map", "site:head", "site:logit"),
        source=f"{SRGAN}, figure 4",
        strengths="Judges the whole image.",
        pitfalls="The dense layer has most of its parameters, and fixes the size of the images.",
        origin="as published: width 64, 1,024 dense units",
    )
