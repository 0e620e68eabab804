"""Datasets of the Hugging Face hub: columns, classes, splits and damage, by copies of their files in a folder."""

from __future__ import annotations

import dataclasses
import io
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.errors import UserError
from ganzoo.plugin import NotAtHand
from ganzoo.testing.command_lines import ganzoo, problem

datasets: Any = pytest.importorskip("datasets", reason="needs ganzoo[huggingface]")
from ganzoo.contract.read_only import reading_only  # noqa: E402
from ganzoo_datasets.hub import HubDataset  # noqa: E402
from ganzoo_datasets.hub_options import HubConfig  # noqa: E402

SMALL = HubConfig(size=(8, 8))


def grey(value: int) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(content, "PNG")
    return content.getvalue()


def write(root: Path, files: list[bytes], part: str = "train", **columns: Any) -> None:
    """Write a Parquet file; columns are pairs of a feature and the values."""
    features = {"picture": datasets.Image(), **{name: feature for name, (feature, _) in columns.items()}}
    values = {name: given for name, (_, given) in columns.items()}
    images = [{"bytes": file, "path": None} for file in files]
    rows = datasets.Dataset.from_dict({"picture": images, **values}, features=datasets.Features(features))
    rows.to_parquet(root / f"{part}-00000-of-00001.parquet")


def test_images_and_classes_are_those_of_the_file(tmp_path: Path) -> None:
    kind = datasets.ClassLabel(names=["cat", "dog"])
    write(tmp_path, [grey(10 * n) for n in range(6)], label=(kind, [1, 0, 1, 0, 1, 0]))
    data, spec = HubDataset(SMALL, tmp_path), SMALL.spec(tmp_path)
    assert (spec.fields["label"].names, spec.fields["image"].shape) == (("cat", "dog"), (3, 8, 8))
    batch = data.read(torch.tensor([4, 1]))
    assert batch["image"][:, 0, 0, 0].tolist() == [40, 10]
    assert batch["label"].tolist() == [1, 0]
    assert len({*data.identities()}) == len(data) == 6
    assert list(data.notes()) == ["split train", "classes: cat 3, dog 3"]


def test_words_and_numbers_in_a_named_column_are_classes_in_natural_order(tmp_path: Path) -> None:
    write(tmp_path, [grey(n) for n in range(4)], size=(datasets.Value("int64"), [10, 9, 10, 2]))
    config = dataclasses.replace(SMALL, labels="size")
    assert config.spec(tmp_path).fields["label"].names == ("2", "9", "10")
    assert HubDataset(config, tmp_path).read(torch.arange(4))["label"].tolist() == [2, 1, 2, 0]
    assert "label" not in SMALL.spec(tmp_path).fields
    assert [*HubDataset(SMALL, tmp_path).read(torch.arange(2))] == ["image"]


def test_models_are_compared_with_another_split(stand_in_root: Callable[[str], Path]) -> None:
    root = stand_in_root("huggingface")
    assert HubConfig().for_test(root).split == "test"
    assert HubConfig(split="test").for_test(root).split == "test"
    assert len(HubDataset(HubConfig(split="test"), root)) == 20
    assert len(HubDataset(HubConfig(split="train[:10]"), root)) == 10


def test_damaged_images_are_left_out_if_all_are_looked_at(tmp_path: Path) -> None:
    kind = datasets.ClassLabel(names=["cat", "dog"])
    write(tmp_path, [grey(7), b"no image", grey(9)], label=(kind, [0, 0, 1]))
    with pytest.raises(UserError, match="image 1 of the data folder cannot be decoded"):
        HubDataset(SMALL, tmp_path).read(torch.tensor([0, 1]))
    data = HubDataset(dataclasses.replace(SMALL, check="decode"), tmp_path)
    assert data.read(torch.arange(2))["label"].tolist() == [0, 1]
    assert "left out: 1 unusable" in data.notes()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"image": "label"}, "has no column label: its columns are picture (Image), label (ClassLabel)"),
        ({"labels": "kind"}, "has no column kind"),
        ({"split": "nowhere"}, "cannot be read as a dataset"),
        ({"path": "a/b/c"}, "no name on the hub"),
    ],
)
def test_what_does_not_fit_is_one_sentence(options: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    write(tmp_path, [grey(1)], label=(datasets.ClassLabel(names=["cat"]), [0]))
    with pytest.raises(UserError) as raised:
        dataclasses.replace(SMALL, **options).spec(tmp_path)
    assert sentence in str(raised.value)


def test_examples_without_a_class_are_refused(tmp_path: Path) -> None:
    write(tmp_path, [grey(1), grey(2)], label=(datasets.ClassLabel(names=["cat"]), [0, -1]))
    with pytest.raises(UserError, match="some examples of the data folder have no class"):
        HubDataset(SMALL, tmp_path)
    assert len(HubDataset(dataclasses.replace(SMALL, labels="none"), tmp_path)) == 2


def test_a_name_of_the_hub_without_a_network_is_one_plain_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    line = ("train", "cgan", "--dataset", "huggingface", "--dataset-path", "nobody/nothing", "--data-root", tmp_path)
    said = problem(*line, "--out", tmp_path / "run")
    assert "dataset nobody/nothing cannot be loaded" in said
    assert "check its name, the split and the network" in said
    assert not (tmp_path / "run").exists()
    with reading_only(), pytest.raises(NotAtHand, match="is downloaded when a training begins"):
        dataclasses.replace(SMALL, path="nobody/nothing").spec(tmp_path)


def test_the_command_of_the_page_runs(
    tmp_path: Path, stand_in_root: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with the name of the dataset stands for the hub."""
    page = Path(__file__).parents[3] / "docs" / "data.md"
    (line,) = re.findall(r"^ganzoo (train .+--dataset huggingface.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    (tmp_path / "data" / "ylecun").mkdir(parents=True)
    (tmp_path / "data" / "ylecun" / "mnist").symlink_to(stand_in_root("huggingface"))
    monkeypatch.chdir(tmp_path)
    answer = ganzoo(*line.split(), "--steps", "2", "--batch-size", "8")
    assert answer.status == 0, answer.err
    assert (tmp_path / "runs" / "cgan" / "model.safetensors").exists()


def test_an_absent_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    said = problem(
        "train", "cgan", "--dataset", "huggingface", "--data-root", tmp_path / "none", "--dataset-path", "a/b"
    )
    assert "pip install 'ganzoo[huggingface]'" in said
