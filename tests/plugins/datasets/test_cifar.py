"""CIFAR-10."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
import torch

from ganzoo.catalogue.options import make
from ganzoo.errors import UserError
from ganzoo_datasets import stand_ins
from ganzoo_datasets.cifar import BATCHES, FOLDER, RECORD, CifarDataset
from ganzoo_datasets.configs import (
    Cifar10Config,
)

# CIFAR-10


def tar(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def test_cifar_is_read_from_the_archive_and_kept_unpacked(
    roots: dict[str, Path], tmp_path: Path, offline: None
) -> None:
    plain = CifarDataset(Cifar10Config(), roots["cifar10"])
    everything = plain.read(torch.arange(len(plain)))
    assert len(plain) == 5 * stand_ins.CIFAR_COUNT
    folder = roots["cifar10"] / FOLDER
    evil = {"../evil.bin": b"x", "/tmp/evil.bin": b"x", f"{FOLDER}/../data_batch_1.bin": b"x", "data_batch_1.bin": b"x"}
    members = {f"{FOLDER}/{path.name}": path.read_bytes() for path in sorted(folder.iterdir())}
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(tar({**evil, **members, **evil}))
    for _ in range(2):
        packed = CifarDataset(Cifar10Config(), tmp_path).read(torch.arange(len(plain)))
        assert all(torch.equal(everything[name], packed[name]) for name in everything)
        assert {path.name for path in (tmp_path / FOLDER).glob("*.bin")} == set(BATCHES["train"])
    assert len(CifarDataset(make(Cifar10Config, {"split": "test"}, "cifar10"), tmp_path)) == stand_ins.CIFAR_COUNT
    assert not list(tmp_path.rglob("evil*"))


def test_cifar_orders_its_channels_as_the_published_files_do(tmp_path: Path) -> None:
    record = bytes([7]) + bytes([10] * 1024 + [20] * 1024 + [30] * 1024)
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "test_batch.bin").write_bytes(record)
    fields = CifarDataset(make(Cifar10Config, {"split": "test"}, "cifar10"), tmp_path).read(torch.arange(1))
    assert fields["image"][0, :, 5, 5].tolist() == [10, 20, 30]
    assert Cifar10Config.class_names[int(fields["label"])] == "horse"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"test_batch\.bin .*its 0 bytes are not records of 3073"),
        (bytes(RECORD + 1), "its 3074 bytes are not records"),
        (bytes([10]) + bytes(RECORD - 1), "has the label 10"),
    ],
    ids=["empty", "a byte more", "a class more"],
)
def test_damaged_cifar_batches_are_named(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "test_batch.bin").write_bytes(data)
    with pytest.raises(UserError, match=message):
        CifarDataset(make(Cifar10Config, {"split": "test"}, "cifar10"), tmp_path)


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]


WHOLE = tar({f"{FOLDER}/{name}": os.urandom(RECORD) for name in BATCHES["train"]})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (flipped(WHOLE, len(WHOLE) // 2), "not a valid file of CIFAR-10"),
        (flipped(WHOLE, -6 % len(WHOLE)), "not a valid file of CIFAR-10"),
        (WHOLE[:-4], "not a valid file of CIFAR-10"),
        (b"", "not a valid file of CIFAR-10"),
        (b"hello", "not a valid file of CIFAR-10"),
        (tar({f"{FOLDER}/data_batch_1.bin": os.urandom(RECORD)})[:-500], "not a valid file of CIFAR-10"),
        (tar({f"{FOLDER}/data_batch_1.bin": bytes(RECORD)}), r"it lacks data_batch_2\.bin, data_batch_3"),
    ],
    ids=["a bit amid", "a bit at the end", "cut", "empty", "text", "one cut", "one of five"],
)
def test_damaged_cifar_archives_are_named(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(data)
    with pytest.raises(UserError, match=message):
        CifarDataset(Cifar10Config(), tmp_path)
    assert not (tmp_path / FOLDER).exists()


def test_a_cifar_archive_of_links_writes_and_reads_nothing(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name in BATCHES["train"]:
            info = tarfile.TarInfo(f"{FOLDER}/{name}")
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
    with pytest.raises(UserError, match="it lacks"):
        CifarDataset(Cifar10Config(), tmp_path)
