"""The idx format and MNIST."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.catalogue.options import make
from ganzoo.errors import UserError
from ganzoo.testing.idx_files import IMAGES, LABELS, idx, write_mnist
from ganzoo_datasets.configs import (
    MnistConfig,
)
from ganzoo_datasets.idx import IdxDataset, parse

SHARED = Path(__file__).parents[4] / "shared" / "data"


@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)),
    cut=st.integers(1, 30),
    extra=st.binary(min_size=1, max_size=9),
)
def test_idx_reads_what_was_written_and_nothing_else(shape: tuple[int, ...], cut: int, extra: bytes) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    whole = idx(values)
    assert np.array_equal(parse(whole, 3, Path("a"), "MNIST").numpy(), values)
    for wrong in (whole[:-cut], whole + extra):
        with pytest.raises(UserError, match="not a valid file of MNIST"):
            parse(wrong, 3, Path("a"), "MNIST")


@given(data=st.binary(max_size=60), rank=st.sampled_from([1, 3]))
def test_idx_of_any_bytes_is_a_tensor_or_a_user_error(data: bytes, rank: int) -> None:
    for content in (data, bytes((0, 0, 8, rank)) + data):
        try:
            assert parse(content, rank, Path("a"), "MNIST").ndim == rank
        except UserError:
            continue


DAMAGES = {
    "empty": (b"", idx(LABELS), "train-images.*it begins with nothing"),
    "header only": (idx(IMAGES)[:10], idx(LABELS), "train-images.*it ends within the header"),
    "cut": (idx(IMAGES)[:-1], idx(LABELS), "train-images.*the header says 5×9×9 bytes, but 404 follow"),
    "grown": (idx(IMAGES) + b"x", idx(LABELS), "but 406 follow"),
    "cut labels": (idx(IMAGES), idx(LABELS)[:-2], "train-labels.* but 3 follow"),
    "html": (b"<html>404 not found</html>", idx(LABELS), "begins with 3c 68 74 6d"),
    "swapped": (idx(LABELS), idx(IMAGES), "train-images.*it begins with 00 00 08 01"),
    "floats": (b"\0\0\x0d\x03" + idx(IMAGES)[4:], idx(LABELS), "begins with 00 00 0d 03"),
    "huge": (b"\0\0\x08\x03" + b"\xff" * 12, idx(LABELS), "4294967295×4294967295×4294967295 bytes, but 0 follow"),
    "no images": (idx(IMAGES[:0]), idx(LABELS[:0]), "holds nothing"),
    "fewer labels": (idx(IMAGES), idx(LABELS[:-1]), "has 5 images but .* has 4 labels"),
    "label 10": (idx(IMAGES), idx(LABELS * 2), "train-labels.*it has the label 10"),
    "not square": (idx(IMAGES[:, :, :-1]), idx(LABELS), "9×8, not square"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_damaged_idx_files_are_named(case: str, tmp_path: Path) -> None:
    images, labels, message = DAMAGES[case]
    write_mnist(tmp_path, images, labels)
    with pytest.raises(UserError, match=message) as caught:
        IdxDataset(MnistConfig(), tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_gzipped_idx_files_are_read_and_kept_unpacked(tmp_path: Path, offline: None) -> None:
    folder = write_mnist(tmp_path, idx(IMAGES), idx(LABELS))
    plain = IdxDataset(MnistConfig(size=9), tmp_path).read(torch.arange(5))
    for path in list(folder.iterdir()):
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    for _ in range(2):
        packed = IdxDataset(MnistConfig(size=9), tmp_path).read(torch.arange(5))
        assert all(torch.equal(plain[name], packed[name]) for name in plain)
        assert (folder / "train-images-idx3-ubyte").read_bytes() == idx(IMAGES)
    assert not list(folder.glob("*.part")) + list(folder.glob(".*.part"))


def test_links_that_came_with_the_data_are_not_written_through(tmp_path: Path, offline: None) -> None:
    folder, precious = write_mnist(tmp_path, idx(IMAGES), idx(LABELS)), tmp_path / "precious"
    packed = folder / "train-images-idx3-ubyte"
    packed.with_name(f"{packed.name}.gz").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    precious.write_text("all of my work")
    for name in (".download.owner", f".{packed.name}.part"):
        (folder / name).symlink_to(precious)
    assert len(IdxDataset(MnistConfig(), tmp_path)) == 5
    assert precious.read_text() == "all of my work"
    assert packed.read_bytes() == idx(IMAGES) and not packed.is_symlink()


def test_gzipped_idx_files_are_read_where_nothing_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_mnist(tmp_path, b"", b"")
    for path, data in zip(sorted(folder.iterdir()), (idx(IMAGES), idx(LABELS)), strict=True):
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(data))
        path.unlink()
    before = sorted(folder.iterdir())

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("ganzoo_datasets.files.FileLock", refuse)
    assert len(IdxDataset(MnistConfig(), tmp_path)) == 5
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("damage", ["cut", "no gzip", "flipped", "not idx"])
def test_damaged_gzip_files_are_named(damage: str, tmp_path: Path, offline: None) -> None:
    folder = write_mnist(tmp_path, idx(IMAGES), idx(LABELS))
    (folder / "train-images-idx3-ubyte").unlink()
    packed = bytearray(gzip.compress(idx(IMAGES)))
    flipped = packed.copy()
    flipped[len(packed) // 2] ^= 0xFF
    data = {"cut": packed[:-20], "no gzip": b"hello", "flipped": flipped, "not idx": gzip.compress(b"hello")}[damage]
    (folder / "train-images-idx3-ubyte.gz").write_bytes(bytes(data))
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz is not a valid file of MNIST"):
        IdxDataset(MnistConfig(), tmp_path)
    assert not (folder / "train-images-idx3-ubyte").exists()


def test_a_packed_file_that_never_ends_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo_datasets.idx.LIMIT", 1000)
    folder = write_mnist(tmp_path, b"", idx(LABELS))
    (folder / "train-images-idx3-ubyte").unlink()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(100_000)))
    with pytest.raises(UserError, match="begins with 00 00 00 00"):
        IdxDataset(MnistConfig(), tmp_path)


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    folder = write_mnist(tmp_path, b"", idx(LABELS))
    (folder / "train-images-idx3-ubyte").unlink()
    (folder / "train-images-idx3-ubyte").mkdir()
    with pytest.raises(UserError, match="train-images-idx3-ubyte cannot be read"):
        IdxDataset(MnistConfig(), tmp_path)


@pytest.mark.skipif(not (SHARED / "MNIST").is_dir(), reason="the real MNIST files are not there")
@pytest.mark.parametrize(("split", "count"), [("train", 60_000), ("test", 10_000)])
def test_real_mnist(split: str, count: int) -> None:
    dataset = IdxDataset(make(MnistConfig, {"split": split}, "mnist"), SHARED)
    fields = dataset.read(torch.arange(count))
    assert len(dataset) == count
    assert fields["image"].shape == (count, 1, 28, 28)
    assert (int(fields["image"].min()), int(fields["image"].max())) == (0, 255)
    assert (
        fields["label"][:10].tolist()
        == {
            "train": [5, 0, 4, 1, 9, 2, 1, 3, 1, 4],
            "test": [7, 2, 1, 0, 4, 1, 4, 9, 5, 9],
        }[split]
    )
    assert abs(float(fields["image"].float().mean()) / 255 - 0.131) < 0.002


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]
