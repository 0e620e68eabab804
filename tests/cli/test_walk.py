"""``ganzoo walk``: its paths, its files, and what does not go together."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ganzoo.testing.command_lines import ganzoo, lacks, problem


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ((), "seed 0 → 1"),
        (("--seed", "4"), "seed 4 → 5"),
        (("--between", "7", "3"), "seed 7 → 3"),
        (("--dimension", "5", "--range", "-1", "1"), "dimension 5"),
        (("--direction", "1", "--label", "7"), "direction 1"),
        (("--labels", "3", "8", "--truncation", "0.5"), "3 → 8"),
    ],
    ids=lambda words: words[0] if words and isinstance(words, tuple) else "",
)
def test_every_path_is_written(
    words: tuple[str, ...], title: str, trained_models: dict[str, Path], tmp_path: Path
) -> None:
    for name, frames in (("a.gif", 4), ("a.png", 1)):
        out = tmp_path / "new folder" / name
        answer = ganzoo("walk", trained_models["cgan"], *words, "--frames", "3", "--count", "2", "--out", out)
        assert (answer.status, answer.out) == (0, ""), answer
        assert f"{title}, 3 steps: {out}" in answer.err
        with Image.open(out) as picture:
            assert getattr(picture, "n_frames", 1) == frames


WRONG = {
    "walk": ("MODEL",),
    "walk nowhere": ("nowhere", "a run folder"),
    "walk RUN --between 1": ("--between",),
    "walk RUN --between 1 2 --dimension 3": ("--between and --dimension", "one of them"),
    "walk RUN --labels 3 8 --direction 0": ("--direction and --labels",),
    "walk RUN --labels 3 8 --label 4": ("--labels", "leave out --label"),
    "walk RUN --labels 3 tne": ("'tne'",),
    "walk RUN --range 1 2": ("--range", "--dimension"),
    "walk RUN --dimension 3 --range 0 nan": ("--range",),
    "walk RUN --dimension 3 --range -inf 2": ("--range",),
    "walk RUN --dimension 100": ("dimensions 0 to 99",),
    "walk RUN --direction 100": ("directions 0 to 99",),
    "walk RUN --frames 1": ("--frames",),
    "walk RUN --truncation nan": ("--truncation",),
    "walk RUN --out a.jpg": ("a.jpg", ".gif or .png or .mp4"),
    "walk RUN --out full": ("full", ".gif"),
    "walk RUN --output back": ("no output 'back'",),
    "walk RUN --set code=3": ("no control 'code'",),
    "walk RUN --set code": ("NAME=VALUE",),
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_told_in_one_line(line: str, here: Path, trained_models: dict[str, Path]) -> None:
    words = [str(trained_models["cgan"]) if word == "RUN" else word for word in line.split()]
    assert lacks(problem(*words), WRONG[line]) == []


def test_a_model_without_classes_has_no_labels_to_walk_between(here: Path, trained_models: dict[str, Path]) -> None:
    assert "unconditional" in problem("walk", trained_models["gan"], "--labels", "1", "2")
    assert "unconditional" in problem("walk", trained_models["gan"], "--label", "1")


def test_a_colour_model_walks_too(trained_models: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    assert ganzoo("walk", trained_models["colour"], "--frames", "2", "--out", out).status == 0
    with Image.open(out) as picture:
        assert picture.mode == "RGB"
