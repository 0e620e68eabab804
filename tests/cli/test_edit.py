"""``ganzoo edit``: its picture, its errors, and what is asked wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ganzoo.testing.command_lines import ganzoo, lacks, problem


def test_images_and_folders_are_edited(trained_models: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for name in ("mine/a.png", "mine/b.png", "c.png"):
        Image.new("RGB", (20, 10), (200, 10, 10)).save(tmp_path / name)
    out = tmp_path / "new" / "edit.png"
    files = (tmp_path / "mine", tmp_path / "c.png")
    words = ("--label", "3", "--direction", "0", "--iterations", "2", "--out", out)
    answer = ganzoo("edit", trained_models["cgan"], *files, *words)
    assert (answer.status, answer.out) == (0, ""), answer
    assert [line.split(": mean squared error ")[0] for line in answer.err.splitlines()[-4:-1]] == [
        *(str(tmp_path / name) for name in ("mine/a.png", "mine/b.png", "c.png")),
    ]
    with Image.open(out) as picture:
        assert picture.width == 9 * len("3: error 0.123") + 4 * 51 + 3


WRONG = {
    "edit": ("MODEL",),
    "edit RUN": ("IMAGE",),
    "edit nowhere a.png": ("nowhere", "a run folder"),
    "edit RUN nowhere.png": ("nowhere.png",),
    "edit RUN pictures/a.png": ("pictures/a.png", "cannot be read"),
    "edit RUN empty": ("empty", "no files"),
    "edit RUN notes.txt": ("notes.txt", "cannot be read"),
    "edit RUN pictures/a.png --label tne": ("'tne'",),
    "edit RUN pictures/a.png --out a.gif": ("a.gif", ".png"),
    "edit RUN pictures/a.png --starts 0": ("--starts",),
    "edit RUN pictures/a.png --direction -1": ("--direction",),
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_told_in_one_line(line: str, here: Path, trained_models: dict[str, Path]) -> None:
    words = [str(trained_models["cgan"]) if word == "RUN" else word for word in line.split()]
    assert lacks(problem(*words), WRONG[line]) == []


@pytest.mark.parametrize("end", range(0, 90, 7))
def test_a_picture_that_ends_too_soon_or_is_damaged_is_told(
    end: int, trained_models: dict[str, Path], tmp_path: Path
) -> None:
    picture = tmp_path / "a.png"
    Image.effect_noise((16, 16), 60).save(picture)
    whole = picture.read_bytes()
    for content in (whole[:end], whole[:end] + b"\xff\x00\xfe" + whole[end + 3 :]):
        picture.write_bytes(content)
        answer = ganzoo("edit", trained_models["cgan"], picture, "--iterations", "1", "--out", tmp_path / "e.png")
        assert answer.status in (0, 2) and "Traceback" not in answer.err, answer
        assert answer.status == 0 or answer.err.splitlines()[-1].startswith(f"ganzoo: {picture} "), answer
