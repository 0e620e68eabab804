"""Benchmark: how many modes GANs keep, on points in the plane and on stacked MNIST; each row is published at once."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import common
import torch
from optimal_discriminator import CENTRES, POINTS, Mixture, gap
from quality import figures, judge

import ganzoo
from ganzoo.catalogue import installed
from ganzoo.studio.model import Model

Options = Mapping[str, Any]

# PacGAN's data (arXiv 1712.04086): a ring of radius 1 with deviation 0.01, and a grid with deviation 0.05.
PLANE: Mapping[str, Options] = {
    "ring": {"dataset": "ring", "dataset_radius": 1.0, "dataset_std": 0.01, "dataset_count": 100_000},
    "grid": {"dataset": "grid", "dataset_count": 100_000},
}
# One small pair of networks for all that bring none of their own.
SMALL: Options = {
    "batch_size": 128,
    "generator_widths": (128, 128),
    "generator_slope": 0.0,
    "generator_norm": False,
    "latent_size": 8,
    "steps": 4000,
}
CRITIC: Options = {**SMALL, "discriminator_widths": (128, 128)}
PAIRED: Options = {
    **CRITIC,
    "loss": "rpgan",
    "penalty": "r1,r2",
    "penalty_r1_gamma": 0.001,
    "penalty_r2_gamma": 0.001,
    "optimizer_lr": 1e-3,
    "optimizer_betas": (0.0, 0.99),
    "schedule": "cosine",
    "ema": 0.998,
}
# The crippled discriminator of unrolled GANs (arXiv 1611.02163): channels of a quarter, or half, of the generator's.
CRIPPLED: Options = {
    "dataset": "stacked-mnist",
    "latent_size": 256,
    "batch_size": 128,
    "generator": "doubling",
    "generator_widths": (8, 16, 32, 64),
    "generator_kernel": "3",
    "generator_norm": True,
    "generator_smooth": True,
    "discriminator": "halving",
    "discriminator_kernel": "3",
    "discriminator_slope": 0.3,
    "generator_optimizer_lr": 1e-4,
    "discriminator_optimizer_lr": 2e-4,
    "optimizer_betas": (0.5, 0.99),
    "steps": 20_000,
}
QUARTER: Options = {**CRIPPLED, "discriminator_widths": (2, 4, 8)}
HALF: Options = {**CRIPPLED, "discriminator_widths": (4, 8, 16)}
UNNORMED: Options = {"loss": "rpgan", "penalty": "r1,r2", "penalty_r1_gamma": 0.1, "penalty_r2_gamma": 0.1}


@dataclass(frozen=True)
class Row:
    """A row of a table: a variant with options; ``seeds`` are as many as ZOO's tables ask for."""

    name: str
    variant: str
    options: Options
    seeds: int = 3
    data: tuple[str, ...] = ("ring", "grid")
    samples: int = 10_000
    published: Mapping[str, str] = field(default_factory=dict)


