"""One generator against one discriminator, conditional or not (Goodfellow et al. 2014; Mirza & Osindero 2014)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple, final

import torch
from torch import Tensor

from ganzoo.plugin import (
    Augmentation,
    Batch,
    ConditionedDiscriminator,
    ConditionedGenerator,
    DataSpec,
    Discriminator,
    DiscriminatorOutput,
    Field,
    FieldRef,
    Generated,
    Generator,
    Head,
    HeadInput,
    Latent,
    Loss,
    Parts,
    Penalties,
    PenaltyOutput,
    Phase,
    PhaseOutput,
    Recipe,
    SampleRequest,
    StepContext,
    batchwise,
    without_autocast,
)
from ganzoo_gan.configs import AdversarialConfig

DATA = "dataset"
EARLY, LATER = "discriminator-early", "discriminator-later"  # phases of further updates
THOROUGH_STEPS, THOROUGH_EVERY = 25, 500  # those of the code of WGAN


class DiscriminatorInput(NamedTuple):
    """Examples (B, …), the conditions (B, …) under which they are scored, and the noise (B, Z) that fakes come from."""

    values: Tensor
    condition: Tensor | None
    z: Tensor | None = None


@final
class Adversarial(Recipe):
    """Two phases: the discriminator learns to tell real from fake examples, the generator to fool it."""

    averaged = ("generator",)
    replayable = True
    watched_accuracy = "D accuracy"

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
        self.head: Head = parts.build(
            "head", features=self.discriminator.feature_width, condition=condition, latent=self.latent
        )
        self.loss: Loss = parts.build("loss")
        self.augmentation: Augmentation = parts.build("augmentation")
        self.penalties = Penalties(parts.build_all("penalty"))
        self.generator_penalties = Penalties(parts.build_all("generator-penalty"))
        self._joint = config.joint and not batchwise(self.discriminator)

    def phases(self) -> tuple[Phase, ...]:
        """Return the discriminator's phase and the generator's; with shared fakes the generator's is the first."""
        updates = self._config.discriminator_updates
        trained = ("discriminator", "head")
        discriminate = Phase("discriminator", trained, self.discriminate, updates=updates, fresh_data=True)
        generate = Phase("generator", ("generator",), self.generate, updates=self._config.generator_updates)
        further = {"discriminator": self._thorough(discriminate), "generator": ()}
        order = (generate, discriminate) if self._config.shared_fakes else (discriminate, generate)
        return tuple(phase for main in order for phase in (main, *further[main.name], *self._lazy(main)))

    def _thorough(self, main: Phase) -> tuple[Phase, ...]:
        """Return the phases of further updates of the discriminator: in the first steps, and in some later on."""
        updates = self._config.thorough_updates - main.updates
        if updates <= 0:
            return ()
        early = replace(main, name=EARLY, updates=updates, last=THOROUGH_STEPS, optimizer=main.name)
        return early, replace(early, name=LATER, first=THOROUGH_EVERY, last=None, every=THOROUGH_EVERY)

    def _lazy(self, main: Phase) -> tuple[Phase, ...]:
        """Return the phases of lazy penalties, which share the optimizer of the ``main`` phase of their network."""
        penalties, loss = {
            "discriminator": (self.penalties, self._penalise),
            "generator": (self.generator_penalties, self._penalise_generator),
        }[main.name]
        return tuple(
            Phase(
                lazy_phase(main.name, every),
                (main.name,),
                partial(loss, every),
                updates=main.updates,
                every=every,
                fresh_data=main.fresh_data,
                optimizer=main.name,
            )
            for every in penalties.lazy
        )

    def discriminate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score a real and a fake batch; the generator is frozen, so the fakes are constants."""
        real, condition = self._real(batch)
        fakes = self._shared_fakes(context) or self._fakes(len(real), condition, context)
        inputs = [DiscriminatorInput(real, condition), fakes]
        share = self._config.mismatched
        if share and condition is not None and self._classes > 1:
            inputs.append(DiscriminatorInput(real, self._wrong_classes(condition, context)))
        seen = [
            examples._replace(values=self.augmentation(examples.values, context.draws(f"augmentation/{number}")))
            for number, examples in enumerate(inputs)
        ]
        of_real, of_fake, *mismatched = self._scored(seen)
        real_logit, fake_logit = of_real.logit, of_fake.logit
        losses = self.loss.discriminator(real_logit, fake_logit)
        for output in mismatched:
            losses = (1 - share) * losses + share * self.loss.discriminator(real_logit, output.logit)
        for_head = (
            HeadInput(of_real.features, condition),
            HeadInput(of_fake.features, fakes.condition, fakes.z),
        )
        with without_autocast(real.device):
            from_head = self.head.discriminator(*for_head)
        fake = fakes.values
        if self.penalties.uses_fakes() and fakes.condition is not condition:
            # The penalty compares real and fake examples under the same condition, so it needs fakes of that condition.
            fake = self._generate(len(real), condition, context).values
        penalties = self.penalties(self._behind_augmentation(condition, context), real, fake, context.draws("penalty"))
        terms = {"adversarial": self._config.discriminator_weight * losses.mean()}
        terms |= _means({**from_head, **penalties.terms})
        real_logit, fake_logit = real_logit.detach(), fake_logit.detach()
        with torch.no_grad():
            of_head = self.head.statistics(*for_head)
        watched = {
            **penalties.values,
            **of_head,
            **self.loss.statistics(real_logit, fake_logit),
            **self.augmentation.statistics(real_logit - self.loss.threshold),
        }
        return PhaseOutput(terms, {**self._watched(real_logit, fake_logit), **_means(watched)})

    def _behind_augmentation(self, condition: Tensor | None, context: StepContext) -> ConditionedDiscriminator:
        """Return what penalties see: the discriminator behind the augmentation, as ADA and R3GAN have it."""
        draws = context.draws("augmentation of penalties")
        return ConditionedDiscriminator(self.discriminator, condition, lambda x: self.augmentation(x, draws))

    def _penalise(self, every: int, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the lazy penalties of the discriminator that are due ``every`` so many steps."""
        real, condition = self._real(batch)
        fake = self._generate(len(real), condition, context).values if self.penalties.uses_fakes(every) else real
        return _penalised(
            self.penalties(
                self._behind_augmentation(condition, context),
                real,
                fake,
                context.draws("penalty"),
                every=every,
            )
        )

    def _penalise_generator(self, every: int, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the lazy penalties of the generator that are due ``every`` so many steps."""
        real, of_real = self._real(batch)
        condition = self._fake_condition(of_real, context)
        z = self.latent.draw(len(real), context.draws("noise"))
        return _penalised(self._of_generator(z, condition, context, every))

    def _of_generator(self, z: Tensor, condition: Tensor | None, context: StepContext, every: int = 1) -> PenaltyOutput:
        generator = ConditionedGenerator(self.generator, condition, self.field(self.output).shape)
        output: PenaltyOutput = self.generator_penalties(generator, z, context.draws("penalty"), every=every)
        return output

    def _scored(self, inputs: Sequence[DiscriminatorInput]) -> Sequence[DiscriminatorOutput]:
        """Return the output for each input, from one pass where that gives the same."""
        if not self._joint:
            return [self.discriminator(examples.values, examples.condition) for examples in inputs]
        conditions = [examples.condition for examples in inputs if examples.condition is not None]
        values = torch.cat([examples.values for examples in inputs])
        output: DiscriminatorOutput = self.discriminator(values, torch.cat(conditions) if conditions else None)
        count, whole = len(inputs), output.reconstruction
        reconstructions = [None] * count if whole is None else whole.chunk(count)
        parts = zip(output.logit.chunk(count), output.features.chunk(count), reconstructions, strict=True)
        return [DiscriminatorOutput(*part) for part in parts]

    def _watched(self, real_logit: Tensor, fake_logit: Tensor) -> Mapping[str, Tensor]:
        threshold = self.loss.threshold
        correct = torch.cat([real_logit > threshold, fake_logit < threshold]).float().mean()
        real_score, fake_score = self.loss.score(real_logit), self.loss.score(fake_logit)
        return {"D(x)": real_score.mean(), "D(G(z)) before": fake_score.mean(), self.watched_accuracy: correct}

    def generate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score new fakes from new noise."""
        # Each example for its fakes in turn, so that a divided batch makes the same pairs.
        real, condition = (self._for_fakes(values) for values in self._real(batch))
        assert real is not None
        fake_condition = self._fake_condition(condition, context)
        z = self.latent.draw(len(real), context.draws("noise"))
        fake = self.generator(z, fake_condition)
        seen = self.augmentation(fake, context.draws("augmentation"))
        logit, features, _ = self.discriminator(seen, fake_condition)
        losses = self.loss.generator(logit, lambda: self._real_logit(real, condition, context))
        penalties = self._of_generator(z, fake_condition, context)
        with without_autocast(real.device):
            from_head = self.head.generator(HeadInput(features, fake_condition, z))
        further = {**from_head, **penalties.terms}
        terms = {"adversarial": losses.mean(), **_means(further)}
        watched = {"D(G(z)) after": self.loss.score(logit.detach()).mean(), **_means(penalties.values)}
        shared = {"fakes": fake, "conditions of fakes": fake_condition, "noise of fakes": z}
        handed = {name: value for name, value in shared.items() if value is not None and self._config.shared_fakes}
        return PhaseOutput(terms, watched, Generated(fake.detach(), fake_condition), handed)

    def _for_fakes(self, values: Tensor | None) -> Tensor | None:
        """Return values (B, …) of a batch once for each fake of a generator update."""
        fakes = self._config.generator_fakes
        return values if values is None or fakes == 1 else values.repeat_interleave(fakes, dim=0)

    def _real_logit(self, real: Tensor, condition: Tensor | None, context: StepContext) -> Tensor:
        logit: Tensor = self.discriminator(
            self.augmentation(real, context.draws("augmentation of real")), condition
        ).logit
        return logit

    def after_update(self, phase: str, means: Mapping[str, Tensor]) -> None:
        """Let the loss, the penalties and the augmentation change their state."""
        if phase in (EARLY, LATER):
            phase = "discriminator"
        if phase == "discriminator":
            self.loss.after_update("discriminator", means)
            self.augmentation.after_update(means)
        elif phase == "generator":
            self.loss.after_update("generator", means)
        for network, penalties in (("discriminator", self.penalties), ("generator", self.generator_penalties)):
            for every in (1, *penalties.lazy):
                if phase == lazy_phase(network, every):
                    penalties.after_update(self.get_submodule(network), means, every)

    @property
    def controls(self) -> Mapping[str, Field]:
        """Parts of the noise that a user may choose."""
        return self.latent.controls

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """The shape of the noise."""
        return self.latent.shape

    def sample(self, request: SampleRequest) -> Tensor:
        """Return examples (count, \\*shape)."""
        device = next(self.generator.parameters()).device
        z = request.noise_of(self.latent)
        z = z.to(device)
        examples: Tensor = self.generator(self.latent.place(z, request.controls), request.condition)
        return examples

    def verdicts(self, examples: Tensor, condition: Tensor | None) -> Tensor:
        """Return the mean logit (B,) of each example."""
        logit: Tensor = self.discriminator(examples, condition).logit
        return logit.flatten(1).mean(1)

    def _shared_fakes(self, context: StepContext) -> DiscriminatorInput | None:
        """Return the fakes of the generator's phase, if it shares them."""
        fakes = context.handed("fakes")
        if fakes is None:
            return None
        return DiscriminatorInput(fakes, context.handed("conditions of fakes"), context.handed("noise of fakes"))

    def _real(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        fields = batch[DATA]
        return fields[self.output.field], fields[self.condition.field] if self.condition else None

    def _fakes(self, count: int, condition: Tensor | None, context: StepContext) -> DiscriminatorInput:
        """Return new fakes and their conditions, for a batch of real examples with ``condition``."""
        return self._generate(count, self._fake_condition(condition, context), context)

    def _generate(self, count: int, condition: Tensor | None, context: StepContext) -> DiscriminatorInput:
        z = self.latent.draw(count, context.draws("noise"))
        return DiscriminatorInput(self.generator(z, condition), condition, z)

    def _fake_condition(self, condition: Tensor | None, context: StepContext) -> Tensor | None:
        field = self.condition_field
        if condition is None or field is None or not field.classes or self._config.fake_conditions == "data":
            return condition
        return context.draws("labels").integers(field.classes, *condition.shape)

    def _wrong_classes(self, condition: Tensor, context: StepContext) -> Tensor:
        """Return for every class (B,) a different one, drawn uniformly."""
        steps = 1 + context.draws("mismatch").integers(self._classes - 1, *condition.shape)
        return (condition + steps) % self._classes


def lazy_phase(network: str, every: int) -> str:
    """Return the name of the phase that computes the penalties of a network that are due ``every`` so many steps."""
    return f"{network}-penalty-every-{every}" if every > 1 else network


def _penalised(output: PenaltyOutput) -> PhaseOutput:
    return PhaseOutput(_means(output.terms), _means({name: value.detach() for name, value in output.values.items()}))


def _means(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the mean of each of the values (B, …)."""
    return {name: value.mean() for name, value in values.items()}
