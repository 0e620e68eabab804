"""Data of a program: what its examples become, and what is refused with the example and the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from ganzoo.batches.reading import check_fields
from ganzoo.catalogue.data import DataSpec
from ganzoo.drawing import png
from ganzoo.errors import UserError
from ganzoo.own.data import own_data
from ganzoo.testing.own_parts import CLASSES, Labelled, as_picture, pictures

COUNT = 24
ARRAYS = pictures(COUNT)
TENSORS = torch.from_numpy(ARRAYS)
LABELS = torch.arange(COUNT) % CLASSES


class Named(Labelled):
    classes = ("zero", "one", "two")


def opened(given: Any, **options: Any) -> tuple[DataSpec, Any]:
    component = own_data("mine", given)
    config: Any = component.config(**options)
    target: Any = component.target
    return config.spec(Path()), target(config, root=Path())


def everything(given: Any) -> dict[str, Tensor]:
    """Return all fields of the data, which are checked as those of any dataset are."""
    spec, dataset = opened(given)
    fields: dict[str, Tensor] = dataset.read(torch.arange(len(dataset)))
    check_fields(fields, spec, COUNT, "mine")
    return fields


def unit(array: Any) -> Tensor:
    return torch.from_numpy(array).float()[None] / 255


SAME: dict[str, Any] = {
    "PIL images": Labelled(as_picture),
    "arrays (H, W)": Labelled(),
    "arrays (H, W, 1)": Labelled(lambda array: array[:, :, None]),
    "arrays (1, H, W)": Labelled(lambda array: array[None]),
    "mirrored twice": Labelled(lambda array: array[:, ::-1].copy()[:, ::-1]),
    "float64 arrays": Labelled(lambda array: array / 255),
    "tensors": Labelled(lambda array: torch.from_numpy(array)[None]),
    "tensors in [0, 1]": Labelled(unit),
    "tensors in [-1, 1]": Labelled(lambda array: unit(array) * 2 - 1),
    "a list": [(array, index % CLASSES) for index, array in enumerate(ARRAYS)],
    "labels as tensors": TensorDataset(TENSORS[:, None], LABELS),
    "a subset": Subset(Named(as_picture), range(COUNT)),
    "a pair of tensors": (TENSORS, LABELS),
    "a pair of arrays": (ARRAYS, LABELS.numpy()),
    "labels (N, 1)": (TENSORS[:, None], LABELS[:, None].int()),
    "whole numbers": (TENSORS.long(), LABELS),
    "mappings": [{"img": array, "label": index % CLASSES, "id": "x"} for index, array in enumerate(ARRAYS)],
    "named arrays": {"images": ARRAYS, "labels": LABELS.numpy()},
    "float images": (TENSORS.float()[:, None] / 255, LABELS),
}


@pytest.mark.parametrize("given", SAME.values(), ids=SAME)
def test_the_same_pictures_in_every_form(given: Any) -> None:
    fields = everything(given)
    assert torch.equal(fields["image"], TENSORS[:, None])
    assert torch.equal(fields["label"], LABELS)


def test_colour_of_every_form() -> None:
    colour = np.stack([ARRAYS, ARRAYS.transpose(0, 2, 1), 255 - ARRAYS], axis=3)
    expected = torch.from_numpy(colour).permute(0, 3, 1, 2)
    forms = [colour, expected, expected.numpy(), [Image.fromarray(image) for image in colour]]
    for given in (*forms, [Image.fromarray(image).convert("RGBA") for image in colour]):
        fields = everything(given)
        assert set(fields) == {"image"}
        assert torch.equal(fields["image"], expected)


def test_points() -> None:
    points = torch.randn(COUNT, 2, dtype=torch.float64)
    for given in (points, points.numpy(), list(points), TensorDataset(points)):
        assert torch.equal(everything(given)["point"], points.float())
    assert torch.equal(everything((points, LABELS))["label"], LABELS)


def test_names_of_classes_are_those_of_the_data() -> None:
    for given in (Named(), Subset(Named(), [0]), Subset(Subset(Named(), [0, 3]), [0])):
        field = opened(given)[0].condition_field
        assert field is not None
        assert (field.classes, field.names) == (3, Named.classes)


def test_without_names_the_labels_are_counted() -> None:
    field = opened(Labelled())[0].condition_field
    assert field is not None
    assert (field.classes, field.names) == (CLASSES, ())


def test_a_part_of_the_data_is_an_option() -> None:
    _, dataset = opened((TENSORS, LABELS), count=5)
    assert len(dataset) == 5


def test_the_scale_of_floating_point_images_is_told() -> None:
    assert own_data("mine", TENSORS / 255).summary.endswith("of numbers from 0 to 1")
    assert own_data("mine", TENSORS / 127.5 - 1).summary.endswith("of numbers from -1 to 1")
    assert "numbers" not in own_data("mine", TENSORS).summary


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        yield from ARRAYS


class Uncounted(Dataset[Any]):
    def __getitem__(self, index: int) -> Any:
        return ARRAYS[index]


class Broken(Labelled):
    def __getitem__(self, index: int) -> Any:
        if index == 7:
            raise KeyError("no such file")
        return super().__getitem__(index)


def with_one(place: int, value: Any) -> list[Any]:
    items: list[Any] = [(array, 0) for array in ARRAYS]
    items[place] = value
    return items


REFUSED: dict[str, tuple[Any, str]] = {
    "a loader": (DataLoader(Labelled()), r"is a DataLoader.*give its dataset, loader\.dataset"),
    "a stream": (Stream(), "iterable dataset.*by index.*__getitem__ and __len__"),
    "data without a length": (Uncounted(), "give its class a method __len__"),
    "a function": (Labelled.__len__, "dataset 'mine' is a function: give the data that it returns, by a call"),
    "a number": (5, "is of type int: give a torch dataset"),
    "nothing": ([], "has no examples"),
    "an empty tensor": (TENSORS[:0], "has no examples"),
    "dictionaries": ([{"pixels": ARRAYS[0]}], "example 0 of dataset 'mine' has the fields pixels: name them image or"),
    "an attribute alone": ([{"image": ARRAYS[0], "attributes": 1.0}], r"example 0 .* attributes of shape \(\): give a"),
    "a missing field": (
        with_one(3, {"image": ARRAYS[0]}),
        "example 3 of dataset 'mine' has no label, unlike example 0",
    ),
    "all parts": (
        {"train": Labelled(), "test": Labelled()},
        r"has the parts train, test: give one of them, such as data",
    ),
    "a generator": ((array for array in ARRAYS), "iterable dataset.*by index"),
    "another path": (Path("photos"), "is the path photos: give a .npz or .npy file"),
    "no file": (Path("gone.npz"), "gone.npz cannot be read: it is not there"),
    "three parts": ([(ARRAYS[0], 0, 0)], "example 0 of dataset 'mine' has 3 parts"),
    "another size": (with_one(3, (ARRAYS[0][:, 1:], 0)), r"example 3 .*\(1, 8, 7\), and example 0 has \(1, 8, 8\)"),
    "another type": (with_one(3, (ARRAYS[0] / 255, 0)), r"example 3 .* torch.float32, and example 0 of torch.uint8"),
    "a missing label": (with_one(3, ARRAYS[0]), "example 3 of dataset 'mine' has no label, unlike example 0"),
    "an error": (Broken(), "example 7 of dataset 'mine' cannot be read: 'no such file'"),
    "large numbers": (TENSORS.float(), "images with numbers from 0 to 255: give images as .* dataset_range='MIN,MAX'"),
    "normal numbers": (torch.randn(COUNT, 1, 8, 8) * 3, r"floating-point numbers in \[0, 1\] or \[-1, 1\]"),
    "no number": (torch.full((COUNT, 1, 8, 8), torch.nan), "numbers from nan"),
    "complex numbers": (TENSORS.to(torch.complex64), "is of type torch.complex64"),
    "a mapping without images": ({"pixels": ARRAYS}, "has the fields pixels: name them image or point, label"),
    "an unknown name": ({"images": ARRAYS, "labels": np.array(["a"] * COUNT), "names": ["b"]}, "has the label 'a'"),
    "integer points": (LABELS[:, None], "points are floating-point numbers"),
    "channels last": (TENSORS[..., None], r"has shape \(8, 8, 1\): an image is \(H, W\) or \(C, H, W\)"),
    "seven channels": (np.zeros((COUNT, 9, 8, 7), np.uint8), r"shape \(9, 8, 7\): an image is"),
    "one number": (LABELS.float(), r"has shape \(\)"),
    "text": (np.array([["a"]]), "give numbers"),
    "labels from 1": ((TENSORS, LABELS + 1), "labels 1, 2, 3, from 1 to 3: number its 3 classes from 0 to 2"),
    "labels with gaps": ((TENSORS, LABELS * 2), "labels 0, 2, 4, from 0 to 4"),
    "labels of another length": ((TENSORS, LABELS[1:]), "has 24 examples, and 23 labels"),
    "labels as floats": ((TENSORS, LABELS.float()), "label of type torch.float32 and shape"),
    "labels as text": (with_one(0, (ARRAYS[0], "cat")), "example 0 .* has a label 'cat' of type str"),
    "labels as vectors": ((TENSORS, torch.eye(COUNT)), r"labels of shape \(24, 24\)"),
    "a vector as label": (with_one(0, (ARRAYS[0], torch.zeros(4))), r"label of type torch.float32 and shape \(4,\)"),
}


@pytest.mark.parametrize(("given", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_refused(given: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        opened(given)


class Late(Dataset[Any]):
    """Its images are in [0, 1], but for one that the first look does not see."""

    def __len__(self) -> int:
        return 1000

    def __getitem__(self, index: int) -> Any:
        return torch.full((1, 2, 2), -0.9 if index == 1 else 0.5)


def test_what_the_first_look_did_not_see_is_refused_when_it_is_read() -> None:
    _, dataset = opened(Late())
    assert dataset.read(torch.tensor([0, 2]))["image"].unique().tolist() == [128]
    with pytest.raises(
        UserError, match=r"dataset 'mine' has images with numbers from -0\.9 to -0\.9, and others from 0"
    ):
        dataset.read(torch.tensor([1]))


# Values beyond 8 bits, transparency, names

DEEP = {
    "12 bits": (TENSORS.long() * 16, "0 to 4,095"),
    "uint16": (ARRAYS.astype(np.uint16) * 257, "0 to 65,535"),
    "uint16, torch": (torch.from_numpy(ARRAYS.astype(np.uint16) * 257), "0 to 65,535"),
    "int32": (ARRAYS.astype(np.int32) * 65793, "0 to 16,777,215"),
    "deep pictures": ([Image.fromarray(array.astype(np.uint16) * 257) for array in ARRAYS], "0 to 65,535"),
    "in colour": (np.stack([ARRAYS.astype(np.uint16) * 257] * 3, axis=3), "0 to 65,535"),
}


@pytest.mark.parametrize(("given", "limits"), DEEP.values(), ids=DEEP)
def test_whole_numbers_of_every_depth(given: Any, limits: str) -> None:
    fields = everything(given)
    assert (fields["image"][:, :1].int() - TENSORS[:, None].int()).abs().max() <= 1
    (note,) = opened(given)[1].notes()
    assert f"{limits} become black to white; --dataset-range" in note


def test_the_range_can_be_chosen() -> None:
    _, dataset = opened(TENSORS.float(), range="0,255")
    assert torch.equal(dataset.read(torch.arange(COUNT))["image"], TENSORS[:, None])
    _, cut = opened(TENSORS.long(), range="100,101")
    assert set(cut.read(torch.arange(COUNT))["image"].unique().tolist()) <= {0, 255}
    assert "numbers outside are cut" in cut.notes()[0]
    for words in ("1", "2,1", "a,b", "0,inf"):
        with pytest.raises(UserError, match="dataset_range must be auto or two numbers"):
            opened(TENSORS.long(), range=words)


def test_masks() -> None:
    fields = everything(ARRAYS > 100)
    assert torch.equal(fields["image"], (TENSORS[:, None] > 100) * torch.tensor(255, dtype=torch.uint8))


def test_what_is_transparent_becomes_white_and_is_told() -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    data = [clear, Image.new("RGB", (8, 8), "blue")] * (COUNT // 2)
    assert everything(data)["image"][0].unique().tolist() == [255]
    (note,) = opened(data)[1].notes()
    assert "laid on white; arrays of 4 channels keep them" in note
    assert list(opened([Image.new("RGBA", (8, 8))] * 2 + [Image.new("RGB", (8, 8))] * 0)[1].notes())
    assert not list(opened([Image.new("RGB", (8, 8))] * 2)[1].notes())


@pytest.mark.parametrize("key", ["names", "classes"])
@pytest.mark.parametrize("names", [["2", "10", "1"], np.array([b"2", b"10", b"1"])])
def test_names_beside_the_labels_of_a_file(key: str, names: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", images=ARRAYS, labels=LABELS.numpy(), **{key: names})
    with np.load(tmp_path / "data.npz") as given:
        field = opened(given)[0].condition_field
        assert field is not None
        assert field.names == ("2", "10", "1"), "the order of the file is that of its labels"
        assert torch.equal(everything(given)["label"], LABELS)


def test_labels_that_are_names() -> None:
    labels = np.array(["10", "2", "1"] * (COUNT // 3))
    spec, dataset = opened((ARRAYS, labels))
    assert spec.condition_field is not None
    assert spec.condition_field.names == ("1", "2", "10")
    assert dataset.read(torch.arange(3))["label"].tolist() == [2, 1, 0]


def test_an_array_that_is_a_pickle_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", images=np.array([object()] * 3, dtype=object))
    with np.load(tmp_path / "data.npz") as given, pytest.raises(UserError, match="has an array that cannot be read"):
        opened(given)


def test_a_file_of_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", images=ARRAYS, labels=LABELS.numpy(), comment=np.array("mine"))
    np.save(tmp_path / "data.npy", ARRAYS)
    fields = everything(tmp_path / "data.npz")
    assert torch.equal(fields["image"], TENSORS[:, None])
    assert torch.equal(fields["label"], LABELS)
    assert opened(tmp_path / "data.npz")[1].notes() == ("fields that are not used: comment",)
    assert torch.equal(everything(tmp_path / "data.npy")["image"], TENSORS[:, None])
    (tmp_path / "data.npz").write_bytes((tmp_path / "data.npz").read_bytes()[:300])
    with pytest.raises(UserError, match=r"data.npz cannot be read"):
        opened(tmp_path / "data.npz")
    np.save(tmp_path / "pickle.npy", np.array([object()], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"pickle.npy cannot be read: .*allow_pickle"):
        opened(tmp_path / "pickle.npy")


def test_attributes_are_a_condition_alone_and_with_labels() -> None:
    attributes = torch.rand(COUNT, 3)
    both = {"images": TENSORS, "labels": LABELS, "attributes": attributes}
    one_by_one = [
        {"image": image, "label": int(label), "attributes": row.tolist()}
        for image, label, row in zip(TENSORS, LABELS, attributes, strict=True)
    ]
    for given in (both, one_by_one):
        assert opened(given)[0].condition == "label+attributes"
        assert torch.equal(everything(given)["attributes"], attributes)
    assert opened({"images": TENSORS, "attributes": attributes})[0].condition == "attributes"


class Flipped(Dataset[Any]):
    """Pairs that are turned at random, both alike: reading one field after the other would part them."""

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        image = ARRAYS[index][:, :: 1 if torch.rand(()) < 0.5 else -1]
        return {"input": image, "target": (255 - image) / 255}


def test_pairs_are_read_together() -> None:
    spec, dataset = opened(Flipped())
    assert (spec.condition, spec.target) == ("input", "target")
    fields = dataset.read(torch.arange(COUNT))
    assert torch.equal(fields["target"], 255 - fields["input"])


def test_images_of_two_kinds() -> None:
    spec, _ = opened({"a": TENSORS, "b": TENSORS[:, :4, :4]})
    assert (spec.condition, spec.target) == ("a", "b")
    assert spec.fields["b"].shape == (1, 4, 4)


def test_datasets_of_hugging_face_are_read_by_index(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["zero", "one", "two"]),
                                  "id": datasets.Value("string")})  # fmt: skip
    import pyarrow as pa
    import pyarrow.parquet as pq

    images = [{"bytes": png(as_picture(array)), "path": None} for array in ARRAYS]
    rows = {"image": images, "label": LABELS.tolist(), "id": ["x"] * COUNT}
    pq.write_table(pa.table(rows), tmp_path / "data.parquet")
    files = {"train": str(tmp_path / "data.parquet")}
    loaded = datasets.load_dataset("parquet", data_files=files, features=features, cache_dir=str(tmp_path / "cache"))
    with pytest.raises(UserError, match="has the parts train: give one of them"):
        opened(loaded)
    fields = everything(loaded["train"])
    assert torch.equal(fields["image"], TENSORS[:, None])
    assert torch.equal(fields["label"], LABELS)
    field = opened(loaded["train"])[0].condition_field
    assert field is not None
    assert field.names == ("zero", "one", "two")
    with pytest.raises(UserError, match=r"iterable dataset.*by index"):
        opened(datasets.load_dataset("parquet", data_files=files, split="train", streaming=True))


def test_the_names_of_classes_in_features() -> None:
    class Feature:
        names = ("zero", "one", "two")

    class WithFeatures(Dataset[Any]):
        features: ClassVar = {"image": None, "label": Feature()}

        def __len__(self) -> int:
            return COUNT

        def __getitem__(self, index: int) -> Any:
            return {"image": ARRAYS[index], "label": index % CLASSES}

    field = opened(WithFeatures())[0].condition_field
    assert field is not None
    assert field.names == ("zero", "one", "two")
