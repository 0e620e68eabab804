"""Benchmark: images from images, with and without each of their terms, and what an exact reader sees in them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import common
import torch
from conditioners import Table
from quality import figures
from torch import Tensor

import ganzoo
from ganzoo.plugin import InnerDataset
from ganzoo.studio.model import Model
from ganzoo_images.figure_drawing import GROUND, HAIR, LEGS, LIGHT, PALETTE, SKIN
from ganzoo_images.figure_options import JOINTS

ALPHABETS = 40  # styles that are drawn from noise
SAMPLES = 1000


@dataclass(frozen=True)
class Case:
    """A training: the variant with some options, and what is measured of its model."""

    table: str
    name: str
    variant: str
    metrics: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 800
    reader: Callable[[Model], Mapping[str, float]] | None = None


def cases() -> Iterator[Case]:
    """Yield every case, the tables of the papers first."""
    letters = {"dataset_characters": "alphanumeric"}
    weights = {"L1": ("adversarial", 0.0), "cGAN": ("distance_weight", 0.0), "L1 + cGAN": ("distance_weight", 100.0)}
    for name, (option, value) in weights.items():
        yield Case("terms", name, "pix2pix", ("paired", "frechet"), {**letters, f"recipe_{option}": value})
    for patch in ("1", "16", "70", "286"):
        yield Case("patches", patch, "pix2pix", ("paired", "frechet"), {**letters, "discriminator_field": patch})
    for weight in (0.0, 0.5):
        yield Case("identity", f"{weight:g}", "cyclegan", ("paired", "frechet"), {"recipe_identity": weight})
    for first in (0, 500):
        yield Case("pre-training", str(first), "srgan", ("paired",), {"recipe_pretraining": first})
    yield Case("applications", "garments", "pixeldt", ("paired", "neighbours"))
    yield Case("applications", "poses", "pose", (), reader=read_poses)
    yield Case("applications", "letters", "glyphgan", ("accuracy",), reader=read_alphabets)


# What an exact reader sees


def colours() -> Tensor:
    """Return all colours of drawn figures (N, 3) in [-1, 1]: the ground, garments, their light stripes, and others."""
    tops = torch.from_numpy(PALETTE)
    others = [torch.from_numpy(table) for table in (LEGS, SKIN, HAIR)]
    found = torch.cat([torch.full((1, 3), GROUND), tops, tops + LIGHT * (255 - tops), *others])
    return found / 127.5 - 1


def seen_at(images: Tensor, points: Tensor) -> Tensor:
    """Return which colour is at points (B, P, 2), x and y in [-1, 1], of images (B, 3, H, W), as indices (B, P).

    A light stripe counts as its garment.
    """
    at = torch.nn.functional.grid_sample(images, points[:, :, None], align_corners=False)[..., 0]
    nearest = torch.cdist(at.transpose(1, 2), colours()).argmin(-1)
    tops = len(PALETTE)
    return torch.where((nearest > tops) & (nearest <= 2 * tops), nearest - tops, nearest)


def clothed(joints: Tensor) -> dict[str, Tensor]:
    """Return the points (B, P, 2) at which each piece of clothing is seen, of joints (B, J, 2)."""
    at = {name: joints[:, place] for place, name in enumerate(JOINTS)}
    middle = (at["neck"] + at["hip"]) / 2
    shoulders = {side: at["neck"] + torch.tensor([sign * 0.14, 0.06]) for side, sign in (("left", -1), ("right", 1))}
    arms = [(shoulders[side] + at[f"{side} elbow"]) / 2 for side in shoulders]
    forearms = [(at[f"{side} elbow"] + at[f"{side} hand"]) / 2 for side in shoulders]
    shins = [(at[f"{side} knee"] + at[f"{side} foot"]) / 2 for side in shoulders]
    pieces = {
        "garment": [middle],
        "sleeves": [*arms, *forearms],
        "trousers": [at["left knee"], at["right knee"], *shins],
    }
    return {name: torch.stack(points, dim=1) for name, points in pieces.items()}


def poses_read(made: Tensor, true: Tensor, joints: Tensor) -> dict[str, float]:
    """Return in how many places a figure is as the true one: at its joints, and on each piece of clothing."""
    points = {"joints": joints, **clothed(joints)}
    return {
        name: float((seen_at(made, places) == seen_at(true, places)).float().mean()) for name, places in points.items()
    }


def read_poses(model: Model) -> Mapping[str, float]:
    """Return what is read back from figures in held-out clothes, in the poses of the test."""
    options = {**model.header.parts["dataset"]["config"], "split": "test"}
    dataset = InnerDataset.named("poses", options).open(Path())
    fields = dataset.read(torch.arange(len(dataset)))
    given, true = (fields[name].float() / 127.5 - 1 for name in ("input", "target"))
    made = model.sample(len(given), label=list(torch.cat([given.flatten(1), fields["joints"]], dim=1)))
    return poses_read(made, true, fields["joints"].unflatten(1, (-1, 2)))


def consistency(alphabets: Tensor, fonts: Tensor) -> float:
    """Return how unlike the letters of an alphabet are in their distance from real fonts; 0 if all are as far.

    ``alphabets`` (A, L, H, W) and ``fonts`` (F, L, H, W) have the same letters. The distance of a letter is that from
    the same letter of the nearest font; of each alphabet it is the deviation over the letters, divided by their mean.
    """
    distances = torch.stack([(alphabets - font).flatten(2).norm(dim=2) for font in fonts]).amin(0)
    return float((distances.std(1, unbiased=False) / distances.mean(1).clamp(min=1e-9)).mean())


def read_alphabets(model: Model) -> Mapping[str, float]:
    """Return the consistency of styles: of alphabets with one noise each, and with another noise for each letter."""
    condition = model.condition
    assert condition is not None and model.noise_shape is not None
    letters, options = condition.classes, model.header.parts["dataset"]["config"]
    fonts: dict[int, dict[int, Tensor]] = {}
    for split in ("train", "test"):
        dataset = InnerDataset.named("glyphs", {**options, "split": split}).open(Path())
        read = dataset.read(torch.arange(len(dataset)))
        for image, letter, style in zip(*(read[name] for name in ("image", "letter", "style")), strict=True):
            fonts.setdefault(int(style), {})[int(letter)] = image[0].float() / 127.5 - 1
    real = torch.stack([torch.stack([font[letter] for letter in range(letters)]) for font in fonts.values()])
    generator = torch.Generator().manual_seed(0)
    labels = [condition.class_name(letter) for letter in range(letters)] * ALPHABETS
    found = {}
    for name, repeats in (("one noise", letters), ("a noise each", 1)):
        draws = ALPHABETS * letters // repeats
        z = 2 * torch.rand(draws, *model.noise_shape, generator=generator) - 1
        made = model.sample(label=labels, z=z.repeat_interleave(repeats, dim=0))
        found[f"consistency, {name}"] = consistency(made[:, 0].unflatten(0, (ALPHABETS, letters)), real)
    return found


# The trainings


def measure(case: Case, share: float, data_root: Path, device: str) -> dict[str, Any]:
    """Return the row of a case."""
    quiet: dict[str, Any] = {"progress": False, "checkpoint_every": 0, "steps": common.share_of(case.steps, share)}
    with tempfile.TemporaryDirectory() as scratch:
        run = ganzoo.train(
            case.variant, **case.options, **quiet, data_root=data_root, device=device, out=Path(scratch) / "run"
        )
        found: dict[str, float] = {}
        if case.metrics:
            judge = None if "accuracy" in case.metrics else "plain"
            asked: dict[str, Any] = {"metrics": list(case.metrics), "samples": SAMPLES, "judge": judge}
            evaluation = ganzoo.evaluate(run, **asked, data_root=data_root, device=device)
            found |= figures(evaluation)
        if case.reader is not None:
            found |= {name: round(value, 4) for name, value in case.reader(ganzoo.load(run)).items()}
    return {"table": case.table, "case": case.name, "steps": quiet["steps"], "figures": found}


@click.command(context_settings={"show_default": True})
@click.argument("tables", nargs=-1)
@common.data_root
@common.device
@common.out
@common.share
def main(tables: tuple[str, ...], data_root: Path, device: str, out: Path | None, share: float) -> None:
    """Measure TABLES: terms, patches, identity, pre-training, applications; all without a name.

    Rows are kept in OUT.partial.jsonl until all are there; the same command goes on where it was cut off.
    """
    kept, rows = Table(out), []
    for case in cases():
        if tables and case.table not in tables:
            continue
        steps = common.share_of(case.steps, share)
        row = kept.find({"table": case.table, "case": case.name, "steps": steps})
        if row is None:
            row = measure(case, share, data_root, device)
            kept.add(row)
        click.echo(f"{row['table']}, {row['case']}: {row['figures']}", err=True)
        rows.append(row)
    common.publish(rows, torch.device(device), out)
    kept.done()


if __name__ == "__main__":
    common.run(main)
