"""The recipe of StackGAN: a small image from a caption, and then a larger one from both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import (
    Batch,
    DataSpec,
    Field,
    Generated,
    Parts,
    Phase,
    PhaseOutput,
    Player,
    SampleRequest,
    StepContext,
)
from ganzoo_words.encoder import vector_field
from ganzoo_words.from_captions import FromCaptions
from ganzoo_words.recipe_options import StackedConfig


@final
class Stacked(FromCaptions):
    """Two stages, each with a generator, a code of the text and a discriminator of its own size of images.

    The first stage is trained to its end and then kept as it is. Before the second stage has learnt anything, samples
    are enlarged images of the first. Source: Zhang et al. 2017, arXiv 1612.03242.
    """

    averaged = ("generator", "code", "refiner", "refiner_code")
    refined: Tensor

    def __init__(self, config: StackedConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(config, parts, data)
        self._first_stage, target = config.first_stage, self.output_field
        channels, *sides = target.shape
        small = Field("image", (channels, *config.small(sides)))
        self._small = small.shape[1:]
        text = vector_field(self.text.size)
        self.code, self.refiner_code = self.new_code(), self.new_code()
        coded = vector_field(self.code.size)
        self.generator = parts.network("generator", coded, in_shape=self.latent.shape, out=small)
        self.discriminator = parts.network("discriminator", text, in_shape=small.shape)
        self.refiner = parts.network("refiner", coded, in_shape=small.shape, out=target)
        self.refiner_discriminator = parts.network("refiner-discriminator", text, in_shape=target.shape)
        self.register_buffer("refined", torch.zeros(()))

    def phases(self) -> tuple[Phase, ...]:
        """Return the pre-training, if there is one, and the phases of both stages, one stage after the other."""
        first = self._config.pretraining
        second = first + self._first_stage
        return (
            *self.pretraining(),
            Phase("discriminator", ("discriminator", *self._text_learner), self.discriminate, first=first, last=second),
            Phase("generator", ("generator", "code"), self.generate, first=first, last=second),
            Phase("refiner-discriminator", ("refiner_discriminator",), self.discriminate_refined, first=second),
            Phase("refiner", ("refiner", "refiner_code"), self.refine, first=second),
        )

    def discriminate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score small real images with right and wrong captions, and small fakes."""
        real, captions, text = self.captioned(batch)
        fake, _ = self._made(text.detach(), context)
        wrong = self.wrong(batch, captions, context)
        return self.told_apart(self.discriminator, self._smaller(real), fake, text, wrong)

    def generate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score new small fakes."""
        real, captions, text = self.captioned(batch)
        fake, divergence = self._made(text, context)
        output = self.fooled(self.discriminator, self._smaller(real), fake, text, divergence)
        enlarged = F.interpolate(fake.detach(), real.shape[2:])
        return replace(output, generated=Generated(enlarged, captions))

    def discriminate_refined(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score real images with right and wrong captions, and fakes of the second stage."""
        real, captions, text = self.captioned(batch)
        fake, _ = self._refined(text, context)
        return self.told_apart(self.refiner_discriminator, real, fake, text, self.wrong(batch, captions, context))

    def refine(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score new fakes of the second stage."""
        real, captions, text = self.captioned(batch)
        fake, divergence = self._refined(text, context)
        output = self.fooled(self.refiner_discriminator, real, fake, text, divergence)
        return replace(output, generated=Generated(fake.detach(), captions))

    def after_update(self, phase: str, means: Mapping[str, Tensor]) -> None:
        """Let the loss change its state, and note that the second stage has learnt something."""
        players: dict[str, Player] = {
            "discriminator": "discriminator",
            "generator": "generator",
            "refiner-discriminator": "discriminator",
            "refiner": "generator",
        }
        if phase in players:
            self.loss.after_update(players[phase], means)
        if phase == "refiner":
            self.refined.fill_(1.0)

    def sample(self, request: SampleRequest) -> Tensor:
        """Return images (count, C, H, W) for captions (count, L)."""
        assert request.condition is not None
        z = request.noise_of(self.latent)
        text = self.text(request.condition)
        z = self.latent.place(z.to(text.device), request.controls)
        small = self.generator(z, self.code(text, request.draws).values)
        images = self.refiner(small, self.refiner_code(text, request.draws).values)
        return torch.lerp(F.interpolate(small, images.shape[2:]), images, self.refined)

    def verdicts(self, examples: Tensor, condition: Tensor | None) -> Tensor:
        """Return the mean logit (B,) of each image under its caption, by the discriminator of the second stage."""
        assert condition is not None
        logit: Tensor = self.refiner_discriminator(examples, self.text(condition)).logit
        return logit.flatten(1).mean(1)

    def _made(self, text: Tensor, context: StepContext) -> tuple[Tensor, Tensor]:
        z = self.latent.draw(len(text), context.draws("noise"))
        code, divergence = self.code(text, context.draws("code"))
        return self.generator(z, code), divergence

    def _refined(self, text: Tensor, context: StepContext) -> tuple[Tensor, Tensor]:
        small, _ = self._made(text, context)
        code, divergence = self.refiner_code(text, context.draws("code of the second stage"))
        return self.refiner(small, code), divergence

    def _smaller(self, real: Tensor) -> Tensor:
        return F.interpolate(real, self._small, mode="area")
