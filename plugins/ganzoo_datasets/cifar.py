"""CIFAR-10 from its binary edition: records of one label byte and 3,072 image bytes, no pickle."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from ganzoo.plugin import UserError, open_file, read_file
from ganzoo_datasets.configs import Cifar10Config
from ganzoo_datasets.download import fetch
from ganzoo_datasets.files import damaged, save_unpacked
from ganzoo_datasets.labelled import LabelledImages

ARCHIVE = "cifar-10-binary.tar.gz"
FOLDER = "cifar-10-batches-bin"
BATCHES = {"train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)), "test": ("test_batch.bin",)}
RECORD = 1 + 3 * 32 * 32

Records = np.ndarray[Any, np.dtype[np.uint8]]
LIMIT = 2**28  # bytes that are read of an archive; all batches together have fewer
MEMBERS = 1000  # most members of an archive; the published one has 8


class CifarDataset(LabelledImages[Cifar10Config]):
    """Colour images and their classes from unpacked batches or the archive, which is downloaded if it is missing.

    Raises :class:`UserError` where a file is damaged. The files decide on the number of images.
    Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
    """

    def load(self, config: Cifar10Config, root: Path) -> tuple[Tensor, Tensor]:
        """Return the images (N, 3, 32, 32) and the classes (N,) of the files."""
        source = config.source
        folder = source.folder_in(root)
        paths = [folder / FOLDER / name for name in BATCHES[config.split]]
        try:
            contents = _contents(config, paths, folder / ARCHIVE, root)
        except OSError as problem:
            path = problem.filename or folder
            raise UserError(f"{path} cannot be read ({problem.strerror or problem}): make it readable") from problem
        batches = [parse(data, path, config) for path, data in zip(paths, contents, strict=True)]
        records = torch.from_numpy(np.concatenate(batches))
        return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].long()


def parse(data: bytes, path: Path, config: Cifar10Config) -> Records:
    """Return the records (N, 3073) uint8 of one batch; ``path`` is for error messages."""
    title = config.source.title
    if not data or len(data) % RECORD:
        raise damaged(path, title, f"its {len(data)} bytes are not records of {RECORD}")
    records = np.frombuffer(data, np.uint8).reshape(-1, RECORD)
    if int(records[:, 0].max()) >= len(config.class_names):
        raise damaged(path, title, f"it has the label {int(records[:, 0].max())}")
    return records


def _contents(config: Cifar10Config, paths: list[Path], archive: Path, root: Path) -> list[bytes]:
    if all(path.exists() for path in paths):
        return [read_file(path, LIMIT) for path in paths]
    if not archive.exists():
        fetch(config.source, [ARCHIVE], root)
    members = unpack(archive, [path.name for path in paths], config.source.title)
    for path, data in zip(paths, members, strict=True):
        save_unpacked(path, data)
    return members


@final
class _Bounded:
    """The content of a compressed file up to a limit: few bytes may decompress to very many."""

    def __init__(self, packed: gzip.GzipFile, path: Path, title: str):
        self._packed, self._path, self._title = packed, path, title
        self._left = LIMIT

    def read(self, size: int) -> bytes:
        """Return the next bytes; raises :class:`UserError` beyond the limit."""
        data = self._packed.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise damaged(self._path, self._title, f"it unpacks to more than {LIMIT // 2**20} MiB")
        return data


def unpack(archive: Path, names: list[str], title: str) -> list[bytes]:
    """Return the bytes of the batches ``names``; other members are skipped, and nothing is written."""
    members: dict[str, bytes] = {}
    try:
        # As a stream: seeking back in a compressed archive would decompress it again.
        with open_file(archive) as raw, gzip.open(raw) as packed:
            bounded: Any = _Bounded(packed, archive, title)
            with tarfile.open(fileobj=bounded, mode="r|") as tar:
                for number, member in enumerate(tar):
                    if number > MEMBERS:
                        raise damaged(archive, title, f"it has more than {MEMBERS} members")
                    folder, _, name = member.name.rpartition("/")
                    if folder != FOLDER or name not in names or not member.isreg() or member.issparse():
                        continue
                    file = tar.extractfile(member)
                    assert file is not None
                    members[name] = file.read()
            # The checksum is at the end.
            while bounded.read(2**20):
                pass
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, RecursionError) as problem:
        raise damaged(archive, title, str(problem)) from problem
    missing = [name for name in names if name not in members]
    if missing:
        raise damaged(archive, title, f"it lacks {', '.join(missing)}")
    return [members[name] for name in names]
