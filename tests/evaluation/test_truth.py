"""Metrics see the condition of a generated example, and the real example that has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ganzoo.catalogue import DataSpec, installed, select
from ganzoo.catalogue.evaluation_plan import plan_evaluation
from ganzoo.catalogue.plugin_files import plugins_from
from ganzoo.contract.judge import untracked
from ganzoo.contract.recipe import FieldRef, Phase, Recipe
from ganzoo.contract.sampling import SampleRequest
from ganzoo.evaluation.evaluator import Evaluator, open_evaluator

FILE = Path(__file__).parents[2] / "examples" / "image_to_image.py"
SAMPLES = 40


class Filling(Recipe):
    """Fills outlines by a rule, or leaves them as they are."""

    def __init__(self, data: dict[str, DataSpec], fills: bool):
        super().__init__(data)
        self.output, self.condition = FieldRef("dataset", "filled"), FieldRef("dataset", "outline")
        self.fills, self.unused = fills, nn.Linear(1, 1)

    def phases(self) -> tuple[Phase, ...]:
        return ()

    def sample(self, request: SampleRequest) -> Tensor:
        assert request.condition is not None
        inside = request.condition > 0
        if self.fills:
            rows, columns = inside.any(3, keepdim=True), inside.any(2, keepdim=True)
            inside = rows & columns
        return inside.float() * 2 - 1


@pytest.fixture
def evaluator() -> Iterator[Evaluator]:
    with plugins_from([FILE]):
        selection = select(installed(), "my-pix2pix", {"dataset-count": 24})
        plan = plan_evaluation(installed(), selection.parts["dataset"], metrics=["my-pixel-error"])
        spec = selection.data()["dataset"]
        output, condition = spec.target_field, spec.condition_field
        yield open_evaluator(plan, Path(), output, condition, torch.device("cpu"), untracked, print, SAMPLES)


@pytest.mark.parametrize(("fills", "error"), [(True, 0.0), (False, None)])
def test_a_metric_compares_with_the_truth(fills: bool, error: float | None, evaluator: Evaluator) -> None:
    recipe = Filling({"dataset": evaluator._reference.spec}, fills).eval()
    (figure,) = evaluator.evaluate(recipe, SAMPLES, seed=0).figures
    assert figure.floor == 0.0
    assert figure.value == error if error is not None else figure.value > 0.1
