"""The files of published datasets: folders, mirrors, sizes and checksums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Archive:
    """The ``size`` of a published file in bytes, and its md5."""

    size: int
    md5: str


@dataclass(frozen=True)
class Source:
    """A published dataset: ``archives`` are its files by name.

    ``folder`` is their folder below the data folder; a mirror is the address of a folder, ending in ``/``.
    """

    title: str
    folder: str
    mirrors: tuple[str, ...]
    archives: Mapping[str, Archive]

    def folder_in(self, root: Path) -> Path:
        """Return the folder of the files, given the data folder."""
        return root / self.folder


MNIST = Source(
    title="MNIST",
    folder="MNIST/raw",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    archives={
        "train-images-idx3-ubyte.gz": Archive(9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        "train-labels-idx1-ubyte.gz": Archive(28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
        "t10k-images-idx3-ubyte.gz": Archive(1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
        "t10k-labels-idx1-ubyte.gz": Archive(4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
    },
)

FASHION_MNIST = Source(
    title="Fashion-MNIST",
    folder="FashionMNIST/raw",
    mirrors=(
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    archives={
        "train-images-idx3-ubyte.gz": Archive(26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        "train-labels-idx1-ubyte.gz": Archive(29_515, "25c81989df183df01b3e8a0aad5dffbe"),
        "t10k-images-idx3-ubyte.gz": Archive(4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
        "t10k-labels-idx1-ubyte.gz": Archive(5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
    },
)

KMNIST = Source(
    title="KMNIST",
    folder="KMNIST/raw",
    mirrors=("https://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    archives={
        "train-images-idx3-ubyte.gz": Archive(18_165_135, "bdb82020997e1d708af4cf47b453dcf7"),
        "train-labels-idx1-ubyte.gz": Archive(29_497, "e144d726b3acfaa3e44228e80efcd344"),
        "t10k-images-idx3-ubyte.gz": Archive(3_041_136, "5c965bf0a639b31b8f53240b1b52f4d7"),
        "t10k-labels-idx1-ubyte.gz": Archive(5_120, "7320c461ea6c1c855c0b718fb2a4b134"),
    },
)

CIFAR10 = Source(
    title="CIFAR-10",
    folder="",
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
    archives={"cifar-10-binary.tar.gz": Archive(170_052_171, "c32a1d4ab5d03f1284b67883e8d13530")},
)
