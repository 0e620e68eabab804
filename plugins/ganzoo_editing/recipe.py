"""GANs of attributes: the two players alone, and with encoders that make real examples editable."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import (
    Batch,
    DataSpec,
    Discriminator,
    Draws,
    FieldRef,
    Generated,
    Generator,
    Latent,
    Loss,
    Output,
    Parts,
    Phase,
    PhaseOutput,
    Player,
    Recipe,
    SampleRequest,
    StepContext,
)
from ganzoo_editing.encoders import Encoder, resting
from ganzoo_editing.recipe_options import AttributesConfig, EditableConfig

DATA = "dataset"
DRAW, EDIT = "draw", "edit"


class Players(Recipe):
    """A generator and a discriminator with attributes.

    Attributes of fakes are those of the batch, to which normal noise may be added: draws from a kernel estimate of
    their distribution. Examples with wrong attributes exchange theirs in pairs.
    """

    replayable = True
    watched_accuracy = "D accuracy"

    def __init__(self, config: AttributesConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(data)
        spec, self._config = data[DATA], config
        self.output, self.condition = FieldRef(DATA, spec.target), FieldRef(DATA, spec.condition)
        target, attributes = self.output_field, self.field(self.condition)
        self.latent: Latent = parts.build("latent")
        self.generator: Generator = parts.network("generator", attributes, in_shape=self.latent.shape, out=target)
        self.discriminator: Discriminator = parts.network("discriminator", attributes, in_shape=target.shape)
        self.loss: Loss = parts.build("loss")
        self.pack = 2 if config.mismatched else 1

    def discriminate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score real examples, fakes, and real examples with the attributes of another one."""
        real, attributes = self._real(batch)
        asked = self._asked(attributes, context.draws("attributes"))
        z = self.latent.draw(len(real), context.draws("noise"))
        of_real = self.discriminator(real, attributes).logit
        of_fake = self.discriminator(self.generator(z, asked), asked).logit
        losses = self.loss.discriminator(of_real, of_fake)
        if share := self._config.mismatched:
            wrong = exchanged(attributes)
            differs = (wrong != attributes).any(dim=1, keepdim=True)
            of_wrong = self.loss.discriminator(of_real, self.discriminator(real, wrong).logit)
            # Attributes that both of a pair have are not wrong.
            losses = torch.where(differs, (1 - share) * losses + share * of_wrong, losses)
        scores = {"D(x)": of_real.detach(), "D(G(z)) before": of_fake.detach()}
        right = torch.cat([of_real > self.loss.threshold, of_fake < self.loss.threshold]).float()
        values = {name: self.loss.score(logit).mean() for name, logit in scores.items()}
        return PhaseOutput(
            {"adversarial": self._config.discriminator_weight * losses.mean()},
            {**values, self.watched_accuracy: right.mean()},
        )

    def generate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score new fakes."""
        real, attributes = self._real(batch)
        asked = self._asked(attributes, context.draws("attributes"))
        fake = self.generator(self.latent.draw(len(real), context.draws("noise")), asked)
        logit = self.discriminator(fake, asked).logit
        losses = self.loss.generator(logit, lambda: self.discriminator(real, attributes).logit)
        score = self.loss.score(logit.detach()).mean()
        return PhaseOutput(
            {"adversarial": losses.mean()}, {"D(G(z)) after": score}, Generated(fake.detach(), attributes)
        )

    def after_update(self, phase: str, means: Mapping[str, Tensor]) -> None:
        """Let the loss change its state."""
        players: dict[str, Player] = {"generator": "generator", "discriminator": "discriminator"}
        if phase in players:
            self.loss.after_update(players[phase], means)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """The shape of the noise."""
        return self.latent.shape

    def drawn(self, request: SampleRequest) -> Tensor:
        """Return examples (count, \\*shape) from noise and attributes."""
        assert request.condition is not None
        z = request.noise_of(self.latent)
        return self.made(z.to(request.condition.device), request.condition)

    def made(self, z: Tensor, attributes: Tensor) -> Tensor:
        """Return what the generator makes of noise (B, …) and attributes (B, A), as people write them."""
        examples: Tensor = self.generator(z, self._scaled(attributes))
        return examples

    def verdicts(self, examples: Tensor, condition: Tensor | None) -> Tensor:
        """Return the mean logit (B,) of each example."""
        assert condition is not None
        logit: Tensor = self.discriminator(examples, self._scaled(condition)).logit
        return logit.flatten(1).mean(1)

    def _real(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the examples and their attributes, as the networks see them."""
        assert self.condition is not None
        return batch[DATA][self.output.field], self._scaled(batch[DATA][self.condition.field])

    def _scaled(self, attributes: Tensor) -> Tensor:
        return 2 * attributes - 1 if self._config.signed else attributes

    def _asked(self, attributes: Tensor, draws: Draws) -> Tensor:
        """Return attributes for fakes: draws from a kernel estimate of the distribution of the data's."""
        if not self._config.kernel:
            return attributes
        return attributes + self._config.kernel * draws.normal(*attributes.shape)


