"""Regularisers of discriminators and generators: terms that are added to a loss, and constraints on weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, cast, final

from torch import Tensor, nn

from ganzoo.contract.gradients import at_least_float32
from ganzoo.contract.networks import ConditionedDiscriminator, ConditionedGenerator
from ganzoo.contract.packs import Packed
from ganzoo.contract.working_state import WorkingState
from ganzoo.layers import without_autocast
from ganzoo.randomness import Draws


class PenaltyOutput(NamedTuple):
    """The ``terms`` (B,) of a penalty by name, and ``values`` (B, …) of which only the means are needed."""

    terms: Mapping[str, Tensor]
    values: Mapping[str, Tensor] = MappingProxyType({})


class Regulariser(Packed, WorkingState, ABC):
    """What penalties of discriminators and of generators share, built as ``target(config)``.

    ``pack`` declares how many examples of a batch it compares (:class:`~ganzoo.contract.packs.Packed`). ``every`` says
    that it is computed in one of so many steps only, multiplied by this number (lazy regularisation); a constructor may
    set it from its options. A recipe gives it a phase of its own then, which is due at these steps.

    ``of_gradients`` declares that it takes the gradient of each example, so that a training warns of batch norm.

    A state is kept in buffers, and changed in :meth:`after_update` only.
    """

    every: int = 1
    of_gradients: ClassVar[bool] = False

    def __init__(self, config: Any = None):
        super().__init__()

    def after_update(self, means: Mapping[str, Tensor]) -> None:
        """Change the state after an update that had the terms of this penalty; nothing by default.

        ``means`` are the scalar means of its terms and values over the whole batch: over all processes and passes. Work
        in place and on the device.
        """

    def constrain(self, network: nn.Module) -> None:
        """Change the weights of ``network`` in place after every update of it, whichever phase made it; by default not.

        It runs without gradients, and must not read a value on the host.
        """


class Penalty(Regulariser):
    """A regulariser of the discriminator, built as ``target(config)``.

    ``uses_fakes`` says whether the penalty reads the fake examples; these then have the conditions of the real ones.
    """

    uses_fakes: ClassVar[bool] = True

    @abstractmethod
    def forward(
        self,
        discriminator: ConditionedDiscriminator,
        real: Tensor,
        fake: Tensor,
        draws: Draws,
    ) -> Mapping[str, Tensor] | PenaltyOutput:
        """Return terms (B,) by name, which are added to the discriminator's loss; none for no penalty.

        ``discriminator`` maps examples (B, …) to logits (B, X) with the condition filled in, and has their gradient.
        ``real`` and ``fake`` are detached batches of equal size, in float32 or better, and autocast is off. ``draws``
        gives random numbers (B, …) on their device. Return a :class:`PenaltyOutput` to have means of other values too.
        """


class GeneratorPenalty(Regulariser):
    """A regulariser of the generator, built as ``target(config)``."""

    @abstractmethod
    def forward(self, generator: ConditionedGenerator, z: Tensor, draws: Draws) -> Mapping[str, Tensor] | PenaltyOutput:
        """Return terms (B,) by name, which are added to the generator's loss; none for no penalty.

        ``generator`` maps noise (B, …) to examples with the condition filled in, and has gradients with respect to the
        noise. ``z`` is a batch of noise, and autocast is off. ``draws`` gives random numbers (B, …) on its device.
        """


@final
class Penalties(WorkingState):
    """The penalties of one network: their terms together, each under its own name.

    Those with the same ``every`` are computed together: in the phase of the network for 1, else in one of their own.
    """

    def __init__(self, penalties: Sequence[Regulariser]):
        super().__init__()
        self.penalties = nn.ModuleList(penalties)

    def _due(self, every: int) -> list[Regulariser]:
        return [penalty for penalty in cast(Sequence[Regulariser], self.penalties) if penalty.every == every]

    @property
    def lazy(self) -> tuple[int, ...]:
        """Every how many steps lazy penalties are due, each number once, in order."""
        return tuple(sorted({penalty.every for penalty in cast(Sequence[Regulariser], self.penalties)} - {1}))

    def uses_fakes(self, every: int = 1) -> bool:
        """Return whether any penalty that is due ``every`` so many steps reads the fake examples."""
        return any(isinstance(penalty, Penalty) and penalty.uses_fakes for penalty in self._due(every))

    def forward(
        self, network: ConditionedDiscriminator | ConditionedGenerator, *given: Tensor | Draws, every: int = 1
    ) -> PenaltyOutput:
        """Return the terms (B,) and values (B, …) of all penalties that are due ``every`` so many steps.

        ``given`` is what each of them receives: real and fake examples and draws for a discriminator, noise and draws
        for a generator. Raises ``ValueError`` if two penalties use the same name.
        """
        terms: dict[str, Tensor] = {}
        values: dict[str, Tensor] = {}
        precise = [at_least_float32(one) if isinstance(one, Tensor) else one for one in given]
        with without_autocast(next(one.device for one in precise if isinstance(one, Tensor))):
            for penalty in self._due(every):
                output = penalty(network, *precise)
                both = output if isinstance(output, PenaltyOutput) else PenaltyOutput(output)
                for found, new in ((terms, both.terms), (values, both.values)):
                    if twice := found.keys() & new.keys():
                        raise ValueError(f"two penalties both return {min(twice)!r}: leave one of them out")
                    found.update(new)
        if every > 1:
            terms = {name: every * term for name, term in terms.items()}
        return PenaltyOutput(terms, values)

    def after_update(self, network: nn.Module, means: Mapping[str, Tensor], every: int = 1) -> None:
        """Let the penalties of this update change their state, and all penalties the weights of ``network``."""
        for penalty in self._due(every):
            penalty.after_update(means)
        for penalty in cast(Sequence[Regulariser], self.penalties):
            penalty.constrain(network)
