"""Benchmark: quality and speed with every conditioner that fits, in every conditional variant."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import click
import common
import torch
from one_training import Job, alone
from quality import SAMPLES

from ganzoo.assembly.dry_run import assemble
from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import installed, select
from ganzoo.errors import Refused, UserError
from ganzoo.storage.files import write_atomically
from ganzoo.storage.metric_rows import read_rows

DATA = {"dataset": "mnist"}
EVALUATIONS = 10  # while a model trains
WATCHED = {"metric": "accuracy", "evaluate_samples": 1000}
WANTED = 0.95
JUDGED: Mapping[str, Any] = {
    "metrics": ["accuracy", "frechet", "classification-score", "manifold"],
    "samples": SAMPLES,
}
SEVERAL = "multiply"  # what the other network has where a conditioner fits only one of the two
PLACES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "both networks": ("conditioner", {}),
    "the discriminator": ("discriminator_conditioner", {"generator_conditioner": SEVERAL}),
    "the generator": ("generator_conditioner", {"discriminator_conditioner": SEVERAL}),
}
"""The places of a conditioner, the preferred one first: the slot that it fills, and the part in the other slot."""


class Usual(NamedTuple):
    """The number of steps of a variant, and its options besides the data."""

    steps: int
    options: Mapping[str, Any] = {}


VARIANTS: Mapping[str, Usual] = {
    "cgan": Usual(steps=20_000),
    "cgan-conv": Usual(steps=4500),
    "dcgan": Usual(steps=2600, options={"dataset_size": 32}),
}


class Case(NamedTuple):
    """A conditioner in a variant: the networks that have it, and the options of `ganzoo train`."""

    variant: str
    conditioner: str
    place: str
    options: Mapping[str, Any]

    def about(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {**self._asdict(), "options": dict(self.options)}


def fitting(
    variants: Mapping[str, Usual], names: Sequence[str], data_root: Path
) -> tuple[list[Case], list[dict[str, str]]]:
    """Return those conditioners that fit each variant, and the reasons why the others do not."""
    fit, unfit = [], []
    for variant, conditioner in itertools.product(variants, names):
        problems: dict[str, str] = {}
        for place, (slot, other) in PLACES.items():
            options = {**DATA, **variants[variant].options, slot: conditioner, **other}
            try:
                conditional = _is_conditional(variant, options, data_root)
            except Refused as refused:
                problems[place] = str(refused)
                continue
            if conditional:  # without a condition there is nothing to be accurate about
                fit.append(Case(variant, conditioner, place, options))
            break
        else:
            unfit.append({"variant": variant, "conditioner": conditioner, "problem": problems["both networks"]})
    return fit, unfit


def _is_conditional(variant: str, options: Mapping[str, Any], data_root: Path) -> bool:
    """Return whether the model is conditional; raises :class:`Refused` where the parts do not fit."""
    selection = select(installed(), variant, {**options, "data_root": data_root})
    return build_recipe(selection, assemble(selection), "meta").condition is not None


def job_of(case: Case, steps: int, seed: int, device: str = "cpu") -> Job:
    """Return the job of one process."""
    training = {
        **case.options,
        **WATCHED,
        "steps": steps,
        "seed": seed,
        "precision": "fp32",
        "evaluate_every": max(1, steps // EVALUATIONS),
        "sample_every": steps,
        "checkpoint_every": 0,
    }
    return Job(case.variant, training, {**JUDGED, "seed": seed}, WANTED, device)


class Table:
    """The measured rows, saved in a file until all are complete, so that a measurement can be resumed."""

    def __init__(self, out: Path | None):
        self._path = out.with_name(f"{out.name}.partial.jsonl") if out is not None else None
        self._known = read_rows(self._path) if self._path is not None else []
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # A last line that was cut off is gone now, so that the next one begins where it should.
            write_atomically(self._path, "".join(_line(row) for row in self._known).encode())
        self._lock = Lock()

    def known(self, job: Job) -> dict[str, Any] | None:
        """Return the row of a job that is done."""
        return self.find({"job": asdict(job)})

    def find(self, entries: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the row that has all these entries."""
        return next((row for row in self._known if entries.items() <= row.items()), None)

    def add(self, row: dict[str, Any]) -> None:
        """Keep a row."""
        with self._lock:
            self._known.append(row)
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(_line(row))

    def done(self) -> None:
        """Delete the file, after the result was written."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row) + "\n"


def measure(
    cases: Iterable[tuple[Case, Job]], data_root: Path, pictures: Path | None, jobs: int, table: Table
) -> Iterator[dict[str, Any]]:
    """Yield the row of every case, measured by ``jobs`` processes; rows in ``table`` are not measured again."""

    def one(case: Case, job: Job) -> dict[str, Any]:
        picture = None
        if pictures is not None and job.training["seed"] == 0:
            picture = pictures / f"conditioner-{case.variant}-{case.conditioner}.png"
        row = table.known(job)
        if row is None or (picture is not None and not picture.exists()):
            row = {**case.about(), "job": asdict(job), **alone(job, data_root, picture)}
            table.add(row)
        shown = {name: row["job"]["training"][name] for name in ("seed", "steps")} | row["figures"]
        click.echo(f"{case.variant} {case.conditioner}: {shown}", err=True)
        return row

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda pair: one(*pair), cases)


def read_steps(text: str, variants: Mapping[str, Usual]) -> dict[str, int]:
    """Return the steps of ``cgan=500,dcgan=100`` by variant; the usual ones where nothing is said."""
    given = dict(pair.partition("=")[::2] for pair in text.split(",") if pair)
    unknown = given.keys() - VARIANTS.keys()
    if unknown or not all(number.isdecimal() and int(number) for number in given.values()):
        raise UserError(f"--steps {text} is not of the form cgan=500,dcgan=100, of the variants {', '.join(VARIANTS)}")
    return {name: int(given.get(name, usual.steps)) for name, usual in variants.items()}


def read_variants(text: str) -> dict[str, Usual]:
    """Return the variants of ``cgan,dcgan``; all that are measured where nothing is said."""
    names = text.split(",") if text else list(VARIANTS)
    unknown = [name for name in names if name not in VARIANTS]
    if unknown:
        raise UserError(f"--variants knows {', '.join(VARIANTS)}, not {', '.join(unknown)}")
    return {name: VARIANTS[name] for name in names}


@click.command()
@common.data_root
@common.device
@common.out
@common.pictures
@click.option("--jobs", type=click.IntRange(min=1), default=1, help="Trainings at a time, one thread each.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, help="Trainings of each case.")
@click.option("--only", default="", metavar="NAME,…", help="Which conditioners; without it, all that fit.")
@click.option("--variants", default="", metavar="NAME,…", help=f"Which of {', '.join(VARIANTS)}; without it, all.")
@click.option("--steps", default="", metavar="NAME=N,…", help="Steps of variants, instead of the usual ones.")
def main(
    data_root: Path,
    device: str,
    out: Path | None,
    pictures: Path | None,
    jobs: int,
    seeds: int,
    only: str,
    variants: str,
    steps: str,
) -> None:
    """Train with every conditioner, and judge 10,000 samples of each model.

    Rows are kept in OUT.partial.jsonl until all are there; the same command goes on where it was cut off.
    """
    chosen = read_variants(variants)
    lengths = read_steps(steps, chosen)
    names = only.split(",") if only else installed().names("conditioner")
    fit, unfit = fitting(chosen, names, data_root)
    table = Table(out)
    cases = [(case, job_of(case, lengths[case.variant], seed, device)) for seed in range(seeds) for case in fit]
    rows = list(measure(cases, data_root, pictures, jobs, table))
    about = {
        "jobs": jobs,
        "samples": JUDGED["samples"],
        "evaluations": EVALUATIONS,
        "watched": WATCHED["evaluate_samples"],
        "wanted": WANTED,
        "unfit": unfit,
    }
    common.publish([about, *map(_published, rows)], torch.device(device), out)
    table.done()


def _published(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with what its job says in plain words."""
    kept = {name: value for name, value in row.items() if name != "job"}
    return {**kept, **{name: row["job"]["training"][name] for name in ("steps", "seed")}}


if __name__ == "__main__":
    common.run(main)
