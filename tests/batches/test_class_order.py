"""Data with the classes of an older model in another order: each class keeps its number."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

import ganzoo
from ganzoo.batches.class_order import Renumbered, in_known_order, renumbering
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.contract.dataset import Dataset
from ganzoo_datasets import trees

NATURAL, PLAIN = ("1", "2", "3", "10"), ("1", "10", "2", "3")
COLOURS = {"1": 0, "2": 80, "3": 160, "10": 240}
SMALL: dict[str, Any] = {"dataset": "folder", "dataset_size": 8, "dataset_channels": "grey", "batch_size": 4,
                         "device": "cpu", "progress": False}  # fmt: skip


def label(*names: str) -> DataSpec:
    return DataSpec({"label": Field("class", classes=len(names), names=names)}, target="label")


class Names(Dataset):
    """Every class once, in the order of its own spec."""

    def __len__(self) -> int:
        return len(NATURAL)

    def notes(self) -> Sequence[str]:
        return ["told by the data"]

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        return {"label": indices}


def test_each_class_gets_its_number_in_the_model() -> None:
    delivered = label(*NATURAL)
    wanted = in_known_order(delivered, label(*PLAIN).fields)
    data = Renumbered(Names(), renumbering(delivered, wanted))
    names = [wanted.fields["label"].names[number] for number in data.read(torch.arange(len(data)))["label"]]
    assert tuple(names) == NATURAL
    assert data.notes()[0] == "told by the data"
    assert "in the order of the model" in data.notes()[1]


@pytest.mark.parametrize(
    ("has", "known", "same"),
    [
        (("a", "b"), ("b", "a"), True),
        (("a", "\u00c4"), ("A\u0308", "a"), True),
        (("a", "b"), ("a", "c"), False),
        (("a", "b"), ("b", "a", "c"), False),
        (("\u00c4", "A\u0308"), ("A\u0308", "\u00c4"), False),
    ],
)
def test_only_the_same_classes_are_put_in_order(has: tuple[str, ...], known: tuple[str, ...], same: bool) -> None:
    assert in_known_order(label(*has), label(*known).fields).fields["label"].names == (known if same else has)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Four classes, each with images of about one brightness."""
    for name, value in COLOURS.items():
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(15):
            Image.new("L", (8, 8), value + number).save(tmp_path / "data" / name / f"{number}.png")
    return tmp_path / "data"


@pytest.fixture
def older(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of the time when classes were sorted by characters, and the folder had fewer options."""
    with monkeypatch.context() as then:
        then.setattr(trees, "natural_key", str)
        ganzoo.train("cgan", steps=2, data_root=folders, out=tmp_path / "older", checkpoint_every=1, **SMALL)
    return tmp_path / "older"


def names_in(run: Path) -> tuple[str, ...]:
    condition = ganzoo.load(run).condition
    assert condition is not None
    return condition.names


def test_an_older_model_keeps_its_order(
    older: Path, folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert names_in(older) == PLAIN
    found = ganzoo.evaluate(older, dataset="folder", data_root=folders, samples=60, judge="plain", metrics=["manifold"])
    assert found.figures
    config = json.loads((older / "config.json").read_text())
    run = {"steps": 4, "data_root": folders, "out": older, "resume": True}
    assert ganzoo.train("cgan", config=config, **{**SMALL, **run, "steps": 2}).steps == 2
    assert names_in(older) == PLAIN
    ganzoo.train("cgan", steps=1, data_root=folders, out=tmp_path / "tuned", generator_from=older, **SMALL)
    assert names_in(tmp_path / "tuned") == PLAIN
    ganzoo.train("cgan", steps=1, data_root=folders, out=tmp_path / "new", **{**SMALL, "progress": True})
    assert names_in(tmp_path / "new") == NATURAL
    assert "note:" not in capsys.readouterr().err
