"""The recipe that carries an image over into another domain: PixelDTGAN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

import torch
from torch import Tensor

from ganzoo.plugin import (
    Batch,
    DataSpec,
    FieldRef,
    Generated,
    Loss,
    Parts,
    Phase,
    PhaseOutput,
    Player,
    Recipe,
    SampleRequest,
    StepContext,
)
from ganzoo_images.dropout import dropout_from
from ganzoo_images.transfer_options import TransferConfig

DATA: Final = "dataset"
PAIR: Final = 2  # examples beside each other lend each other their true images


@final
class Transfer(Recipe):
    """A converter against two discriminators: is an image real, and does it belong to the input?

    Both see true images, images that belong to another input, and fakes. An image of another input that equals the
    true one says nothing, and is left out. Source: Yoo et al. 2016, arXiv 1603.07442.
    """

    averaged = ("generator",)
    replayable = True
    pack = PAIR

    def __init__(self, config: TransferConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(data)
        spec = data[DATA]
        self._config = config
        self.output, self.condition = FieldRef(DATA, spec.target), FieldRef(DATA, spec.condition)
        given, made = self.field(self.condition), spec.target_field
        if given.shape[1:] != made.shape[1:]:
            raise ValueError("the pair discriminator sees input and output beside each other: use images of one size")
        self.generator = parts.network("generator", in_shape=given.shape, out=made)
        self.discriminator = parts.network("discriminator", in_shape=made.shape)
        beside = (given.shape[0] + made.shape[0], *made.shape[1:])
        self.pair_discriminator = parts.network("pair-discriminator", in_shape=beside)
        self.loss: Loss = parts.build("loss")

    def phases(self) -> tuple[Phase, ...]:
        """Return the phase of the converter, and that of both discriminators."""
        return (
            Phase("generator", ("generator",), self.generate),
            Phase("discriminator", ("discriminator", "pair_discriminator"), self.discriminate),
        )

    def generate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the mean of the losses against both discriminators, and hand on what was made."""
        given, true = self._images(batch)
        made = self.generator(given, None)
        real = self.loss.generator(self._real(made), lambda: self._real(true))
        belonging = self.loss.generator(self._belonging(given, made), lambda: self._belonging(given, true))
        terms = {"adversarial": real.mean() / 2, "association": belonging.mean() / 2}
        if self._config.distance_weight:
            terms["distance"] = self._config.distance_weight * (made - true).abs().mean()
        return PhaseOutput(terms, generated=Generated(made.detach(), given), handed={"made": made})

    def discriminate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score true images, those of other inputs, and those of the converter, with a third of the weight each.

        A loss compares two kinds at a time, so that one of the three stands twice, once without a gradient.
        """
        given, true = self._images(batch)
        made = context.handed("made")
        made = self.generator(given, None) if made is None else made
        other = true.unflatten(0, (-1, PAIR)).flip(1).flatten(0, 1)
        told = (other != true).flatten(1).any(1)
        real, others, fake = (self._real(images) for images in (true, other, made))
        of_real = self.loss.discriminator(real, fake).flatten(1).mean(1)
        of_others = self.loss.discriminator(others, fake.detach()).flatten(1).mean(1)
        belongs, unrelated, made_up = (self._belonging(given, images) for images in (true, other, made))
        of_fakes = self.loss.discriminator(belongs, made_up).flatten(1).mean(1)
        of_unrelated = self.loss.discriminator(belongs.detach(), unrelated).flatten(1).mean(1)
        terms = {
            "adversarial": (of_real + of_others).mean() / 3,
            "association": (of_fakes + torch.where(told, of_unrelated, 0)).mean() / 3,
        }
        watched = {"D(x)": real, "D(G(z)) before": fake, "A(x, y)": belongs, "A(x, G(x))": made_up}
        return PhaseOutput(terms, {name: self.loss.score(logit.detach()).mean() for name, logit in watched.items()})

    def after_update(self, phase: str, means: Mapping[str, Tensor]) -> None:
        """Let the loss change its state."""
        players: dict[str, Player] = {"generator": "generator", "discriminator": "discriminator"}
        self.loss.after_update(players[phase], means)

    def sample(self, request: SampleRequest) -> Tensor:
        """Return images (count, C, H, W) of the other domain."""
        with dropout_from(request.draws):
            images: Tensor = self.generator(request.condition, None)
        return images

    def _images(self, batch: Batch) -> tuple[Tensor, Tensor]:
        assert self.condition is not None
        fields = batch[DATA]
        return fields[self.condition.field], fields[self.output.field]

    def _real(self, images: Tensor) -> Tensor:
        logit: Tensor = self.discriminator(images, None).logit
        return logit

    def _belonging(self, given: Tensor, images: Tensor) -> Tensor:
        logit: Tensor = self.pair_discriminator(torch.cat([given, images], dim=1), None).logit
        return logit
