"""Benchmark: what a network's first layer can read of a label, and of the noise, behind each conditioner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click
import common
import torch
from torch import Tensor, nn

from ganzoo.catalogue import Field, installed
from ganzoo.catalogue.component import Slot
from ganzoo.catalogue.registry import part_of
from ganzoo.catalogue.target import load_target

CLASSES = 10
NOISE = 100  # numbers in one vector
SIDE = 28
EXAMPLES = 20_000  # half of them to fit the reader, half to test it
RIDGE = 1e-3
NOISES: Mapping[str, tuple[float, float] | None] = {
    "normal, mean 0": None,
    "uniform, −1 to 1": (-1.0, 1.0),
    "uniform, −1 to 1.5": (-1.0, 1.5),
    "uniform, −1 to 2": (-1.0, 2.0),
    "uniform, −1 to 3": (-1.0, 3.0),
}


class Case(NamedTuple):
    """A conditioner with its options, in front of a network with inputs of ``shape``."""

    conditioner: str
    options: Mapping[str, Any]
    shape: tuple[int, ...]

    def build(self) -> nn.Module:
        """Return the conditioner, with weights that follow from the seed 0."""
        entry = installed().entry("conditioner", self.conditioner)
        part = part_of(entry, Slot("conditioner", "conditioner", "none"), self.options)
        torch.manual_seed(0)
        made: nn.Module = load_target(part.component.target)(part.config, self.shape, Field("class", classes=CLASSES))
        return made


def noise(bounds: tuple[float, float] | None, count: int, generator: torch.Generator) -> Tensor:
    """Return noise (count, NOISE), normal where there are no bounds."""
    if bounds is None:
        return torch.randn(count, NOISE, generator=generator)
    low, high = bounds
    return torch.rand(count, NOISE, generator=generator) * (high - low) + low


def readable(h: Tensor, labels: Tensor) -> float:
    """Return the share of labels that a linear reader finds in h (B, F): ridge regression onto the classes."""
    h = torch.cat([h.flatten(1), torch.ones(len(h), 1)], dim=1).double()
    half = len(h) // 2
    wanted = nn.functional.one_hot(labels, CLASSES).double()
    fit, test = h[:half], h[half:]
    gram = fit.T @ fit / half + RIDGE * torch.eye(h.shape[1], dtype=h.dtype)
    weights = torch.linalg.solve(gram, fit.T @ wanted[:half] / half)
    return float(((test @ weights).argmax(1) == labels[half:]).double().mean())


def within(h: Tensor, labels: Tensor) -> float:
    """Return the share of the variance of h (B, F) within classes: what comes from the noise or the image."""
    h = h.flatten(1)
    total = h.var(0, unbiased=False).sum()
    parts = [h[labels == label] for label in range(CLASSES)]
    inner = sum(len(part) / len(h) * part.var(0, unbiased=False).sum() for part in parts)
    return float(inner / total)


def measured(case: Case, x: Tensor, labels: Tensor) -> dict[str, float]:
    """Return what is to be read behind a conditioner."""
    with torch.no_grad():
        h = case.build()(x, labels)
    return {"label": round(readable(h, labels), 3), "noise": round(within(h, labels), 3)}


def generators() -> Iterator[dict[str, Any]]:
    """Yield a row for each conditioner and noise of a generator."""
    cases = [Case("multiply", {}, (NOISE,))]
    cases += [Case("add", {"deviation": value}, (NOISE,)) for value in (0.15, 0.3, 1.0)]
    cases += [Case("concat", {"deviation": value}, (NOISE,)) for value in (0.3, 1.0, 3.0)]
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(CLASSES, (EXAMPLES,), generator=generator)
    for case in cases:
        for name, bounds in NOISES.items():
            if case.conditioner == "multiply" or bounds is None:
                yield {**case._asdict(), "noise of": name, **measured(case, noise(bounds, EXAMPLES, generator), labels)}


@click.command()
@common.out
def main(out: Path | None) -> None:
    """Fit a linear reader behind each conditioner, at its initial values."""
    rows = list(generators())
    for row in rows:
        click.echo(row, err=True)
    common.publish(rows, torch.device("cpu"), out)


if __name__ == "__main__":
    common.run(main)
