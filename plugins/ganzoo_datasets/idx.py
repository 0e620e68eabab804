"""The idx format of MNIST and its successors: a header, then unsigned bytes."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from ganzoo.plugin import UserError, open_file
from ganzoo_datasets.configs import IdxConfig
from ganzoo_datasets.download import fetch
from ganzoo_datasets.files import damaged, save_unpacked
from ganzoo_datasets.labelled import LabelledImages

PREFIX = {"train": "train", "test": "t10k"}
LIMIT = 2**30  # bytes that are read of a file; datasets of this format have far fewer
MOST = 2**24  # examples, far more than any such dataset has: compressed, a thousand may take one byte


class IdxDataset(LabelledImages[IdxConfig]):
    """Grey images and their classes from two idx files, plain or gzipped; downloaded where they are missing.

    Raises :class:`UserError` where a file is damaged, or the two do not belong together. The files decide on the
    number of images. Format: http://yann.lecun.com/exdb/mnist/
    """

    def load(self, config: IdxConfig, root: Path) -> tuple[Tensor, Tensor]:
        """Return the images (N, 1, H, H) and the classes (N,) of the files."""
        source = config.source
        folder = source.folder_in(root)
        prefix = PREFIX[config.split]
        names = [f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"]
        fetch(source, [f"{name}.gz" for name in names if not _present(folder, name).exists()], root)
        paths = [_present(folder, name) for name in names]
        images, labels = (_read(path, rank, source.title) for path, rank in zip(paths, (3, 1), strict=True))
        if len(images) != len(labels):
            raise UserError(
                f"{paths[0]} has {len(images)} images but {paths[1].name} has {len(labels)} labels: "
                f"use the two files of the same version of {source.title}"
            )
        if images.shape[1] != images.shape[2]:
            raise damaged(paths[0], source.title, f"its images are {images.shape[1]}×{images.shape[2]}, not square")
        if int(labels.max()) >= len(config.class_names):
            raise damaged(paths[1], source.title, f"it has the label {int(labels.max())}")
        return images.unsqueeze(1), labels.long()


def parse(data: bytes, rank: int, path: Path, title: str) -> Tensor:
    """Return the uint8 tensor of ``rank`` dimensions in an idx file; the rest is for error messages."""
    start = 4 + 4 * rank
    magic = bytes((0, 0, 8, rank))
    if data[:4] != magic:
        raise damaged(path, title, f"it begins with {data[:4].hex(' ') or 'nothing'}, not {magic.hex(' ')}")
    if len(data) < start:
        raise damaged(path, title, f"it ends within the header, after {len(data)} bytes")
    shape = struct.unpack(f">{rank}I", data[4:start])
    if 0 in shape:
        raise damaged(path, title, "it holds nothing")
    if len(data) - start != math.prod(shape):
        sizes = "×".join(map(str, shape))
        raise damaged(path, title, f"the header says {sizes} bytes, but {len(data) - start} follow")
    if shape[0] > MOST:
        raise damaged(path, title, f"it has {shape[0]:,} examples, more than any of these datasets")
    # A copy, as torch needs writable memory.
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy())


def _present(folder: Path, name: str) -> Path:
    """Return the plain file, or the compressed one where it is missing."""
    plain = folder / name
    return plain if plain.exists() else folder / f"{name}.gz"


def _read(path: Path, rank: int, title: str) -> Tensor:
    compressed = path.suffix == ".gz"
    try:
        with open_file(path) as raw, gzip.open(raw) if compressed else raw as file:
            data = _content(file, rank)
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise damaged(path, title, str(problem)) from problem
    except OSError as problem:
        raise UserError(f"{path} cannot be read ({problem.strerror or problem}): make it readable") from problem
    values = parse(data, rank, path, title)
    if compressed:
        save_unpacked(path.with_suffix(""), data)
    return values


def _content(file: IO[bytes] | gzip.GzipFile, rank: int) -> bytes:
    """Return the header, and at most one byte more than it declares: a compressed file may expand without end."""
    header = file.read(4 + 4 * rank)
    declared = math.prod(struct.unpack(f">{rank}I", header[4:])) if len(header) == 4 + 4 * rank else 0
    return header + file.read(min(declared, LIMIT) + 1)
