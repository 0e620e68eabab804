"""The recipe of progressive growing (Karras et al. 2018, arXiv 1710.10196)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import Tensor

from ganzoo.plugin import (
    Batch,
    ConditionedDiscriminator,
    DataSpec,
    Field,
    FieldRef,
    Generated,
    Latent,
    Loss,
    Parts,
    Penalties,
    Phase,
    PhaseOutput,
    Player,
    Recipe,
    SampleRequest,
    StepContext,
    map_sides,
)
from ganzoo_progan.configs import ProgressiveConfig
from ganzoo_progan.growth import UNIT, Growth, borders, doubled, grown_at, halved

DATA = "dataset"


@final
class Progressive(Recipe):
    """Two networks that grow together, from small images to large ones.

    Stages fade in by the number of real images. Real images are mixed with their smaller form in step with those that
    are generated. Whenever a stage begins, or is whole, the optimizers begin anew. Fakes have the conditions of the
    real batch.
    """

    averaged = ("generator",)
    replayable = True
    restarts = True

    def __init__(self, config: ProgressiveConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(data)
        spec = data[DATA]
        self._config = config
        self.output = FieldRef(DATA, spec.target)
        if spec.condition and parts.conditioned("generator"):
            self.condition = FieldRef(DATA, spec.condition)
        condition, target = self.condition_field, spec.target_field
        self.latent: Latent = parts.build("latent")
        self.generator = parts.network("generator", condition, in_shape=self.latent.shape, out=target)
        self.discriminator = parts.network("discriminator", condition, in_shape=target.shape)
        self._growth: tuple[Growth, Growth] = self.generator.growth, self.discriminator.growth
        one, other = (growth.last + 1 for growth in self._growth)
        if one != other:
            raise ValueError(
                f"the generator has {one} stages and the discriminator {other}: give --generator-widths and "
                "--discriminator-widths as many numbers"
            )
        self._sides = map_sides(target.shape[1:], one - 1)[::-1]
        self.loss: Loss = parts.build("loss")
        self.penalties = Penalties(parts.build_all("penalty"))

    def phases(self) -> tuple[Phase, ...]:
        """Return the phase of each network."""
        updates = self._config.discriminator_updates
        return (
            Phase("discriminator", self._trained("discriminator"), self.discriminate, updates=updates, fresh_data=True),
            Phase("generator", self._trained("generator"), self.generate),
        )

    def _trained(self, name: str) -> tuple[str, ...]:
        """Return a network, or if it is whole from the first step, its parts: it makes and sees no smaller images."""
        if self.borders:
            return (name,)
        network = self.get_submodule(name)
        parts = (part for part, module in network.named_children() if any(True for _ in module.parameters()))
        layers = (part if part != "image_layers" else f"image_layers.{len(self._sides) - 1}" for part in parts)
        return tuple(f"{name}.{part}" for part in layers)

    @property
    def borders(self) -> tuple[int, ...]:
        """The steps at which a stage begins to fade in, or is whole."""
        return borders(self._config, len(self._sides), self.batch_size)

    def before_step(self, context: StepContext) -> None:
        """Let both networks grow."""
        grown = grown_at(context.step * self.batch_size, self._config, len(self._sides))
        for growth in self._growth:
            growth.grow(grown)

    def discriminate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score real images and fakes, all of the size of the stage."""
        real, condition = self._real(batch)
        fake = self._of_stage(self._fakes(len(real), condition, context))
        of_real, of_fake = (self.discriminator(images, condition).logit for images in (real, fake))
        penalised = ConditionedDiscriminator(self.discriminator, condition)
        penalties = self.penalties(penalised, real, fake, context.draws("penalty"))
        terms = {"adversarial": self.loss.discriminator(of_real, of_fake), **penalties.terms}
        of_real, of_fake = of_real.detach(), of_fake.detach()
        watched = {
            "D(x)": self.loss.score(of_real),
            "D(G(z)) before": self.loss.score(of_fake),
            **self.loss.statistics(of_real, of_fake),
            **{name: values.detach() for name, values in penalties.values.items()},
        }
        return PhaseOutput(
            {name: values.mean() for name, values in terms.items()},
            {name: values.mean() for name, values in watched.items()},
        )

    def generate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score new fakes from new noise."""
        real, condition = self._real(batch)
        fake = self._fakes(len(real), condition, context)
        logit = self.discriminator(self._of_stage(fake), condition).logit
        losses = self.loss.generator(logit, lambda: self.discriminator(real, condition).logit)
        watched = {"D(G(z)) after": self.loss.score(logit.detach()).mean(), "stages": self._growth[0].grown / UNIT + 1}
        return PhaseOutput({"adversarial": losses.mean()}, watched, Generated(fake.detach(), condition))

    def after_update(self, phase: str, means: Mapping[str, Tensor]) -> None:
        """Let the loss and the penalties change their state."""
        players: dict[str, Player] = {"generator": "generator", "discriminator": "discriminator"}
        self.loss.after_update(players[phase], means)
        if phase == "discriminator":
            self.penalties.after_update(self.discriminator, means)

    @property
    def controls(self) -> Mapping[str, Field]:
        """Parts of the noise that a user may choose."""
        return self.latent.controls

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """The shape of the noise."""
        return self.latent.shape

    def sample(self, request: SampleRequest) -> Tensor:
        """Return images (count, C, H, W); while the networks grow, those of the stage, enlarged."""
        z = request.noise_of(self.latent)
        z = z.to(next(self.generator.parameters()).device)
        images: Tensor = self.generator(self.latent.place(z, request.controls), request.condition)
        return images

    def verdicts(self, examples: Tensor, condition: Tensor | None) -> Tensor:
        """Return the logit (B,) of each image."""
        logit: Tensor = self.discriminator(examples, condition).logit
        return logit.flatten(1).mean(1)

    def _fakes(self, count: int, condition: Tensor | None, context: StepContext) -> Tensor:
        made: Tensor = self.generator(self.latent.draw(count, context.draws("noise")), condition)
        return made

    def _real(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Return real images of the size of the stage, as far as it has faded in, and their conditions."""
        fields, growth = batch[DATA], self._growth[0]
        images = self._of_stage(fields[self.output.field])
        low, high = growth.stages
        if low < high:
            images = growth.mixed(high, doubled(halved(images), self._sides[high]), images)
        return images, fields[self.condition.field] if self.condition else None

    def _of_stage(self, images: Tensor) -> Tensor:
        """Return images (B, C, H, W) of full size in the size of the stage."""
        for _ in range(self._growth[0].stages[1], len(self._sides) - 1):
            images = halved(images)
        return images
