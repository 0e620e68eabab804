"""What all recipes that make images from captions share: the text, wrong captions, and the terms of both players."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ganzoo.plugin import (
    WHOLE_BATCH,
    Batch,
    DataSpec,
    Field,
    FieldRef,
    Latent,
    Loss,
    Parts,
    Phase,
    PhaseOutput,
    Recipe,
    StepContext,
)
from ganzoo_words.code import CODES, Code
from ganzoo_words.encoder import TextEncoder
from ganzoo_words.matching import Matching
from ganzoo_words.mismatch import wrong_captions
from ganzoo_words.recipe_options import FromCaptionsConfig

DATA = "dataset"


class Captioned(NamedTuple):
    """A batch: real images (B, …), captions (B, L), and the vectors (B, T) of their text."""

    real: Tensor
    captions: Tensor
    text: Tensor


class FromCaptions(Recipe, ABC):
    """A text encoder, its pre-training, and a discriminator of pairs.

    A text encoder that is not pre-trained is trained by the discriminator, which needs it to tell right captions from
    wrong ones. No phase of a generator changes it. Wrong captions come from the same batch, which is not divided.
    """

    replayable = True
    pack = WHOLE_BATCH
    watched_accuracy = "D accuracy"

    def __init__(self, config: FromCaptionsConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(data)
        spec = data[DATA]
        self._config = config
        self.output, self.condition = FieldRef(DATA, spec.target), FieldRef(DATA, spec.condition)
        self._label = next((name for name, field in spec.fields.items() if field.classes), "")
        self.latent: Latent = parts.build("latent")
        self.text: TextEncoder = parts.build("text-encoder", field=spec.field(spec.condition))
        self.matching = Matching(spec.target_field, self.text.size, config.margin) if config.pretraining else None
        self.loss: Loss = parts.build("loss")
        learns = not config.pretraining and parts.conditioned("discriminator")
        self._text_learner = ("text",) if learns else ()

    def new_code(self) -> Code:
        """Return a new map from texts to codes."""
        return CODES[self._config.code](self._config, self.text.size)

    def pretraining(self) -> tuple[Phase, ...]:
        """Return the phase of the pre-training, if it has steps; it shares the optimizer of the discriminator."""
        steps = self._config.pretraining
        trained = ("text", "matching")
        return (Phase("matching", trained, self.match, last=steps, optimizer="discriminator"),) if steps else ()

    def match(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the loss of images and captions that belong together."""
        assert self.matching is not None
        real, captions, text = self.captioned(batch)
        loss, retrieved = self.matching(real, text, captions)
        return PhaseOutput({"matching": loss}, {"retrieved": retrieved})

    def captioned(self, batch: Batch) -> Captioned:
        """Return the real images, their captions, and what the text encoder makes of these."""
        assert self.condition is not None
        captions = batch[DATA][self.condition.field]
        return Captioned(batch[DATA][self.output.field], captions, self.text(captions))

    def wrong(self, batch: Batch, captions: Tensor, context: StepContext) -> tuple[Tensor, Tensor]:
        """Return the number (B,) of a wrong caption for each image, and whether there is one (B,)."""
        labels = batch[DATA][self._label] if self._config.mismatch == "class" else None
        return wrong_captions(captions, labels, context.draws("mismatch"))

    def told_apart(
        self, discriminator: nn.Module, real: Tensor, fake: Tensor, text: Tensor, wrong: tuple[Tensor, Tensor]
    ) -> PhaseOutput:
        """Return the term of a discriminator for (real, match), (real, mismatch) and (fake, match).

        L(real) + (1 − w) L(fake) + w L(mismatch) with w one half in the papers. Sources: Reed et al. 2016, arXiv
        1605.05396, algorithm 1; Zhang et al. 2017, arXiv 1612.03242.
        """
        numbers, exists = wrong
        of_real, of_fake = (discriminator(images, text).logit for images in (real, fake))
        losses = self.loss.discriminator(of_real, of_fake)
        values = {}
        if share := self._config.mismatched:
            of_wrong = discriminator(real, text[numbers]).logit
            weight = (share * exists).view(-1, *[1] * (losses.dim() - 1))
            losses = (1 - weight) * losses + weight * self.loss.discriminator(of_real, of_wrong)
            values["D(x) mismatched"] = self.loss.score(of_wrong.detach()).mean()
        of_real, of_fake, threshold = of_real.detach(), of_fake.detach(), self.loss.threshold
        values |= {
            "D(x)": self.loss.score(of_real).mean(),
            "D(G(z)) before": self.loss.score(of_fake).mean(),
            self.watched_accuracy: torch.cat([of_real > threshold, of_fake < threshold]).float().mean(),
            **{name: value.mean() for name, value in self.loss.statistics(of_real, of_fake).items()},
        }
        return PhaseOutput({"adversarial": losses.mean()}, values)

    def fooled(
        self, discriminator: nn.Module, real: Tensor, fake: Tensor, text: Tensor, divergence: Tensor
    ) -> PhaseOutput:
        """Return the terms of a generator for fakes (N, …) of texts (N, T); the first of them belong to ``real``."""
        logit = discriminator(fake, text).logit
        repeated = torch.arange(len(fake), device=real.device) % len(real)
        losses = self.loss.generator(logit, lambda: discriminator(real[repeated], text[repeated]).logit)
        terms = {"adversarial": losses.mean()}
        if self._config.code == "augmented":
            terms["divergence"] = self._config.divergence * divergence.mean()
        return PhaseOutput(terms, {"D(G(z)) after": self.loss.score(logit.detach()).mean()})

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """The shape of the noise."""
        return self.latent.shape

    @property
    def controls(self) -> Mapping[str, Field]:
        """Parts of the noise that a user may choose."""
        return self.latent.controls
