"""Drawn faces: the truth of attributes and edits, and what is held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo_editing.face_options import ATTRIBUTES, COMBINATIONS, SEEN, UNSEEN, FacesConfig, held_out
from ganzoo_editing.faces import Faces

NOWHERE = Path("nowhere")


def read(count: int = 200, **options: Any) -> dict[str, Tensor]:
    return Faces(FacesConfig(count=count, **options), NOWHERE).read(torch.arange(count))


@pytest.mark.parametrize("task", ["draw", "edit"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_it_delivers_what_the_spec_says(task: str, split: str) -> None:
    config = FacesConfig(count=5, task=task, split=split, size=16)  # type: ignore[arg-type]
    fields = Faces(config, NOWHERE).read(torch.arange(5))
    spec = config.spec(NOWHERE)
    assert {name: tuple(values.shape[1:]) for name, values in fields.items()} == {
        name: field.shape for name, field in spec.fields.items()
    }
    assert torch.equal(Faces(config, NOWHERE).read(torch.tensor([3]))["image"], fields["image"][3:4])


def test_one_attribute_changes_in_an_edit_and_with_it_the_image() -> None:
    fields = read()
    assert torch.equal((fields["attributes"] != fields["others"]).sum(1), torch.ones(200, dtype=torch.int64))
    assert (fields["image"] != fields["edited"]).flatten(1).any(1).all()
    assert {*(fields["attributes"] != fields["others"]).float().argmax(1).tolist()} == {*range(len(ATTRIBUTES))}


def test_an_edit_changes_pixels_where_its_attribute_is_drawn_and_nowhere_else() -> None:
    fields = read(400, size=64)
    changed = (fields["attributes"] != fields["others"]).float().argmax(1)
    rows = (fields["image"] != fields["edited"]).any(1).any(2)
    for name, above, below in (("hat", 0, 34), ("smiling", 32, 50), ("glasses", 24, 42), ("beard", 32, 58)):
        of_edit = rows[changed == ATTRIBUTES.index(name)].any(0)
        assert of_edit[above:below].any(), name
        assert not of_edit[:above].any(), name
        assert not of_edit[below:].any(), name


def test_the_attributes_asked_for_are_those_of_the_target() -> None:
    drawn, edited = read(), read(task="edit")
    assert torch.equal(drawn["image"], edited["image"])
    assert torch.equal(drawn["attributes"], edited["others"])
    assert FacesConfig(task="edit").spec(NOWHERE).target == "edited"


class TestHeldOut:
    def test_no_combination_of_the_test_is_in_the_training(self) -> None:
        trained, tested = (read(2000, size=16, split=split)["attributes"] for split in ("train", "test"))
        assert not {*map(tuple, trained.tolist())} & {*map(tuple, tested.tolist())}
        assert {*map(tuple, tested.tolist())} == {*UNSEEN}

    def test_every_pair_of_values_is_in_both_parts(self) -> None:
        assert len(SEEN) + len(UNSEEN) == len(COMBINATIONS) == 64
        assert 0.15 < len(UNSEEN) / 64 < 0.25
        for part in (SEEN, UNSEEN):
            table = torch.tensor(part)
            assert {*table.flatten().tolist()} == {0, 1}
            assert all({*column.tolist()} == {0, 1} for column in table.T)
        assert not any(map(held_out, SEEN))

    def test_the_test_has_other_faces_too(self) -> None:
        trained, tested = (read(500, size=16, split=split)["image"].flatten(1) for split in ("train", "test"))
        assert not {*map(bytes, trained.numpy())} & {*map(bytes, tested.numpy())}
