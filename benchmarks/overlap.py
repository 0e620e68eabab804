"""Benchmark: whether a step is shorter if gradients are exchanged while the backward pass goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from ganzoo.step.buckets import Wait
from ganzoo.step.precision import Precision
from ganzoo.step.processes import DistributedProcesses, ExchangingProcesses
from ganzoo.training.setup import build_trainer
from ganzoo.training.trainer import Trainer

PROCESSES, ROUNDS, STEPS = 2, 12, 3
CASES: Mapping[str, dict[str, Any]] = {
    "cgan": {"preset": "published", "dataset_size": 28},
    "dcgan": {"dataset_size": 32, "batch_size": 16},
}
CPU = torch.device("cpu")


@final
class Silent(ExchangingProcesses):
    """Sends nothing, to tell what the exchange costs."""

    def __init__(self, share: Share):
        super().__init__(overlap=False)
        self.share = share

    def begin_sum(self, values: Tensor) -> Wait:
        """Begin nothing."""
        return lambda: None

    def broadcast_text(self, text: str) -> str:
        """Return ``text``."""
        return text

    def broadcast_weights(self, network: nn.Module) -> None:
        """Do nothing."""

    def max_flag(self, flag: int) -> int:
        """Return ``flag``."""
        return flag


def compare(variant: str, flags: Mapping[str, Any], rounds: int) -> Iterator[dict[str, Any]]:
    """Yield the seconds of a step in both ways, by round, and whether both end with the same weights, to the bit."""
    rank, size = dist.get_rank(), dist.get_world_size()
    after, during = (DistributedProcesses(rank, size, CPU, overlap) for overlap in (False, True))
    contenders = {"after": after, "during": during, "nothing": Silent(Share(rank, size))}
    trainers = {name: trainer(variant, flags, processes) for name, processes in contenders.items()}
    turns = {name: common.turn(each.advance, CPU) for name, each in trainers.items()}
    seconds = common.interleaved(turns, STEPS, rounds)
    one, other = (trainers[name].train_step.recipe.state_dict() for name in ("after", "during"))
    yield {
        "variant": variant,
        "flags": dict(flags),
        "seconds": {name: [float(f"{value:.4g}") for value in values] for name, values in seconds.items()},
        "same": all(torch.equal(value, other[name]) for name, value in one.items()),
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
