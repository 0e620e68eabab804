"""The length of a run: steps or epochs, and never both."""

from __future__ import annotations

from typing import Any

import pytest

from ganzoo.errors import UserError
from ganzoo.testing.toy_registry import choose, problems

# How long


@pytest.mark.parametrize(
    ("request_", "steps", "epochs"),
    [
        ({"variant": "bare"}, 5000, None),
        ({}, 100, None),
        ({"steps": 7}, 7, None),
        ({"epochs": 7}, None, 7),
        ({"preset": "published"}, None, 9),
        ({"preset": "published", "steps": 7}, 7, None),
        ({"preset": "published", "epochs": 7}, None, 7),
        ({"file": {"run": {"epochs": 4, "steps": None}}}, None, 4),
        ({"file": {"run": {"epochs": 4}}}, None, 4),
        ({"file": {"run": {"epochs": 4}}, "steps": 7}, 7, None),
        ({"preset": "published", "file": {"run": {"steps": 4, "epochs": None}}}, 4, None),
        ({"file": {"run": {"steps": 4}}, "epochs": 7}, None, 7),
    ],
)
def test_steps_and_epochs_replace_each_other(request_: dict[str, Any], steps: int | None, epochs: int | None) -> None:
    run = choose(**request_).run
    assert (run.steps, run.epochs) == (steps, epochs)


@pytest.mark.parametrize("where", ["flags", "file"])
def test_steps_and_epochs_in_one_place_are_refused(where: str) -> None:
    both = {"steps": 3, "epochs": 3}
    (problem,) = problems(**both if where == "flags" else {"file": {"run": both}})
    assert problem == "--steps and --epochs both say how long to train; give one of them"


@pytest.mark.parametrize("request_", [{"steps": "none"}, {"epochs": "none"}, {"steps": "none", "epochs": "none"}])
def test_a_run_always_has_a_length(request_: dict[str, Any]) -> None:
    try:
        run = choose("bare", **request_).run
    except UserError:
        return
    assert (run.steps is None) != (run.epochs is None)
