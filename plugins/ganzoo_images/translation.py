"""The recipe that makes images from images, with the true image for each input (pix2pix, SRGAN, context encoder)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, final

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
from ganzoo_images.beside import ImageAndRest
from ganzoo_images.content import Content
from ganzoo_images.dropout import dropout_from
from ganzoo_images.jitter import Jitter
from ganzoo_images.recipe_options import TranslationConfig

DATA = "dataset"


class _Pair(NamedTuple):
    """Input images (B, C, H, W), what else is known of each, and the true images."""

    given: Tensor
    rest: Tensor | None
    true: Tensor


@final
class Translation(Recipe):
    """An adversarial term, the distance of pixels, and that of features, each with a weight.

    The generator's phase comes first, and hands its pairs on, so that the discriminator sees what it made in this step.
    Of a condition with an image and other fields, the image is the input, and the rest goes to the conditioners.
    """

    averaged = ("generator",)
    replayable = True

    def __init__(self, config: TranslationConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(data)
        spec = data[DATA]
        self._config = config
        self.output, self.condition = FieldRef(DATA, spec.target), FieldRef(DATA, spec.condition)
        self._divided, made = ImageAndRest(spec), spec.target_field
        given, rest = self._divided.image, self._divided.rest
        self.generator = parts.network("generator", rest, in_shape=given.shape, out=made)
        channels = made.shape[0] + (given.shape[0] if config.pairs else 0)
        self.discriminator = parts.network("discriminator", rest, in_shape=(channels, *made.shape[1:]))
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
        pair = self._pair(batch, context)
        return PhaseOutput({"squared distance": (self.generator(pair.given, pair.rest) - pair.true).square().mean()})

    def generate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return all terms of the generator, and hand the input, the true image and what was made of it on."""
        pair, config = self._pair(batch, context), self._config
        given, rest, true = pair
        made = self.generator(given, rest)
        terms: dict[str, Tensor] = {}
        if config.adversarial:
            losses = self.loss.generator(self._logit(pair, made), lambda: self._logit(pair, true))
            terms["adversarial"] = config.adversarial * losses.mean()
        if config.distance_weight:
            terms[f"{config.distance} distance"] = config.distance_weight * self._distance(made, true)
        if self.content is not None:
            terms["content"] = config.content * self.content(made, true).mean()
        handed = {"input": given, "true": true, "made": made} | ({} if rest is None else {"rest": rest})
        return PhaseOutput(terms, generated=Generated(made.detach(), given), handed=handed)

    def discriminate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score the true images, and those that the generator's phase made."""
        pair, made = self._handed(batch, context)
        real, fake = self._logit(pair, pair.true), self._logit(pair, made)
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
            assert request.condition is not None
            images: Tensor = self.generator(*self._divided(request.condition))
        return images

    def _handed(self, batch: Batch, context: StepContext) -> tuple[_Pair, Tensor]:
        """Return the pair and the made images of the generator's phase, or new ones if it was left out."""
        given, true, made = (context.handed(name) for name in ("input", "true", "made"))
        if given is not None and true is not None and made is not None:
            return _Pair(given, context.handed("rest"), true), made
        pair = self._pair(batch, context)
        return pair, self.generator(pair.given, pair.rest)

    def _pair(self, batch: Batch, context: StepContext) -> _Pair:
        assert self.condition is not None
        fields = batch[DATA]
        given, rest = self._divided(fields[self.condition.field])
        given, true = self._jitter((given, fields[self.output.field]), context.draws("jitter"))
        return _Pair(given, rest, true)

    def _logit(self, pair: _Pair, image: Tensor) -> Tensor:
        if self._config.pairs:
            given = pair.given
            beside = given if given.shape[2:] == image.shape[2:] else F.interpolate(given, image.shape[2:])
            image = torch.cat([beside, image], dim=1)
        logit: Tensor = self.discriminator(image, pair.rest).logit
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
