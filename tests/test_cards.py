"""What runs, models and evaluations show of themselves in a notebook."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from ganzoo.cards import card
from ganzoo.evaluation import Evaluation, Figure
from ganzoo.report.run_card import run_card
from ganzoo.testing.models import untrained
from ganzoo.testing.recorded_runs import recorded_run
from ganzoo.training.run import Run

HOSTILE = "<script>alert(1)</script>"


def test_everything_is_escaped() -> None:
    shown = card(HOSTILE, {HOSTILE: HOSTILE}, [HOSTILE], [[HOSTILE]], f'"{HOSTILE}', HOSTILE)
    assert "<script" not in shown and shown.count("&lt;script&gt;") == 8


def test_a_run_shows_figures_and_its_newest_picture(tmp_path: Path) -> None:
    run = Run(SimpleNamespace(path=recorded_run(tmp_path / "first")), 10, 5.0, "", True)  # type: ignore[arg-type]
    shown = run._repr_html_()
    assert all(word in shown for word in ("Run first", "variant: cgan", "10 of 10", "FD[plain]", "17", "0.5"))
    assert shown.count("<img") == 1 and "data:image/png;base64," in shown


def test_a_run_that_is_damaged_or_gone_is_told(tmp_path: Path) -> None:
    folder = recorded_run(tmp_path / "first")
    config = (folder / "config.json").read_text(encoding="utf-8")
    (folder / "config.json").write_text(config.replace('"cgan"', json.dumps(HOSTILE)), encoding="utf-8")
    (folder / "samples" / "step-00000099.png").write_bytes(b"no picture")
    shown = run_card(folder)
    assert "<script" not in shown and "<img" not in shown
    assert "does not exist" in run_card(tmp_path / "gone")


@pytest.mark.parametrize("variant", ["cgan", "gan"])
def test_a_model_shows_its_samples(variant: str, tmp_path: Path) -> None:
    model = untrained(tmp_path / "model.safetensors", variant)
    shown = model._repr_html_()
    assert all(word in shown for word in (f"Model {variant}", "1×8×8 images", "parameters: "))
    assert shown.count("<img") == 1


def test_a_model_that_needs_a_condition_says_which(tmp_path: Path) -> None:
    small = {"generator_width": 2, "discriminator_width": 2}
    shown = untrained(tmp_path / "model.safetensors", "pix2pix", **small)._repr_html_()
    assert "<img" not in shown and "an image" in shown


def test_a_picture_has_the_samples_that_were_asked_for(tmp_path: Path) -> None:
    model = untrained(tmp_path / "model.safetensors", "cgan")
    every, one, three = model.picture(), model.picture(1, "7", seed=3), model.picture(3, "7", seed=3)
    assert all(isinstance(each, Image.Image) for each in (every, one, three))
    assert every.width > 400 and one.width < 60 < three.width
    assert model.picture(1, "7", seed=4).tobytes() != one.tobytes() == model.picture(1, "7", seed=3).tobytes()


def test_an_evaluation_shows_its_figures() -> None:
    figure = Figure("frechet", {}, "FD", "plain", 12.345, 0.5, 1.5, None, "low")
    shown = Evaluation(HOSTILE, {}, "test", "0123", 500, 300, {"name": "plain"}, (figure,))._repr_html_()
    assert all(word in shown for word in ("FD[plain]", "12.35 ± 0.5", "1.5", "lower", "samples: 500"))
    assert "<script" not in shown
