"""Figures: their judge, their form, and what may be compared."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from ganzoo.errors import Refused, UserError
from ganzoo.evaluation import Evaluation
from ganzoo.testing.evaluations import evaluation, evaluation_plan_of, evaluator, real


def test_a_figure_carries_the_name_of_its_judge() -> None:
    (figure,) = evaluation().figures
    assert figure.label == "FD[digits-cnn:00000000]"
    assert Evaluation.from_json(json.loads(json.dumps(evaluation().to_json())), "here") == evaluation()


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"judge": {"name": "digits-cnn:11111111"}}, "judge is digits-cnn:00000000 here and digits-cnn:11111111 there"),
        ({"samples": 500}, "number of samples is 1000 here and 500 there"),
        ({"real": 100}, "number of real examples"),
        ({"split": "test"}, "split"),
        ({"data": {"size": 32}}, "data is"),
        ({"dataset": "mnist"}, "data set"),
        ({"reference": "1b1b1b1b"}, "real data is 0a0a0a0a here and 1b1b1b1b there"),
        ({"neighbours": 50}, "its metric has the options {'neighbours': 5} here and {'neighbours': 50} there"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_figures_that_were_taken_in_another_way_are_not_compared(other: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match="cannot be compared") as refused:
        evaluation().refuse_incomparable(evaluation(**other), "there")
    assert words in str(refused.value)


@pytest.mark.parametrize("value", [None, 3, [], {}, {"figures": 1}, {"figures": [{"label": "x"}]}])
def test_what_is_no_evaluation_is_refused(value: Any) -> None:
    with pytest.raises(UserError, match="is not an evaluation"):
        Evaluation.from_json(value, "here")


def test_too_few_examples_are_refused() -> None:
    with pytest.raises(Refused, match="is not meaningful with 10 samples: generate at least 17"):
        evaluator(evaluation_plan_of("digits", "frechet"), samples=10)


def test_metrics_that_nobody_asked_for_are_left_out_where_examples_are_too_few() -> None:
    plan = evaluation_plan_of("digits")
    few = evaluator(plan, samples=40).measure(real(plan).at(slice(0, 40)))
    assert {figure.metric for figure in few.figures} == {"accuracy", "frechet", "kernel"}


def test_the_best_model_is_chosen_by_quality_and_variety_where_nobody_says_by_what() -> None:
    assert evaluator(evaluation_plan_of("digits")).leading.startswith("FD[")
    assert evaluator(evaluation_plan_of("digits", "accuracy", "frechet")).leading.startswith("accuracy[")


def test_what_is_made_is_asked_for_as_often_as_it_is_real() -> None:
    held = evaluator(evaluation_plan_of("digits", "accuracy"))
    asked, labels = held.conditions(1797), real(evaluation_plan_of("digits")).labels
    assert asked is not None
    assert labels is not None
    assert torch.equal(asked.bincount(), labels.bincount())
    assert not torch.equal(asked, labels)
