"""Benchmark: what messages between two processes take, and what a model of it predicts; it goes on where it stopped.

`python benchmarks/scale_page.py` writes docs/scale.md from the result.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import common
import torch
import torch.distributed as dist
from exchange_model import Measured, fitted, ring
from together import together

from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import installed, select
from ganzoo.catalogue.check import check
from ganzoo.catalogue.options import values_of
from ganzoo.studio.cost import cost_of
from ganzoo.studio.exchange import Exchange, exchange_of
from ganzoo.training.trainer import batches_per_step

PROCESSES = 2
# Bytes of one message. The model is fitted to the first, and must predict the others.
FITTED = (2**12, 2**16, 2**20, 2**22, 2**24)
HELD_OUT = (2**14, 2**18, 2**21, 2**23, 2**25)
ROUNDS, SECONDS = 30, 0.03  # of a turn at least, where a message takes less
SHARES = 0.5, 0.1  # of the rounds are as fast as what is told, or faster
BOUND = 0.2  # by how much a prediction may be wrong
Payloads = Mapping[str, Sequence[int]]
"""The bytes of messages that are exchanged one after the other, by name."""


class Case(NamedTuple):
    """A training: its variant, preset and flags, with the batch of one process."""

    variant: str
    preset: str | None
    flags: Mapping[str, Any]


# Their phases must be predicted, too, and what they cost with more processes is computed.
CASES = (
    Case("cgan", "published", {"dataset_size": 28, "batch_size": 64}),
    Case("dcgan", None, {"dataset_size": 64, "batch_size": 128}),
    Case("biggan", "published", {"batch_size": 32}),
    Case("stylegan2-ada", "published", {"batch_size": 8}),
)


def described(case: Case) -> dict[str, Any]:
    """Return what a training exchanges in a step, and the cost of its steps."""
    selection = select(installed(), case.variant, case.flags, case.preset)
    found: dict[str, Exchange] = {}
    cost = cost_of(lambda: found.update(exchange_of(selection)))
    return {
        "variant": case.variant,
        "preset": case.preset,
        "size": values_of(selection.parts["dataset"].config)["size"],
        "batch": selection.run.batch_size,
        "images": selection.run.batch_size
        * batches_per_step(build_recipe(selection, check(selection), "meta").phases()),
        "flops": cost.flops,
        "phases": {phase: {"every": each.every, "messages": each.messages} for phase, each in found.items()},
    }


def payloads(trainings: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[int]]:
    """Return everything that is measured."""
    single: dict[str, Sequence[int]] = {str(size): (size,) for size in (*FITTED, *HELD_OUT)}
    return single | {
        f"{training['variant']}: {phase}": about["messages"]
        for training in trainings
        for phase, about in training["phases"].items()
    }


def exchange(given: Payloads, rounds: Sequence[int]) -> Iterator[dict[str, float]]:
    """Yield the seconds of each payload in each of ``rounds``, as one of the processes."""
    tensors = {name: [torch.zeros(max(1, size // 4)) for size in messages] for name, messages in given.items()}
    times = {name: _repetitions(messages) for name, messages in tensors.items()}
    names = list(given)
    for number in rounds:
        place = number % len(names)
        yield {name: _seconds(tensors[name], times[name]) for name in (*names[place:], *names[:place])}


def _repetitions(messages: Sequence[torch.Tensor]) -> int:
    """Return how often to exchange in a turn, the same in all processes."""
    _seconds(messages, 1)
    often = torch.tensor([SECONDS / _seconds(messages, 3)])
    dist.all_reduce(often, dist.ReduceOp.MAX)
    return max(1, min(100, round(float(often))))


def _seconds(messages: Sequence[torch.Tensor], times: int) -> float:
    dist.barrier()
    began = time.perf_counter()
    for _ in range(times):
        for values in messages:
            dist.all_reduce(values)
    return (time.perf_counter() - began) / times


def judged(given: Payloads, seconds: Mapping[str, Sequence[float]], share: float) -> dict[str, Any]:
    """Return the link that was fitted, and for each payload its time and what the link predicts.

    A ``share`` of the rounds is at least as fast as this time: 0.5 is the median, and with less, rounds that other
    work has disturbed count less.
    """
    times = {name: sorted(values)[int(share * (len(values) - 1))] for name, values in seconds.items()}
    link = fitted([Measured(size, times[str(size)]) for size in FITTED], PROCESSES)
    rows = [
        {
            "payload": name,
            "fitted": name in {str(size) for size in FITTED},
            "calls": len(messages),
            "bytes": sum(messages),
            "seconds": float(f"{times[name]:.4g}"),
            "predicted": float(f"{ring(messages, PROCESSES, link):.4g}"),
        }
        for name, messages in given.items()
    ]
    return {"share": share, "latency": link.latency, "bandwidth": link.bandwidth, "target": BOUND, "rows": rows}


def known_seconds(out: Path | None, given: Payloads) -> dict[str, list[float]]:
    """Return the seconds of each payload by round that ``out`` holds; none if other payloads were measured."""
    if out is not None and out.exists():
        found: dict[str, list[float]] = json.loads(out.read_text(encoding="utf-8"))["results"][0]["seconds"]
        if list(found) == list(given):
            return found
    return {name: [] for name in given}


@click.command()
@click.option("--rounds", default=ROUNDS, help="How often every payload is measured; those in --out count.")
@common.out
def main(rounds: int, out: Path | None) -> None:
    """Measure messages between two processes of this machine, and predict those that were held out."""
    trainings = [described(case) for case in CASES]
    given = payloads(trainings)
    seconds = known_seconds(out, given)
    known = len(next(iter(seconds.values())))
    device = torch.device("cpu")
    about = common.described([], device)

    def results() -> list[dict[str, Any]]:
        fits = [judged(given, seconds, share) for share in SHARES]
        return [{"fits": fits, "seconds": seconds}, *trainings]

    if out is not None and known:
        common.write(out, {**about, "results": results()})
    for found in together(exchange, given, range(known, rounds), processes=PROCESSES):
        for name, value in found.items():
            seconds[name].append(float(f"{value:.4g}"))
        if out is not None:
            common.write(out, {**about, "results": results()})
    for row in judged(given, seconds, SHARES[0])["rows"]:
        click.echo(f"{row['payload']}: {row['seconds']:.6f} s, predicted {row['predicted'] / row['seconds'] - 1:+.0%}")


if __name__ == "__main__":
    common.run(main)
