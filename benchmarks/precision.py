"""Whether low precision costs quality: the same trainings in float32 and bfloat16, judged by one classifier."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

import click
import torch
from common import data_root, out, publish
from torch import Tensor, nn

import ganzoo
from ganzoo.catalogue import installed, select
from ganzoo.engine.assembly import SelectedParts

CASES = {"cgan": 5000, "cgan-conv": 500}  # steps
PRECISIONS = ("fp32", "bf16")
SAMPLES, EPOCHS, BATCH = 10_000, 4, 128


class Judge(nn.Module):
    """A small classifier of 28×28 images; what it computes before its last layer are its features (B, 128)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * 49, 128), nn.ReLU(),
        )  # fmt: skip
        self.classes = nn.Linear(128, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images (B, 1, 28, 28) to logits (B, 10) and features (B, 128)."""
        features = self.features(images)
        return self.classes(features), features


def digits(data_root: Path, split: str) -> tuple[Tensor, Tensor]:
    """Return the images, in [-1, 1], and labels of one half of MNIST."""
    selection = select(installed(), "cgan", {"dataset": "mnist", "data_root": data_root, "dataset_split": split})
    dataset = SelectedParts(selection.parts).build("dataset", root=data_root)
    fields = dataset.read(torch.arange(len(dataset)))
    return fields["image"] / 127.5 - 1, fields["label"]


def trained_judge(images: Tensor, labels: Tensor) -> Judge:
    """Return a judge that has seen ``images``."""
    torch.manual_seed(0)
    judge = Judge()
    optimizer = torch.optim.Adam(judge.parameters(), 1e-3)
    for _ in range(EPOCHS):
        for indices in torch.randperm(len(images)).split(BATCH):
            loss = nn.functional.cross_entropy(judge(images[indices])[0], labels[indices])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return judge.eval()


@torch.inference_mode()
def judged(judge: Judge, images: Tensor, labels: Tensor) -> tuple[float, Tensor]:
    """Return the share of images that are taken for their labels, and the features of all."""
    logits, features = zip(*(judge(chunk) for chunk in images.split(1000)), strict=True)
    return float((torch.cat(logits).argmax(1) == labels).double().mean()), torch.cat(features)


def distance(one: Tensor, other: Tensor) -> float:
    """Return the Fréchet distance of two sets of features (Heusel et al. 2017, arXiv 1706.08500, equation 6)."""
    a, b = one.double(), other.double()
    spread_a, spread_b = torch.cov(a.T), torch.cov(b.T)
    # The trace of (A B)^(1/2) is the sum of the roots of the eigenvalues of A B, which are not negative.
    roots = torch.linalg.eigvals(spread_a @ spread_b).real.clamp(min=0).sqrt().sum()
    return float((a.mean(0) - b.mean(0)).square().sum() + spread_a.trace() + spread_b.trace() - 2 * roots)


@click.command()
@data_root
@out
@click.option("--seeds", default=3, help="Trainings in each precision.")
@click.option("--steps", type=int, help="Steps of each training, instead of the usual ones.")
def main(data_root: Path, out: Path | None, seeds: int, steps: int | None) -> None:
    """Train in float32 and bfloat16, and judge 10,000 samples of each model."""
    judge = trained_judge(*digits(data_root, "train"))
    real, labels = digits(data_root, "test")
    accuracy, features = judged(judge, real, labels)
    floor = distance(features[::2], features[1::2])
    click.echo(f"judge: accuracy {accuracy:.4f} on real images; two halves of these are {floor:.2f} apart", err=True)
    results: list[dict[str, Any]] = [{"judge": accuracy, "floor": floor, "samples": SAMPLES}]
    for variant, usual in CASES.items():
        for precision in PRECISIONS:
            scores = [
                _score(variant, precision, seed, steps or usual, data_root, judge, features) for seed in range(seeds)
            ]
            click.echo(f"{variant} {precision}: {scores}", err=True)
            accuracies, distances, rates = zip(*scores, strict=True)
            results.append(
                {
                    "variant": variant,
                    "precision": precision,
                    "steps": steps or usual,
                    "accuracy": accuracies,
                    "distance": distances,
                    "steps_per_second": statistics.median(rates),
                }
            )
    publish(results, torch.device("cpu"), out)


def _score(
    variant: str, precision: str, seed: int, steps: int, data_root: Path, judge: Judge, real: Tensor
) -> tuple[float, float, float]:
    """Return how a model that is trained now scores: accuracy, distance to real features, and steps a second."""
    with tempfile.TemporaryDirectory() as scratch:
        run = ganzoo.train(
            variant,
            dataset="mnist",
            data_root=data_root,
            conditioner="concat",
            precision=precision,
            seed=seed,
            steps=steps,
            out=Path(scratch) / "run",
            progress=False,
        )
        made = ganzoo.load(run.folder.path).sample(SAMPLES, seed=seed)
    accuracy, features = judged(judge, made, torch.arange(SAMPLES) % 10)
    return round(accuracy, 4), round(distance(features, real), 2), round(run.steps / run.seconds, 1)


if __name__ == "__main__":
    main()
