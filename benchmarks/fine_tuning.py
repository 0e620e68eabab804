"""Benchmark: digits from few images, from new weights and from those of a model of other digits."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import common
import torch
from quality import figures
from torch.utils.data import TensorDataset

import ganzoo
from ganzoo.storage.run_folder import RunFolder
from ganzoo_datasets.idx import parse

KNOWN, NEW = range(5), range(5, 10)
JUDGED: Mapping[str, Any] = {"judge": "cnn", "metrics": ["frechet", "accuracy"]}
SHARE = 3  # a distance is to be reached in this part of the steps
PRE_TRAINING, IMAGES, LENGTHS = 4000, 500, (100, 200, 300, 500, 750, 1000, 1500, 2000, 3000)


class Digits(TensorDataset):
    """Images of some digits, with their labels."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor, digits: range, count: int | None = None):
        chosen = torch.isin(labels, torch.tensor(digits)).nonzero()[:count, 0]
        super().__init__(images[chosen].unsqueeze(1), labels[chosen] - digits[0])
        self.classes = [str(digit) for digit in digits]


def read(root: Path, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the images and labels of a part of MNIST."""
    folder, name = root / "MNIST" / "raw", f"{part}-{{}}-idx{{}}-ubyte"
    images, labels = folder / name.format("images", 3), folder / name.format("labels", 1)
    return parse(images.read_bytes(), 3, images, "MNIST"), parse(labels.read_bytes(), 1, labels, "MNIST").long()


def course(
    lengths: Sequence[int], few: Digits, judged: Digits, samples: int, **options: Any
) -> Iterator[dict[str, Any]]:
    """Yield the figures of one training after each number of steps; it is resumed from one to the next."""
    for steps in lengths:
        run = ganzoo.train("cgan", dataset=few, steps=steps, resume=steps > lengths[0], progress=False, **options)
        found = ganzoo.evaluate(run, dataset=judged, samples=samples, **JUDGED)
        yield {"steps": steps, **figures(found)}
        options.pop("start", None)  # the checkpoint has the weights


def compared(scratch: Sequence[Mapping[str, float]], tuned: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """Return, for each length from new weights, after which the same distance is reached from the other model."""
    rows = []
    for row in scratch:
        reached = next((other["steps"] for other in tuned if other["FD"] <= row["FD"]), None)
        rows.append({"steps": row["steps"], "FD": row["FD"], "reached": reached})
    return rows


@click.command()
@common.data_root
@common.out
@click.option("--seeds", default=2, help="Trainings of each kind.")
@click.option("--pre-training", default=PRE_TRAINING, help="Steps of the model to start from.")
@click.option("--images", default=IMAGES, help="Images to train with.")
@click.option("--lengths", default=",".join(map(str, LENGTHS)), help="Steps after which a model is judged.")
@click.option("--samples", default=2000, help="Samples that are judged.")
def main(
    data_root: Path, out: Path | None, seeds: int, pre_training: int, images: int, lengths: str, samples: int
) -> None:
    """Train a model of the digits 0 to 4, and models of the digits 5 to 9 with few images: new ones, and from it."""
    steps = [int(length) for length in lengths.split(",")]
    training, test = read(data_root, "train"), read(data_root, "t10k")
    few, judged = Digits(*training, NEW, images), Digits(*test, NEW)
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        model = RunFolder(Path(folder) / "known")
        ganzoo.train(
            "cgan", dataset=Digits(*training, KNOWN), steps=pre_training, out=model.path, progress=False, device="cpu"
        )
        for seed in range(seeds):
            usual: dict[str, Any] = {"few": few, "judged": judged, "samples": samples, "seed": seed, "device": "cpu"}
            scratch = list(course(steps, out=Path(folder) / f"new-{seed}", **usual))
            tuned = list(course(steps, out=Path(folder) / f"tuned-{seed}", start=model.path, **usual))
            results.append({"seed": seed, "new": scratch, "tuned": tuned, "compared": compared(scratch, tuned)})
            click.echo(results[-1], err=True)
    about = {"images": len(few), "pre_training": pre_training, "samples": samples}
    common.publish([about, *results], torch.device("cpu"), out)


if __name__ == "__main__":
    common.run(main)
