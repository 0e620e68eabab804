"""The real examples of a folder: its test part where it has one, and what is told of both parts."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from ganzoo.catalogue.evaluation_plan import EvaluationPlan
from ganzoo.contract.judge import untracked
from ganzoo.errors import Refused, UserError
from ganzoo.evaluation import open_evaluator
from ganzoo.evaluation.reference_data import ReferenceData
from ganzoo.testing.evaluations import CPU, evaluation_plan_of


def put(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 10 * number).save(path)
    return root


def plan_of(metric: str = "frechet", **options: Any) -> EvaluationPlan:
    flags = {f"dataset_{name}": value for name, value in {"size": 8, "channels": "grey", **options}.items()}
    return evaluation_plan_of("folder", metric, judge="plain", **flags)


@pytest.mark.parametrize(
    ("parts", "options", "used", "count"),
    [
        (("train", "val", "test"), {}, "test", 2),
        (("train", "val"), {}, "val", 2),
        (("train", "validation", "other"), {}, "val", 2),
        (("train", "val", "test"), {"split": "train,test"}, "val", 2),
        (("train", "val", "test"), {"split": "all"}, "all", 6),
        (("train", "val", "test"), {"split": "none"}, "all", 6),
        (("train", "val"), {"split": "train,val"}, "all", 4),
        (("cats", "dogs"), {}, "all", 4),
    ],
)
def test_the_part_that_models_have_not_seen(
    parts: tuple[str, ...], options: dict[str, str], used: str, count: int, tmp_path: Path
) -> None:
    put(tmp_path, *(f"{part}/a{number}.png" for part in parts for number in range(2)))
    reference = ReferenceData(plan_of(**options), tmp_path, CPU)
    assert (reference.split, len(reference.real)) == (used, count)
    assert ("data:unseen" in reference.provides) == (used != "all")
    assert bool(reference.note) == (used != "all")
    assert torch.equal(reference.train.values, reference.real.values) == (used == "all")


def test_a_part_that_the_user_named_is_taken(tmp_path: Path) -> None:
    put(tmp_path, "train/a.png", "train/b.png", "test/c.png")
    named = dataclasses.replace(plan_of(split="train"), named_part=True)
    reference = ReferenceData(named, tmp_path, CPU)
    assert (reference.split, len(reference.real), reference.note) == ("all", 2, "")


@pytest.mark.parametrize(
    ("others", "why"),
    [(("test/cat/c.png",), "as it has other classes"), (("test/readme.txt",), "has no images")],
)
def test_a_part_that_does_not_fit_is_told_and_not_used(others: tuple[str, ...], why: str, tmp_path: Path) -> None:
    put(tmp_path, "train/cat/a.png", "train/dog/b.png")
    for name in others:
        put(tmp_path, name) if name.endswith(".png") else _write(tmp_path / name)
    reference = ReferenceData(plan_of(), tmp_path, CPU)
    assert (reference.split, len(reference.real)) == ("all", 2)
    assert reference.note.startswith("models are not compared with the test part of dataset 'folder'")
    assert why in reference.note


def _write(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("text", encoding="utf-8")


def test_what_is_read_is_described_before_the_judge_learns(tmp_path: Path) -> None:
    put(tmp_path, "train/cat/a.png", "train/cat/b.png", "train/dog/c.png", "test/cat/d.png", "test/dog/e.png")
    (tmp_path / "train" / "cat" / "notes.txt").write_text("text", encoding="utf-8")
    said: list[str] = []
    described: list[str] = []
    plan = plan_of("memorisation")
    spec = ReferenceData(plan, tmp_path, CPU).spec
    with contextlib.suppress(Refused):  # the metric needs more examples
        open_evaluator(
            plan, tmp_path, spec.target_field, spec.condition_field, CPU, untracked, said.append, 10, described.append
        )
    assert described == [
        "folder (train): 3 1×8×8 images, 2 classes",
        "  images of train, not of test; --dataset-split chooses",
        "  classes: cat 2, dog 1",
        "  left out: 1 that are no images (.txt 1)",
        "folder (test): 2 1×8×8 images, 2 classes",
        "  images of test, not of train; --dataset-split chooses",
        "  classes: cat 1, dog 1",
    ]
    assert any(line.startswith("models are compared with the test part of dataset 'folder'") for line in said)


def test_data_without_a_test_part_has_nothing_unseen(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.png")
    plan = plan_of("memorisation")
    field = ReferenceData(plan, tmp_path, CPU).spec.target_field
    with pytest.raises(UserError, match="examples that no model trains on"):
        open_evaluator(plan, tmp_path, field, None, CPU, untracked, print, 10)
