"""Clips from captions, from stories and from a first frame: networks of images make and judge the frames."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import (
    Batch,
    DataSpec,
    Discriminator,
    Field,
    FieldRef,
    Generated,
    Generator,
    Latent,
    Loss,
    Parts,
    Phase,
    PhaseOutput,
    Recipe,
    SampleRequest,
    StepContext,
)
from ganzoo_editing.recipe import exchanged
from ganzoo_motion.narrator import Narrator, divergence
from ganzoo_motion.recipe_options import StoryConfig

DATA = "dataset"


@final
class Story(Recipe):
    """A narrator makes a code for each frame, a generator of images each frame from its code.

    One discriminator sees single frames with their sentences, the other one whole clips with the story, as images whose
    channels are the frames. A condition that is an image is the first frame: the clip begins with it. Real clips with
    the condition of another one, exchanged in pairs, are fakes. Source: Li et al. 2019, arXiv 1812.02784.
    """

    averaged = ("narrator", "generator")
    replayable = True

    def __init__(self, config: StoryConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(data)
        spec, self._config = data[DATA], config
        self.output = FieldRef(DATA, spec.target)
        self._frames, *frame = self.output_field.shape
        self.frame = Field("image", tuple(frame))
        field = spec.condition_field
        self._begins = field is not None and field.kind == "image"
        if field is not None and (self._begins or parts.conditioned("generator")):
            self.condition = FieldRef(DATA, spec.condition)
        story = None if self._begins else self.condition_field
        self._sentence = _sentence_of(story, config.sentences)
        self.latent: Latent = parts.build("latent")
        self.narrator = Narrator(
            self.condition_field, self._sentence, math.prod(self.latent.shape), config.code, self._frames
        )
        self.generator: Generator = parts.network("generator", self._sentence, in_shape=(config.code,), out=self.frame)
        self.discriminator: Discriminator = parts.network("discriminator", self._sentence, in_shape=self.frame.shape)
        stacked = (self._frames * frame[0], *frame[1:])
        self.story_discriminator: Discriminator = parts.network("story-discriminator", story, in_shape=stacked)
        self.loss: Loss = parts.build("loss")
        self._mismatched = config.mismatched if story is not None else 0.0
        self.pack = 2 if self._mismatched else 1

    def phases(self) -> tuple[Phase, ...]:
        """Return the phases of both discriminators, and that of the generator with its narrator."""
        updates = self._config.generator_updates
        return (
            Phase("discriminator", ("discriminator",), self.discriminate),
            Phase("story-discriminator", ("story_discriminator",), self.discriminate_stories),
            Phase("generator", ("generator", "narrator"), self.generate, updates=updates),
        )

    def discriminate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score single frames: real ones, made ones, and real ones with the sentences of another clip."""
        real, condition = self._real(batch)
        made, _, _ = self._told(real, condition, context)
        frames, made_frames = self._each(real), self._each(made)
        return self._losses(self.discriminator, frames, made_frames, self._said(condition), self._frames)

    def discriminate_stories(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score whole clips: real ones, made ones, and real ones with the story of another clip."""
        real, condition = self._real(batch)
        made, _, _ = self._told(real, condition, context)
        story = None if self._begins else condition
        return self._losses(self.story_discriminator, real.flatten(1, 2), made.flatten(1, 2), story, 1)

    def generate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score new clips by both discriminators."""
        real, condition = self._real(batch)
        made, mean, log_variance = self._told(real, condition, context)
        config, story = self._config, None if self._begins else condition
        seen = (
            ("frames", config.frame_weight, self.discriminator, self._each, self._said(condition)),
            ("stories", config.story_weight, self.story_discriminator, lambda clips: clips.flatten(1, 2), story),
        )
        terms, values = {}, {}
        for name, weight, network, shaped, given in seen:
            logit = network(shaped(made), given).logit
            losses = self.loss.generator(logit, lambda: network(shaped(real), given).logit)  # noqa: B023 - called here
            terms[name] = weight * losses.mean()
            values[f"D(G(z)) of {name}"] = self.loss.score(logit.detach()).mean()
        if condition is not None and config.kl:
            terms["divergence"] = config.kl * divergence(mean, log_variance).mean() / self.output_field.size
        return PhaseOutput(terms, values, Generated(made.detach(), condition))

    def after_update(self, phase: str, means: Mapping[str, Tensor]) -> None:
        """Let the loss change its state."""
        if phase == "generator":
            self.loss.after_update("generator", means)
        elif phase == "story-discriminator":
            self.loss.after_update("discriminator", means)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """The shape of the noise."""
        return self.latent.shape

    def sample(self, request: SampleRequest) -> Tensor:
        """Return clips (count, T, C, H, W); the state of a story is its mean."""
        device = next(self.generator.parameters()).device
        z = request.noise_of(self.latent)
        clips, _, _ = self._clips(z.to(device), request.condition, None)
        return clips

    def verdicts(self, examples: Tensor, condition: Tensor | None) -> Tensor:
        """Return the mean logit (B,) of each clip."""
        logit: Tensor = self.story_discriminator(examples.flatten(1, 2), None if self._begins else condition).logit
        return logit.flatten(1).mean(1)

    def _losses(
        self, network: Discriminator, real: Tensor, made: Tensor, condition: Tensor | None, each: int
    ) -> PhaseOutput:
        """Score real and made images; ``each`` of them that follow each other belong to one clip."""
        of_real, of_made = network(real, condition).logit, network(made, condition).logit
        losses = self.loss.discriminator(of_real, of_made)
        if (share := self._mismatched) and condition is not None:
            wrong = exchanged(condition.unflatten(0, (-1, each))).flatten(0, 1)
            differs = (wrong != condition).reshape(len(condition), -1).any(dim=1).view(-1, *[1] * (losses.dim() - 1))
            of_wrong = self.loss.discriminator(of_real, network(real, wrong).logit)
            # What both of a pair say is not wrong.
            losses = torch.where(differs, (1 - share) * losses + share * of_wrong, losses)
        scores = {"D(x)": of_real, "D(G(z)) before": of_made}
        values = {name: self.loss.score(logit.detach()).mean() for name, logit in scores.items()}
        return PhaseOutput({"adversarial": losses.mean()}, values)

    def _real(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        return self.values(self.output, batch), self.values(self.condition, batch) if self.condition else None

    def _told(self, real: Tensor, condition: Tensor | None, context: StepContext) -> tuple[Tensor, Tensor, Tensor]:
        z = self.latent.draw(len(real), context.draws("noise"))
        return self._clips(z, condition, context.draws("story").normal(len(real), self._config.code))

    def _clips(self, z: Tensor, condition: Tensor | None, chance: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return made clips (B, T, C, H, W), and the mean and log-variance (B, F) of their stories."""
        sentences = None if self._begins else self._sentences(condition)
        codes, mean, log_variance = self.narrator(z.flatten(1), condition, sentences, chance)
        said = sentences.flatten(0, 1) if sentences is not None else None
        frames: Tensor = self.generator(codes.flatten(0, 1), said)
        clips = frames.unflatten(0, (-1, self._frames))
        if self._begins and condition is not None:
            clips = torch.cat([condition[:, None], clips[:, 1:]], dim=1)
        return clips, mean, log_variance

    def _sentences(self, condition: Tensor | None) -> Tensor | None:
        """Return what is said of each frame (B, T, …)."""
        if condition is None:
            return None
        if self._config.sentences == 1:
            return condition[:, None].expand(-1, self._frames, *condition.shape[1:])
        sentences: Tensor = condition.unflatten(1, (self._config.sentences, -1))
        return sentences

    def _said(self, condition: Tensor | None) -> Tensor | None:
        """Return what is said of each frame of a batch (B · T, …)."""
        sentences = None if self._begins else self._sentences(condition)
        return sentences.flatten(0, 1) if sentences is not None else None

    def _each(self, clips: Tensor) -> Tensor:
        """Return the frames (B · T, C, H, W) of clips."""
        return clips.flatten(0, 1)


def _sentence_of(story: Field | None, sentences: int) -> Field | None:
    """Return the field of one of several sentences of equal length."""
    if story is None or sentences == 1:
        return story
    return Field("tokens", (story.size // sentences,), names=story.names)
