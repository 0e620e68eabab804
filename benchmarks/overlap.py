"""Benchmark: whether a step is shorter if gradients are exchanged while the backward pass goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

import click
import common
import torch
import torch.distributed as dist
from together import together
from torch import Tensor, nn
from training import choose

from ganzoo.assembly.dry_run import assemble
from ganzoo.randomness import Share
from ganzoo.step.precision import Precision
from ganzoo.step.processes import DistributedProcesses, ExchangingProcesses
from ganzoo.training.setup import build_trainer
from ganzoo.training.trainer import Trainer

PROCESSES, ROUNDS, STEPS = 2, 12, 3
BUCKET = 2**20  # bytes of a message at least, and the last one has the rest
CASES: Mapping[str, dict[str, Any]] = {
    "cgan": {"preset": "published", "dataset_size": 28},
    "dcgan": {"dataset_size": 32, "batch_size": 16},
}
CPU = torch.device("cpu")


class _Tried(ExchangingProcesses):
    """Processes that exchange gradients in another way, and the rest as usual."""

    def __init__(self, plain: DistributedProcesses):
        self.share, self._plain = plain.share, plain

    def sum_over_all(self, values: Tensor) -> None:
        """Sum ``values`` over all processes."""
        self._plain.sum_over_all(values)

    def broadcast_text(self, text: str) -> str:
        """Return the ``text`` of the first process."""
        return self._plain.broadcast_text(text)

    def broadcast_weights(self, network: nn.Module) -> None:
        """Replace the weights of ``network`` by those of the first process."""
        self._plain.broadcast_weights(network)

    def max_flag(self, flag: int) -> int:
        """Return the largest flag of the previous call."""
        return self._plain.max_flag(flag)


@final
class Silent(_Tried):
    """Sends nothing, to tell what the exchange costs."""

    def sum_over_all(self, values: Tensor) -> None:
        """Do nothing."""


@final
class Overlapping(_Tried):
    """Starts to sum the gradients of some parameters as soon as the backward pass has made all of them."""

    def __init__(self, plain: DistributedProcesses):
        super().__init__(plain)
        self._buckets: dict[tuple[nn.Parameter, ...], list[_Bucket]] = {}

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Wait for what is under way; the first time, exchange all at once, and watch the parameters from then on."""
        known = self._buckets.get(tuple(parameters))
        if known is None:
            self._buckets[tuple(parameters)] = list(_buckets(parameters))
            super().average_gradients(parameters)
            return
        for bucket in known:
            bucket.finish(self.share)


@final
class _Bucket:
    """Some parameters of a phase, whose gradients travel in one message."""

    def __init__(self, parameters: Sequence[nn.Parameter]):
        self._parameters, self._missing = parameters, len(parameters)
        self._flat = torch.empty(0)
        self._work: Any = None
        for parameter in parameters:
            parameter.register_post_accumulate_grad_hook(self._made)

    @property
    def _gradients(self) -> list[Tensor]:
        return [parameter.grad for parameter in self._parameters if parameter.grad is not None]

    def _made(self, parameter: nn.Parameter) -> None:
        self._missing -= 1
        if not self._missing:
            self._flat = torch.cat([gradient.reshape(-1) for gradient in self._gradients])
            self._work = dist.all_reduce(self._flat, async_op=True)

    def finish(self, share: Share) -> None:
        """Wait for the sums, and replace the gradients by their means."""
        self._work.wait()
        self._flat /= share.count
        parts = self._flat.split([parameter.numel() for parameter in self._parameters])
        for gradient, part in zip(self._gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))
        self._missing = len(self._parameters)


def _buckets(parameters: Sequence[nn.Parameter]) -> Iterator[_Bucket]:
    """Yield buckets in the order in which a backward pass makes gradients, as far as that of the layers tells."""
    some: list[nn.Parameter] = []
    for parameter in reversed(parameters):
        some.append(parameter)
        if sum(each.nbytes for each in some) >= BUCKET:
            yield _Bucket(some)
            some = []
    if some:
        yield _Bucket(some)


def compare(variant: str, flags: Mapping[str, Any], rounds: int) -> Iterator[dict[str, Any]]:
    """Yield the seconds of a step in both ways, by round, and whether both end with the same weights, to the bit."""
    plain = DistributedProcesses(dist.get_rank(), dist.get_world_size(), CPU)
    contenders = {"after": plain, "during": Overlapping(plain), "nothing": Silent(plain)}
    trainers = {name: trainer(variant, flags, processes) for name, processes in contenders.items()}
    turns = {name: common.turn(each.advance, CPU) for name, each in trainers.items()}
    seconds = common.interleaved(turns, STEPS, rounds)
    after, during = (trainers[name].train_step.recipe.state_dict() for name in ("after", "during"))
    yield {
        "variant": variant,
        "flags": dict(flags),
        "seconds": {name: [float(f"{value:.4g}") for value in values] for name, values in seconds.items()},
        "same": all(torch.equal(value, during[name]) for name, value in after.items()),
    }


def trainer(variant: str, flags: Mapping[str, Any], processes: ExchangingProcesses) -> Trainer:
    """Return a trainer in float32, after its preparation."""
    selection = choose(variant, **{"device": "cpu", "precision": "fp32", "dataset": "digits", **flags})
    made = build_trainer(selection, assemble(selection), Precision("fp32", CPU), processes, click.echo)
    made.prepare()
    return made


@click.command()
@common.out
@common.share
def main(out: Path | None, share: float) -> None:
    """Compare the exchange after and during the backward pass, and no exchange, between two processes."""
    rounds = common.share_of(ROUNDS, share)
    results = [
        found
        for variant, flags in CASES.items()
        for found in together(compare, variant, flags, rounds, processes=PROCESSES)
    ]
    common.publish(results, CPU, out)


if __name__ == "__main__":
    common.run(main)
