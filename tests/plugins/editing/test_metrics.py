"""Attributes read back, and edits: perfect ones, wrong ones, and what a guess gets."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganzoo.catalogue import Config
from ganzoo.errors import UserError
from ganzoo.plugin import Examples, values_of
from ganzoo.testing.metric_context import SimpleMetricContext
from ganzoo_editing import reader
from ganzoo_editing.face_options import FacesConfig
from ganzoo_editing.faces import Faces
from ganzoo_editing.metrics import Edits, ReadAttributes
from ganzoo_editing.reader import Reader, as_images, attributes_of

NOWHERE = Path("nowhere")


def examples(count: int, task: str, split: str = "train") -> Examples:
    config = FacesConfig(count=count, task=task, split=split, size=16)  # type: ignore[arg-type]
    fields, spec = Faces(config, NOWHERE).read(torch.arange(count)), config.spec(NOWHERE)
    seen = {name: values_of(spec.fields[name]).normalise(values) for name, values in fields.items()}
    conditions = values_of(spec.field(spec.condition)).gather(spec.condition, seen)
    return Examples(seen[spec.target], None, conditions, seen[spec.target])


def context(task: str) -> SimpleMetricContext:
    return SimpleMetricContext(FacesConfig(size=16).spec(NOWHERE).target_field, train=examples(300, task))


class Perfect(torch.nn.Module):
    """Reads what the test wrote into the first pixels."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :6]


@pytest.fixture
def perfect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_learnt", lambda images, attributes, context: Perfect())


def signed(attributes: Tensor) -> Tensor:
    """Images (N, 1, 4, 4) whose first pixels are the attributes, as -1 and 1."""
    images = torch.zeros(len(attributes), 16)
    images[:, :6] = 2 * attributes - 1
    return images.view(-1, 1, 4, 4)


def test_a_reader_learns_attributes_from_real_examples_and_a_floor_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "STEPS", 60)
    monkeypatch.setattr(reader, "WIDTH", 8)
    floor = ReadAttributes(Config()).floor(examples(100, "draw", "test"), context("draw"))
    assert floor["attributes"] > floor["guess"] + 0.15
    again = ReadAttributes(Config()).floor(examples(100, "draw", "test"), context("draw"))
    assert again == floor


@pytest.mark.usefixtures("perfect")
def test_shares_of_attributes() -> None:
    asked = torch.tensor([[1.0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]])
    drawn = asked.clone()
    drawn[1, :3] = 0
    train = Examples(signed(asked), None, torch.zeros(4, 6))
    measured = ReadAttributes(Config()).measure(
        Examples(signed(drawn), None, asked), train, SimpleMetricContext(FIELD, train=train)
    )
    assert measured == pytest.approx({"attributes": 9 / 12, "all": 0.5, "guess": 5 / 12})


FIELD = FacesConfig(size=16).spec(NOWHERE).target_field


@pytest.mark.usefixtures("perfect")
def test_what_changed_and_what_was_kept() -> None:
    before = torch.tensor([[0.0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]])
    wanted, made = before.clone(), before.clone()
    wanted[:, 0] = 1 - wanted[:, 0]
    made[0, 0] = 1  # the first example is edited, and loses nothing; the second stays, and loses one attribute
    made[1, 5] = 0
    conditions = torch.cat([signed(before).flatten(1), wanted], dim=1)
    edit = Examples(signed(made), None, conditions, signed(wanted))
    found = Edits(Config()).measure(edit, edit, SimpleMetricContext(FIELD, train=edit))
    assert found == pytest.approx({"changed": 0.5, "kept": 9 / 10, "error": 2 / 32, "input error": 2 / 32})
    floor = Edits(Config()).floor(Examples(signed(wanted), None, conditions), SimpleMetricContext(FIELD, train=edit))
    assert floor == pytest.approx({"changed": 1.0, "kept": 1.0, "error": 0.0, "input error": 2 / 32})


def test_edits_without_an_original_are_refused() -> None:
    drawn = examples(4, "draw")
    with pytest.raises(UserError, match="needs edits: use --output edit"):
        Edits(Config()).measure(drawn, drawn, context("draw"))


def test_attributes_stand_behind_an_original() -> None:
    assert torch.equal(attributes_of(examples(5, "edit")), _wanted(5))


def _wanted(count: int) -> Tensor:
    return Faces(FacesConfig(count=count, task="edit", size=16), NOWHERE).read(torch.arange(count))["attributes"]


def test_frames_of_clips_are_read_as_channels() -> None:
    assert as_images(torch.zeros(2, 5, 3, 8, 8)).shape == (2, 15, 8, 8)
    assert as_images(torch.zeros(2, 3, 8, 8)).shape == (2, 3, 8, 8)
    assert Reader((3, 17, 9), 4)(torch.zeros(2, 3, 17, 9)).shape == (2, 4)
