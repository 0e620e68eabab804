"""Images from images, as a plugin in one file: `ganzoo --plugin examples/image_to_image.py train my-pix2pix`.

The data are pairs: the outline of a rectangle, and the filled rectangle. The generator is given the outline; the
discriminator sees both images of a pair (Isola et al. 2017, arXiv 1611.07004).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import nn

from ganzoo.plugin import (
    Component,
    Config,
    DataConfig,
    Dataset,
    DataSpec,
    Discriminator,
    DiscriminatorOutput,
    Field,
    FieldRef,
    Generated,
    Generator,
    Metric,
    Need,
    Phase,
    PhaseOutput,
    Recipe,
    Slot,
    Variant,
    hookimpl,
    option,
    phase_slots,
)


@dataclass(frozen=True)
class RectanglesConfig(DataConfig):
    """Options of the data."""

    size: int = option(16, "height and width of an image", low=8, high=64)
    count: int = option(512, "number of pairs", low=1)
    split: Literal["train", "test"] = option("train", "which pairs")

    def spec(self, root):
        """Return the two images of a pair: one is the condition, the other is to be generated."""
        image = Field("image", (1, self.size, self.size))
        return DataSpec({"outline": image, "filled": image}, target="filled", condition="outline")


class Rectangles(Dataset):
    """Rectangles of any size at any place, the same for the same index."""

    def __init__(self, config, root):
        self._size, self._count = config.size, config.count
        self._first = 0 if config.split == "train" else config.count

    def __len__(self):
        return self._count

    def read(self, indices):
        """Return both images of each pair, uint8 (B, 1, size, size)."""
        numbers = (indices + self._first).double()
        shares = torch.stack([(numbers * step).frac() for step in (0.7549, 0.5698, 0.3819, 0.8541)])
        top, left, height, width = (shares * (self._size // 2 - 1)).long()[:, :, None, None, None]
        y, x = torch.arange(self._size)[:, None], torch.arange(self._size)
        y, x = y - top - 1, x - left - 1
        height, width = height + 3, width + 3
        filled = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        inner = (y > 0) & (y < height - 1) & (x > 0) & (x < width - 1)
        return {"outline": (filled & ~inner).byte() * 255, "filled": filled.byte() * 255}


class Encoder(Generator):
    """Halves an image twice and doubles it again; the input is seen again at the end."""

    def __init__(self, config, in_shape, out, sites):
        super().__init__()
        layers = [(nn.Conv2d, in_shape[0], 16), (nn.Conv2d, 16, 32), (nn.ConvTranspose2d, 32, 16)]
        blocks = [nn.Sequential(kind(a, b, 4, 2, 1), nn.BatchNorm2d(b), nn.ReLU()) for kind, a, b in layers]
        self.body = nn.Sequential(*blocks, nn.ConvTranspose2d(16, 16, 4, 2, 1), nn.ReLU())
        self.end = nn.Sequential(nn.Conv2d(16 + in_shape[0], out.shape[0], 3, padding=1), nn.Tanh())

    def forward(self, z, condition):
        """Map images (B, C, H, W) to images; ``z`` is the input image here."""
        return self.end(torch.cat([self.body(z), z], dim=1))


class Patches(Discriminator):
    """One logit for each patch of a pair of images."""

    def __init__(self, config, in_shape, sites):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(in_shape[0], 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2)
        )
        self.end = nn.Conv2d(32, 1, 3, padding=1)

    def forward(self, x, condition):
        """Map pairs (B, 2·C, H, W) to logits (B, 1, H/4, W/4)."""
        h = self.body(x)
        return DiscriminatorOutput(self.end(h), h.mean((2, 3)))


@dataclass(frozen=True)
class PairsConfig(Config):
    """Options of the recipe."""

    l1: float = option(20.0, "weight of the distance from the true image", low=0)


class Pairs(Recipe):
    """An adversarial term on pairs of images, and the distance from the true image."""

    averaged = ("generator",)
    replayable = True

    def __init__(self, config, parts, data):
        super().__init__(data)
        spec = data["dataset"]
        self.config = config
        self.output = FieldRef("dataset", spec.target)
        self.condition = FieldRef("dataset", spec.condition)  # an image; previews show input, output and truth
        source, target = spec.condition_field, spec.target_field
        self.loss = parts.build("loss")
        self.generator = parts.network("generator", in_shape=source.shape, out=target)
        both = (source.shape[0] + target.shape[0], *target.shape[1:])
        self.discriminator = parts.network("discriminator", in_shape=both)

    def phases(self):
        """Return the two phases of a step."""
        return (
            Phase("discriminator", ("discriminator",), self.discriminate),
            Phase("generator", ("generator",), self.generate),
        )

    def discriminate(self, batch, context):
        """Score true and generated pairs."""
        source, target = self.images(batch)
        real, fake = self.score(source, target), self.score(source, self.generator(source, None))
        return PhaseOutput({"adversarial": self.loss.discriminator(real, fake).mean()})

    def generate(self, batch, context):
        """Fool the discriminator, and come near the true image."""
        source, target = self.images(batch)
        made = self.generator(source, None)
        losses = self.loss.generator(self.score(source, made), lambda: self.score(source, target))
        terms = {"adversarial": losses.mean(), "l1": self.config.l1 * (made - target).abs().mean()}
        return PhaseOutput(terms, generated=Generated(made.detach(), source))

    def sample(self, request):
        """Return images for the input images (count, C, H, W) of the request."""
        return self.generator(request.condition, None)

    def images(self, batch):
        """Return the input images and the true ones."""
        return batch["dataset"][self.condition.field], batch["dataset"][self.output.field]

    def score(self, source, image):
        """Return the logits of pairs."""
        return self.discriminator(torch.cat([source, image], dim=1), None).logit


class PixelError(Metric):
    """Mean absolute difference from the true image, in 0 … 2."""

    figures: ClassVar = {"error": "low"}
    judged = False

    def __init__(self, config):
        pass

    def measure(self, generated, real, context):
        """Compare each generated image with the real one that has the same condition."""
        return {"error": float((generated.values - generated.truth).abs().mean())}

    def floor(self, real, context):
        """Return the figure of a perfect model."""
        return {"error": 0.0}


@hookimpl
def ganzoo_components():
    """Declare the data, the networks, the recipe and the metric."""
    yield Component(
        kind="dataset",
        name="my-rectangles",
        summary="outlined and filled rectangles",
        target=Rectangles,
        config=RectanglesConfig,
    )
    yield Component(
        kind="metric",
        name="my-pixel-error",
        summary="difference from the true image",
        target=PixelError,
        requires=(Need(("condition:image",), "use a model that makes images from images"),),
    )
    yield Component(kind="generator", name="my-encoder", summary="two down, two up", target=Encoder)
    yield Component(kind="discriminator", name="my-patches", summary="one logit for each patch", target=Patches)
    yield Component(
        kind="recipe",
        name="my-pix2pix",
        summary="images from images, with the distance from the truth",
        target=Pairs,
        config=PairsConfig,
        requires=(Need(("condition:image",), "use a dataset whose condition is an image"),),
        slots=(
            Slot("dataset", "dataset", "my-rectangles"),
            Slot("loss", "loss", "lsgan"),
            Slot("generator", "generator", "my-encoder"),
            Slot("discriminator", "discriminator", "my-patches"),
            *phase_slots("discriminator", "adam", "constant"),
            *phase_slots("generator", "adam", "constant"),
        ),
        phases=("discriminator", "generator"),
    )


@hookimpl
def ganzoo_variants():
    """Declare the variant."""
    yield Variant(
        name="my-pix2pix",
        summary="fills outlines",
        recipe="my-pix2pix",
        overrides={"optimizer.lr": 1e-3, "run.steps": 300, "run.ema": 0.95, "run.batch_size": 32},
    )
