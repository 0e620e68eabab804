"""Fingerprints of data: the same data has the same one, and other data is told from data that has changed."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from torch import Tensor

from ganzoo.batches.batches import open_batches
from ganzoo.batches.fingerprint import SAMPLE, DataIdentity, Fingerprint, fingerprint_of
from ganzoo.catalogue import DataSpec, Field, installed
from ganzoo.contract.dataset import Dataset
from ganzoo.errors import UserError

NAMES = ("ant", "bee", "cat")
FIELDS = {"image": Field("image", (1, 2, 2)), "label": Field("class", classes=3, names=NAMES)}
SPEC = DataSpec(FIELDS, "image", "label")


class Images(Dataset):
    """Images with random pixels, which determine their classes."""

    def __init__(self, seed: int, length: int):
        self.images = torch.randint(0, 256, (length, 1, 2, 2), generator=torch.Generator().manual_seed(seed))
        self.reads = 0

    def __len__(self) -> int:
        return len(self.images)

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        self.reads += len(indices)
        return {"image": self.images[indices].to(torch.uint8), "label": self.images[indices, 0, 0, 0] % 3}


class Listed(Images):
    """The same, with an identity for each example."""

    def __init__(self, numbers: list[int]):
        super().__init__(0, len(numbers))
        self.numbers = numbers

    def identities(self) -> list[bytes]:
        return [str(number).encode() for number in self.numbers]


class Augmented(Images):
    """Images that are others whenever they are read."""

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        fields = super().read(indices)
        return {**fields, "image": torch.randint(0, 256, fields["image"].shape).to(torch.uint8)}


def listed(*numbers: int) -> Fingerprint:
    return fingerprint_of(Listed(list(numbers)), "numbers")


@pytest.mark.parametrize("budget", [0, 10**9])
def test_streamed_data_has_the_same_fingerprint(budget: int) -> None:
    batches = open_batches(Images(0, 300), SPEC, 4, 0, "images", torch.device("cpu"), budget, workers=0)
    assert batches.fingerprint == fingerprint_of(Images(0, 300), "images")


def test_it_is_cheap() -> None:
    dataset = Images(0, 10_000)
    fingerprint_of(dataset, "images")
    assert dataset.reads <= 64


def test_other_examples_are_other_data() -> None:
    before = fingerprint_of(Images(0, 300), "images")
    assert before.is_of_other_data(fingerprint_of(Images(1, 300), "images"))
    assert before.is_of_other_data(fingerprint_of(Images(1, 301), "images"))
    assert not before.is_of_other_data(fingerprint_of(Images(0, 300), "images"))


@pytest.mark.parametrize("end", [slice(5, None), slice(None, -5)])
def test_the_default_finds_examples_again_if_some_were_removed(end: slice) -> None:
    before, fewer = Images(0, 300), Images(0, 300)
    fewer.images = fewer.images[end]
    found = fingerprint_of(fewer, "images")
    assert not fingerprint_of(before, "images").is_of_other_data(found)
    assert fingerprint_of(before, "images").change(found) == "it had 300 examples, and has 295 now"


def test_examples_that_never_stay_the_same_identify_nothing() -> None:
    before, now = (fingerprint_of(Augmented(0, 50), "images") for _ in range(2))
    assert before == now
    assert not before.is_of_other_data(fingerprint_of(Images(1, 50), "images"))
    assert before.change(fingerprint_of(Augmented(0, 51), "images")) == "it had 50 examples, and has 51 now"


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ((1, 2, 3), ""),
        ((3, 1, 2), ""),
        ((1, 2, 3, 4, 5), "it had 3 examples, and has 5 now (0 gone, 2 new)"),
        ((1, 2), "it had 3 examples, and has 2 now (1 gone, 0 new)"),
        ((1, 2, 9), "it has 3 examples as before, and 1 of them are others"),
    ],
)
def test_a_change_is_told_with_counts(now: tuple[int, ...], said: str) -> None:
    assert listed(1, 2, 3).change(listed(*now)) == said


def test_of_many_examples_a_random_part_is_kept() -> None:
    few, many = listed(*range(1000)), listed(*range(500, 50_000))
    assert len(few.to_json()["sample"]) < 1000
    kept = Fingerprint.from_json(json.loads(json.dumps(few.to_json())))
    assert not kept.is_of_other_data(many)
    assert kept.is_of_other_data(listed(*range(1000, 2000)))
    change = kept.change(many)
    assert change.startswith("it had 1,000 examples, and has 49,500 now (about ")
    gone = int(change.split("about ")[1].split(" ")[0])
    assert 300 < gone < 700
    assert kept.change(few) == ""


@pytest.mark.parametrize(
    "changed", [{"sample": "12"}, {"examples": "3"}, {"examples": -1}, {"marked": SAMPLE}, {"sha256": None}]
)
def test_a_damaged_fingerprint_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(UserError, match="damaged"):
        Fingerprint.from_json({**listed(1, 2, 3).to_json(), **changed})


def identity(spec: DataSpec) -> DataIdentity:
    return DataIdentity(spec, listed(1, 2, 3))


def spec_of(**fields: Field) -> DataSpec:
    return DataSpec({**FIELDS, **fields}, "image", "label")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (SPEC, ""),
        (spec_of(label=Field("class", classes=3, names=("ant", "cat", "zebra"))), "'bee' gone and 'zebra' new"),
        (spec_of(label=Field("class", classes=3, names=("bee", "ant", "cat"))), "another order: it was 'ant', 'bee'"),
        (spec_of(label=Field("class", classes=4, names=(*NAMES, "dog"))), "among the names of label, 'dog' new"),
        (spec_of(image=Field("image", (3, 2, 2))), "image was 1×2×2 images, and is 3×2×2 images now"),
        (spec_of(angle=Field("vector", (2,))), "it had no field 'angle', and has it now"),
        (DataSpec(FIELDS, "image"), "its condition was label, and is none now"),
    ],
    ids=["same", "renamed", "reordered", "one more", "channels", "field", "condition"],
)
def test_another_kind_of_data_is_named(other: DataSpec, said: str) -> None:
    found = identity(SPEC).difference(identity(other))
    assert said in found
    assert bool(found) == bool(said)


def test_an_identity_is_read_again() -> None:
    written = json.loads(json.dumps(identity(SPEC).to_json()))
    read = DataIdentity.from_json(written, installed().field_types)
    assert read == identity(SPEC)
    assert read.difference(dataclasses.replace(identity(SPEC), fingerprint=listed(7, 8))) == (
        "its 3 examples are not among the 2 of now"
    )


def test_a_dataset_whose_identities_fail_is_named() -> None:
    class Broken(Images):
        def identities(self) -> list[bytes]:
            raise ZeroDivisionError("odd")

    with pytest.raises(UserError, match="numbers cannot be read: odd"):
        fingerprint_of(Broken(0, 3), "numbers")
