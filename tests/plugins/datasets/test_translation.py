"""Images of two kinds, in pairs and without."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.batches.fingerprint import fingerprint_of
from ganzoo.batches.reading import check_fields
from ganzoo.catalogue.options import make
from ganzoo.contract.dataset import Dataset
from ganzoo.errors import UserError
from ganzoo_datasets.translation import PairsDataset, UnpairedDataset
from ganzoo_datasets.two_folders import PairsConfig, UnpairedConfig


def save(path: Path, *greys: int, size: tuple[int, int] = (12, 12)) -> None:
    """An image of one grey, or of several side by side."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [np.full((size[1], size[0], 3), grey, np.uint8) for grey in greys]
    Image.fromarray(np.concatenate(parts, 1)).save(path)


def folders(root: Path, names: Iterable[str], greys: int = 0) -> None:
    """A file for each path; its grey is the place of the path, from ``greys`` on."""
    for number, name in enumerate(names, greys):
        save(root / name, number)


def pairs(root: Path, **options: Any) -> PairsDataset:
    return PairsDataset(make(PairsConfig, {"size": 8, **options}, "dataset 'pairs'"), root)


def unpaired(root: Path, **options: Any) -> UnpairedDataset:
    return UnpairedDataset(make(UnpairedConfig, {"size": 8, **options}, "dataset 'unpaired'"), root)


def greys(dataset: Dataset) -> dict[str, list[int]]:
    """The grey of every example by field; each example has one grey."""
    fields = dataset.read(torch.arange(len(dataset)))
    assert all(values.flatten(1).float().std(1).max() == 0 for values in fields.values())
    return {name: values[:, 0, 0, 0].tolist() for name, values in fields.items()}


# Pairs


def test_an_image_with_both_side_by_side_is_a_pair(tmp_path: Path) -> None:
    save(tmp_path / "1.png", 10, 200)
    save(tmp_path / "2.png", 30, 220)
    assert greys(pairs(tmp_path)) == {"input": [10, 30], "target": [200, 220]}
    assert greys(pairs(tmp_path, reverse=True)) == {"input": [200, 220], "target": [10, 30]}
    spec = PairsConfig(size=(8, 8)).spec(tmp_path)
    assert (spec.target, spec.condition) == ("target", "input")
    check_fields(pairs(tmp_path).read(torch.arange(2)), spec, 2, "pairs")


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_each_half_is_brought_to_the_size_on_its_own(tmp_path: Path, fit: str) -> None:
    """Cutting the sides of the whole image would cut the left of one half, and the right of the other."""
    image = np.zeros((10, 40, 3), np.uint8)
    image[:, :20] = image[:, 20:] = np.linspace(0, 255, 20)[None, :, None]
    Image.fromarray(image).save(tmp_path / "1.png")
    fields = pairs(tmp_path, fit=fit).read(torch.arange(1))
    assert torch.equal(fields["input"], fields["target"])
    assert fields["input"].float().std() > 10


def test_two_files_of_one_name_are_a_pair_whatever_their_suffix(tmp_path: Path) -> None:
    folders(tmp_path / "maps", ["a.png", "sub/b.png", "only.png"])
    folders(tmp_path / "photos", ["sub/b.bmp", "a.bmp"], greys=100)
    dataset = pairs(tmp_path)
    assert greys(dataset) == {"input": [0, 1], "target": [101, 100]}
    assert "input: maps; target: photos" in dataset.notes()
    assert "left out: 1 images without a partner of the same name (only.png)" in dataset.notes()
    assert greys(pairs(tmp_path, folders="photos,maps")) == {"input": [101, 100], "target": [0, 1]}


