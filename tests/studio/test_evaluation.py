"""Evaluation from Python gives what the command gives."""

from __future__ import annotations

import json
from pathlib import Path

import ganzoo
from ganzoo.testing.command_lines import ganzoo as answer


def test_python_says_what_the_command_says(trained_models: dict[str, Path]) -> None:
    asked = ("--judge", "plain", "--metric", "frechet", "--samples", "400", "--json")
    printed = json.loads(answer("evaluate", str(trained_models["cgan"]), *asked).out)
    found = ganzoo.evaluate(trained_models["cgan"], judge="plain", metrics=["frechet"], samples=400)
    assert found.to_json() == {name: printed[name] for name in found.to_json()}
