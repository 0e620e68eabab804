"""A recipe whose generator grows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import Tensor, nn

from ganzoo.plugin import (
    Batch,
    Config,
    DataSpec,
    FieldRef,
    Loss,
    Parts,
    Phase,
    PhaseOutput,
    Recipe,
    SampleRequest,
    StepContext,
)


@final
class Growing(Recipe):
    """A generator to which a second layer is added at step 5 (progressive growing, arXiv 1710.10196).

    The parameters of that layer sleep until then, when the optimizers begin anew.
    """

    BORDER = 5

    averaged = ("generator",)
    replayable = True
    restarts = True

    def __init__(self, config: Config, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(data)
        target = data["dataset"].target_field
        self.output = FieldRef("dataset", data["dataset"].target)
        self.latent = parts.build("latent")
        self.discriminator = parts.network("discriminator", in_shape=target.shape)
        self.generator = nn.ModuleDict(
            {"first": nn.Linear(self.latent.shape[0], target.size), "second": nn.Linear(target.size, target.size)}
        )
        self.loss: Loss = parts.build("loss")
        self._grown = False

    @property
    def borders(self) -> tuple[int, ...]:
        """The step at which the second layer is added."""
        return (self.BORDER,)

    def before_step(self, context: StepContext) -> None:
        """Add the layer."""
        self._grown = context.step >= self.BORDER

    def phases(self) -> tuple[Phase, ...]:
        """Return two phases, of which one trains two submodules by name."""
        return (
            Phase("generator", ("generator.first", "generator.second"), self.generate),
            Phase("discriminator", ("discriminator",), self.discriminate),
        )

    def generate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the generator's term."""
        real = batch["dataset"][self.output.field]
        fakes = self._made(self.latent.draw(len(real), context.draws("noise")))
        losses = self.loss.generator(self.discriminator(fakes, None).logit, lambda: real)
        return PhaseOutput({"fooled": losses.mean()}, handed={"fakes": fakes})

    def discriminate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the discriminator's term."""
        fakes = context.handed("fakes")
        assert fakes is not None
        real = self.discriminator(batch["dataset"][self.output.field], None).logit
        return PhaseOutput({"told apart": self.loss.discriminator(real, self.discriminator(fakes, None).logit).mean()})

    def sample(self, request: SampleRequest) -> Tensor:
        """Return examples (count, C, H, W)."""
        z = self.latent.draw(request.count, request.draws)
        return self._made(z.to(next(self.generator.parameters()).device))

    def _made(self, z: Tensor) -> Tensor:
        made: Tensor = self.generator["first"](z)
        if self._grown or not self.training:
            made = made + self.generator["second"](made.tanh())
        return made.tanh().view(-1, *self.output_field.shape)