PACGAN = "17.3 ± 0.5 modes, 94.8 %, KL 0.70"
TABLES: Mapping[str, Sequence[Row]] = {
    "plane": (
        Row("gan", "gan", CRITIC, 10, published={"grid": PACGAN, "ring": "6.3 ± 0.5 modes, 98.2 %, KL 0.45"}),
        Row(
            "pacgan",
            "gan",
            {**CRITIC, "discriminator_pack": 2},
            10,
            published={"grid": "23.8 ± 0.7 modes, 91.3 %, KL 0.13", "ring": "7.9 ± 0.1 modes, 95.6 %, KL 0.07"},
        ),
        Row("gan with R1 and R2", "gan", {**PAIRED, "loss": "bce"}),
        Row("rpgan with R1 and R2", "gan", PAIRED, 10),
        Row("rpgan with R1 and R2, noise of codes", "gan", {**PAIRED, "latent": "codes", "latent_size": 2,
            "latent_categories": (8, 8, 8), "latent_numbers": 0, "latent_noise": "normal"}, 10),
        Row("wgan-gp", "gan", {**CRITIC, "loss": "wasserstein", "penalty": "wgan-gp", "penalty_weight": 0.1,
            "optimizer_lr": 1e-3, "optimizer_betas": (0.5, 0.9), "recipe_discriminator_updates": 2}),
        Row("unrolled", "unrolled", {**CRITIC, "steps": 2000},
            published={"grid": "23.6 modes, 16 %", "ring": "7.6 modes, 35.6 %"}),
        Row("veegan", "veegan", {**SMALL, "latent_size": 64},
            published={"grid": "24.6 modes, 40 %", "ring": "8 modes, 52.9 %"}),
    ),
    "stacked": (
        Row("gan, D of a quarter", "gan", QUARTER, 1, ("",), 26_000, {"": "30.6 ± 20.7 modes, KL 5.99"}),
        Row("gan, D of half", "gan", HALF, 1, ("",), 26_000, {"": "628 ± 141 modes, KL 2.58"}),
        Row("pacgan with 4, D of a quarter", "gan", {**QUARTER, "discriminator_norm": True, "discriminator_pack": 4}, 1,
            ("",), 26_000, {"": "667.4 ± 29 modes, KL 1.81"}),
        Row("pacgan with 3, D of half", "gan", {**HALF, "discriminator_norm": True, "discriminator_pack": 3,
            "batch_size": 129}, 1, ("",), 26_000, {"": "866.6 ± 12.1 modes, KL 0.90"}),
        Row("rpgan with R1 and R2, D of a quarter", "gan", {**QUARTER, **UNNORMED}, 1, ("",), 26_000),
        Row("rpgan with R1 and R2, D of half", "gan", {**HALF, **UNNORMED}, 1, ("",), 26_000),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One training: a row on some data with a seed."""

    row: Row
    data: str
    seed: int

    @property
    def key(self) -> list[Any]:
        """What says in a result file that it is done."""
        return [self.row.name, self.data, self.seed]

    def measure(self, data_root: Path, device: str, runs: Path) -> dict[str, Any]:
        """Train, and return the figures of the model."""
        out = runs / f"{self.row.name}-{self.data}-{self.seed}".replace(" ", "-").replace(",", "")
        options = {**PLANE.get(self.data, {}), **self.row.options, "seed": self.seed}
        quiet: dict[str, Any] = {"sample_every": 10**9, "log_every": 500, "progress": False, "on_collapse": "off"}
        began = time.perf_counter()
        run = ganzoo.train(self.row.variant, **options, **quiet, data_root=data_root, device=device, out=out)
        seconds = time.perf_counter() - began
        found = ganzoo.evaluate(
            run.folder.path, metrics=["modes"], samples=self.row.samples, data_root=data_root, device=device
        )
        result = {"key": self.key, "seconds": round(seconds, 1), "steps": run.steps, "figures": figures(found)}
        return {**result, "judge": judge(found), **self.optimality(ganzoo.load(run.folder.path))}

    def optimality(self, model: Model) -> dict[str, Any]:
        """Return how far the discriminator is from the best one, where its logit is that of a probability of points."""
        recipe: Any = model.recipe
        if not self.data or self.row.variant == "veegan" or self.row.options.get("loss", "bce") != "bce":
            return {}
        given = {name.removeprefix("dataset_"): value for name, value in PLANE[self.data].items() if "_" in name}
        config: Any = installed().component("dataset", self.data).config(**given)
        real, made = Mixture(config.centres, config.std), model.sample(POINTS + CENTRES)
        found = gap(lambda x: recipe.discriminator(x, None).logit[:, :1], real, made)
        values = {**found._asdict(), "nats": found.nats}
        return {"discriminator": {name: round(value, 4) for name, value in values.items()}}


def jobs(table: str, only: str, seeds: int | None) -> Iterator[Job]:
    """Yield the trainings of a table: the first seed of every row, then the second, and so on."""
    rows = [row for row in TABLES[table] if only in row.name]
    for seed in range(max(row.seeds for row in rows) if rows else 0):
        for row in rows:
            for data in row.data:
                if seed < min(row.seeds, seeds or row.seeds):
                    yield Job(row, data, seed)


def markdown(table: str, results: Sequence[Mapping[str, Any]]) -> str:
    """Return the table: the mean over seeds and the spread; what is not measured yet is an empty cell."""
    lines = [
        "| GAN | data | seeds | modes | high quality | KL | D lacks (nats) | seconds | published |",
        "|" + "---|" * 9,
    ]
    for row in TABLES[table]:
        for data in row.data:
            own = [result for result in results if result["key"][:2] == [row.name, data]]
            cells = [_mean([one["figures"][name] for one in own], places)
                     for name, places in (("modes", 1), ("high quality", 3), ("KL", 4))]  # fmt: skip
            lacks = _mean([one["discriminator"]["nats"] for one in own if "discriminator" in one], 3)
            seconds = _mean([one["seconds"] for one in own], 0)
            about = [row.name, data or "stacked", str(len(own) or ""), *cells, lacks, seconds]
            lines.append(f"| {' | '.join([*about, row.published.get(data, '')])} |")
    return "\n".join(lines)


def _mean(values: Sequence[float], places: int) -> str:
    if not values:
        return ""
    mean = f"{statistics.mean(values):.{places}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{places}f}"


@click.command()
@click.argument("table", type=click.Choice(list(TABLES)))
@common.data_root
@common.device
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", required=True, help="The results; resumable.")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs/collapse"), help="Folder of the trainings.")
@click.option("--only", default="", help="Only rows with this text in their names.")
@click.option("--seeds", type=click.IntRange(min=1), help="At most so many seeds a row.")
@click.option("--budget", type=float, default=float("inf"), help="Begin no training after so many seconds.")
def main(
    table: str, data_root: Path, device: str, out: Path, runs: Path, only: str, seeds: int | None, budget: float
) -> None:
    """Measure the rows of TABLE that OUT does not have yet; OUT and the table beside it are written after each."""
    began = time.perf_counter()
    results: list[dict[str, Any]] = json.loads(out.read_text(encoding="utf-8"))["results"] if out.exists() else []
    done = [result["key"] for result in results]
    about: dict[str, Any] = {}
    for job in jobs(table, only, seeds):
        if job.key in done or time.perf_counter() - began > budget:
            continue
        results.append(job.measure(data_root, device, runs))
        click.echo(f"{job.key}: {results[-1]['figures']}", err=True)
        about = about or common.described([], torch.device(device))
        common.write(out, {**about, "results": results})
        out.with_suffix(".md").write_text(markdown(table, results) + "\n", encoding="utf-8")
    click.echo(markdown(table, results))


if __name__ == "__main__":
    common.run(main)
