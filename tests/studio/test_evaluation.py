"""Evaluation from Python gives what the command gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ganzoo
from ganzoo.testing.command_lines import ganzoo as answer


def test_python_says_what_the_command_says(trained_models: dict[str, Path]) -> None:
    asked = ("--judge", "plain", "--metric", "frechet", "--samples", "400", "--json")
    printed = json.loads(answer("evaluate", str(trained_models["cgan"]), *asked).out)
    found = ganzoo.evaluate(trained_models["cgan"], judge="plain", metrics=["frechet"], samples=400)
    assert found.to_json() == {name: printed[name] for name in found.to_json()}


def test_other_data_than_that_of_the_training_is_told(
    trained_models: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    given = {"judge": "plain", "metrics": ["manifold"], "samples": 50}
    for options, said in (
        ({}, ""),
        ({"dataset_seed": 1}, "the model was trained on other data: its 100 examples are not among the 100 of dataset"),
        ({"dataset_count": 120}, "has changed since the model was trained: it had 100 examples, and has 120 now"),
    ):
        ganzoo.evaluate(trained_models["colour"], **given, **options)
        told = capfd.readouterr().err
        assert said in told
        assert bool(said) == ("trained" in told)
