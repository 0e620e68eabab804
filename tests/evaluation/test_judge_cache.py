"""Judges: trained once, kept by the hash of their weights, and trained again where the file is damaged."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo.catalogue import installed
from ganzoo.contract.judge import untracked
from ganzoo.evaluation.judge_cache import code_digest, trained_judge
from ganzoo.evaluation.metric_context import judge_in_chunks
from ganzoo.evaluation.reference_data import ReferenceData
from ganzoo.testing.evaluations import evaluation_plan_of

CPU = torch.device("cpu")
JUDGES = installed().names("judge")


# Judges


@pytest.mark.parametrize("judge", JUDGES)
def test_every_judge_is_trained_once_and_named_by_what_it_learnt(judge: str, cache: Path) -> None:
    dataset = {"gaussians": "ring", "stacked-cnn": "stacked-mnist"}.get(judge, "digits")
    if dataset == "stacked-mnist":
        pytest.skip("learns from MNIST; its own tests train it")
    plan = evaluation_plan_of(dataset, judge=judge)
    reference = ReferenceData(plan, Path("data"), CPU)
    first, second = (trained_judge(plan.judge, reference, CPU, untracked, print) for _ in range(2))
    assert first.name == second.name and first.name.startswith(f"{dataset}-{judge}:")
    assert first.accuracy == second.accuracy
    some = reference.real.at(slice(0, 20))
    for one, other in zip(
        judge_in_chunks(first.judge, some, untracked), judge_in_chunks(second.judge, some, untracked), strict=True
    ):
        assert torch.equal(one, other)
    knows = "judge:classes" in plan.judge.component.provides
    assert (first.accuracy is not None) == knows
    assert not knows or first.accuracy > 0.85  # type: ignore[operator]


def test_a_damaged_judge_is_trained_anew_and_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path))  # other tests keep judges for the ring too
    plan = evaluation_plan_of("ring")
    reference = ReferenceData(plan, Path("data"), CPU)
    name = trained_judge(plan.judge, reference, CPU, untracked, print).name
    (path,) = (tmp_path / "judges").glob("ring-gaussians-????????.safetensors")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    said: list[str] = []
    assert trained_judge(plan.judge, reference, CPU, untracked, said.append).name == name
    assert len(said) == 1 and "damaged" in said[0] and "trained again" in said[0]


def test_another_dataset_has_another_judge() -> None:
    names = set()
    for count in (1000, 2000):
        plan = evaluation_plan_of("ring", dataset_count=count)
        names.add(trained_judge(plan.judge, ReferenceData(plan, Path("data"), CPU), CPU, untracked, print).name)
    assert len(names) == 2


def test_a_cache_that_cannot_be_written_is_told_of_and_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = evaluation_plan_of("ring")
    reference = ReferenceData(plan, Path("data"), CPU)
    kept = trained_judge(plan.judge, reference, CPU, untracked, print)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "file"))
    said: list[str] = []
    assert trained_judge(plan.judge, reference, CPU, untracked, said.append).name == kept.name
    assert len(said) == 1
    assert "not cached" in said[0] and "GANZOO_CACHE" in said[0]


def test_data_in_parts_is_judged_by_its_test_part(stand_in_root: Any) -> None:
    plan = evaluation_plan_of("mnist", judge="plain")
    reference = ReferenceData(plan, stand_in_root("mnist"), CPU)
    assert reference.split == "test" and not torch.equal(reference.train.values[:5], reference.real.values[:5])
    whole = ReferenceData(evaluation_plan_of("digits"), Path("data"), CPU)
    assert whole.split == "all"
    assert len(whole.judge_train) + len(whole.judge_test) == len(whole.real) == 1797


def test_a_change_of_the_code_is_another_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "metric_in_the_making.py"
    digests = []
    for body in ("pass", "pass", "value = 1"):
        module.write_text(f"class Metric:\n    {body}\n", encoding="utf-8")
        digests.append(code_digest(importlib.import_module(module.stem).Metric()))
    assert digests[0] == digests[1] != digests[2]
    assert all(len(digest) == 64 for digest in digests)
    assert code_digest(3) == ""
