"""``ganzoo export``: its files, and what is asked wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganzoo.testing.command_lines import ganzoo, lacks, problem


@pytest.mark.parametrize(("form", "name"), [("pt2", "new/a.pt2"), ("hf", "new/folder")])
def test_what_was_asked_for_is_written(form: str, name: str, trained_models: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / name
    answer = ganzoo("export", trained_models["colour"], "--format", form, "--out", out)
    assert (answer.status, answer.out) == (0, ""), answer
    assert f"{form}: {out}" in answer.err
    assert out.exists()
    if form == "hf":
        assert ganzoo("sample", out, "--count", "1", "--out", tmp_path / "a.png").status == 0


WRONG = {
    "export": ("MODEL",),
    "export RUN": ("--format",),
    "export RUN --format tflite": ("tflite", "onnx"),
    "export nowhere --format hf": ("nowhere", "a run folder"),
    "export RUN --format hf --out full": ("full", "not empty"),
    "export RUN --format hf --out notes.txt": ("notes.txt", "is a file"),
    "export RUN --format hf --output back": ("--output",),
    "export RUN --format pt2 --out a.onnx": ("a.onnx", ".pt2"),
    "export RUN --format pt2 --out full": ("full", ".pt2"),
    "export RUN --format pt2 --output back": ("no output 'back'",),
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_told_in_one_line(line: str, here: Path, trained_models: dict[str, Path]) -> None:
    words = [str(trained_models["cgan"]) if word == "RUN" else word for word in line.split()]
    assert lacks(problem(*words), WRONG[line]) == []
