"""Checks every update before the optimizer step, and reports anomalies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, final

import torch
from torch import Tensor, nn

from ganzoo.contract.recipe import Batch, PhaseOutput, Recipe
from ganzoo.health.collapse import CollapseDetector


class Anomaly(NamedTuple):
    """A problem of one update: its kind, its phase, its step (from 1), and ``what`` is wrong, as a clause."""

    kind: Literal["not finite", "collapsed"]
    phase: str
    step: int
    what: str


class UpdateId(NamedTuple):
    """One update of a step: its phase, and its number (from 0) within the phase."""

    phase: str
    number: int


class _Measured(NamedTuple):
    """The names and ``numbers`` (N,) of one update: its loss terms, its gradients, and perhaps the spread."""

    terms: tuple[str, ...]
    gradients: tuple[str, ...]
    numbers: Tensor


@final
class _Remembered:
    """Tensors of one type with a copy of their numbers in one vector, so that few operations copy and restore them."""

    def __init__(self, tensors: list[Tensor]):
        self._tensors, self._sizes = tensors, [tensor.numel() for tensor in tensors]
        self._before = self._now()

    def remember(self) -> None:
        """Copy the numbers."""
        torch.cat([tensor.reshape(-1) for tensor in self._tensors], out=self._before)

    def restore_unless(self, sound: bool | Tensor) -> None:
        """Restore the numbers from the copy where ``sound`` is false; a tensor is read on the device."""
        if sound is True:
            return
        restored = torch.where(sound, self._now(), self._before) if isinstance(sound, Tensor) else self._before
        parts = zip(restored.split(self._sizes), self._tensors, strict=True)
        torch._foreach_copy_(self._tensors, [part.view(tensor.shape) for part, tensor in parts])

    def _now(self) -> Tensor:
        return torch.cat([tensor.reshape(-1) for tensor in self._tensors])


@final
class AnomalyCheck:
    """Checks whether an update is sound, which means that its loss terms and gradients are finite.

    It also measures the spread of the generated examples, and never steps an optimizer itself. An update that is not
    sound must leave parameters, optimizer and buffers as they were, to the bit: the check restores the buffers, which
    the forward pass has changed. In a recorded step the host cannot read the result: there it is a tensor on the
    device, and the anomalies are reported one step later.
    """

    def __init__(
        self,
        recipe: Recipe,
        parameters: Mapping[str, Sequence[nn.Parameter]],
        average: Callable[[Tensor], Tensor],
        collapse_detector: CollapseDetector,
        finite: bool,
    ):
        """Check the phases whose trained parameters are in ``parameters``, by name.

        ``average`` returns the mean over all processes, so that all of them decide alike. ``finite`` says whether to
        check that updates are finite.
        """
        self.collapse_detector = collapse_detector
        self._parameters, self._average, self._finite = parameters, average, finite
        self._active = finite or collapse_detector.enabled
        by_type: dict[torch.dtype, list[Tensor]] = {}
        for buffer in recipe.buffers() if finite else ():
            by_type.setdefault(buffer.dtype, []).append(buffer)
        self._buffers = [_Remembered(buffers) for buffers in by_type.values()]
        names = {parameter: name for name, parameter in recipe.named_parameters()}
        self._names = {phase: tuple(names[p] for p in trained) for phase, trained in parameters.items()}
        self._last: dict[UpdateId, _Measured] = {}
        self._copies: list[tuple[UpdateId, int, Tensor]] = []
        self._copied: torch.cuda.Event | None = None
        self._hosts: dict[UpdateId, Tensor] = {}  # memory of the host; read before the next copy
        self._anomalies: list[Anomaly] = []

    def remember_buffers(self) -> None:
        """Copy the buffers, before the forward passes of an update change them."""
        for buffers in self._buffers:
            buffers.remember()

    def restore_buffers(self, sound: bool | Tensor = False) -> None:
        """Restore the buffers from the copy, unless the update is ``sound``."""
        for buffers in self._buffers:
            buffers.restore_unless(sound)

    def is_sound(self, update: UpdateId, step: int, outputs: Sequence[PhaseOutput], real: Batch) -> bool:
        """Return whether an update is sound; ``real`` is a real batch of this update."""
        if not self._active:
            return True
        self.collapse_detector.set_reference(real)
        measured = self._measure(update.phase, outputs)
        if update not in self._last:
            self._last[update] = measured._replace(numbers=torch.zeros_like(measured.numbers))
        anomalies = list(self._read(update, step, measured, measured.numbers.tolist()))
        self._anomalies += anomalies
        return all(anomaly.kind == "collapsed" for anomaly in anomalies)

    def is_sound_on_device(self, update: UpdateId, outputs: Sequence[PhaseOutput]) -> bool | Tensor:
        """Return whether an update of a recorded step is sound: a tensor, or ``True`` if that is not checked."""
        if not self._active:
            return True
        measured = self._measure(update.phase, outputs)
        self._last.setdefault(update, measured).numbers.copy_(measured.numbers)
        if not self._finite:
            return True
        return measured.numbers[: len(measured.terms) + len(measured.gradients)].isfinite().all()

    def after_replay(self, phases: Sequence[str], step: int) -> None:
        """Start to copy the numbers of a replayed step of ``phases`` to the host, and read those of the step before.

        So the host never waits for the device.
        """
        self._receive()
        updates = [update for update in self._last if update.phase in phases]
        self._copies = [(update, step, self._copy_to_host(update)) for update in updates]
        if self.collapse_detector.device.type == "cuda":
            self._copied = torch.cuda.Event()
            self._copied.record()

    def anomalies(self, wait: bool = False) -> list[Anomaly]:
        """Return the anomalies since the last call.

        A replayed step reports its anomalies one step later; with ``wait``, now.
        """
        if wait:
            self._receive()
        anomalies, self._anomalies = self._anomalies, []
        return anomalies

    def forget(self) -> None:
        """Forget what no call of :meth:`anomalies` has returned: it is about steps before a restored checkpoint."""
        self._copies, self._copied, self._anomalies = [], None, []

    def _copy_to_host(self, update: UpdateId) -> Tensor:
        numbers = self._last[update].numbers
        on_gpu = numbers.device.type == "cuda"
        if update not in self._hosts:
            self._hosts[update] = torch.empty(len(numbers), pin_memory=on_gpu)
        return self._hosts[update].copy_(numbers, non_blocking=True)

    def _receive(self) -> None:
        if self._copied is not None:
            self._copied.synchronize()
        for update, step, numbers in self._copies:
            self._anomalies += self._read(update, step, self._last[update], numbers.tolist())
        self._copies, self._copied = [], None

    def _measure(self, phase: str, outputs: Sequence[PhaseOutput]) -> _Measured:
        """Return the numbers of an update, the same in every process."""
        terms = tuple(term for output in outputs for term in output.terms)
        parts = [torch.stack([value.detach().float() for output in outputs for value in output.terms.values()])]
        if self._finite:
            parts.append(_gradient_sizes(self._parameters[phase]))
        if self.collapse_detector.enabled and outputs[0].generated is not None:
            parts.append(self.collapse_detector.spread_of(outputs[0].generated).reshape(1))
        gradients = self._names[phase] if self._finite else ()
        return _Measured(terms, gradients, self._average(torch.cat(parts)))

    def _read(self, update: UpdateId, step: int, measured: _Measured, numbers: Sequence[float]) -> Iterator[Anomaly]:
        terms, rest = numbers[: len(measured.terms)], numbers[len(measured.terms) :]
        gradients, spreads = rest[: len(measured.gradients)], rest[len(measured.gradients) :]
        phase = f"phase {update.phase!r}"
        problems = [f"term {name!r} of {phase} is {value}" for name, value in _not_finite(measured.terms, terms)]
        problems += [
            f"the gradient of {name} in {phase} is too large or not finite"
            for name, _ in _not_finite(measured.gradients, gradients)
        ]
        if problems and self._finite:
            yield Anomaly("not finite", update.phase, step + 1, problems[0])  # the others follow from the first
        for spread in spreads:
            if self.collapse_detector.collapsed(spread):
                what = (
                    f"all examples that {phase} generates have become the same "
                    f"(their spread is {spread:.2%} of the real ones')"
                )
                yield Anomaly("collapsed", update.phase, step + 1, what)


def _not_finite(names: Sequence[str], numbers: Sequence[float]) -> list[tuple[str, float]]:
    return [(name, number) for name, number in zip(names, numbers, strict=True) if not math.isfinite(number)]


def _gradient_sizes(parameters: Sequence[nn.Parameter]) -> Tensor:
    """Return a number for each parameter (P,) that is finite if and only if the squares of its gradient are.

    Optimizers keep running means of squares, and would never recover from an infinite one.
    """
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    if gradients[0].device.type == "cpu":
        # Norms take longer on the CPU.
        return torch.stack([flat.dot(flat) for flat in map(torch.flatten, gradients)]).float()
    return torch.stack(torch._foreach_norm(gradients)).float()
