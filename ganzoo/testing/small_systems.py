"""Small systems that use all of the contract, as a plugin would bring them; each is a row of the table in the docs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.catalogue.discovery import Plugin, Provider
from ganzoo.catalogue.registry import Registry, installed
from ganzoo.plugin import (
    Augmentation,
    Batch,
    Component,
    ConditionedDiscriminator,
    Config,
    DataSpec,
    Draws,
    Field,
    FieldRef,
    Generated,
    Head,
    HeadInput,
    Latent,
    Loss,
    Need,
    Parts,
    Penalties,
    Penalty,
    PenaltyOutput,
    Phase,
    PhaseOutput,
    Player,
    Progress,
    Recipe,
    SampleRequest,
    Slot,
    StepContext,
    Variant,
    hookimpl,
    option,
    phase_slots,
)


@final
class Balance(Loss):
    """An error for each example, and a share k of the fakes' that keeps both in balance (BEGAN, arXiv 1703.10717)."""

    RATE, RATIO = 0.1, 2.0

    k: Tensor

    def __init__(self, config: Config):
        super().__init__(config)
        self.register_buffer("k", torch.zeros(()))

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return L(x) − k·L(G(z)) (B, X)."""
        return F.softplus(-real) - self.k * F.softplus(-fake)

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return L(G(z)) (B, X)."""
        return F.softplus(-fake)

    def statistics(self, real: Tensor, fake: Tensor) -> Mapping[str, Tensor]:
        """Return both errors (B, X)."""
        return {"L(x)": F.softplus(-real), "L(G(z))": F.softplus(-fake)}

    def after_update(self, player: Player, means: Mapping[str, Tensor]) -> None:
        """Move k: k + λ (γ·L(x) − L(G(z))), within [0, 1]."""
        if player == "discriminator":
            self.k.add_(self.RATE * (self.RATIO * means["L(x)"] - means["L(G(z))"])).clamp_(0.0, 1.0)


@final
class Relativistic(Loss):
    """Scores relative to the mean score of the others (RaGAN, arXiv 1807.00734), so that it needs the whole batch."""

    whole_batch = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the loss (B, X)."""
        return F.softplus(fake.mean(0) - real) + F.softplus(fake - real.mean(0))

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return the loss (B, X)."""
        scores = real()
        return F.softplus(scores.mean(0) - fake) + F.softplus(scores - fake.mean(0))


@dataclass(frozen=True)
class ClipConfig(Config):
    """Options of weight clipping."""

    limit: float = option(0.05, "the largest weight", low=0)


@final
class Clip(Penalty):
    """No term: weights are clipped after each update (WGAN, arXiv 1701.07875)."""

    uses_fakes = False

    def __init__(self, config: ClipConfig):
        super().__init__(config)
        self._limit = config.limit

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return no terms."""
        return {}

    def after_update(self, network: nn.Module, means: Mapping[str, Tensor]) -> None:
        """Clip the weights."""
        for parameter in network.parameters():
            parameter.clamp_(-self._limit, self._limit)


@final
class LeCam(Penalty):
    """Distance of the scores from moving averages of the others' scores (LeCam, arXiv 2104.03310)."""

    real: Tensor
    fake: Tensor

    def __init__(self, config: Config):
        super().__init__(config)
        self.register_buffer("real", torch.zeros(()))
        self.register_buffer("fake", torch.zeros(()))

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> PenaltyOutput:
        """Return the term ``lecam`` (B,), and both scores."""
        real_score, fake_score = discriminator(real).mean(1), discriminator(fake).mean(1)
        term = (real_score - self.fake).square() + (fake_score - self.real).square()
        return PenaltyOutput({"lecam": term}, {"score of real": real_score, "score of fake": fake_score})

    def after_update(self, network: nn.Module, means: Mapping[str, Tensor]) -> None:
        """Move the averages."""
        self.real.lerp_(means["score of real"], 0.1)
        self.fake.lerp_(means["score of fake"], 0.1)


