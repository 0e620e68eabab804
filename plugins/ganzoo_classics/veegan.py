"""VEEGAN: a third network reconstructs the noise, and the discriminator sees examples with their noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.plugin import (
    Batch,
    DataSpec,
    FieldRef,
    Generated,
    Generator,
    Latent,
    Parts,
    Phase,
    PhaseOutput,
    Recipe,
    SampleRequest,
    StepContext,
)
from ganzoo_classics.configs import VEEGANConfig

DATA = "dataset"


def dense(inputs: int, widths: Sequence[int], outputs: int) -> nn.Sequential:
    """Return fully connected layers with ReLU between."""
    layers: list[nn.Module] = []
    for units in widths:
        layers += [nn.Linear(inputs, units), nn.ReLU()]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


@final
class VEEGAN(Recipe):
    """A generator G, a reconstructor F from examples to noise, and a discriminator of pairs (noise, example).

    The discriminator tells (F(x), x) from (z, G(z)); its logit is high for the first. G and F minimise
    E[−logit(z, G(z)) + λ ‖z − F(G(z))‖²]: a mode that G does not reach has no noise that F could map it to.
    Source: Srivastava et al. 2017, arXiv 1705.07761, equation 5 and algorithm 1.
    """

    averaged = ("generator",)
    replayable = True

    def __init__(self, config: VEEGANConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(data)
        target = data[DATA].target_field
        self._weight = config.reconstruction
        self.output = FieldRef(DATA, data[DATA].target)
        self.latent: Latent = parts.build("latent")
        noise = math.prod(self.latent.shape)
        self.generator: Generator = parts.network("generator", in_shape=self.latent.shape, out=target)
        self.reconstructor = dense(target.size, config.reconstructor_widths, noise)
        self.discriminator = dense(noise + target.size, config.discriminator_widths, 1)

    def phases(self) -> tuple[Phase, ...]:
        """Return the discriminator's phase, and that of generator and reconstructor."""
        return (
            Phase("discriminator", ("discriminator",), self.discriminate),
            Phase("generator", ("generator", "reconstructor"), self.generate),
        )

    def discriminate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the cross-entropy of pairs with real examples and pairs with fakes."""
        real = batch[DATA][self.output.field].flatten(1)
        z = self.latent.draw(len(real), context.draws("noise"))
        fakes = self.generator(z, None)
        of_real = self.logit(self.reconstructor(real), real)
        of_fake = self.logit(z, fakes)
        values = {"D(x)": of_real.detach().sigmoid().mean(), "D(G(z))": of_fake.detach().sigmoid().mean()}
        return PhaseOutput({"adversarial": (F.softplus(-of_real) + F.softplus(of_fake)).mean()}, values)

    def generate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return minus the logit of new pairs, and the error of their noise."""
        z = self.latent.draw(len(batch[DATA][self.output.field]), context.draws("noise"))
        fakes = self.generator(z, None)
        error = (z.flatten(1) - self.reconstructor(fakes.flatten(1))).square().sum(1).mean()
        terms = {"adversarial": -self.logit(z, fakes).mean(), "reconstruction": self._weight * error}
        return PhaseOutput(terms, generated=Generated(fakes.detach()))

    def logit(self, z: Tensor, examples: Tensor) -> Tensor:
        """Return the logit (B, 1) of pairs of noise (B, Z) and examples (B, …)."""
        logit: Tensor = self.discriminator(torch.cat([z.flatten(1), examples.flatten(1)], dim=1))
        return logit

    def sample(self, request: SampleRequest) -> Tensor:
        """Return examples (count, \\*shape)."""
        device = next(self.generator.parameters()).device
        examples: Tensor = self.generator(self.latent.draw(request.count, request.draws).to(device), None)
        return examples