@final
class Attributes(Players):
    """The two players alone. Source: Gauthier 2014, Conditional generative adversarial nets for face generation."""

    averaged = ("generator",)

    def phases(self) -> tuple[Phase, ...]:
        """Return the phases of both players."""
        return (
            Phase("discriminator", ("discriminator",), self.discriminate),
            Phase("generator", ("generator",), self.generate),
        )

    def sample(self, request: SampleRequest) -> Tensor:
        """Return examples (count, \\*shape) from attributes."""
        return self.drawn(request)


@final
class Editable(Players):
    """The two players, and an encoder for each of what the generator is given: of the noise, and of the attributes.

    ``draw`` makes an example from attributes, ``edit`` from another example and the attributes that the result should
    have. Source: Perarnau et al. 2016, arXiv 1611.06355.
    """

    averaged = ("generator", "noise_encoder", "attribute_encoder")

    def __init__(self, config: EditableConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(config, parts, data)
        self._gan_steps = config.gan_steps
        shape, width = self.output_field.shape, config.encoder_width
        self.noise_encoder = Encoder(shape, width, 0, math.prod(self.latent.shape))
        attributes = data[DATA].fields[data[DATA].condition].size
        self.attribute_encoder = Encoder(shape, width, config.encoder_dense, attributes)

    def phases(self) -> tuple[Phase, ...]:
        """Return the phases of both players, then those of the encoders."""
        last = self._gan_steps or None
        return (
            Phase("discriminator", ("discriminator",), self.discriminate, last=last),
            Phase("generator", ("generator",), self.generate, last=last),
            Phase("noise-encoder", ("noise_encoder",), self.fit_noise),
            Phase("attribute-encoder", ("attribute_encoder",), self.fit_attributes),
        )

    def fit_noise(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the squared error of the noise of generated examples: a real one has none to compare with."""
        _, attributes = self._real(batch)
        z = self.latent.draw(len(attributes), context.draws("noise"))
        with resting(self.generator):
            made = self.generator(z, attributes)
        return PhaseOutput({"squared error": F.mse_loss(self.noise_encoder(made), z.flatten(1))})

    def fit_attributes(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the squared error of the attributes of real examples."""
        real, attributes = self._real(batch)
        return PhaseOutput({"squared error": F.mse_loss(self.attribute_encoder(real), attributes)})

    @property
    def outputs(self) -> Mapping[str, Output]:
        """Examples from attributes, and from an example and attributes."""
        assert self.condition is not None
        both = FieldRef(DATA, f"{self.output.field}+{self.condition.field}")
        return {DRAW: Output(self.output, self.condition), EDIT: Output(self.output, both)}

    def sample(self, request: SampleRequest) -> Tensor:
        """Return examples (count, \\*shape): drawn, or edited."""
        if request.output != EDIT:
            return self.drawn(request)
        assert request.condition is not None
        field = self.output_field
        examples, attributes = request.condition.tensor_split([field.size], dim=1)
        (z,) = self.encode(examples.view(-1, *field.shape), attributes)
        return self.made(z, attributes)

    def encode(self, examples: Tensor, condition: Tensor | None, output: str = "") -> tuple[Tensor, ...]:
        """Return the noise (B, \\*latent shape) of examples."""
        return (self.noise_encoder(examples).view(-1, *self.latent.shape),)

    def recognise(self, examples: Tensor, output: str = "") -> Tensor:
        """Return the attributes (B, A) of examples."""
        found: Tensor = self.attribute_encoder(examples)
        return (found + 1) / 2 if self._config.signed else found


def exchanged(attributes: Tensor) -> Tensor:
    """Return attributes (B, A), those of the two of each pair exchanged.

    >>> exchanged(torch.tensor([[1], [2], [3], [4]])).flatten().tolist()
    [2, 1, 4, 3]
    """
    swapped: Tensor = attributes.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)
    return swapped
