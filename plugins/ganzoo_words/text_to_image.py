"""The recipe of GAN-CLS: images from captions in one stage, with wrong captions among the fakes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import (
    Batch,
    DataSpec,
    Generated,
    Parts,
    Phase,
    PhaseOutput,
    SampleRequest,
    StepContext,
)
from ganzoo_words.encoder import vector_field
from ganzoo_words.from_captions import FromCaptions
from ganzoo_words.recipe_options import TextToImageConfig


@final
class TextToImage(FromCaptions):
    """One generator and one discriminator, both conditioned on text; Reed et al. 2016, arXiv 1605.05396.

    With interpolation the generator also makes images for the mean of two texts (GAN-INT, equation 5 with β = ½).
    """

    averaged = ("generator", "code")

    def __init__(self, config: TextToImageConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(config, parts, data)
        self._interpolation, target = config.interpolation, self.output_field
        self.code = self.new_code()
        self.generator = parts.network(
            "generator", vector_field(self.code.size), in_shape=self.latent.shape, out=target
        )
        self.discriminator = parts.network("discriminator", vector_field(self.text.size), in_shape=target.shape)

    def phases(self) -> tuple[Phase, ...]:
        """Return the pre-training, if there is one, and then both players' phases."""
        first = self._config.pretraining
        return (
            *self.pretraining(),
            Phase("discriminator", ("discriminator", *self._text_learner), self.discriminate, first=first),
            Phase("generator", ("generator", "code"), self.generate, first=first),
        )

    def discriminate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score real images with right and wrong captions, and fakes with right ones."""
        real, captions, text = self.captioned(batch)
        fake, _ = self._made(text.detach(), context)
        return self.told_apart(self.discriminator, real, fake, text, self.wrong(batch, captions, context))

    def generate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score new fakes from new noise."""
        real, captions, text = self.captioned(batch)
        asked = text
        if self._interpolation:
            numbers, _ = self.wrong(batch, captions, context)
            half = (len(text) + 1) // 2
            asked = torch.cat([text, (text[:half] + text[numbers[:half]]) / 2])
        fake, divergence = self._made(asked, context)
        output = self.fooled(self.discriminator, real, fake, asked, divergence)
        return replace(output, generated=Generated(fake[: len(real)].detach(), captions))

    def after_update(self, phase: str, means: Mapping[str, Tensor]) -> None:
        """Let the loss change its state."""
        if phase == "discriminator":
            self.loss.after_update("discriminator", means)
        elif phase == "generator":
            self.loss.after_update("generator", means)

    def sample(self, request: SampleRequest) -> Tensor:
        """Return images (count, *shape) for captions (count, L)."""
        assert request.condition is not None
        z = request.noise_of(self.latent)
        text = self.text(request.condition)
        z = self.latent.place(z.to(text.device), request.controls)
        images: Tensor = self.generator(z, self.code(text, request.draws).values)
        return images

    def verdicts(self, examples: Tensor, condition: Tensor | None) -> Tensor:
        """Return the mean logit (B,) of each image under its caption."""
        assert condition is not None
        logit: Tensor = self.discriminator(examples, self.text(condition)).logit
        return logit.flatten(1).mean(1)

    def _made(self, text: Tensor, context: StepContext) -> tuple[Tensor, Tensor]:
        z = self.latent.draw(len(text), context.draws("noise"))
        code, divergence = self.code(text, context.draws("code"))
        return self.generator(z, code), divergence
