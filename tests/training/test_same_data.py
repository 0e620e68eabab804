"""A run goes on with its own data: other data is refused, and examples that were added or removed are told."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

import ganzoo
from ganzoo.errors import UserError
from ganzoo.storage.checkpoint_files import KEY, checkpoints
from ganzoo.storage.sealed import read_sealed, write_sealed
from ganzoo.testing.observers import StopAt
from ganzoo.testing.selections import choose_narrow as choose
from ganzoo.training.run import Run, train

CLASSES = ("ant", "bee", "cat")


def draw(folder: Path, seed: int = 0, count: int = 6) -> Path:
    """Draw a folder of images in three classes."""
    random = np.random.default_rng(seed)
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / name / f"{number}.png")
    return folder


def options(root: Path, **more: Any) -> dict[str, Any]:
    return {
        "dataset": "folder", "dataset_size": 8, "data_root": root, "batch_size": 8, "steps": 4, "checkpoint_every": 2,
        **more,
    }  # fmt: skip


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """The folder of images of a run that was stopped after two steps."""
    root = draw(tmp_path / "images")
    assert not train(choose("cgan", tmp_path / "run", **options(root)), [StopAt(2)]).finished
    return root


def resumed(root: Path, **more: Any) -> Run:
    return train(choose("cgan", root.parent / "run", **options(root, **more)), resume=True)


def rename_a_class(root: Path) -> None:
    (root / "bee").rename(root / "zebra")


def add_a_class(root: Path) -> None:
    shutil.copytree(root / "bee", root / "dog")


def remove_a_class(root: Path) -> None:
    shutil.rmtree(root / "bee")


def exchange_everything(root: Path) -> None:
    shutil.rmtree(root)
    draw(root, seed=1)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (rename_a_class, "'bee' gone and 'zebra' new"),
        (add_a_class, "'dog' new"),
        (remove_a_class, "'bee' gone"),
        (exchange_everything, "its 18 examples are not among the 18 of now"),
    ],
)
def test_other_data_is_refused(change: Callable[[Path], None], said: str, streamed: bool, stopped: Path) -> None:
    change(stopped)
    run = stopped.parent / "run"
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=f"is other data than this run was trained on .*{said}.* another --out"):
        resumed(stopped, **{"data_budget": 0, "workers": 0} if streamed else {})
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_moved_folder_is_the_same_data(stopped: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = train(choose("cgan", stopped.parent / "whole", **options(stopped)))
    moved = stopped.rename(stopped.parent / "elsewhere")
    assert resumed(moved).sha256 == whole.sha256
    assert "changed" not in capfd.readouterr().err


@pytest.mark.parametrize("streamed", [False, True])
def test_examples_that_were_added_or_removed_are_told_once(
    streamed: bool, stopped: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(stopped / "ant" / "0.png", stopped / "ant" / "one more.png")
    (stopped / "cat" / "3.png").unlink()
    (stopped / "cat" / "4.png").unlink()
    more = {"data_budget": 0, "workers": 0} if streamed else {}
    assert resumed(stopped, **more).finished
    said = [line for line in capfd.readouterr().err.splitlines() if "changed" in line]
    assert said == [
        "ganzoo: dataset 'folder' has changed since the last checkpoint: it had 18 examples, and has 17 now (2 gone, "
        "1 new); the training continues with it"
    ]
    assert resumed(stopped, **more).finished
    assert "changed" not in capfd.readouterr().err


def test_fewer_examples_than_the_epochs_need_are_no_damage(tmp_path: Path) -> None:
    root = draw(tmp_path / "images")
    more = {"steps": None, "epochs": 2}
    train(choose("cgan", tmp_path / "run", **options(root, **more)))
    for name in CLASSES:
        for number in (2, 3, 4):
            (root / name / f"{number}.png").unlink()
    with pytest.raises(UserError, match="its epochs are 2 steps now, and the run has made 4"):
        resumed(root, **more)
    assert not list((tmp_path / "run").rglob("*.damaged"))


def test_a_run_without_a_record_of_its_data_goes_on(stopped: Path) -> None:
    path = checkpoints(stopped.parent / "run" / "checkpoints")[0]
    tensors, about = read_sealed(path, KEY, "checkpoint")
    write_sealed(path, tensors, KEY, {name: value for name, value in about.items() if name not in ("data", "seal")})
    exchange_everything(stopped)
    assert resumed(stopped).finished


@pytest.mark.parametrize("record", [[], {"dataset": 3}, {"dataset": {"spec": {}, "fingerprint": {}}}])
def test_a_damaged_record_is_reported_as_damage(record: Any, stopped: Path) -> None:
    path = checkpoints(stopped.parent / "run" / "checkpoints")[0]
    tensors, about = read_sealed(path, KEY, "checkpoint")
    write_sealed(path, tensors, KEY, {**{name: about[name] for name in about if name != "seal"}, "data": record})
    with pytest.raises(UserError, match=r"does not fit this run: .*damaged"):
        resumed(stopped)


def own(count: int = 24, seed: int = 0) -> TensorDataset:
    images = torch.rand(200, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(images[:count], (torch.arange(200) % 3)[:count])


def test_data_of_a_program_is_compared_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = {"out": tmp_path / "run", "steps": 2, "batch_size": 8, "device": "cpu", "progress": False}
    ganzoo.train("cgan", dataset=own(), **run)
    ganzoo.train("cgan", dataset=own(30), **run, resume=True)
    assert "it had 24 examples, and has 30 now (0 gone, 6 new); the training continues" in capfd.readouterr().err
    with pytest.raises(UserError, match="its 24 examples are not among the 24 of now"):
        ganzoo.train("cgan", dataset=own(seed=1), **{**run, "out": tmp_path / "run"}, resume=True)


def test_a_best_model_of_other_examples_is_kept_in_another_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root, run = draw(tmp_path / "images", count=20), tmp_path / "run"
    judged = {"evaluate_every": 2, "evaluate_samples": 50, "judge": "plain", "metric": ["manifold"]}
    assert not train(choose("cgan", run, **options(root, **judged)), [StopAt(3)]).finished
    best = (run / "best.safetensors").read_bytes()
    (root / "cat" / "3.png").unlink()
    assert train(choose("cgan", run, **options(root, **judged)), resume=True).finished
    kept = [path for path in run.glob("best-*.safetensors") if path.read_bytes() == best]
    assert len(kept) == 1
    assert f"it is kept as {kept[0].name}" in capfd.readouterr().err
    assert (run / "best.safetensors").exists()
