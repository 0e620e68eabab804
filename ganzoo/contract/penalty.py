"""Regularisers of the discriminator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, cast, final

from torch import Tensor, nn

from ganzoo.contract.gradients import at_least_float32, without_autocast
from ganzoo.contract.networks import ConditionedDiscriminator
from ganzoo.contract.packs import Packed
from ganzoo.contract.working_state import WorkingState
from ganzoo.randomness import Draws


class PenaltyOutput(NamedTuple):
    """The ``terms`` (B,) of a penalty by name, and ``values`` (B, …) of which only the means are needed."""

    terms: Mapping[str, Tensor]
    values: Mapping[str, Tensor] = MappingProxyType({})


class Penalty(Packed, WorkingState, ABC):
    """A regulariser of the discriminator, built as ``target(config)``.

    ``uses_fakes`` says whether the penalty reads the fake examples; these then have the conditions of the real ones.
    ``pack`` declares how many examples of a batch it compares (:class:`~ganzoo.contract.packs.Packed`).

    A penalty with a state keeps it in buffers, and changes it in :meth:`after_update` only.
    """

    uses_fakes: ClassVar[bool] = True

    def __init__(self, config: Any = None):
        super().__init__()

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

    def after_update(self, network: nn.Module, means: Mapping[str, Tensor]) -> None:
        """Change the state of the penalty, or the weights of ``network``, after an update of it.

        ``means`` are the scalar means of the penalty's terms and values over the whole batch: over all processes and
        passes. Work in place and on the device. By default nothing changes.
        """


@final
class Penalties(WorkingState):
    """The penalties of one discriminator: their terms together, each under its own name."""

    def __init__(self, penalties: Sequence[Penalty]):
        super().__init__()
        self.penalties = nn.ModuleList(penalties)

    @property
    def _all(self) -> Sequence[Penalty]:
        return cast(Sequence[Penalty], self.penalties)

    @property
    def uses_fakes(self) -> bool:
        """Whether any penalty reads the fake examples."""
        return any(penalty.uses_fakes for penalty in self._all)

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> PenaltyOutput:
        """Return the terms (B,) and values (B, …) of all penalties; raises ``ValueError`` if two have the same name."""
        terms: dict[str, Tensor] = {}
        values: dict[str, Tensor] = {}
        real, fake = at_least_float32(real), at_least_float32(fake)
        with without_autocast(real.device):
            for penalty in self._all:
                output = penalty(discriminator, real, fake, draws)
                both = output if isinstance(output, PenaltyOutput) else PenaltyOutput(output)
                for found, new in ((terms, both.terms), (values, both.values)):
                    if twice := found.keys() & new.keys():
                        raise ValueError(f"two penalties both return {min(twice)!r}: leave one of them out")
                    found.update(new)
        return PenaltyOutput(terms, values)

    def after_update(self, network: nn.Module, means: Mapping[str, Tensor]) -> None:
        """Let each penalty change its state, or the weights of ``network``."""
        for penalty in self._all:
            penalty.after_update(network, means)
