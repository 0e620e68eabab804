"""A recipe with four networks, two phases and two datasets, as a plugin would bring it (CycleGAN, arXiv 1703.10593)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganzoo.catalogue import Component, Config, DataSpec, Field, Slot, Variant, hookimpl, option, phase_slots
from ganzoo.contract.conditioner import Shape, Sites
from ganzoo.contract.networks import Generator
from ganzoo.contract.recipe import Batch, FieldRef, Output, Parts, Phase, PhaseOutput, Recipe
from ganzoo.contract.sampling import SampleRequest
from ganzoo.contract.step_context import StepContext


@dataclass(frozen=True)
class CycleConfig(Config):
    """Options of the recipe."""

    cycle: float = option(10.0, "weight of coming back", low=0)


class Cycle(Recipe):
    """Translates between two domains and back."""

    averaged = ("there", "back")

    def __init__(self, config: CycleConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(data)
        a, b = data["domain-a"].target_field, data["domain-b"].target_field
        self.config = config
        self.condition: FieldRef = FieldRef("domain-a", data["domain-a"].target)
        self.output = FieldRef("domain-b", data["domain-b"].target)
        self.there = parts.network("generator-there", in_shape=a.shape, out=b)
        self.back = parts.network("generator-back", in_shape=b.shape, out=a)
        self.judge_a = parts.network("discriminator-a", in_shape=a.shape)
        self.judge_b = parts.network("discriminator-b", in_shape=b.shape)
        self.loss = parts.build("loss")

    @property
    def outputs(self) -> Mapping[str, Output]:
        """Both directions."""
        return {"there": Output(self.output, self.condition), "back": Output(self.condition, self.output)}

    def phases(self) -> tuple[Phase, ...]:
        """Return one phase for both generators, and one for both discriminators."""
        return (
            Phase("generators", ("there", "back"), self.translate),
            Phase("discriminators", ("judge_a", "judge_b"), self.judge),
        )

    def translate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the adversarial term and the cycle term of both generators."""
        a, b = batch["domain-a"]["image"], batch["domain-b"]["image"]
        fake_b, fake_a = self.there(a, None), self.back(b, None)
        scores = ((self.judge_b, fake_b, b), (self.judge_a, fake_a, a))
        adversarial = [self._fooled(judge, fake, real) for judge, fake, real in scores]
        there_and_back = (self.back(fake_b, None) - a).abs().mean() + (self.there(fake_a, None) - b).abs().mean()
        return PhaseOutput({"adversarial": torch.stack(adversarial).sum(), "cycle": self.config.cycle * there_and_back})

    def _fooled(self, judge: nn.Module, fake: Tensor, real: Tensor) -> Tensor:
        losses: Tensor = self.loss.generator(judge(fake, None).logit, lambda: judge(real, None).logit)
        return losses.mean()

    def judge(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return the adversarial term of both discriminators."""
        a, b = batch["domain-a"]["image"], batch["domain-b"]["image"]
        pairs = ((self.judge_b, b, self.there(a, None)), (self.judge_a, a, self.back(b, None)))
        losses = [self.loss.discriminator(judge(x, None).logit, judge(y, None).logit).mean() for judge, x, y in pairs]
        return PhaseOutput({"adversarial": torch.stack(losses).sum()})

    def sample(self, request: SampleRequest) -> Tensor:
        """Translate the condition (N, C, H, W) to the other domain."""
        made: Tensor = (self.back if request.output == "back" else self.there)(request.condition, None)
        return made


class Translator(Generator):
    """Image to image, two convolutions and a residual one."""

    def __init__(self, config: Config, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        self.encode = nn.Conv2d(in_shape[0], 8, 3, padding=1)
        self.residual = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.InstanceNorm2d(8), nn.ReLU())
        self.decode = nn.Conv2d(8, out.shape[0], 3, padding=1)

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Translate images ``z`` (B, C, H, W)."""
        h = self.encode(z)
        made: Tensor = self.decode(h + self.residual(h)).tanh()
        return made


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Declare the recipe and its generator."""
    yield Component(
        kind="recipe",
        name="cycle",
        summary="translates between two domains and back",
        target="ganzoo.testing.skeleton_cyclegan:Cycle",
        config=CycleConfig,
        slots=(
            Slot("domain-a", "dataset", "folder"),
            Slot("domain-b", "dataset", "folder"),
            Slot("generator-there", "generator", "translator"),
            Slot("generator-back", "generator", "translator"),
            Slot("discriminator-a", "discriminator", "strided"),
            Slot("discriminator-b", "discriminator", "strided"),
            Slot("loss", "loss", "lsgan"),
            *phase_slots("generators", "adam", "linear"),
            *phase_slots("discriminators", "adam", "linear"),
        ),
        phases=("generators", "discriminators"),
    )
    yield Component(
        kind="generator",
        name="translator",
        summary="image to image",
        target="ganzoo.testing.skeleton_cyclegan:Translator",
    )


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Declare a variant of the recipe."""
    yield Variant(
        name="cycle-skeleton",
        summary="four networks, two phases",
        recipe="cycle",
        overrides={"optimizer.lr": 2e-3, "run.batch_size": 4},
    )
