"""``ganzoo sample --beside``: pairs of generated and real examples, and what does not go together."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ganzoo.testing.command_lines import ganzoo, lacks, problem


@pytest.mark.parametrize("way", ["nearest", "real"])
def test_real_examples_stand_beside_samples(way: str, trained_models: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "pairs.png"
    answer = ganzoo("sample", trained_models["cgan"], "--count", "4", "--beside", way, "--out", out)
    assert (answer.status, answer.out) == (0, ""), answer
    with Image.open(out) as picture:
        assert 8 * 96 < picture.width < 8 * 110


WRONG = {
    "sample RUN --dataset digits": ("--beside nearest",),
    "sample RUN --data-root data": ("--beside nearest",),
    "sample RUN --beside far": ("--beside", "nearest"),
    "sample RUN --beside real --out a.npz": ("--out FILE.png",),
    "sample RUN --beside real --titles {label}": ("no --titles",),
    "sample RUN --beside real --dataset ring": ("name another --dataset",),
    "sample RUN --beside real --dataset digitz": ("digits",),
}


@pytest.mark.parametrize("line", WRONG)
def test_what_does_not_go_together_is_refused(line: str, trained_models: dict[str, Path], here: Path) -> None:
    words = [str(trained_models["cgan"]) if word == "RUN" else word for word in line.split()]
    assert lacks(problem(*words), WRONG[line]) == []
