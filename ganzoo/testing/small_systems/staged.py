"""A recipe of stages, whose phases share optimizers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from torch import Tensor

from ganzoo.plugin import (
    Batch,
    ConditionedDiscriminator,
    Config,
    DataSpec,
    FieldRef,
    Generated,
    Loss,
    Parts,
    Penalties,
    Phase,
    PhaseOutput,
    Recipe,
    SampleRequest,
    StepContext,
    option,
)


@dataclass(frozen=True)
class StagedConfig(Config):
    """Options of the staged recipe."""

    pretraining: int = option(3, "steps before the adversarial training", low=0)
    every: int = option(2, "steps from one update of the penalty to the next", low=1)


@final
class Staged(Recipe):
    """Pre-training, then an adversarial training with a lazy penalty.

    The pre-training has a window of its own, and shares the optimizer of the generator, as in SRGAN (arXiv 1609.04802);
    the penalty is a phase that shares the optimizer of the discriminator, as in StyleGAN2 (arXiv 1912.04958); the
    generator's phase hands its fakes on.
    """

    averaged = ("generator",)
    replayable = True

    def __init__(self, config: StagedConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(data)
        self.config, target = config, data["dataset"].target_field
        self.output = FieldRef("dataset", data["dataset"].target)
        self.latent = parts.build("latent")
        self.generator = parts.network("generator", in_shape=self.latent.shape, out=target)
        self.discriminator = parts.network("discriminator", in_shape=target.shape)
        self.loss: Loss = parts.build("loss")
        self.penalties = Penalties(parts.build_all("penalty"))

    def phases(self) -> tuple[Phase, ...]:
        """Return four phases, of which two share an optimizer with another one."""
        first = self.config.pretraining
        return (
            Phase("pretraining", ("generator",), self.pretrain, last=first, optimizer="generator"),
            Phase("generator", ("generator",), self.generate, first=first),
            Phase("discriminator", ("discriminator",), self.discriminate, first=first),
            Phase(
                "lazy-penalty",
                ("discriminator",),
                self.regularise,
                first=first,
                every=self.config.every,
                optimizer="discriminator",
            ),
        )

    def pretrain(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the distance of fakes from the real batch."""
        real = self._real(batch)
        return PhaseOutput({"distance": (self._fakes(len(real), context) - real).square().mean()})

    def generate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the generator's term, and hand the fakes on."""
        real = self._real(batch)
        fakes = self._fakes(len(real), context)
        losses = self.loss.generator(self._logit(fakes), lambda: self._logit(real))
        return PhaseOutput({"fooled": losses.mean()}, generated=Generated(fakes.detach()), handed={"fakes": fakes})

    def discriminate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the discriminator's term on the fakes of the generator's phase."""
        fakes = context.handed("fakes")
        assert fakes is not None
        real, fake = self._logit(self._real(batch)), self._logit(fakes)
        watched = self.loss.statistics(real.detach(), fake.detach())
        terms = {"told apart": self.loss.discriminator(real, fake).mean()}
        return PhaseOutput(terms, {name: values.mean() for name, values in watched.items()})

    def regularise(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the terms of the penalties."""
        fakes = context.handed("fakes")
        assert fakes is not None
        discriminator = ConditionedDiscriminator(self.discriminator, None)
        output = self.penalties(discriminator, self._real(batch), fakes, context.draws("penalty"))
        return PhaseOutput(
            {name: term.mean() for name, term in output.terms.items()},
            {name: value.detach().mean() for name, value in output.values.items()},
        )

    def after_update(self, phase: str, means: Mapping[str, Tensor]) -> None:
        """Let loss and penalties change their state."""
        if phase in ("generator", "discriminator"):
            self.loss.after_update("generator" if phase == "generator" else "discriminator", means)
        if phase == "lazy-penalty":
            self.penalties.after_update(self.discriminator, means)

    def sample(self, request: SampleRequest) -> Tensor:
        """Return examples (count, C, H, W)."""
        made: Tensor = self.generator(self.latent.draw(request.count, request.draws), None)
        return made

    def _real(self, batch: Batch) -> Tensor:
        return batch["dataset"][self.output.field]

    def _fakes(self, count: int, context: StepContext) -> Tensor:
        made: Tensor = self.generator(self.latent.draw(count, context.draws("noise")), None)
        return made

    def _logit(self, examples: Tensor) -> Tensor:
        logit: Tensor = self.discriminator(examples, None).logit
        return logit
