"""The unrolled GAN: the generator plays against the discriminator as it will be some updates later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ganzoo.plugin import (
    WHOLE_BATCH,
    Batch,
    DataSpec,
    FieldRef,
    Generated,
    Latent,
    Loss,
    Parts,
    Phase,
    PhaseOutput,
    Recipe,
    SampleRequest,
    StepContext,
    WorkingState,
    without_autocast,
)
from ganzoo_classics.configs import UnrolledConfig

DATA = "dataset"
Weights = Mapping[str, Tensor]


@final
class Moments(WorkingState):
    """Adam's moments of the gradients of a network, as its optimizer has them (Kingma & Ba 2015, arXiv 1412.6980).

    They follow the gradients of each update. :meth:`update` makes a further update of them that can be differentiated.
    """

    EPSILON = 1e-8

    count: Tensor

    def __init__(self, parameters: Mapping[str, Tensor], lr: float, betas: tuple[float, float]):
        super().__init__()
        self._names, self._lr, self._betas = tuple(parameters), lr, betas
        self.register_buffer("count", torch.zeros(()))
        for number, parameter in enumerate(parameters.values()):
            self.register_buffer(f"mean{number}", torch.zeros_like(parameter))
            self.register_buffer(f"square{number}", torch.zeros_like(parameter))

    def start(self) -> tuple[Tensor, Sequence[tuple[Tensor, Tensor]]]:
        """Return the number of updates so far, and the two moments of each parameter."""
        pairs = [(self.get_buffer(f"mean{n}"), self.get_buffer(f"square{n}")) for n in range(len(self._names))]
        return self.count, pairs

    def follow(self, gradients: Sequence[Tensor | None]) -> None:
        """Take in the gradients of an update of the network, in place."""
        first, second = self._betas
        count, pairs = self.start()
        count.add_(1)
        for gradient, (mean, square) in zip(gradients, pairs, strict=True):
            if gradient is not None:
                mean.lerp_(gradient, 1 - first)
                square.lerp_(gradient.square(), 1 - second)

    def update(
        self,
        weights: Weights,
        gradients: Sequence[Tensor],
        count: Tensor,
        pairs: Sequence[tuple[Tensor, Tensor]],
    ) -> tuple[Weights, Tensor, Sequence[tuple[Tensor, Tensor]]]:
        """Return weights, number and moments after one more update."""
        first, second = self._betas
        count = count + 1
        moved, after = {}, []
        for (name, weight), gradient, pair in zip(weights.items(), gradients, pairs, strict=True):
            mean = first * pair[0] + (1 - first) * gradient
            square = second * pair[1] + (1 - second) * gradient.square()
            # ε is within the root, which has no finite gradient at 0.
            deviation = (square / (1 - second**count) + self.EPSILON**2).sqrt()
            moved[name] = weight - self._lr * mean / (1 - first**count) / deviation
            after.append((mean, square))
        return moved, count, after


@final
class Unrolled(Recipe):
    """The generator maximises the discriminator's loss after K updates of that, and foresees what these will be.

    Its gradient passes through the updates, which Adam makes with the moments that it has. They see the batch of the
    step and the generator's fakes. The discriminator itself makes one update from where it was, on the same fakes.
    Source: Metz et al. 2017, arXiv 1611.02163, equations 7 to 9.
    """

    averaged = ("generator",)
    replayable = True
    pack = WHOLE_BATCH

    def __init__(self, config: UnrolledConfig, parts: Parts, data: Mapping[str, DataSpec]):
        super().__init__(data)
        spec = data[DATA]
        self._unrolled = config.unrolled
        self.output = FieldRef(DATA, spec.target)
        self.latent: Latent = parts.build("latent")
        self.generator = parts.network("generator", in_shape=self.latent.shape, out=spec.target_field)
        self.discriminator: nn.Module = parts.network("discriminator", in_shape=spec.target_field.shape)
        self.loss: Loss = parts.build("loss")
        self.moments = Moments(dict(self.discriminator.named_parameters()), config.lr, config.betas)

    def phases(self) -> tuple[Phase, ...]:
        """Return the generator's phase, whose fakes the discriminator's phase receives."""
        return (
            Phase("generator", ("generator",), self.generate),
            Phase("discriminator", ("discriminator",), self.discriminate),
        )

    def generate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Return minus the loss of the discriminator that comes after K updates."""
        real = batch[DATA][self.output.field]
        fakes = self.generator(self.latent.draw(len(real), context.draws("noise")), None)
        # Compiled code has no second derivatives of autograd.grad.
        weights = torch.compiler.disable(self.foreseen)(real, fakes)
        loss = self.loss_of(weights, real, fakes)
        return PhaseOutput({"unrolled": -loss}, generated=Generated(fakes.detach()), handed={"fakes": fakes})

    def foreseen(self, real: Tensor, fakes: Tensor) -> Weights:
        """Return the discriminator's weights after K updates, as functions of the fakes (B, …)."""
        weights: Weights = {
            name: parameter.detach().requires_grad_(True) for name, parameter in self.discriminator.named_parameters()
        }
        count, pairs = self.moments.start()
        for _ in range(self._unrolled):
            # Adam's first update divides each gradient by its own size. The derivative of that is without bound where
            # the gradient is 0, as bfloat16 rounds small ones to be.
            with without_autocast(real.device):
                loss = self.loss_of(weights, real, fakes)
                gradients = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            weights, count, pairs = self.moments.update(weights, gradients, count, pairs)
        return weights

    def loss_of(self, weights: Weights, real: Tensor, fakes: Tensor) -> Tensor:
        """Return the loss of the discriminator with these ``weights``, a scalar."""
        of_real, of_fake = (functional_call(self.discriminator, dict(weights), (x, None)).logit for x in (real, fakes))
        return self.loss.discriminator(of_real, of_fake).mean()

    def discriminate(self, batch: Batch, context: StepContext) -> PhaseOutput:
        """Score the batch and the fakes of the generator's phase."""
        real, fakes = batch[DATA][self.output.field], context.handed("fakes")
        assert fakes is not None  # both phases are due in every step
        of_real, of_fake = self.discriminator(real, None).logit, self.discriminator(fakes, None).logit
        terms = {"adversarial": self.loss.discriminator(of_real, of_fake).mean()}
        scores = {"D(x)": of_real, "D(G(z))": of_fake}
        return PhaseOutput(terms, {name: self.loss.score(score.detach()).mean() for name, score in scores.items()})

    def after_update(self, phase: str, means: Mapping[str, Tensor]) -> None:
        """Let the moments follow the discriminator's update."""
        if phase == "discriminator":
            self.moments.follow([parameter.grad for parameter in self.discriminator.parameters()])
            self.loss.after_update("discriminator", means)

    def sample(self, request: SampleRequest) -> Tensor:
        """Return examples (count, \\*shape)."""
        device = next(self.generator.parameters()).device
        examples: Tensor = self.generator(self.latent.draw(request.count, request.draws).to(device), None)
        return examples
