"""``ganzoo sample --titles --enlarge``: what stands above images, and how large they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from ganzoo.catalogue.data import Field
from ganzoo.pictures import words_of
from ganzoo.studio.export import Look
from ganzoo.testing.command_lines import ganzoo, problem

CLASSES = Field("class", classes=3, names=("cat", "dog", "ox"))


def test_titles_tell_label_and_number() -> None:
    look = Look("{number}: a {label}")
    assert look.titles_of(2, torch.tensor([2, 0]), CLASSES) == ["0: a ox", "1: a cat"]
    assert Look("no. {number}").titles_of(2, None, None) == ["no. 0", "no. 1"]
    assert Look().titles_of(2, torch.tensor([2, 0]), CLASSES) == []


def test_conditions_are_words() -> None:
    assert words_of(torch.tensor([1, 1]), CLASSES) == ["dog", "dog"]
    assert words_of(None, None) == []


def test_a_grid_with_titles_is_taller_and_a_folder_has_larger_images(
    trained_models: dict[str, Path], tmp_path: Path
) -> None:
    sizes = []
    for name, words in {"plain": (), "titled": ("--titles", "Digit: {label}"), "large": ("--enlarge", "100")}.items():
        out = tmp_path / f"{name}.png"
        assert ganzoo("sample", trained_models["cgan"], "--count", "10", *words, "--out", out).status == 0
        sizes.append(Image.open(out).size)
    plain, titled, large = sizes
    assert titled[0] == plain[0] and large[0] > 10 * 100
    assert (
        ganzoo("sample", trained_models["cgan"], "--count", "2", "--enlarge", "50", "--out", tmp_path / "f").status == 0
    )
    assert {Image.open(path).size for path in (tmp_path / "f").iterdir()} == {(64, 64)}


@pytest.mark.parametrize(
    ("model", "words", "said"),
    [
        ("cgan", ("--titles", "{lable}"), "which is none of {label} and {number}"),
        ("gan", ("--titles", "{label}"), "unconditional"),
        ("cgan", ("--titles", "x", "--out", "x.npz"), "--titles is for a grid"),
        ("cgan", ("--enlarge", "9", "--out", "x.npz"), "--enlarge is for images"),
    ],
)
def test_what_cannot_be_is_refused(
    model: str, words: tuple[str, ...], said: str, trained_models: dict[str, Path]
) -> None:
    assert said in problem("sample", trained_models[model], *words)
