"""Benchmark: the overhead of the trainer: the same steps by `Trainer.run` with its observers, and by a bare loop."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import common
import torch
from training import Training, choose

from ganzoo.assembly.dry_run import assemble
from ganzoo.assembly.parts import SelectedParts, build_recipe
from ganzoo.assembly.trainable import trained_parameters
from ganzoo.batches.batches import open_batches
from ganzoo.catalogue import Selection
from ganzoo.contract.step_context import StepContext
from ganzoo.randomness import KeyedStreams, key
from ganzoo.step.device import choose_device
from ganzoo.step.precision import choose_precision
from ganzoo.training.setup import MIB

TARGET = 0.03
# The trainer reports every 50 steps: turns of whole fifties all pay for their reports.
CASES: Mapping[str, tuple[Mapping[str, Any], int, int]] = {
    "cgan": ({"dataset": "mnist"}, 50, 16),
    "gan-minimal": ({"dataset": "digits"}, 300, 16),
    "dcgan": ({"dataset": "mnist", "dataset_size": 32}, 50, 6),
}
"""For each variant, the flags that choose its data, the steps in a turn, and the rounds."""


class BareLoop:
    """The trainer's steps in a plain loop, without running means, observers and options."""

    def __init__(self, selection: Selection):
        run, data, parts = selection.run, assemble(selection), SelectedParts(selection.parts)
        self.device = choose_device(run.device)
        self.precision = choose_precision(run.precision, self.device)
        self.batches = open_batches(
            parts.build("dataset", root=run.data_root),
            data["dataset"],
            run.batch_size,
            run.seed,
            selection.parts["dataset"].label,
            self.device,
            run.data_budget * MIB,
            workers=0,
        )
        recipe: Any = build_recipe(selection, data)
        self.recipe = recipe.to(device=self.device, memory_format=torch.channels_last).train()
        self.precision.prepare(self.recipe)
        self.moves = []
        for phase in self.recipe.phases():
            mine = trained_parameters(self.recipe, phase)
            others = [parameter for parameter in self.recipe.parameters() if all(parameter is not own for own in mine)]
            self.moves.append((phase, mine, others, parts.build(f"{phase.name}-optimizer", parameters=mine)))
        average = copy.deepcopy(self.recipe.generator).requires_grad_(False)
        pairs = list(zip(_numbers(average), _numbers(self.recipe.generator), strict=True))
        self.averaged, self.live = zip(*[pair for pair in pairs if pair[0].is_floating_point()], strict=True)
        self.counters = [pair for pair in pairs if not pair[0].is_floating_point()]
        self.streams = KeyedStreams(run.seed, self.device)
        # Layers such as dropout draw from torch's own generator; torch.manual_seed goes round all devices.
        self.seed_networks = torch.default_generator.manual_seed if self.device.type == "cpu" else torch.manual_seed
        self.seed, self.steps, self.decay, self.number = run.seed, run.steps or 0, run.ema, 0

    def step(self) -> None:
        """Make one step."""
        batch = {"dataset": self.batches.get(self.number)}
        self.streams.begin(self.number)
        self.seed_networks(key(self.seed, "networks", self.number))
        handed: dict[int, dict[str, torch.Tensor]] = defaultdict(dict)
        for phase, mine, others, optimizer in self.moves:
            for parameter in others:
                parameter.requires_grad_(False)
            for parameter in mine:
                parameter.requires_grad_(True)
            for update in range(phase.updates):
                for parameter in mine:
                    parameter.grad = None
                context = StepContext(self.number, self.steps, phase.name, update, self.streams, handed=handed[update])
                with self.precision.computing():
                    outcome = phase.loss(batch, context)
                outcome.total().backward()
                handed[update].update({name: value.detach() for name, value in outcome.handed.items()})
                optimizer.step()
        with torch.no_grad():
            share = 1 - min(self.decay, (1 + self.number) / (10 + self.number))
            torch._foreach_lerp_(self.averaged, self.live, share)
            for count, live in self.counters:
                count.copy_(live)
        self.number += 1

    def turn(self, steps: int) -> float:
        """Return the seconds a step takes, over ``steps`` steps after one that is not measured."""
        with self.precision.set():
            return common.turn(self.step, self.device)(steps)


def _numbers(network: torch.nn.Module) -> list[torch.Tensor]:
    return [*network.parameters(), *network.buffers()]


@click.command()
@common.data_root
@common.device
@common.out
@common.share
@click.option("--case", "cases", multiple=True, type=click.Choice(list(CASES)), default=list(CASES))
def main(data_root: Path, device: str, out: Path | None, share: float, cases: tuple[str, ...]) -> None:
    """Compare the trainer with a loop of its own, in turns."""
    results = []
    for variant in cases:
        flags, steps, rounds = CASES[variant]
        # Eager on both sides: what graphs and compilers save is no merit of a loop.
        selection = choose(variant, **flags, data_root=data_root, device=device, execution="eager")
        results.append(compare(selection, steps, common.share_of(rounds, share)))
    common.publish(results, choose_device(device), out)


def compare(selection: Selection, steps: int, rounds: int) -> dict[str, Any]:
    """Return how long a step takes by itself, and what share the trainer adds to it."""
    bare, trainings = BareLoop(selection), {"lines": Training(selection), "bar": Training(selection, terminal=True)}
    turns = {"bare": bare.turn, **{name: training.turn for name, training in trainings.items()}}
    found = common.interleaved(turns, steps, rounds)
    contenders = [
        {
            "name": name,
            "seconds": common.median(found[name]),
            "extra": [round(times - 1, 4) for times in common.ratios(found, name, "bare")],
            "target": TARGET,
        }
        for name in trainings
    ]
    return {
        "training": selection.variant,
        "data": selection.parts["dataset"].component.name,
        "batch": selection.run.batch_size,
        "manner": trainings["lines"].manner,
        "seconds": common.median(found["bare"]),
        "contenders": contenders,
    }


if __name__ == "__main__":
    common.run(main)
