"""The recipe that makes images from images, with the true image for each input (pix2pix, SRGAN, context encoder)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

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
from ganzoo_images.content import Content
from ganzoo_images.dropout import dropout_from
from ganzoo_images.jitter import Jitter
from ganzoo_images.recipe_options import TranslationConfig

DATA = "dataset"


@final
class Translation(Recipe):
    """An adversarial term, the distance of pixels, and that of features, each with a weight.

    The generator's phase comes first, and hands its pairs on, so that the discriminator sees what it made in this step.
    """

    averaged = ("generator",)
    replayable = True

    def __init__(self, config: TranslationConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(data)
        spec = data[DATA]
        self._config = config
        self.output, self.condition = FieldRef(DATA, spec.target), FieldRef(DATA, spec.condition)
        given, made = self.field(self.condition), spec.target_field
        self.generator = parts.network("generator", in_shape=given.shape, out=made)
        channels = made.shape[0] + (given.shape[0] if config.pairs else 0)
        self.discriminator = parts.network("discriminator", in_shape=(channels, *made.shape[1:]))
        self.loss: Loss = parts.build("loss")
        self.content = Content(config.content_weights) if config.content else None
        self._jitter = Jitter(config.jitter, config.flip)

    def phases(self) -> tuple[Phase, ...]:
        """Return the phases of both networks, and the pre-training of the generator if it has steps."""
        first = self._config.pretraining
        adversarial = (
            Phase("generator", ("generator",), self.generate, first=first),
            Phase("discriminator", ("discriminator",), self.discriminate, first=first),
        )
        if not first:
            return adversarial
        return Phase("pretraining", ("generator",), self.pretrain, last=first, optimizer="generator"), *adversarial

    def pretrain(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the squared distance from the true image."""
        given, true = self._images(batch, context)
        return PhaseOutput({"squared distance": (self.generator(given, None) - true).square().mean()})

    def generate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return all terms of the generator, and hand the input, the true image and what was made of it on."""
        given, true = self._images(batch, context)
        made, config = self.generator(given, None), self._config
        terms: dict[str, Tensor] = {}
        if config.adversarial:
            losses = self.loss.generator(self._logit(given, made), lambda: self._logit(given, true))
            terms["adversarial"] = config.adversarial * losses.mean()
        if config.distance_weight:
            terms[f"{config.distance} distance"] = config.distance_weight * self._distance(made, true)
        if self.content is not None:
            terms["content"] = config.content * self.content(made, true).mean()
        handed = {"input": given, "true": true, "made": made}
        return PhaseOutput(terms, generated=Generated(made.detach(), given), handed=handed)

    def discriminate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score the true images, and those that the generator's phase made."""
        given, true, made = self._pairs(batch, context)
        real, fake = self._logit(given, true), self._logit(given, made)
        losses = self.loss.discriminator(real, fake)
        of_real, of_fake = real.detach(), fake.detach()
        watched = {
            "D(x)": self.loss.score(of_real),
            "D(G(z)) before": self.loss.score(of_fake),
            **self.loss.statistics(of_real, of_fake),
        }
        return PhaseOutput(
            {"adversarial": self._config.discriminator_weight * losses.mean()},
            {name: values.mean() for name, values in watched.items()},
        )

    def after_update(self, phase: str, means: Mapping[str, Tensor]) -> None:
        """Let the loss change its state."""
        players: dict[str, Player] = {"generator": "generator", "discriminator": "discriminator"}
        if phase in players:
            self.loss.after_update(players[phase], means)

    def sample(self, request: SampleRequest) -> Tensor:
        """Return images (count, C, H, W) for input images; dropout, if there is any, is their noise."""
        with dropout_from(request.draws):
            images: Tensor = self.generator(request.condition, None)
        return images

    def _pairs(self, batch: Batch, context: StepContext) -> tuple[Tensor, Tensor, Tensor]:
        """Return the input, the true and the made images of the generator's phase, or new ones if it was left out."""
        given, true, made = (context.handed(name) for name in ("input", "true", "made"))
        if given is not None and true is not None and made is not None:
            return given, true, made
        given, true = self._images(batch, context)
        return given, true, self.generator(given, None)

    def _images(self, batch: Batch, context: StepContext) -> list[Tensor]:
        assert self.condition is not None
        fields = batch[DATA]
        return self._jitter((fields[self.condition.field], fields[self.output.field]), context.draws("jitter"))

    def _logit(self, given: Tensor, image: Tensor) -> Tensor:
        if self._config.pairs:
            beside = given if given.shape[2:] == image.shape[2:] else F.interpolate(given, image.shape[2:])
            image = torch.cat([beside, image], dim=1)
        logit: Tensor = self.discriminator(image, None).logit
        return logit

    def _distance(self, made: Tensor, true: Tensor) -> Tensor:
        difference = made - true
        distances = difference.abs() if self._config.distance == "absolute" else difference.square()
        if border := self._config.border:
            height, width = (max(0, side - 2 * border) for side in made.shape[2:])
            inner = torch.ones(height, width, device=made.device)
            bottom, right = made.shape[2] - height - border, made.shape[3] - width - border
            distances = distances * F.pad(inner, (border, right, border, bottom), value=self._config.border_factor)
        return distances.mean()
