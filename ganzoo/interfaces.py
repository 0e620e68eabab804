"""The contract: what every generator, discriminator, conditioner, loss and penalty is. Implement one to extend it.

Shape suffixes: B batch, Z latent, C channels, H height, W width, F features, X whatever a discriminator scores.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, final

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ganzoo.catalogue.data import Field
from ganzoo.catalogue.options import Config
from ganzoo.randomness import Draws

Shape = tuple[int, ...]


class Conditioner(nn.Module, ABC):
    """What happens at one site of a network: it takes x of ``shape`` and answers with x' of ``out_shape``.

    Built as ``target(config, shape, condition)``, where ``shape`` is that of one example at the site and
    ``condition`` the :class:`Field` that it will be given. ``sites`` names the sites at which it acts.
    """

    sites: ClassVar[frozenset[str]] = frozenset({"input"})
    out_shape: Shape

    @abstractmethod
    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map x (B, \\*shape) and its condition to (B, \\*out_shape)."""


class Unconditioned(Conditioner):
    """The null conditioner: answers with its input, so that no network asks whether it is conditional."""

    sites = frozenset()

    def __init__(self, config: Config, shape: Shape, condition: Field | None):
        super().__init__()
        self.out_shape = shape

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Return x."""
        return x


@dataclass(frozen=True)
class Sites:
    """What a network asks for a conditioner: one for each site, with the shape that it has there."""

    target: type[Conditioner]
    config: Config
    condition: Field | None
    blamed: Callable[[], AbstractContextManager[None]] = nullcontext

    def at(self, site: str, shape: Shape) -> Conditioner:
        """Return the conditioner for ``site``, the null one where the chosen conditioner does not act there."""
        acts = self.condition is not None and site in self.target.sites
        if not acts:
            return Unconditioned(self.config, shape, None)
        with self.blamed():
            return self.target(self.config, shape, self.condition)


class Generator(nn.Module, ABC):
    """A network that makes examples, built as ``target(config, in_shape, out, sites)``.

    ``in_shape`` is the shape of one input, (Z,) for noise or (C, H, W) for an image; ``out`` is the
    :class:`Field` to make.
    """

    @abstractmethod
    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, \\*in_shape) and its condition to (B, \\*out.shape), in [-1, 1] where ``out`` is bounded."""


class Verdict(NamedTuple):
    """What a discriminator says: ``logit`` (B, X), unbounded, and the ``features`` (B, F) it was drawn from."""

    logit: Tensor
    features: Tensor


class Discriminator(nn.Module, ABC):
    """A network that scores examples, built as ``target(config, in_shape, sites)``."""

    @abstractmethod
    def forward(self, x: Tensor, condition: Tensor | None) -> Verdict:
        """Map (B, \\*in_shape) and its condition to a :class:`Verdict`; a high logit says real."""


class Batchwise(nn.Module):
    """A layer whose answer for one example depends on the others of its batch; batch norm is one without saying so."""


def batchwise(network: nn.Module) -> bool:
    """Return whether examples of a batch affect each other in ``network``, so that real and fake must pass it apart."""
    return any(isinstance(layer, _BatchNorm | Batchwise) for layer in network.modules())


@final
class Critic:
    """A discriminator with its condition filled in: maps examples (B, …) to logits (B, X)."""

    def __init__(self, discriminator: nn.Module, condition: Tensor | None):
        self._discriminator, self._condition = discriminator, condition

    def __call__(self, x: Tensor) -> Tensor:
        """Return the logits (B, X) of x (B, …)."""
        verdict: Verdict = self._discriminator(x, self._condition)
        return verdict.logit

    @property
    def keeps_statistics(self) -> bool:
        """Whether answering changes something in it: averages of batch norm, vectors of spectral norm."""
        return any(True for _ in self._discriminator.buffers())


class Loss(ABC):
    """What scores are worth to each player, built as ``target(config)``; pure functions of logits, no reduction.

    ``threshold`` is the logit above which an example is called real, for the accuracy that people watch.
    """

    threshold: ClassVar[float] = 0.0

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Map the logits (B, X) of real and fake examples to the discriminator's loss (B, X)."""

    @abstractmethod
    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Map the logits (B, X) of fake examples to the generator's loss (B, X).

        ``real()`` computes the logits of the real batch; only losses that compare the two call it.
        """

    def score(self, logit: Tensor) -> Tensor:
        """Map logits to what people read as D(x); the raw score unless the loss knows a probability."""
        return logit


class Penalty(ABC):
    """A regulariser of the discriminator, built as ``target(config)``.

    ``at_fakes`` says whether it looks at fake examples; they are then made for the conditions of the real ones.
    """

    at_fakes: ClassVar[bool] = True

    @abstractmethod
    def __call__(
        self,
        critic: Critic,
        real: Tensor,
        fake: Tensor,
        draws: Draws,
    ) -> Mapping[str, Tensor]:
        """Return named terms (B,) to add to the discriminator's loss.

        ``critic`` maps examples (B, …) to logits (B, X) with the condition filled in; ``real`` and ``fake``
        are detached batches of one size; ``draws`` gives random numbers (B, …) on their device.
        """


class Latent(ABC):
    """The distribution of the noise, built as ``target(config)``; ``shape`` is that of one sample, (Z,)."""

    shape: Shape

    @abstractmethod
    def draw(self, count: int, draws: Draws) -> Tensor:
        """Return noise (count, \\*shape), float32."""


class Initialiser(ABC):
    """How the weights of a network begin, built as ``target(config)``."""

    @abstractmethod
    def __call__(self, network: nn.Module) -> None:
        """Set the weights of ``network`` in place, drawing from torch's global generator."""


class OptimizerFactory(Protocol):
    """How the weights move: a function ``target(config, parameters)`` that builds a torch optimizer."""

    def __call__(self, config: Any, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimizer of ``parameters``."""


@dataclass(frozen=True)
class Progress:
    """How far a training is: ``step`` of ``steps``."""

    step: int
    steps: int


class Schedule(ABC):
    """How the learning rate changes, built as ``target(config)``; stateless, so a step number restores it."""

    @abstractmethod
    def factor(self, progress: Progress) -> float:
        """Return what the base learning rate is multiplied by at this step."""


class Dataset(ABC):
    """Examples by index, built as ``target(config, root)``, ``root`` being the folder of the data files.

    Building it finds the files (and may download them); reading decodes them.
    """

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of examples."""

    @abstractmethod
    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return the fields of the data spec for ``indices`` (B,) int64, on the CPU, as :class:`Field` says.

        Called in worker processes when data is streamed; images are uint8 (B, C, H, W).
        """
