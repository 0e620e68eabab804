"""One training step: for every phase that is due, forward, loss, backward, check, update; then the average."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import final

import torch

from ganzoo.batches.batches import Batches, Feed
from ganzoo.contract.optimization import Progress
from ganzoo.contract.recipe import Batch, PhaseOutput, Recipe
from ganzoo.contract.step_context import StepContext
from ganzoo.health.anomaly import AnomalyCheck, UpdateId
from ganzoo.randomness import Share, Streams, key
from ganzoo.step.ema import EMA
from ganzoo.step.phase_optimizer import PhaseOptimizer
from ganzoo.step.precision import Precision
from ganzoo.step.processes import ProcessGroup
from ganzoo.step.running_means import RunningMeans

Loss = Callable[[Batch, StepContext], PhaseOutput]
Feeds = Sequence[Mapping[str, Feed]]
Passes = Sequence[tuple[Share, Batch]]
"""A batch in the passes whose gradients add up, each with the share of the batch that it is."""


@final
class TrainStep:
    """A training step of a recipe: call it to make the step that :meth:`begin` has set up.

    A batch is divided among ``processes``, and each process's part into ``passes`` whose gradients add up. A call asks
    the host for nothing, so that it can be compiled, or recorded once and replayed.
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
        self.losses: dict[str, Loss] = {phase.name: phase.phase.loss for phase in phase_optimizers}
        self._seed, self._precision = seed, precision
        mine = processes.share
        self._shares = [Share(mine.index * passes + number, mine.count * passes) for number in range(passes)]

    def __call__(self, due: Sequence[PhaseOptimizer], feeds: Feeds, step: int, recorded: bool = False) -> None:
        """Make one step of the phases that are ``due``, on one feed for each batch that the step takes.

        Where it is ``recorded``, it will be replayed, and must not depend on its number.
        """
        batches = self.divided(feeds)
        for phase in due:
            phase.freeze_the_others()
            for number in range(phase.updates):
                update = UpdateId(phase.name, number)
                phase.zero_gradients()
                self.anomaly_check.remember_buffers()
                outputs = self.forward_backward(phase, number, batches, step, recorded)
                self.processes.average_gradients(phase.parameters)
                if recorded:
                    sound = self.anomaly_check.is_sound_on_device(update, outputs)
                    phase.step_if(sound)
                    self.anomaly_check.restore_buffers(sound)
                    self.running_means.add(phase.name, outputs, sound)
                elif self.anomaly_check.is_sound(update, step, outputs, batches[0][0][1]):
                    phase.optimizer.step()
                    self.running_means.add(phase.name, outputs)
                else:
                    self.anomaly_check.restore_buffers()
        self.ema.update()

    def forward_backward(
        self, phase: PhaseOptimizer, update: int, batches: Sequence[Passes], step: int, recorded: bool = False
    ) -> Sequence[PhaseOutput]:
        """Add up the gradients of one update of a phase, pass by pass, and return what each pass found."""
        outputs = []
        for share, batch in batches[update if phase.fresh_data else 0]:
            context = StepContext(step, self.steps, phase.name, update, self.streams, share, recorded)
            with self._precision.computing():
                output = self.losses[phase.name](batch, context)
            loss = output.total()
            (loss if len(self._shares) == 1 else loss / len(self._shares)).backward()
            outputs.append(output)
        return outputs

    def begin(self, step: int, due: Sequence[PhaseOptimizer]) -> None:
        """Set up what depends on the number of the step: learning rates, decay of the average, random numbers."""
        for phase in due:
            phase.set_rate(Progress(step, self.steps))
        self.ema.begin(step)
        self.streams.begin(step)
        rank = self.processes.share.index
        _seed_networks(key(self._seed, f"networks/{rank}" if rank else "networks", step), self.streams.device)
        self.recipe.before_step(StepContext(step, self.steps, "before", 0, self.streams))

    def divided(self, feeds: Feeds) -> Sequence[Passes]:
        """Return this process's part of each batch of a step as networks receive it."""
        return [self._passes(feed) for feed in feeds]

    def _passes(self, feeds: Mapping[str, Feed]) -> Passes:
        batch = {slot: self.batches[slot].make(feed) for slot, feed in feeds.items()}
        if len(self._shares) == 1:
            return [(self._shares[0], batch)]
        chunks = {
            slot: {name: values.chunk(len(self._shares)) for name, values in fields.items()}
            for slot, fields in batch.items()
        }
        return [
            (share, {slot: {name: parts[place] for name, parts in fields.items()} for slot, fields in chunks.items()})
            for place, share in enumerate(self._shares)
        ]


def _seed_networks(seed: int, device: torch.device) -> None:
    """Seed what layers such as dropout draw from."""
    # torch.manual_seed goes round all devices, at every step.
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    elif device.type == "cuda":
        torch.cuda.manual_seed(seed)
    else:
        torch.manual_seed(seed)
