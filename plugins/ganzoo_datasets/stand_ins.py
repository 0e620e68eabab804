"""Tiny stand-ins with the files of the real datasets, so that every reader can be tested without a download."""

from __future__ import annotations

import io
import struct
import tarfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ganzoo_datasets.cifar import BATCHES, FOLDER
from ganzoo_datasets.configs import DigitsConfig
from ganzoo_datasets.digits import DigitsDataset
from ganzoo_datasets.hub_options import library
from ganzoo_datasets.idx import PREFIX
from ganzoo_datasets.scenes import SCENES, ShapesConfig, describe
from ganzoo_datasets.shapes import ShapesDataset, pictures, truth
from ganzoo_datasets.sources import FASHION_MNIST, KMNIST, MNIST, Source

IDX_COUNT = 256
CIFAR_COUNT = 64
FOLDER_COUNT = 40
TABLE_COUNT = 80
CLASSES = ("circle", "star", "triangle")


def mnist(root: Path) -> None:
    """Write 256 + 256 digits as a stand-in for MNIST."""
    _idx(MNIST, root)


def fashion_mnist(root: Path) -> None:
    """Write 256 + 256 digits as a stand-in for Fashion-MNIST."""
    _idx(FASHION_MNIST, root)


def kmnist(root: Path) -> None:
    """Write 256 + 256 digits as a stand-in for KMNIST."""
    _idx(KMNIST, root)


def cifar10(root: Path) -> None:
    """Write six batches of 64 drawn shapes as a stand-in for CIFAR-10."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate([*BATCHES["train"], *BATCHES["test"]]):
        fields = ShapesDataset(ShapesConfig(count=CIFAR_COUNT, seed=number), root).read(torch.arange(CIFAR_COUNT))
        records = torch.cat([fields["label"].byte()[:, None], fields["image"].flatten(1)], dim=1)
        (folder / name).write_bytes(records.numpy().tobytes())


def folder(root: Path) -> None:
    """Write 40 drawn shapes of each of three classes, in several sizes, as PNG and as JPEG."""
    indices = [index for index in range(20 * len(SCENES)) if truth(0, index).shape in CLASSES]
    counts = dict.fromkeys(CLASSES, 0)
    for index in indices:
        shape = truth(0, index).shape
        if counts[shape] < FOLDER_COUNT:
            image = Image.fromarray(pictures(0, np.array([index]), 24 + index % 3 * 20)[0].transpose(1, 2, 0))
            (root / shape).mkdir(parents=True, exist_ok=True)
            image.save(root / shape / f"{counts[shape]:02}.{'png' if counts[shape] % 2 else 'jpg'}", quality=95)
            counts[shape] += 1


def table(root: Path) -> None:
    """Write 80 drawn shapes, and a table in CSV with a class, a caption and a part for each."""
    fields = ShapesDataset(ShapesConfig(size=24, seed=3), root).read(torch.arange(TABLE_COUNT))
    folder = root / "images"
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["file,label,caption,split"]
    for index, image in enumerate(fields["image"]):
        scene = truth(3, index)
        Image.fromarray(image.numpy().transpose(1, 2, 0)).save(folder / f"{index:03}.png")
        lines.append(f"images/{index:03}.png,{scene.shape},{describe(scene)},{'test' if index % 4 == 3 else 'train'}")
    (root / "table.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")


def pairs(root: Path) -> None:
    """Write 24 + 8 pairs, side by side: the silhouette of a drawn shape, and the shape."""
    for part, start, count in (("train", 0, 24), ("test", 24, 8)):
        (root / part).mkdir(parents=True, exist_ok=True)
        for index, shape in enumerate(pictures(4, np.arange(start, start + count), 24).transpose(0, 2, 3, 1)):
            silhouette = np.repeat((shape.max(-1, keepdims=True) > 110) * np.uint8(255), 3, -1)
            Image.fromarray(np.concatenate([silhouette, shape], 1)).save(root / part / f"{index:02}.png")


def unpaired(root: Path) -> None:
    """Write drawn shapes: 20 + 6 on a dark ground as A, and 30 + 6 with the colours inverted as B."""
    counts = {"trainA": 20, "testA": 6, "trainB": 30, "testB": 6}
    for seed, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True, exist_ok=True)
        for index, shape in enumerate(pictures(seed, np.arange(count), 24).transpose(0, 2, 3, 1)):
            Image.fromarray(shape if name.endswith("A") else 255 - shape).save(root / name / f"{index:02}.png")


def shards(root: Path) -> None:
    """Write 3 + 1 shards with 20 drawn shapes each, and their classes."""
    fields = ShapesDataset(ShapesConfig(size=24, seed=5), root).read(torch.arange(80))
    root.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(("train-000", "train-001", "train-002", "test-000")):
        with tarfile.open(root / f"{name}.tar", "w") as archive:
            for index in range(20 * number, 20 * number + 20):
                content = io.BytesIO()
                Image.fromarray(fields["image"][index].numpy().transpose(1, 2, 0)).save(content, "PNG")
                for suffix, data in (("png", content.getvalue()), ("cls", b"%d" % fields["label"][index])):
                    member = tarfile.TarInfo(f"{index:06}.{suffix}")
                    member.size = len(data)
                    archive.addfile(member, io.BytesIO(data))


def huggingface(root: Path) -> None:
    """Write 60 + 20 drawn shapes of three classes as the Parquet files of a dataset of the hub."""
    datasets = library()
    fields = ShapesDataset(ShapesConfig(size=24, seed=7), root).read(torch.arange(80))
    root.mkdir(parents=True, exist_ok=True)
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=list(CLASSES))})
    for part, numbers in (("train", range(60)), ("test", range(60, 80))):
        images = []
        for number in numbers:
            content = io.BytesIO()
            Image.fromarray(fields["image"][number].numpy().transpose(1, 2, 0)).save(content, "PNG")
            images.append({"bytes": content.getvalue(), "path": None})
        labels = [int(fields["label"][number]) % len(CLASSES) for number in numbers]
        rows = datasets.Dataset.from_dict({"image": images, "label": labels}, features=features)
        rows.to_parquet(root / f"{part}-00000-of-00001.parquet")


def _idx(source: Source, root: Path) -> None:
    fields = DigitsDataset(DigitsConfig(size=28), root).read(torch.arange(2 * IDX_COUNT))
    images, labels = fields["image"].squeeze(1), fields["label"].byte()
    target = source.folder_in(root)
    target.mkdir(parents=True, exist_ok=True)
    for number, prefix in enumerate(PREFIX.values()):
        half = slice(number * IDX_COUNT, (number + 1) * IDX_COUNT)
        for name, values in (("images-idx3", images[half]), ("labels-idx1", labels[half])):
            header = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
            (target / f"{prefix}-{name}-ubyte").write_bytes(header + values.numpy().tobytes())
