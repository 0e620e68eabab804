"""Benchmark: the speed of training compared with a tutorial's loop, on the same networks and images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click
import common
from training import Training, choose
from tutorial import LOOPS

from ganzoo.step.device import choose_device

TUTORIAL = "tutorial"


class Case(NamedTuple):
    """Steps per turn, number of rounds, and the target speed-ups."""

    steps: int
    rounds: int
    targets: Mapping[str, float] = {}


CASES = {
    "cgan": Case(steps=25, rounds=40, targets={"fp32, eager": 1.6, "auto": 2.4}),
    "dcgan": Case(steps=6, rounds=30, targets={"fp32, eager": 1.3, "auto": 2.0}),
    "cgan-conv": Case(steps=4, rounds=20),
}
MANNERS: Mapping[str, Mapping[str, str]] = {
    "fp32, eager": {"precision": "fp32", "execution": "eager"},
    "auto": {},
    "compiled": {"execution": "compile"},
}


@click.command()
@common.data_root
@common.device
@common.out
@common.share
@click.option("--case", "cases", multiple=True, type=click.Choice(list(CASES)), default=["cgan", "dcgan"])
@click.option("--compiled", is_flag=True, help="Also measure --execution compile; compiling takes a minute or more.")
def main(data_root: Path, device: str, out: Path | None, share: float, cases: tuple[str, ...], compiled: bool) -> None:
    """Compare tutorial and ganzoo, in turns."""
    manners = [name for name in MANNERS if compiled or name != "compiled"]
    where = {"data_root": data_root, "device": device}
    results = [compare(variant, CASES[variant], manners, where, share) for variant in cases]
    common.publish(results, choose_device(device), out)


def compare(
    variant: str, case: Case, manners: list[str], where: Mapping[str, Any], share: float = 1.0
) -> dict[str, Any]:
    """Return the times of a step of the tutorial and of ganzoo, and the speed-ups."""
    make, flags = LOOPS[variant]
    tutorial = make(choose(variant, **flags, **where))
    trainings = {name: Training(choose(variant, **flags, **where, **MANNERS[name])) for name in manners}
    turns = {TUTORIAL: common.turn(tutorial.step, tutorial.device)}
    turns |= {name: training.turn for name, training in trainings.items()}
    found = common.interleaved(turns, case.steps, common.share_of(case.rounds, share))
    contenders = [
        {
            "name": name,
            "manner": training.manner,
            "seconds": common.median(found[name]),
            "times": common.ratios(found, TUTORIAL, name),
            "target": case.targets.get(name),
        }
        for name, training in trainings.items()
    ]
    return {
        "training": variant,
        "size": tutorial.size,
        "batch": tutorial.loader.batch_size,
        "seconds": common.median(found[TUTORIAL]),
        "contenders": contenders,
    }


if __name__ == "__main__":
    common.run(main)
