"""Images in shards."""

from __future__ import annotations

import io
import itertools
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.batches.fingerprint import fingerprint_of
from ganzoo.catalogue.options import make
from ganzoo.errors import UserError
from ganzoo.testing.observers import StopAt
from ganzoo.testing.selections import choose
from ganzoo.training.run import train
from ganzoo_datasets.shard_index import ShardsConfig
from ganzoo_datasets.shards import ShardsDataset

Members = Mapping[str, bytes]


def picture(grey: int) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.full((9, 9, 3), grey, np.uint8)).save(content, "PNG")
    return content.getvalue()


def shard(path: Path, members: Members) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def numbered(*numbers: int, classes: int = 0) -> Members:
    """Examples with the key and the grey of a number, and its class if there are some."""
    pairs = [(f"{n:04}.png", picture(n)) for n in numbers]
    labels = [(f"{n:04}.cls", b"%d\n" % (n % classes)) for n in numbers] if classes else []
    return dict(itertools.chain(*zip(pairs, labels, strict=True)) if labels else pairs)


def opened(root: Path, **options: Any) -> ShardsDataset:
    return ShardsDataset(make(ShardsConfig, {"size": 8, **options}, "dataset 'shards'"), root)


def greys(dataset: ShardsDataset) -> list[int]:
    return dataset.read(torch.arange(len(dataset)))["image"][:, 0, 0, 0].tolist()


def test_examples_are_read_by_number_from_every_shard(tmp_path: Path) -> None:
    shard(tmp_path / "10.tar", numbered(7, 8, classes=3))
    shard(tmp_path / "2.tar", numbered(1, 5, 6, classes=3))
    dataset = opened(tmp_path)
    assert greys(dataset) == [1, 5, 6, 7, 8], "shards are in natural order"
    assert dataset.read(torch.tensor([4, 0]))["image"][:, 0, 0, 0].tolist() == [8, 1]
    assert dataset.read(torch.arange(5))["label"].tolist() == [1, 2, 0, 1, 2]
    field = ShardsConfig(size=(8, 8)).spec(tmp_path).condition_field
    assert field is not None
    assert field.classes == 3
    assert set(opened(tmp_path, labels="none").read(torch.arange(2))) == {"image"}


def test_keys_in_folders_other_files_and_long_names(tmp_path: Path) -> None:
    long = "x" * 150
    members = {
        "a/1.cls": b"dog",
        "a/1.json": b"{}",
        "a/1.png": picture(1),
        "b/1.seg.png": picture(2),
        "b/1.cls": b"cat",
        f"{long}.png": picture(3),
        f"{long}.cls": b"dog",
        "c/2.txt": b"no image",
        "c/2.cls": b"cat",
    }
    shard(tmp_path / "0.tar", members)
    dataset = opened(tmp_path)
    assert greys(dataset) == [1, 2, 3]
    assert dataset.read(torch.arange(3))["label"].tolist() == [1, 0, 1]
    assert "left out: 1 examples without an image" in dataset.notes()
    assert "classes: cat 1, dog 2" in dataset.notes()


@pytest.mark.parametrize("names", [("train-0.tar", "val-0.tar"), ("train/0.tar", "validation/0.tar")])
def test_parts_by_the_names_of_shards_or_folders(tmp_path: Path, names: tuple[str, str]) -> None:
    shard(tmp_path / names[0], numbered(1))
    shard(tmp_path / names[1], numbered(2))
    assert greys(opened(tmp_path)) == [1]
    assert greys(opened(tmp_path, split="val")) == [2]
    assert greys(opened(tmp_path, split="all")) == [1, 2]
    assert ShardsConfig().for_test(tmp_path).split == ("val",)
    with pytest.raises(UserError, match="has train, val, and no test"):
        opened(tmp_path, split="test")


@pytest.mark.parametrize("cut", [0, 1, 700, 1024, 2000])
def test_a_shard_that_ends_too_soon_is_refused(tmp_path: Path, cut: int) -> None:
    """Also between two files, where the rest of an archive could be missed."""
    path = shard(tmp_path / "0.tar", numbered(1, 2, 3))
    content = path.read_bytes()
    end = 3 * (512 + 512 * -(-len(picture(1)) // 512))
    path.write_bytes(content[: end - cut] if cut else content[:end])
    with pytest.raises(UserError, match=r"0.tar is no sound tar file \(.*\): replace it"):
        opened(tmp_path)


def test_what_are_no_shards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no shards \(.tar\): name their folder with --dataset-path"):
        opened(tmp_path)
    (tmp_path / "0.tar.gz").write_bytes(b"")
    with pytest.raises(UserError, match=r"has no shards \(.tar\): unpack 0.tar.gz"):
        opened(tmp_path)
    (tmp_path / "0.tar").write_bytes(b"no archive" * 100)
    with pytest.raises(UserError, match=r"0.tar is no sound tar file"):
        opened(tmp_path)
    shard(tmp_path / "0.tar", {"1.txt": b"text"})
    with pytest.raises(UserError, match="has shards without images"):
        opened(tmp_path)
    shard(tmp_path / "0.tar", {"1.png": picture(1), "1.cls": b"1", "2.png": picture(2)})
    with pytest.raises(UserError, match=r"0.tar: example 2 has no class \(.cls\), unlike others"):
        opened(tmp_path)


def test_a_damaged_image_is_named_or_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard(tmp_path / "0.tar", {"1.png": picture(1), "2.png": picture(2)[:50], "3.png": picture(3)})
    with pytest.raises(UserError, match=r"2.png in .*0.tar cannot be decoded .*--dataset-check decode"):
        greys(opened(tmp_path))
    dataset = opened(tmp_path, check="decode")
    assert greys(dataset) == [1, 3]
    assert "left out: 1 unusable" in dataset.notes()
    assert "left out 1 of 3 images: 2.png in" in capsys.readouterr().err


def test_a_shard_of_other_examples_is_other_data(tmp_path: Path) -> None:
    shard(tmp_path / "0.tar", numbered(1, 2, classes=2))
    before = fingerprint_of(opened(tmp_path), "shards")
    shard(tmp_path / "0.tar", numbered(2, 1, classes=2))
    assert before.change(fingerprint_of(opened(tmp_path), "shards"))


def test_streamed_shards_are_resumed_to_the_bit(tmp_path: Path) -> None:
    shard(tmp_path / "data" / "0.tar", numbered(*range(20)))
    shard(tmp_path / "data" / "1.tar", numbered(*range(20, 40)))
    bytes_of_all = 40 * 3 * 8 * 8
    options = {"dataset": "shards", "data_root": tmp_path / "data", "dataset_size": 8, "batch_size": 8,
               "data_budget": bytes_of_all // 10, "workers": 0, "checkpoint_every": 2}  # fmt: skip
    whole = train(choose("gan", tmp_path / "whole", steps=12, **options))
    stopped = choose("gan", tmp_path / "stopped", steps=12, **options)
    train(stopped, [StopAt(5)])
    assert train(stopped, resume=True).sha256 == whole.sha256