@final
class Fading(Penalty):
    """R1 whose weight falls to zero over the training, as R3GAN's does (arXiv 2501.05441)."""

    uses_fakes = False
    weight: Tensor

    def __init__(self, config: Config):
        super().__init__(config)
        self.register_buffer("weight", torch.ones(()))

    def before_step(self, progress: Progress) -> None:
        """Set the weight: 1 − step / steps."""
        self.weight.fill_(1.0 - progress.step / progress.steps)

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return the term ``fading`` (B,)."""
        return {"fading": self.weight * discriminator.gradient(real).square().sum(1)}


@final
class Adaptive(Augmentation):
    """Noise with a probability p that follows the share of recognised real examples (ADA, arXiv 2006.06676)."""

    p: Tensor

    def __init__(self, config: Config):
        super().__init__(config)
        self.register_buffer("p", torch.full((), 0.2))

    def forward(self, x: Tensor, draws: Draws) -> Tensor:
        """Add noise to a share p of the examples."""
        chosen = draws.uniform(len(x), *[1] * (x.dim() - 1)) < self.p
        return x + chosen * 0.5 * draws.normal(*x.shape)

    def statistics(self, real: Tensor) -> Mapping[str, Tensor]:
        """Return the sign of the logits."""
        return {"recognised": real.sign()}

    def after_update(self, means: Mapping[str, Tensor]) -> None:
        """Move p."""
        self.p.add_(0.05 * (means["recognised"] - 0.6).sign()).clamp_(0.0, 0.8)


@final
class Classifier(Head):
    """Predicts the class of real and fake examples (ACGAN, arXiv 1610.09585)."""

    def __init__(self, config: Config, features: int, condition: Field | None, latent: Latent):
        super().__init__(config, features, condition, latent)
        assert condition is not None
        self.layer = nn.Linear(features, condition.classes)

    def discriminator(self, real: HeadInput, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the cross-entropy (B,) of both."""
        return {"class of real": self._error(real), "class of fake": self._error(fake)}

    def generator(self, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the cross-entropy (B,) of fakes."""
        return {"class": self._error(fake)}

    def _error(self, examples: HeadInput) -> Tensor:
        assert examples.condition is not None
        return F.cross_entropy(self.layer(examples.features), examples.condition, reduction="none")


@final
class Codes(Latent):
    """Gaussian noise, a class and two numbers (InfoGAN, arXiv 1606.03657)."""

    NOISE, CLASSES, NUMBERS = 16, 5, 2

    shape = (NOISE + CLASSES + NUMBERS,)
    controls = MappingProxyType({"code": Field("class", classes=CLASSES), "style": Field("vector", (NUMBERS,))})

    def __init__(self, config: Config):
        pass

    def draw(self, count: int, draws: Draws) -> Tensor:
        """Return noise, a one-hot code and numbers from [-1, 1] (count, 23)."""
        code = self._one_hot(draws.integers(self.CLASSES, count))
        return torch.cat([draws.normal(count, self.NOISE), code, 2 * draws.uniform(count, self.NUMBERS) - 1], dim=1)

    def _one_hot(self, code: Tensor) -> Tensor:
        # F.one_hot reads the largest value on the host, and such a step cannot be recorded.
        return (code[:, None] == torch.arange(self.CLASSES, device=code.device)).float()

    def place(self, z: Tensor, chosen: Mapping[str, Tensor]) -> Tensor:
        """Return z with the chosen code and numbers."""
        noise, code, style = z.split([self.NOISE, self.CLASSES, self.NUMBERS], dim=1)
        if "code" in chosen:
            code = self._one_hot(chosen["code"])
        return torch.cat([noise, code, chosen.get("style", style)], dim=1)


@final
class Recovery(Head):
    """Recovers the codes of fakes (InfoGAN, arXiv 1606.03657, equation 5)."""

    def __init__(self, config: Config, features: int, condition: Field | None, latent: Latent):
        super().__init__(config, features, condition, latent)
        self.layer = nn.Linear(features, Codes.CLASSES + Codes.NUMBERS)

    def discriminator(self, real: HeadInput, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the error of both kinds of code (B,)."""
        return self._errors(fake)

    def generator(self, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the same errors."""
        return self._errors(fake)

    def _errors(self, fake: HeadInput) -> Mapping[str, Tensor]:
        assert fake.z is not None
        _, code, style = fake.z.split([Codes.NOISE, Codes.CLASSES, Codes.NUMBERS], dim=1)
        logits, numbers = self.layer(fake.features).split([Codes.CLASSES, Codes.NUMBERS], dim=1)
        error = F.cross_entropy(logits, code.argmax(1), reduction="none")
        return {"code": error, "style": 0.5 * (numbers - style).square().sum(1)}


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


@final
class Growing(Recipe):
    """A generator to which a second layer is added at step 5 (progressive growing, arXiv 1710.10196).

    The parameters of that layer sleep until then.
    """

    BORDER = 5

    averaged = ("generator",)
    replayable = True

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


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Declare the parts."""
    yield Component(kind="loss", name="balance", summary="an error and its balance", target=Balance)
    yield Component(kind="loss", name="relativistic", summary="scores relative to each other", target=Relativistic)
    yield Component(kind="penalty", name="clip", summary="weight clipping", target=Clip, config=ClipConfig)
    yield Component(kind="penalty", name="lecam", summary="moving averages of the scores", target=LeCam)
    yield Component(
        kind="head",
        name="classifier",
        summary="predicts the class",
        target=Classifier,
        requires=(Need(("condition:class",), "use a dataset with classes"),),
    )
    yield Component(kind="penalty", name="fading", summary="R1 that fades", target=Fading)
    yield Component(
        kind="recipe",
        name="growing",
        summary="a generator that grows",
        target=Growing,
        slots=(
            Slot("dataset", "dataset", "digits"),
            Slot("latent", "latent", "normal"),
            Slot("discriminator", "discriminator", "mlp"),
            Slot("loss", "loss", "bce"),
            *phase_slots("generator", "adam", "constant"),
            *phase_slots("discriminator", "adam", "constant"),
        ),
        phases=("generator", "discriminator"),
    )
    yield Component(kind="augmentation", name="adaptive", summary="adaptive noise", target=Adaptive)
    yield Component(kind="latent", name="codes", summary="noise with codes", target=Codes, provides=("codes",))
    yield Component(
        kind="head",
        name="codes",
        summary="recovers the codes",
        target=Recovery,
        requires=(Need(("codes",), "use --latent codes"),),
    )
    yield Component(
        kind="recipe",
        name="staged",
        summary="pre-training, then an adversarial training with a lazy penalty",
        target=Staged,
        config=StagedConfig,
        slots=(
            Slot("dataset", "dataset", "digits"),
            Slot("latent", "latent", "normal"),
            Slot("generator", "generator", "mlp"),
            Slot("discriminator", "discriminator", "mlp"),
            Slot("loss", "loss", "bce"),
            Slot("penalty", "penalty", "r1", several=True),
            *phase_slots("generator", "adam", "constant"),
            *phase_slots("discriminator", "adam", "constant"),
        ),
        phases=("pretraining", "generator", "discriminator", "lazy-penalty"),
    )


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Declare a variant of the recipe."""
    yield Variant(name="growing", summary="the growing recipe", recipe="growing")
    yield Variant(name="staged", summary="the staged recipe", recipe="staged", overrides={"generator.norm": False})


def with_small_systems() -> Registry:
    """Return the installed registry with these parts added."""
    provider = Provider("small-systems", "small-systems", "1")
    return Registry([*installed().plugins, Plugin(provider, tuple(ganzoo_components()), tuple(ganzoo_variants()))])


@dataclass(frozen=True)
class System:
    """A system of the literature as a selection: a variant and flags, what it ``needs`` of the contract, its source."""

    needs: str
    source: str
    variant: str
    flags: Mapping[str, object]


# No batch norm and no dropout: these look at the part of a batch that they are given.
_PLAIN: Mapping[str, object] = {"generator_norm": False, "discriminator_dropout": 0.0}

SYSTEMS: Mapping[str, System] = {
    "BEGAN": System(
        "a loss with a state, moved after each update by means over the batch",
        "arXiv 1703.10717",
        "gan",
        {**_PLAIN, "loss": "balance"},
    ),
    "WGAN": System(
        "weights changed after each update",
        "arXiv 1701.07875",
        "gan",
        {**_PLAIN, "loss": "wasserstein", "penalty": "clip"},
    ),
    "LeCam": System("a penalty with moving averages", "arXiv 2104.03310", "gan", {**_PLAIN, "penalty": "lecam"}),
    "R3GAN's penalties": System(
        "several penalties at once, with options each", "arXiv 2501.05441", "gan", {**_PLAIN, "penalty": "r1,r2"}
    ),
    "R3GAN's schedule of γ": System(
        "a number that follows a schedule of its own", "arXiv 2501.05441", "gan", {**_PLAIN, "penalty": "fading"}
    ),
    "progressive growing": System(
        "phases that change during the training, and parameters that sleep until then",
        "arXiv 1710.10196",
        "growing",
        {"discriminator_dropout": 0.0},
    ),
    "all of these": System(
        "loss and penalties that keep states beside each other",
        "",
        "gan",
        {**_PLAIN, "loss": "balance", "penalty": "r1,clip,lecam"},
    ),
    "shared fakes": System(
        "tensors handed from one phase to a later one", "", "gan", {**_PLAIN, "recipe_shared_fakes": True}
    ),
    "ACGAN": System(
        "a head on the features of a discriminator that does not see the class",
        "arXiv 1610.09585",
        "gan",
        {**_PLAIN, "generator_conditioner": "concat", "head": "classifier"},
    ),
    "InfoGAN": System(
        "codes in the noise that a user can choose, and a head that recovers them",
        "arXiv 1606.03657",
        "gan",
        {**_PLAIN, "latent": "codes", "head": "codes"},
    ),
    "ADA": System(
        "an augmentation whose probability follows the discriminator",
        "arXiv 2006.06676",
        "gan",
        {**_PLAIN, "augmentation": "adaptive"},
    ),
    "SRGAN's stages, StyleGAN2's lazy penalty": System(
        "phases with a window of the training, or due every k steps, that share an optimizer",
        "arXiv 1609.04802, arXiv 1912.04958",
        "staged",
        {"penalty": "r1,lecam", "loss": "balance"},
    ),
}