LAYOUTS = {
    "train/A": ["train/A/1.png", "test/A/2.png", "train/B/1.png", "test/B/2.png"],
    "A/train": ["A/train/1.png", "A/test/2.png", "B/train/1.png", "B/test/2.png"],
    "trainA": ["trainA/1.png", "testA/2.png", "trainB/1.png", "testB/2.png"],
    "train_a": ["Train_A/1.png", "test a/2.png", "train_b/1.png", "test b/2.png"],
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_parts_are_found_in_every_usual_layout(tmp_path: Path, layout: list[str]) -> None:
    folders(tmp_path, layout)
    assert greys(pairs(tmp_path)) == {"input": [0], "target": [2]}
    assert greys(pairs(tmp_path, split="test")) == {"input": [1], "target": [3]}
    assert greys(unpaired(tmp_path)) == {"a": [0], "b": [2]}
    assert greys(unpaired(tmp_path, split="all")) == {"a": [0, 1], "b": [2, 3]}
    assert PairsConfig().for_test(tmp_path).split == ("test",)
    assert "images of train, not of test; --dataset-split chooses" in pairs(tmp_path).notes()
    with pytest.raises(UserError, match="has train, test, and no val: name others with --dataset-split"):
        pairs(tmp_path, split="val")


def test_parts_of_images_side_by_side(tmp_path: Path) -> None:
    save(tmp_path / "train" / "1.png", 10, 20)
    save(tmp_path / "val" / "1.png", 30, 40)
    assert greys(pairs(tmp_path)) == {"input": [10], "target": [20]}
    assert greys(pairs(tmp_path, split="all")) == {"input": [10, 30], "target": [20, 40]}
    assert PairsConfig().for_test(tmp_path).split == ("val",)


def test_a_pair_with_a_damaged_image_is_left_out(tmp_path: Path) -> None:
    folders(tmp_path / "a", ["1.png", "2.png"])
    folders(tmp_path / "b", ["1.png", "2.png"], greys=100)
    (tmp_path / "b" / "1.png").write_bytes((tmp_path / "b" / "1.png").read_bytes()[:50])
    dataset = pairs(tmp_path)
    assert greys(dataset) == {"input": [1], "target": [101]}
    assert "left out: 1 pairs with an image that is damaged" in dataset.notes()


@pytest.mark.parametrize(
    ("names", "options", "says"),
    [
        (["a/1.png", "b/2.png"], {}, "no image in .*a has the name of one in .*b: give both images of a pair one name"),
        (["a/1.png", "a/1.bmp", "b/1.png"], {}, r"has two images called 1 \(1.bmp, 1.png\): remove one"),
        (["a/1.png", "b/1.png", "c/1.png"], {}, r"has 3 folders \(a, b, c\): .* name two with --dataset-folders"),
        (["maps/1.png", "b/1.png"], {"folders": "b,mpas"}, r"no folder 'mpas' .*; did you mean 'maps'"),
        (["a/1.png", "b/1.txt"], {}, "b has no images"),
        ([], {}, "has no images"),
    ],
    ids=["no partner", "twice", "three", "typo", "no images", "empty"],
)  # fmt: skip
def test_what_makes_no_pairs_is_refused(tmp_path: Path, names: list[str], options: dict[str, str], says: str) -> None:
    for name in names:
        if name.endswith("txt"):
            (tmp_path / name).parent.mkdir()
            (tmp_path / name).write_text("no image")
        else:
            save(tmp_path / name, 1)
    with pytest.raises(UserError, match=says):
        pairs(tmp_path, **options)


# Without pairs


def test_folders_of_any_size(tmp_path: Path) -> None:
    folders(tmp_path / "horses", [f"{number}.png" for number in range(5)])
    folders(tmp_path / "zebras", ["x.png", "y.png"], greys=100)
    dataset = unpaired(tmp_path)
    assert greys(dataset) == {"a": [0, 1, 2, 3, 4], "b": [100, 101, 100, 101, 100]}
    assert [*dataset.notes()] == ["a: 5 images (horses)", "b: 2 images (zebras)"]
    spec = UnpairedConfig(size=(8, 8)).spec(tmp_path)
    assert (spec.condition, spec.target) == ("a", "b")
    check_fields(dataset.read(torch.arange(5)), spec, 5, "unpaired")
    with pytest.raises(IndexError):
        dataset.read(torch.tensor([5]))


def test_images_side_by_side_are_no_two_folders(tmp_path: Path) -> None:
    save(tmp_path / "train" / "1.png", 1, 2)
    with pytest.raises(UserError, match=r"has images, and no two folders: .* use --dataset pairs"):
        unpaired(tmp_path)


def test_an_image_that_moved_to_the_other_kind_is_other_data(tmp_path: Path) -> None:
    folders(tmp_path, ["a/1.png", "a/2.png", "b/3.png", "b/4.png"])
    before = fingerprint_of(unpaired(tmp_path), "unpaired")
    (tmp_path / "a" / "2.png").rename(tmp_path / "b" / "2.png")
    (tmp_path / "b" / "3.png").rename(tmp_path / "a" / "3.png")
    assert before.change(fingerprint_of(unpaired(tmp_path), "unpaired"))
