"""Several fields as one condition."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

import ganzoo
from ganzoo.batches.reading import Receiver
from ganzoo.catalogue import DataSpec, Field
from ganzoo.catalogue.data import joined
from ganzoo.contract.field_values import embedding
from ganzoo.errors import UserError
from ganzoo.fields.joined import JoinedValues

COLOURS, SIZES = ("red", "green", "blue"), ("small", "large")
MEMBERS = {
    "colour": Field("class", classes=3, names=COLOURS),
    "sizes": Field("vector", (2,), names=SIZES),
    "words": Field("tokens", (2,), names=("<pad>", "a", "b")),
}
VALUES = JoinedValues(joined(MEMBERS))
STORED = {
    "colour": torch.tensor([2, 0]),
    "sizes": torch.tensor([[0.5, -1.0], [0.0, 3.0]]),
    "words": torch.tensor([[1, 2], [2, 0]]),
}


def test_what_is_joined_can_be_divided_again() -> None:
    whole = VALUES.join(STORED)
    assert whole.tolist() == [[2.0, 0.5, -1.0, 1.0, 2.0], [0.0, 0.0, 3.0, 2.0, 0.0]]
    for part, values in zip(VALUES.divide(whole), STORED.values(), strict=True):
        assert torch.equal(part, values)
        assert part.dtype == values.dtype


def test_a_batch_has_the_joined_field() -> None:
    spec = DataSpec({"image": Field("image", (1, 2, 2)), **MEMBERS}, "image", "colour+words")
    assert spec.condition_names == ("colour", "words")
    assert spec.provides == {"data:image", "condition", "condition:joined", "condition:embedding", "pairs"}
    batch = Receiver(spec)({"image": torch.zeros(2, 1, 2, 2, dtype=torch.uint8), **STORED})
    assert batch["colour+words"].tolist() == [[2.0, 1.0, 2.0], [0.0, 2.0, 0.0]]
    assert DataSpec.from_json(spec.to_json()) == spec
    with pytest.raises(UserError, match="names the field 'colours'"):
        DataSpec(spec.fields, "image", "colours+words")


def test_the_embedding_depends_on_every_member_and_has_the_wanted_spread() -> None:
    torch.manual_seed(0)
    layer = embedding(joined({"a": MEMBERS["colour"], "b": Field("class", classes=5)}), 4096, deviation=0.5, mean=2.0)
    vectors: Tensor = layer.requires_grad_(False)(torch.tensor([[0.0, 1.0], [0.0, 4.0], [2.0, 1.0]]))
    assert vectors.shape == (3, 4096)
    assert float(vectors.mean()) == pytest.approx(2.0, abs=0.05)
    assert float(vectors.std()) == pytest.approx(0.5, abs=0.05)
    assert not torch.allclose(vectors[0], vectors[1])
    assert not torch.allclose(vectors[0], vectors[2])


@pytest.mark.parametrize(
    "given",
    [
        "colour=blue; sizes=small=0.5,large=-1; words=a b",
        {"colour": 2, "sizes": (0.5, -1), "words": "a b"},
        torch.tensor([2.0, 0.5, -1.0, 1.0, 2.0]),
    ],
    ids=["words", "a mapping", "a tensor"],
)
def test_a_condition_is_read_from_what_a_user_gives(given: object) -> None:
    assert VALUES.read(given).tolist() == [2.0, 0.5, -1.0, 1.0, 2.0]
    assert VALUES.is_one(given) != isinstance(given, str)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("colour=blue", "lacks sizes, words: give --label: colour=…; sizes=…; words=…"),
        ("colour=blue; size=large; words=a", "no field 'size'; did you mean 'sizes'"),
        ("colour=grey; sizes=large; words=a", "no class is called 'grey'"),
    ],
)
def test_what_is_no_condition_is_refused(given: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        VALUES.read(given)


def test_only_classes_have_values_for_all() -> None:
    classes = JoinedValues(joined({"a": MEMBERS["colour"], "b": Field("class", classes=2)}))
    assert classes.every(3).tolist() == [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]]
    with pytest.raises(UserError, match="needs --label: colour=…; sizes=…; words=…"):
        VALUES.every(3)


def test_a_joined_field_needs_members() -> None:
    with pytest.raises(UserError, match="at least two fields are joined"):
        Field("joined", (3,))


@pytest.mark.parametrize("data_budget", [1024, 0], ids=["memory", "stream"])
def test_a_model_is_trained_and_sampled_with_two_fields(data_budget: int, tmp_path: Path) -> None:
    run = ganzoo.train(
        "cgan", dataset="shapes", dataset_condition="label+attributes", dataset_count=32, dataset_size=16, steps=2,
        batch_size=8, data_budget=data_budget, out=tmp_path, progress=False,
    )  # fmt: skip
    sample = partial(ganzoo.load(run.folder.path).sample, 2)

    def same(one: object, other: object) -> bool:
        first: Tensor = sample(label=one)
        return torch.equal(first, sample(label=other))

    assert same("label=ring; attributes=red+large", {"label": "ring", "attributes": "red+large"})
    assert not same("label=ring; attributes=red+large", "label=ring; attributes=green+large")
    assert not same("label=ring; attributes=red+large", "label=star; attributes=red+large")
