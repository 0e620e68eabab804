"""Checks every update before it is made, and says which ones must not be made."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, final

import torch
from torch import Tensor, nn

from ganzoo.contract.recipe import Batch, PhaseOutput, Recipe
from ganzoo.health.collapse import CollapseDetector


class Anomaly(NamedTuple):
    """What is wrong with an update, as a clause of a sentence: its phase, and its step, counted from 1."""

    kind: Literal["not finite", "collapsed"]
    phase: str
    step: int
    what: str


class UpdateId(NamedTuple):
    """Which update of a step it is: its phase, and its number within the phase."""

    phase: str
    number: int


class _Measured(NamedTuple):
    """The numbers (N,) that tell whether an update is sound: loss terms, then gradients, then perhaps the spread."""

    terms: tuple[str, ...]
    gradients: tuple[str, ...]
    numbers: Tensor


@final
class AnomalyCheck:
    """Answers whether an update is sound: whether its loss terms and gradients are finite.

    It also watches how alike the generated examples are. It never steps an optimizer. An update that is not sound must
    leave parameters, optimizer and buffers as they were, to the bit: the check puts the buffers back, which the forward
    pass has changed. In a recorded step nobody can ask: there the answer is a tensor, and what was found is heard of a
    step later.
    """

    def __init__(
        self,
        recipe: Recipe,
        parameters: Mapping[str, Sequence[nn.Parameter]],
        average: Callable[[Tensor], Tensor],
        collapse_detector: CollapseDetector,
        finite: bool,
    ):
        """Check phases with these ``parameters``, by name; ``average`` means over processes, so that all decide alike.

        ``finite`` says whether updates that are not finite are looked for.
        """
        self.collapse_detector = collapse_detector
        self._parameters, self._average, self._finite = parameters, average, finite
        self._active = finite or collapse_detector.watched
        self._buffers = list(recipe.buffers()) if finite else []
        self._before = [buffer.clone() for buffer in self._buffers]
        names = {parameter: name for name, parameter in recipe.named_parameters()}
        self._names = {phase: tuple(names[p] for p in trained) for phase, trained in parameters.items()}
        self._last: dict[UpdateId, _Measured] = {}
        self._sent: list[tuple[UpdateId, int, Tensor]] = []
        self._arrived: torch.cuda.Event | None = None
        self._anomalies: list[Anomaly] = []

    def remember_buffers(self) -> None:
        """Keep the buffers that the forward passes of an update change."""
        if self._buffers:
            torch._foreach_copy_(self._before, self._buffers)

    def restore_buffers(self, sound: bool | Tensor = False) -> None:
        """Put the buffers back as they were, unless the update is ``sound``."""
        if isinstance(sound, Tensor):
            with torch.no_grad():
                for buffer, before in zip(self._buffers, self._before, strict=True):
                    buffer.copy_(torch.where(sound, buffer, before))
        elif not sound and self._buffers:
            torch._foreach_copy_(self._buffers, self._before)

    def is_sound(self, update: UpdateId, step: int, outputs: Sequence[PhaseOutput], real: Batch) -> bool:
        """Return whether an update is sound; ``real`` is a batch that it was made with."""
        if not self._active:
            return True
        self.collapse_detector.compare_with(real)
        measured = self._measure(update.phase, outputs)
        if update not in self._last:
            self._last[update] = measured._replace(numbers=torch.zeros_like(measured.numbers))
        found = list(self._read(update, step, measured, measured.numbers.tolist()))
        self._anomalies += found
        return all(anomaly.kind == "collapsed" for anomaly in found)

    def is_sound_on_device(self, update: UpdateId, outputs: Sequence[PhaseOutput]) -> bool | Tensor:
        """Return whether an update of a step that is being recorded is sound: a tensor, unless nobody looks."""
        if not self._active:
            return True
        measured = self._measure(update.phase, outputs)
        self._last[update].numbers.copy_(measured.numbers)
        if not self._finite:
            return True
        return measured.numbers[: len(measured.terms) + len(measured.gradients)].isfinite().all()

    def replayed(self, phases: Sequence[str], step: int) -> None:
        """Ask for what a replayed step of ``phases`` measured; read it after the next one, so that nobody waits."""
        self._receive()
        updates = [update for update in self._last if update.phase in phases]
        self._sent = [(update, step, self._fetch(self._last[update].numbers)) for update in updates]
        if self.collapse_detector.device.type == "cuda":
            self._arrived = torch.cuda.Event()
            self._arrived.record()

    def anomalies(self, wait: bool = False) -> list[Anomaly]:
        """Return what was found since the last call; with ``wait``, in the last step too, if it was replayed."""
        if wait:
            self._receive()
        found, self._anomalies = self._anomalies, []
        return found

    def _fetch(self, numbers: Tensor) -> Tensor:
        host = torch.empty(len(numbers), pin_memory=numbers.device.type == "cuda")
        return host.copy_(numbers, non_blocking=True)

    def _receive(self) -> None:
        if self._arrived is not None:
            self._arrived.synchronize()
        for update, step, numbers in self._sent:
            self._anomalies += self._read(update, step, self._last[update], numbers.tolist())
        self._sent, self._arrived = [], None

    def _measure(self, phase: str, outputs: Sequence[PhaseOutput]) -> _Measured:
        """Return the numbers of an update, the same in every process."""
        terms = tuple(term for output in outputs for term in output.terms)
        parts = [torch.stack([value.detach().float() for output in outputs for value in output.terms.values()])]
        if self._finite:
            parts.append(_gradient_sizes(self._parameters[phase]))
        if self.collapse_detector.watched and outputs[0].generated is not None:
            parts.append(self.collapse_detector.of(outputs[0].generated).reshape(1))
        gradients = self._names[phase] if self._finite else ()
        return _Measured(terms, gradients, self._average(torch.cat(parts)))

    def _read(self, update: UpdateId, step: int, measured: _Measured, numbers: Sequence[float]) -> Iterator[Anomaly]:
        terms, rest = numbers[: len(measured.terms)], numbers[len(measured.terms) :]
        gradients, spreads = rest[: len(measured.gradients)], rest[len(measured.gradients) :]
        phase = f"phase {update.phase!r}"
        whats = [f"term {name!r} of {phase} is {value}" for name, value in _not_finite(measured.terms, terms)]
        whats += [
            f"the gradient of {name} in {phase} is too large or not finite"
            for name, _ in _not_finite(measured.gradients, gradients)
        ]
        if whats and self._finite:
            yield Anomaly("not finite", update.phase, step + 1, whats[0])  # what follows from it is no news
        for share in spreads:
            if self.collapse_detector.collapsed(share):
                what = f"the examples that {phase} makes are all alike (their spread is {share:.2%} of the real ones')"
                yield Anomaly("collapsed", update.phase, step + 1, what)


def _not_finite(names: Sequence[str], numbers: Sequence[float]) -> list[tuple[str, float]]:
    return [(name, number) for name, number in zip(names, numbers, strict=True) if not math.isfinite(number)]


def _gradient_sizes(parameters: Sequence[nn.Parameter]) -> Tensor:
    """Return a number for each parameter (P,) that is finite where the squares of its gradient are.

    Optimizers keep means of squares: one that is infinite would stand for ever.
    """
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    if gradients[0].device.type == "cpu":
        # Norms take longer there.
        return torch.stack([flat.dot(flat) for flat in map(torch.flatten, gradients)]).float()
    return torch.stack(torch._foreach_norm(gradients)).float()
