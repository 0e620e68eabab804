"""One training step: for every phase that is due, forward, loss, backward, check, update; then the moving average."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, final

import torch
from torch import Tensor

from ganzoo.batches.batches import Batches, Feed
from ganzoo.contract.optimization import Progress
from ganzoo.contract.recipe import Batch, PhaseOutput, Recipe
from ganzoo.contract.step_context import StepContext
from ganzoo.contract.update_means import UpdateMeans
from ganzoo.contract.working_state import scheduled
from ganzoo.health.anomaly import AnomalyCheck, UpdateId
from ganzoo.randomness import Share, Streams, key
from ganzoo.step.ema import EMA
from ganzoo.step.phase_optimizer import PhaseOptimizer
from ganzoo.step.precision import Precision
from ganzoo.step.processes import ProcessGroup
from ganzoo.step.running_means import RunningMeans
from ganzoo.weighted_layers import weighted_layers

PhaseLoss = Callable[[Batch, StepContext], PhaseOutput]
Feeds = Sequence[Mapping[str, Feed]]
Handed = dict[tuple[int, Share], dict[str, Tensor]]
"""What the phases of a step hand on, by number of the update and share of the batch."""


class Pass(NamedTuple):
    """A part of a batch whose gradients are summed with those of the others, and its share of the whole batch."""

    share: Share
    batch: Batch


Passes = Sequence[Pass]
"""One batch, divided into passes."""


@final
class TrainStep:
    """The training step of a recipe: :meth:`begin` prepares a step on the host, and a call makes it on the device.

    A batch is divided among ``processes``, and the part of each process into ``passes`` whose gradients are summed. A
    call needs nothing from the host, so that it can be recorded once and replayed; :meth:`forward_backward` can be
    compiled.
    """

    def __init__(
        self,
        recipe: Recipe,
        phase_optimizers: Sequence[PhaseOptimizer],
        batches: Mapping[str, Batches],
        ema: EMA,
        streams: Streams,
        seed: int,
        steps: int,
        precision: Precision,
        processes: ProcessGroup,
        anomaly_check: AnomalyCheck,
        passes: int = 1,
    ):
        self.recipe, self.phase_optimizers, self.batches = recipe, tuple(phase_optimizers), batches
        self.ema, self.streams, self.steps = ema, streams, steps
        self.processes, self.running_means, self.anomaly_check = processes, RunningMeans(streams.device), anomaly_check
        self.losses: dict[str, PhaseLoss] = {phase.name: phase.phase.loss for phase in phase_optimizers}
        self._seed, self._precision, self._scheduled = seed, precision, scheduled(recipe)
        self._batch_size = max((each.order.batch_size for each in batches.values()), default=0)
        trained = {phase.name: set(phase.parameters) for phase in phase_optimizers}
        self._weighted = {
            phase: [layer for layer in weighted_layers(recipe) if layer.weight in parameters]
            for phase, parameters in trained.items()
        }
        self._restarts = frozenset(recipe.borders if recipe.restarts else ())
        own = processes.share
        self._shares = [Share(own.index * passes + number, own.count * passes) for number in range(passes)]

    def __call__(
        self,
        due: Sequence[PhaseOptimizer],
        feeds: Feeds,
        step: int,
        on_device: bool = False,
        recorded: bool = False,
    ) -> bool:
        """Make one step of the phases that are ``due``, with one feed for each batch; return whether all were sound.

        :meth:`begin` has set the learning rates and seeds. With ``on_device`` the host waits for nothing: the device
        decides which updates are sound, and the answer is ``True``. A ``recorded`` step, which is always on the device,
        will be replayed, and must not depend on the number of the ``step``.
        """
        self.streams.draw()
        batches, handed, all_sound = self.divide(feeds), Handed(), True
        for phase in due:
            phase.set_requires_grad()  # of its own networks; the others are frozen
            for number in range(phase.updates):
                update = UpdateId(phase.name, number)
                phase.zero_gradients()
                self.anomaly_check.remember_buffers()
                with self.processes.exchanging(phase.parameters, len(self._shares)):
                    outputs = self.forward_backward(phase, number, batches, handed, step, recorded)
                self.processes.average_gradients(phase.parameters)
                if on_device or recorded:
                    sound = self.anomaly_check.is_sound_on_device(update, outputs)
                    phase.step_if(sound, partial(self._after_update, phase.name, outputs))
                    self.anomaly_check.restore_buffers(sound)
                    self.running_means.add(phase.name, outputs, sound)
                elif self.anomaly_check.is_sound(update, step, outputs, batches[0][0].batch):
                    phase.step(partial(self._after_update, phase.name, outputs))
                    self.running_means.add(phase.name, outputs)
                else:
                    self.anomaly_check.restore_buffers()
                    all_sound = False
        self.ema.update()
        return all_sound

    def forward_backward(
        self,
        phase: PhaseOptimizer,
        update: int,
        batches: Sequence[Passes],
        handed: Handed,
        step: int,
        recorded: bool = False,
    ) -> Sequence[PhaseOutput]:
        """Sum the gradients of one update of a phase over its passes, and return the output of each pass.

        What the phase hands on is added to ``handed``.
        """
        outputs = []
        for share, batch in batches[update if phase.fresh_data else 0]:
            received = handed.setdefault((update, share), {})
            context = StepContext(step, self.steps, phase.name, update, self.streams, share, recorded, received)
            with self._precision.computing():
                output = self.losses[phase.name](batch, context)
            loss = output.total()
            (loss if len(self._shares) == 1 else loss / len(self._shares)).backward()
            context.receive(output.handed)
            outputs.append(output)
        return outputs

    def _after_update(self, phase: str, outputs: Sequence[PhaseOutput]) -> None:
        with torch.no_grad():
            self.recipe.after_update(phase, UpdateMeans(outputs, self.processes.average))
            for layer in self._weighted[phase]:
                layer.after_update()

    def begin(self, due: Sequence[PhaseOptimizer], step: int) -> None:
        """Set everything that depends on the number of the step: learning rates, decay of the average, random seeds."""
        if step in self._restarts:
            for phase in self.phase_optimizers:
                phase.restart()
        for phase in due:
            phase.set_learning_rate(Progress(step, self.steps))
        self.ema.begin(step)
        self.streams.begin(step)
        rank = self.processes.share.index
        _seed_networks(key(self._seed, f"networks/{rank}" if rank else "networks", step), self.streams.device)
        for part in self._scheduled:
            part.before_step(Progress(step, self.steps, self._batch_size))
        self.recipe.before_step(StepContext(step, self.steps, "before", 0, self.streams))

    def divide(self, feeds: Feeds) -> Sequence[Passes]:
        """Return this process's part of each batch of a step, divided into passes."""
        return [self._passes(feed) for feed in feeds]

    def _passes(self, feeds: Mapping[str, Feed]) -> Passes:
        batch = {slot: self.batches[slot].make(feed) for slot, feed in feeds.items()}
        if len(self._shares) == 1:
            return [Pass(self._shares[0], batch)]
        chunks = {
            slot: {name: values.chunk(len(self._shares)) for name, values in fields.items()}
            for slot, fields in batch.items()
        }
        return [
            Pass(
                share,
                {slot: {name: parts[number] for name, parts in fields.items()} for slot, fields in chunks.items()},
            )
            for number, share in enumerate(self._shares)
        ]


def _seed_networks(seed: int, device: torch.device) -> None:
    """Seed the global generator, from which layers such as dropout draw."""
    # Faster than torch.manual_seed, which seeds the generators of all devices.
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    elif device.type == "cuda":
        torch.cuda.manual_seed(seed)
    else:
        torch.manual_seed(seed)
