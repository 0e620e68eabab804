"""Benchmark: inversion of MNIST's test images by a trained model, against their nearest neighbours in the training set.

python benchmarks/inversion.py RUN --data-root DATA --picture inversion.png
"""

from __future__ import annotations

import time
from pathlib import Path

import click
import torch
from torch import Tensor

import ganzoo
from ganzoo.drawing import png
from ganzoo.studio.edit_picture import edit_picture
from ganzoo.studio.inversion import STARTS, STEPS, invert
from ganzoo_datasets.configs import MnistConfig
from ganzoo_datasets.idx import IdxDataset

SHOWN = 8  # images of the picture


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--data-root", type=click.Path(path_type=Path), default=Path("data"), help="The folder of the data.")
@click.option("--count", default=100, help="The number of test images.")
@click.option("--starts", default=STARTS, help="As in `ganzoo edit`.")
@click.option("--steps", default=STEPS, help="As --iterations of `ganzoo edit`.")
@click.option("--device", default="cpu", help="Where to compute.")
@click.option("--picture", type=click.Path(path_type=Path), help="A picture of some of them.")
def main(run: Path, data_root: Path, count: int, starts: int, steps: int, device: str, picture: Path | None) -> None:
    """Print the mean error of the reconstructions and of the nearest training images, for the first test images."""
    model = ganzoo.load(run).to(device)
    test, labels = images(data_root, "test", count)
    train, _ = images(data_root, "train", None)
    nearest = torch.cdist(test.flatten(1), train.flatten(1)).amin(1).square() / test[0].numel()
    began = time.perf_counter()
    found = invert(model, test, starts=starts, steps=steps)
    seconds = time.perf_counter() - began
    assert found.conditions is not None
    right = (found.conditions.cpu() == labels).float().mean()
    click.echo(f"mean squared error of {count} test images, pixels in [-1, 1] ({device}, {seconds:.0f} s)")
    click.echo(f"inversion              {float(found.errors.mean()):.4f}")
    click.echo(f"nearest training image {float(nearest.mean()):.4f}")
    click.echo(f"smaller than that for {float((found.errors < nearest).float().mean()):.0%}; right class {right:.0%}")
    if picture is not None:
        some = invert(model, test[:SHOWN], starts=starts, steps=steps)
        picture.write_bytes(png(edit_picture(some, ["3", "8"], None, 0.0)))


def images(root: Path, split: str, count: int | None) -> tuple[Tensor, Tensor]:
    """Return the first images (N, 1, 28, 28) of a split in [-1, 1], and their classes (N,)."""
    config = MnistConfig(split=split)  # type: ignore[arg-type]
    dataset = IdxDataset(config, root)
    read = dataset.read(torch.arange(count or len(dataset)))
    return read["image"].float().div(127.5).sub(1), read["label"]


if __name__ == "__main__":
    main()
