"""`ganzoo augment`: the picture, and invalid requests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzoo.testing.command_lines import ganzoo, problems

TILE, GAP = 48, 3  # pixels; digits of 16 pixels are enlarged


def tiles(path: Path, columns: int, rows: int) -> np.ndarray:
    """The tiles of a picture, (rows, columns, 48, 48, 3)."""
    sheet = np.asarray(Image.open(path))
    step = TILE + GAP
    assert sheet.shape == (rows * step + GAP, columns * step + GAP, 3)
    return np.stack(
        [
            [sheet[GAP + row * step :, GAP + column * step :][:TILE, :TILE] for column in range(columns)]
            for row in range(rows)
        ]
    )


def shown(path: Path, *words: object, columns: int = 4, rows: int = 3) -> np.ndarray:
    answer = ganzoo("augment", "digits", "--count", columns, "--draws", rows - 1, "--out", path, *words)
    assert answer.status == 0, answer.err
    assert f"{columns} examples, {rows - 1} times changed: {path}" in answer.err
    return tiles(path, columns, rows)


def test_below_real_examples_are_changes_of_the_same_ones(tmp_path: Path) -> None:
    mirrored = shown(tmp_path / "new folder" / "a.png", "--augmentation", "mirror", "--augmentation-probability", "1")
    for row in mirrored[1:]:
        assert np.array_equal(row, mirrored[0][:, :, ::-1])
    drawn = shown(tmp_path / "b.png", "--augmentation", "diffaugment")
    assert np.array_equal(drawn[0], mirrored[0])
    assert not np.array_equal(drawn[1], drawn[2])


def test_a_column_does_not_depend_on_the_others(tmp_path: Path) -> None:
    words = ("--augmentation", "ada", "--augmentation-p", "0.9")
    wide = shown(tmp_path / "wide.png", *words)
    narrow = shown(tmp_path / "narrow.png", *words, columns=2, rows=2)
    assert np.array_equal(narrow, wide[:2, :2])
    again = shown(tmp_path / "again.png", *words)
    assert np.array_equal(again, wide)
    assert not np.array_equal(shown(tmp_path / "other.png", *words, "--seed", "1"), wide)


def test_an_augmentation_that_changes_nothing_says_so(tmp_path: Path) -> None:
    answer = ganzoo("augment", "digits", "--augmentation", "ada", "--out", tmp_path / "a.png")
    assert answer.status == 0
    assert "augmentation 'ada' changed nothing: its options leave examples as they are" in answer.err


def test_options_of_both_parts_are_used(tmp_path: Path) -> None:
    words = ("--augmentation", "none", "--dataset-size", "48", "--dataset-count", "3")
    found = shown(tmp_path / "a.png", *words)
    assert np.array_equal(found[0][0], found[0][3]), "of three images, the fourth is the first one again"
    assert len({row.tobytes() for row in found}) == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("digts", "--augmentation", "ada"), ["no dataset is called 'digts'; did you mean 'digits'?"]),
        (("digits", "--augmentation", "adda"), ["no augmentation is called 'adda'; did you mean 'ada'?"]),
        (("digits",), ["missing option '--augmentation'"]),
        (
            ("digits", "--augmentation", "ada", "--augmentation-q", "1", "--dataset-size", "3"),
            ["no option is called '--augmentation-q'", "option 'size' of dataset 'digits' must be at least 8"],
        ),
        (("digits", "--augmentation", "ada", "--augmentation-p"), ["option '--augmentation-p' needs a value"]),
        (("digits", "--augmentation", "ada", "--out", "a.gif"), ["--out a.gif must end in .png"]),
        (("ring", "--augmentation", "mirror"), ["augmentation 'mirror' needs images, which dataset 'ring' does not"]),
        (("digits", "--augmentation", "none", "--dataset-count", "9999"), ["it has 1797 images: give a count of"]),
        (("folder", "--augmentation", "none", "--data-root", "nowhere"), ["nowhere"]),
    ],
)
def test_an_invalid_request_has_a_sentence_for_each_problem(
    words: tuple[str, ...], expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = ganzoo("augment", *words)
    assert answer.status == 2
    for sentence in expected:
        assert sentence in answer.err
    assert len(problems(answer)) == len(expected)
    assert not list(tmp_path.iterdir())


def test_a_picture_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    answer = ganzoo("augment", "digits", "--augmentation", "none", "--out", tmp_path / "a.png")
    assert answer.status == 2
    assert "a.png cannot be written" in answer.err and "choose another --out" in answer.err


def test_points_are_drawn_as_points(tmp_path: Path) -> None:
    answer = ganzoo("augment", "ring", "--augmentation", "none", "--out", tmp_path / "a.png")
    assert answer.status == 0
    assert Image.open(tmp_path / "a.png").size[0] > 100
