"""Evaluations with judges that are trained in a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ganzoo.catalogue import installed, select
from ganzoo.catalogue.evaluation_plan import EvaluationPlan, plan_evaluation
from ganzoo.contract.judge import Examples, untracked
from ganzoo.errors import Refused
from ganzoo.evaluation import Evaluation, Evaluator, Figure, open_evaluator
from ganzoo.evaluation.reference_data import ReferenceData

CPU = torch.device("cpu")
QUICK = {"judge-width": 4, "judge-features": 16, "judge-epochs": 4}


def evaluation_plan_of(dataset: str, *metrics: str, judge: str | None = None, **flags: Any) -> EvaluationPlan:
    """Plan the evaluation of a model of ``dataset`` by ``metrics``, with a small judge where it is a network."""
    part = select(installed(), "gan", {"dataset": dataset, **flags}).parts["dataset"]
    quick = QUICK if (judge or part.config.judge) == "cnn" else {}  # type: ignore[attr-defined]
    return plan_evaluation(installed(), part, judge, metrics, quick)


def evaluator(
    plan: EvaluationPlan, root: Path = Path("data"), conditional: bool = True, samples: int = 1000
) -> Evaluator:
    """Open the evaluator of a plan on the processor; real data lies below ``root``."""
    spec = ReferenceData(plan, root, CPU).spec
    condition = spec.condition_field if conditional else None
    return open_evaluator(plan, root, spec.target_field, condition, CPU, untracked, print, samples)


def examined(plan: EvaluationPlan) -> Evaluator | None:
    """The examination, or ``None`` where the data lacks what a metric declares to need."""
    try:
        return evaluator(plan)
    except Refused:
        offered = ReferenceData(plan, Path("data"), CPU).spec.provides
        needs = {word for need in plan.metrics[0].component.requires for word in need.any_of}
        return None if needs - offered - {"judge:classes", "model:class"} else evaluator(plan)


def real(plan: EvaluationPlan, root: Path = Path("data")) -> Examples:
    """Return the real examples with which a plan compares."""
    return ReferenceData(plan, root, CPU).real


# Figures


def evaluation(neighbours: int = 5, **other: Any) -> Evaluation:
    """Return an evaluation with one figure, as a file would hold it."""
    options = {"neighbours": neighbours}
    figure = Figure("frechet", options, "FD", "digits-cnn:00000000", 2.5, None, 0.5, None, "low")
    usual = {
        "dataset": "digits", "data": {"size": 16}, "split": "all", "reference": "0a0a0a0a",
        "samples": 1000, "real": 1797,
        "judge": {"name": "digits-cnn:00000000"}, "figures": (figure,),
    }  # fmt: skip
    return Evaluation(**{**usual, **other})
