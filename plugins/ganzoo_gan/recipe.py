"""One generator against one discriminator, conditional or not (Goodfellow et al. 2014; Mirza & Osindero 2014)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, final

import torch
from torch import Tensor

from ganzoo.plugin import (
    Batch,
    ConditionedDiscriminator,
    DataSpec,
    Discriminator,
    Draws,
    FieldRef,
    Generated,
    Generator,
    Latent,
    Loss,
    Parts,
    Penalties,
    Phase,
    PhaseOutput,
    Recipe,
    StepContext,
    batchwise,
)
from ganzoo_gan.configs import AdversarialConfig

DATA = "dataset"


class DiscriminatorInput(NamedTuple):
    """Examples (B, …) and the conditions (B, …) under which the discriminator scores them."""

    values: Tensor
    condition: Tensor | None


@final
class Adversarial(Recipe):
    """Two phases: the discriminator learns to tell real from fake examples, the generator to fool it."""

    averaged = ("generator",)
    replayable = True

    def __init__(self, config: AdversarialConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(data)
        spec = data[DATA]
        self._config = config
        self.output = FieldRef(DATA, spec.target)
        if spec.condition and parts.conditioned("generator"):
            self.condition = FieldRef(DATA, spec.condition)
        condition, target = self.condition_field, spec.target_field
        self._classes = condition.classes if condition is not None else 0
        self.latent: Latent = parts.build("latent")
        self.generator: Generator = parts.network("generator", condition, in_shape=self.latent.shape, out=target)
        self.discriminator: Discriminator = parts.network("discriminator", condition, in_shape=target.shape)
        self.loss: Loss = parts.build("loss")
        self.penalties = Penalties(parts.build_all("penalty"))
        self._joint = config.joint and not batchwise(self.discriminator)

    def phases(self) -> tuple[Phase, ...]:
        """Return the discriminator's phase and the generator's; with shared fakes the generator's is the first."""
        updates = self._config.discriminator_updates
        discriminate = Phase("discriminator", ("discriminator",), self.discriminate, updates=updates, fresh_data=True)
        generate = Phase("generator", ("generator",), self.generate, updates=self._config.generator_updates)
        return (generate, discriminate) if self._config.shared_fakes else (discriminate, generate)

    def discriminate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score a real and a fake batch; the generator is frozen, so the fakes are constants."""
        real, condition = self._real(batch)
        fake, fake_condition = self._shared_fakes(context) or self._fakes(len(real), condition, context)
        inputs = [DiscriminatorInput(real, condition), DiscriminatorInput(fake, fake_condition)]
        share = self._config.mismatched
        if share and condition is not None and self._classes > 1:
            inputs.append(DiscriminatorInput(real, self._wrong_classes(condition, context)))
        real_logit, fake_logit, *mismatched = self._logits(inputs)
        losses = self.loss.discriminator(real_logit, fake_logit)
        for logit in mismatched:
            losses = (1 - share) * losses + share * self.loss.discriminator(real_logit, logit)
        if self.penalties.uses_fakes and fake_condition is not condition:
            # The penalty compares real and fake examples under the same condition, so it needs fakes of that condition.
            fake = self._generate(len(real), condition, context)
        penalties = self.penalties(
            ConditionedDiscriminator(self.discriminator, condition), real, fake, context.draws("penalty")
        )
        terms = {"adversarial": self._config.discriminator_weight * losses.mean()}
        terms.update({name: term.mean() for name, term in penalties.terms.items()})
        real_logit, fake_logit = real_logit.detach(), fake_logit.detach()
        watched = {**penalties.values, **self.loss.statistics(real_logit, fake_logit)}
        means = {name: values.detach().float().mean() for name, values in watched.items()}
        return PhaseOutput(terms, {**self._watched(real_logit, fake_logit), **means})

    def _logits(self, inputs: Sequence[DiscriminatorInput]) -> Sequence[Tensor]:
        """Return the logits (B, 1) of each input, from one pass where that gives the same."""
        if not self._joint:
            return [self.discriminator(*examples).logit for examples in inputs]
        conditions = [examples.condition for examples in inputs if examples.condition is not None]
        values = torch.cat([examples.values for examples in inputs])
        logits: Tensor = self.discriminator(values, torch.cat(conditions) if conditions else None).logit
        return logits.chunk(len(inputs))

    def _watched(self, real_logit: Tensor, fake_logit: Tensor) -> Mapping[str, Tensor]:
        threshold = self.loss.threshold
        correct = (real_logit > threshold).float().mean() + (fake_logit < threshold).float().mean()
        real_score, fake_score = self.loss.score(real_logit), self.loss.score(fake_logit)
        return {"D(x)": real_score.mean(), "D(G(z)) before": fake_score.mean(), "D accuracy": correct / 2}

    def generate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score new fakes from new noise."""
        real, condition = self._real(batch)
        fake, fake_condition = self._fakes(len(real), condition, context)
        logit = self.discriminator(fake, fake_condition).logit
        losses = self.loss.generator(logit, lambda: self.discriminator(real, condition).logit)
        watched = {"D(G(z)) after": self.loss.score(logit.detach()).mean()}
        handed = {"fakes": fake} if self._config.shared_fakes else {}
        if fake_condition is not None and handed:
            handed["conditions of fakes"] = fake_condition
        return PhaseOutput({"adversarial": losses.mean()}, watched, Generated(fake.detach(), fake_condition), handed)

    def after_update(self, phase: str, means: Mapping[str, Tensor]) -> None:
        """Let the loss and the penalties change their state."""
        if phase == "discriminator":
            self.loss.after_update("discriminator", means)
            self.penalties.after_update(self.discriminator, means)
        else:
            self.loss.after_update("generator", means)

    def sample(self, count: int, condition: Tensor | None, draws: Draws) -> Tensor:
        """Return examples (count, \\*shape) for ``condition`` (count, …)."""
        device = next(self.generator.parameters()).device
        examples: Tensor = self.generator(self.latent.draw(count, draws).to(device), condition)
        return examples

    def _shared_fakes(self, context: StepContext) -> DiscriminatorInput | None:
        """Return the fakes of the generator's phase, if it shares them."""
        fakes = context.handed("fakes")
        return None if fakes is None else DiscriminatorInput(fakes, context.handed("conditions of fakes"))

    def _real(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        fields = batch[DATA]
        return fields[self.output.field], fields[self.condition.field] if self.condition else None

    def _fakes(self, count: int, condition: Tensor | None, context: StepContext) -> DiscriminatorInput:
        """Return new fakes and their conditions, for a batch of real examples with ``condition``."""
        fake_condition = self._fake_condition(condition, context)
        return DiscriminatorInput(self._generate(count, fake_condition, context), fake_condition)

    def _generate(self, count: int, condition: Tensor | None, context: StepContext) -> Tensor:
        fakes: Tensor = self.generator(self.latent.draw(count, context.draws("noise")), condition)
        return fakes

    def _fake_condition(self, condition: Tensor | None, context: StepContext) -> Tensor | None:
        field = self.condition_field
        if condition is None or field is None or field.kind != "class" or self._config.fake_conditions == "data":
            return condition
        return context.draws("labels").integers(field.classes, *condition.shape)

    def _wrong_classes(self, condition: Tensor, context: StepContext) -> Tensor:
        """Return for every class (B,) a different one, drawn uniformly."""
        steps = 1 + context.draws("mismatch").integers(self._classes - 1, *condition.shape)
        return (condition + steps) % self._classes
