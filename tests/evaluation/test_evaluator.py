"""Comparing models with real data: every metric, its figures, and its refusals."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo.catalogue import installed
from ganzoo.contract.judge import Examples
from ganzoo.errors import Refused, UserError
from ganzoo.evaluation.reference_data import ReferenceData
from ganzoo.testing.evaluations import evaluation_plan_of, evaluator, examined, real

CPU = torch.device("cpu")
OFFLINE = [name for name in installed().names("metric") if name not in ("fid", "kid", "inception-score")]


# Metrics


EVERY = [(metric, dataset) for metric in OFFLINE for dataset in ("digits", "ring")]
SLOW = ("classification-score", "digits")  # trains two classifiers


@pytest.mark.parametrize(
    ("metric", "dataset"), [pytest.param(*case, marks=[pytest.mark.long] * (case == SLOW)) for case in EVERY]
)
def test_every_metric_gives_the_figures_that_it_declares(metric: str, dataset: str) -> None:
    few = {"dataset_count": 2000} if dataset == "ring" else {}  # 50,000 have as many neighbours to look for
    held = examined(evaluation_plan_of(dataset, metric, **few))
    if held is None:
        return
    examples = real(evaluation_plan_of(dataset, metric, **few))
    found = held.measure(examples.at(slice(0, 600)))
    ((_, measuring), *_) = held._metrics
    declared = measuring.figures
    assert [figure.name for figure in found.figures] == list(declared)
    for figure in found.figures:
        assert math.isfinite(figure.value) and figure.aim == declared[figure.name]
        assert figure.floor is None or math.isfinite(figure.floor)
        assert bool(figure.judge) == measuring.judged
        assert (found.samples, found.real, found.dataset) == (600, len(examples), dataset)


@pytest.mark.parametrize(
    "metric",
    [pytest.param(name, marks=[pytest.mark.long] if name == "classification-score" else []) for name in OFFLINE],
)
def test_every_metric_says_the_same_again(metric: str) -> None:
    with contextlib.suppress(Refused):
        examples = real(evaluation_plan_of("digits", metric)).at(slice(0, 400))
        once, again = (evaluator(evaluation_plan_of("digits", metric)).measure(examples) for _ in range(2))
        assert once == again


def test_a_model_that_is_asked_for_classes_is_told_from_one_that_is_not() -> None:
    with pytest.raises(Refused, match="'accuracy' needs a model that generates a given class"):
        evaluator(evaluation_plan_of("digits", "accuracy"), conditional=False)
    unasked = evaluator(evaluation_plan_of("digits"), conditional=False)
    names = {figure.metric for figure in unasked.measure(real(evaluation_plan_of("digits")).at(slice(0, 400))).figures}
    assert {"accuracy", "classification-score"} & names == set()


def test_the_metrics_of_no_name_are_those_that_fit_and_are_quick() -> None:
    found = evaluator(evaluation_plan_of("digits")).measure(real(evaluation_plan_of("digits")))
    quick = {"accuracy", "frechet", "kernel", "manifold", "modes"}
    assert {figure.metric for figure in found.figures} == quick


def test_a_collapsed_model_and_one_that_drops_classes_are_exposed() -> None:
    plan = evaluation_plan_of("digits")
    held, examples = evaluator(plan), real(plan)
    assert examples.labels is not None

    def figures(made: Examples) -> dict[str, float]:
        return {figure.name: figure.value for figure in held.measure(made).figures}

    whole = figures(examples)
    collapsed = figures(Examples(examples.values[:1].expand(600, -1, -1, -1), examples.labels[:600]))
    dropping = figures(examples.at(examples.labels < 5))
    assert collapsed["modes"] == 1 and collapsed["coverage"] < 0.05 and collapsed["FD"] > 20 * whole["FD"] + 1
    assert dropping["modes"] < whole["modes"] and dropping["recall"] < whole["recall"]
    assert whole["accuracy"] > 0.9
    shuffled = Examples(examples.values, examples.labels.roll(1))
    assert figures(shuffled)["accuracy"] < 0.2


def test_a_model_that_copies_the_training_data_is_exposed(mnist_root: Path) -> None:
    plan = evaluation_plan_of("mnist", "memorisation")
    held = evaluator(plan, mnist_root)
    reference = ReferenceData(plan, mnist_root, CPU)
    copying, fresh = (held.measure(of.at(slice(0, 1000))) for of in (reference.train, reference.real))
    values = [{figure.name: figure.value for figure in found.figures} for found in (copying, fresh)]
    assert values[0]["copies"] == 1 and values[0]["nearest"] == 0
    assert values[1]["copies"] < 0.03 and 0.9 < values[1]["nearest"] < 1.1


def test_a_model_is_not_held_against_what_it_was_trained_on(stand_in_root: Any) -> None:
    with pytest.raises(UserError, match="compared with the test part of"):
        ReferenceData(evaluation_plan_of("mnist", dataset_split="test"), stand_in_root("mnist"), CPU)
