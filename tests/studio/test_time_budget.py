"""A training that fits into a given time. How fast anything is, is not tested: the times here are invented."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import ganzoo as library
from ganzoo.catalogue import Registry, Variant, installed
from ganzoo.catalogue.discovery import Plugin, Provider
from ganzoo.catalogue.selecting_again import chooser
from ganzoo.catalogue.selection import Selection
from ganzoo.errors import UserError
from ganzoo.studio import time_budget
from ganzoo.studio.estimate import Estimate, Window
from ganzoo.studio.time_budget import CURVES, average, fit, most_steps
from ganzoo.testing.command_lines import ganzoo, problem

VARIANT = Variant(
    name="timed",
    summary="has presets of other lengths",
    recipe="adversarial",
    overrides={"run.steps": 1000, "run.ema": 0.999},
    presets={"short": {"run.steps": 100, "optimizer.lr": 0.5}, "long": {"run.steps": 50_000, "optimizer.lr": 0.001}},
)
REGISTRY = Registry([*installed().plugins, Plugin(Provider("timed", "timed", "1"), variants=(VARIANT,))])


def estimated(steps: int = 1000, picture: float = 0.0, checkpoint: float = 0.0, **every: int) -> Estimate:
    return Estimate({}, 0, (Window(steps, 0.1),), 0.0, 0, picture, 0, checkpoint, **every)


@pytest.fixture
def a_tenth_for_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the test, a step takes a tenth of a second."""
    monkeypatch.setattr(time_budget, "estimate", lambda selection, *rest: estimated(selection.run.steps or 1000))


@pytest.fixture
def told(a_tenth_for_a_step: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In the test, all but steps takes no time; the list gets what is told."""
    monkeypatch.setattr(time_budget, "time", SimpleNamespace(monotonic=lambda: 0.0))
    return []


def fitted(told: list[str], seconds: float, preset: str | None = None, **flags: Any) -> Selection:
    return fit(seconds, 0.0, chooser(REGISTRY, "timed", flags, preset, None), told.append)


def test_steps_pictures_checkpoints_and_curves_are_within_the_time() -> None:
    assert most_steps(estimated(sample_every=500), CURVES + 50.0) == 500
    with_pictures = most_steps(estimated(picture=1.0, sample_every=100), CURVES + 50.0)
    # One picture at the beginning and one for each hundred steps; each is a frame of the animation too.
    assert with_pictures == 400
    with_checkpoints = most_steps(estimated(checkpoint=2.0, checkpoint_every=100), CURVES + 50.0)
    assert with_checkpoints == 400
    assert most_steps(estimated(), CURVES) == 0


@pytest.mark.parametrize(("share", "decay"), [(0.1, 0.99), (1.0, 0.999), (5.0, 0.999), (0.0001, 0.0)])
def test_an_average_goes_over_the_same_share_of_a_shorter_run(share: float, decay: float) -> None:
    assert average(0.999, share) == pytest.approx(decay)
    assert average(0.0, share) == 0.0


@pytest.mark.parametrize(
    ("seconds", "preset"), [(90.0, "default"), (20.0, "short"), (31.0, "short"), (40.0, "default"), (2000.0, "long")]
)
def test_the_preset_of_the_nearest_length_is_taken(told: list[str], seconds: float, preset: str) -> None:
    found = fitted(told, seconds)
    assert found.preset == preset
    assert found.run.steps == pytest.approx(10 * (seconds - CURVES), rel=0.1)
    assert f"preset {preset}" in told[0]


def test_what_the_user_chose_stays(told: list[str]) -> None:
    found = fitted(told, 20.0, preset="default", ema=0.5, optimizer_lr=0.25)
    assert (found.preset, found.run.ema) == ("default", 0.5)
    assert {part.config.lr for part in found.parts.values() if part.slot.kind == "optimizer"} == {0.25}  # type: ignore[attr-defined]
    assert fitted(told, 20.0, preset="default").run.ema == pytest.approx(0.9947, abs=2e-3)


@pytest.mark.parametrize("flags", [{"steps": 5}, {"epochs": 5}])
def test_a_length_beside_a_time_is_refused(told: list[str], flags: dict[str, int]) -> None:
    with pytest.raises(UserError, match="leave out --steps and --epochs, or --time"):
        fitted(told, 20.0, **flags)


def test_a_time_that_is_too_short_says_what_it_takes(told: list[str]) -> None:
    with pytest.raises(UserError, match=r"not enough: everything before the first step takes .*give more --time"):
        fitted(told, 0.5)


def test_one_of_several_processes_is_refused(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="torchrun started several: give --steps"):
        fitted(told, 20.0)


def test_evaluations_come_on_top(told: list[str]) -> None:
    fitted(told, 90.0, evaluate_every=10)
    assert "evaluations are not part" in told[1]


@pytest.mark.usefixtures("a_tenth_for_a_step")
def test_a_command_trains_for_the_steps_that_fit(tmp_path: Path) -> None:
    answer = ganzoo("train", "gan-minimal", "--time", "30s", "--out", str(tmp_path / "run"))
    assert answer.status == 0, answer.err
    steps = json.loads((tmp_path / "run" / "config.json").read_text())["run"]["steps"]
    assert f"30 s: {steps} steps at 10 steps/s, preset default" in answer.err
    assert 1 <= steps < 290


@pytest.mark.usefixtures("a_tenth_for_a_step")
def test_a_program_trains_for_the_steps_that_fit(tmp_path: Path) -> None:
    assert 1 <= library.train("gan-minimal", time=30, out=tmp_path / "run", progress=False).steps < 290


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--time", "soon"), "'soon' is no duration: write it as 90s, 10m or 1h30m"),
        (("--time", "0"), "is no duration"),
        (("--time", "90s", "--resume"), "--time is for a new training"),
        (("--time", "90s", "--steps", "5"), "leave out --steps"),
    ],
)
def test_an_impossible_time_is_told(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    assert message in problem("train", "gan-minimal", *words, "--out", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()
