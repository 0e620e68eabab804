"""The recipe for two domains without pairs: CycleGAN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor, nn

from ganzoo.plugin import (
    WHOLE_BATCH,
    Batch,
    DataSpec,
    FieldRef,
    Generated,
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
from ganzoo_images.dropout import dropout_from
from ganzoo_images.jitter import Jitter
from ganzoo_images.pool import Pool
from ganzoo_images.recipe_options import CycleConfig, domains

DATA = "dataset"
THERE, BACK = "a-to-b", "b-to-a"


@final
class Cycle(Recipe):
    """Two generators, one for each direction, and a discriminator for each domain.

    Every term belongs to one domain alone, so that the two images of a pair are never compared: data with pairs is as
    good as data without them. A pool remembers the images of a batch in their order, so that batches are not divided.
    Source: Zhu et al. 2017, arXiv 1703.10593.
    """

    averaged = ("generator",)
    replayable = True
    pack = WHOLE_BATCH

    def __init__(self, config: CycleConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(data)
        self._config = config
        a, b = (FieldRef(DATA, name) for name in domains(data[DATA]))
        self._domains = a, b
        self.condition, self.output = a, b
        fields = {THERE: (self.field(a), self.field(b)), BACK: (self.field(b), self.field(a))}
        self.generator = nn.ModuleDict(
            {name: parts.network("generator", in_shape=given.shape, out=made) for name, (given, made) in fields.items()}
        )
        self.discriminator = nn.ModuleDict(
            {name: parts.network("discriminator", in_shape=made.shape) for name, (_, made) in fields.items()}
        )
        self.loss: Loss = parts.build("loss")
        self.pools = nn.ModuleDict({name: Pool(config.pool, made.shape) for name, (_, made) in fields.items()})
        self._jitter = Jitter(config.jitter, config.flip)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """Both directions."""
        a, b = self._domains
        return {THERE: Output(b, a), BACK: Output(a, b)}

    def phases(self) -> tuple[Phase, ...]:
        """Return one phase for both generators, and one for both discriminators."""
        return (
            Phase("generator", ("generator",), self.generate),
            Phase("discriminator", ("discriminator",), self.discriminate),
        )

    def generate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the terms of both generators, and hand on what they made and the real images."""
        real_a, real_b = (self._real(batch, context, ref) for ref in self._domains)
        made_b, made_a = self.generator[THERE](real_a, None), self.generator[BACK](real_b, None)
        config = self._config
        fooled = [self._fooled(THERE, made_b, real_b), self._fooled(BACK, made_a, real_a)]
        terms = {"adversarial": torch.stack(fooled).sum()}
        if config.cycle:
            again_a, again_b = self.generator[BACK](made_b, None), self.generator[THERE](made_a, None)
            terms["cycle"] = config.cycle * (_distance(again_a, real_a) + _distance(again_b, real_b))
        if config.identity:
            same_b, same_a = self.generator[THERE](real_b, None), self.generator[BACK](real_a, None)
            distance = _distance(same_b, real_b) + _distance(same_a, real_a)
            terms["identity"] = config.identity * config.cycle * distance
        handed = {f"made {THERE}": made_b, f"made {BACK}": made_a, f"real {THERE}": real_b, f"real {BACK}": real_a}
        return PhaseOutput(terms, generated=Generated(made_b.detach(), real_a), handed=handed)

    def discriminate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score real images, and images of the pools, in each domain."""
        losses, watched = [], dict[str, Tensor]()
        handed = {name: (context.handed(f"real {name}"), context.handed(f"made {name}")) for name in (THERE, BACK)}
        new = self._new(batch, context) if any(images is None for pair in handed.values() for images in pair) else {}
        for name, (real, made) in {**handed, **new}.items():
            assert real is not None and made is not None
            shown = self.pools[name](made, context.draws(f"pool {name}"))
            of_real, of_fake = self._logit(name, real), self._logit(name, shown)
            losses.append(self.loss.discriminator(of_real, of_fake).mean())
            watched[f"D(x) {name}"] = self.loss.score(of_real.detach()).mean()
            watched[f"D(G(z)) {name}"] = self.loss.score(of_fake.detach()).mean()
        return PhaseOutput({"adversarial": self._config.discriminator_weight * torch.stack(losses).sum()}, watched)

    def after_update(self, phase: str, means: Mapping[str, Tensor]) -> None:
        """Let the loss change its state."""
        players: dict[str, Player] = {"generator": "generator", "discriminator": "discriminator"}
        self.loss.after_update(players[phase], means)

    def sample(self, request: SampleRequest) -> Tensor:
        """Return images (count, C, H, W) of the other domain."""
        with dropout_from(request.draws):
            images: Tensor = self.generator[request.output or THERE](request.condition, None)
        return images

    def _new(self, batch: Batch, context: StepContext) -> dict[str, tuple[Tensor | None, Tensor | None]]:
        """Return real and made images of each domain, where the generator's phase was left out."""
        real_a, real_b = (self._real(batch, context, ref) for ref in self._domains)
        return {
            THERE: (real_b, self.generator[THERE](real_a, None)),
            BACK: (real_a, self.generator[BACK](real_b, None)),
        }

    def _real(self, batch: Batch, context: StepContext, ref: FieldRef) -> Tensor:
        (images,) = self._jitter([batch[ref.slot][ref.field]], context.draws(f"jitter {ref.field}"))
        return images

    def _fooled(self, name: str, made: Tensor, real: Tensor) -> Tensor:
        losses: Tensor = self.loss.generator(self._logit(name, made), lambda: self._logit(name, real))
        return losses.mean()

    def _logit(self, name: str, images: Tensor) -> Tensor:
        logit: Tensor = self.discriminator[name](images, None).logit
        return logit


def _distance(images: Tensor, others: Tensor) -> Tensor:
    return (images - others).abs().mean()
