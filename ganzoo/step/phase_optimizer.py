"""The optimizer and the learning rate of one phase."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor, nn

from ganzoo.assembly.trainable import trained_parameters
from ganzoo.contract.optimization import Progress, Schedule
from ganzoo.contract.recipe import Phase, Recipe
from ganzoo.errors import TrainingFailed


@final
class PhaseOptimizer:
    """A phase with its optimizer and schedule; the current learning rates of ``optimizer`` are the base rates.

    Of the phases that share an optimizer, one ``owns`` it: its schedule sets the rates, and its state is saved.
    """

    def __init__(self, recipe: Recipe, phase: Phase, optimizer: torch.optim.Optimizer, schedule: Schedule):
        self.phase, self.optimizer, self.owns = phase, optimizer, not phase.optimizer
        self.name, self.updates, self.fresh_data = phase.name, phase.updates, phase.fresh_data
        self.parameters = trained_parameters(recipe, phase)
        trained = set(self.parameters)
        self._others = [parameter for parameter in recipe.parameters() if parameter not in trained]
        self.stepped = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        self._schedule = schedule
        self._rates = [float(group["lr"]) for group in optimizer.param_groups]
        self._factor: float | None = None
        self._recordable, self._all = False, list(recipe.parameters())
        self._changed_after: dict[nn.Parameter, None] = {}

    @property
    def every(self) -> int:
        """The phase is due every ``every`` steps."""
        return self.phase.every

    @property
    def learning_rate(self) -> float:
        """The learning rate of the first parameter group in the current step."""
        factor = 1.0 if self._factor is None else self._factor
        return self._rates[0] * factor

    def rate_at(self, progress: Progress) -> float:
        """Return the learning rate of the first parameter group in a step."""
        return self._rates[0] * self._schedule.factor(progress)

    def due(self, step: int) -> bool:
        """Return whether the phase is due at ``step``."""
        return self.phase.due(step)

    def set_learning_rate(self, progress: Progress) -> None:
        """Set the learning rates for a step; raises :class:`TrainingFailed` if the schedule's factor is not finite."""
        factor = self._schedule.factor(progress)
        if factor == self._factor:
            return
        if not math.isfinite(factor):
            raise TrainingFailed(
                f"the schedule of phase {self.name!r} gives the factor {factor} at step {progress.step + 1}: "
                f"start a new run with another --{self.name}-schedule"
            )
        self._factor = factor
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate * factor)
            else:
                group["lr"] = rate * factor

    def set_requires_grad(self) -> None:
        """Require gradients only of the parameters that the phase trains."""
        for parameter in self._others:
            parameter.requires_grad_(False)
        for parameter in self.parameters:
            parameter.requires_grad_(True)

    def restart(self) -> None:
        """Forget the state of the optimizer, as before its first step."""
        self.optimizer.state.clear()

    def zero_gradients(self) -> None:
        """Remove the gradients of all that the optimizer moves; many times faster than its ``zero_grad``."""
        for parameter in self.stepped:
            parameter.grad = None

    def step(self, after_update: Callable[[], None]) -> None:
        """Step and call ``after_update``."""
        self.optimizer.step()
        if not self._recordable:
            after_update()
            return
        versions = [parameter._version for parameter in self._all]
        after_update()
        changed = [p for p, version in zip(self._all, versions, strict=True) if p._version != version]
        self._changed_after.update(dict.fromkeys(changed))

    def step_if(self, sound: bool | Tensor, after_update: Callable[[], None]) -> None:
        """Step and call ``after_update`` if the update is ``sound``; if that is a tensor, the device undoes them.

        The buffers of the recipe are not restored here. Of the parameters, ``after_update`` must change only those
        that it also changed after a :meth:`step`.
        """
        if not isinstance(sound, Tensor):
            if sound:
                self.step(after_update)
            return
        # Torch's fused optimizers skip a step by themselves where they are told of an infinite gradient.
        skips = getattr(self.optimizer, "_step_supports_amp_scaling", False)
        moved = self._changed_after if skips else dict.fromkeys((*self.stepped, *self._changed_after))
        undone = [*moved, *(() if skips else _state(self.optimizer))]
        before = [value.detach().clone() for value in undone]
        if skips:
            self.optimizer.found_inf = sound.logical_not().float()  # type: ignore[attr-defined]
        try:
            self.optimizer.step()
        finally:
            if skips:
                del self.optimizer.found_inf  # type: ignore[attr-defined]
        after_update()
        with torch.no_grad():
            for value, old in zip(undone, before, strict=True):
                value.copy_(torch.where(sound, value, old))

    def make_recordable(self, device: torch.device) -> None:
        """Keep the learning rates in memory of ``device``, so that the optimizer's step can be recorded."""
        self._recordable = True
        for group in self.optimizer.param_groups:
            group["lr"] = torch.tensor(float(group["lr"]), device=device)
            if "capturable" in group:
                group["capturable"] = device.type == "cuda"
        self._factor = None


@contextmanager
def quiet_optimizers() -> Iterator[None]:
    """In the block, let optimizers with ``capturable=True`` step outside a recording without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*capturable=True.*")
        yield


def _state(optimizer: torch.optim.Optimizer) -> Iterator[Tensor]:
    for state in optimizer.state.values():
        yield from (value for value in state.values() if isinstance(value, Tensor))
