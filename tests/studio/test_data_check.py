"""`ganzoo check-data` tells what is in the data, and what is wrong with it; it writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.contract.dataset import Dataset
from ganzoo.studio import data_check as module
from ganzoo.testing.command_lines import document, ganzoo, listing, problem, problems

CHANCE = np.random.default_rng(0)


def noisy(path: Path, width: int = 12, height: int = 10, mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(CHANCE.integers(0, 256, (height, width, 3), dtype=np.uint8)).convert(mode).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes with 60 and 55 sound images, all different."""
    for name, count in (("cat", 60), ("dog", 55)):
        for number in range(count):
            noisy(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


def found(root: Path, *more: str) -> tuple[str, list[str], list[str]]:
    told = document("check-data", "folder", "--data-root", root, "--dataset-size", "8", *more, "--json")
    return told["about"], told["facts"], told["problems"]


def test_sound_data_is_described(photos: Path) -> None:
    about, facts, wrong = found(photos)
    assert about == "folder: 115 3×8×8 images, 2 classes"
    assert {"classes: cat 60, dog 55", "sizes: 12×10 115", "modes: RGB 115", "formats: PNG 115"} <= set(facts)
    assert [line.split(" are few")[0] for line in wrong] == ["115 examples"]


def test_sizes_modes_and_formats_are_counted(photos: Path) -> None:
    noisy(photos / "cat" / "wide.jpg", 40, 20)
    noisy(photos / "cat" / "grey.png", 12, 10, "L")
    _, facts, _ = found(photos)
    assert "sizes: 12×10 116, 40×20 1; shorter sides from 10 to 20, median 10" in facts
    assert "modes: RGB 116, L 1" in facts
    assert "formats: PNG 116, JPEG 1" in facts


def copied(root: Path) -> None:
    (root / "cat" / "copy.png").write_bytes((root / "cat" / "3.png").read_bytes())


def disputed(root: Path) -> None:
    (root / "dog" / "copy.png").write_bytes((root / "cat" / "3.png").read_bytes())


def constant(root: Path) -> None:
    Image.new("RGB", (12, 10), (9, 8, 7)).save(root / "cat" / "red.png")


def damaged(root: Path) -> None:
    (root / "cat" / "half.png").write_bytes((root / "cat" / "3.png").read_bytes()[:60])


def few(root: Path) -> None:
    noisy(root / "fox" / "1.png")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (copied, ["1 example is a copy of others: 'cat/copy.png = cat/3.png'"]),
        (
            disputed,
            [
                "1 example is a copy of others: 'dog/copy.png = cat/3.png'",
                "1 example is also in another class: 'dog/copy.png = cat/3.png'",
            ],
        ),
        (constant, ["1 example has one colour everywhere: 'cat/red.png'"]),
        (
            few,
            [
                "1 of 3 classes have fewer than 50 examples: 'fox 1'",
                "the largest class has 60 times as many examples as the smallest (60 and 1)",
            ],
        ),
    ],
)
def test_what_is_wrong_is_told(spoil: Callable[[Path], None], expected: list[str], photos: Path) -> None:
    spoil(photos)
    assert found(photos)[2][: len(expected)] == expected


def test_a_damaged_file_is_told_with_its_reason(photos: Path) -> None:
    damaged(photos)
    told = ganzoo("check-data", "folder", "--data-root", photos, "--dataset-size", "8").out
    assert "  - 1 file cannot be used, and is left out: 'cat/half.png (" in told


def test_grey_images_in_colour_are_told(tmp_path: Path) -> None:
    for number in range(3):
        noisy(tmp_path / f"{number}.png", mode="L")
    assert any(line.startswith("no image has a colour") for line in found(tmp_path)[2])
    assert not any("colour" in line for line in found(tmp_path, "--dataset-channels", "grey")[2])


class _Spoiled(Dataset):
    """Points of which some cannot be read."""

    def __len__(self) -> int:
        return 1200

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        if any(int(index) in (5, 700) for index in indices):
            raise OSError("no such sector")
        return {"point": indices[:, None].float().repeat(1, 2), "label": indices % 3}


def test_examples_that_cannot_be_read_are_named_and_the_others_looked_at() -> None:
    spec = DataSpec({"point": Field("point", (2,)), "label": Field("class", classes=4)}, "point", "label")
    seen = module._Seen()
    for start in range(0, 1200, 512):
        for indices, fields in module._readable(_Spoiled(), spec, "points", start, min(start + 512, 1200), seen):
            module._look(indices, fields, spec, seen)
    assert seen.read == 1198
    told = list(module._problems(seen, spec, _Spoiled()))
    assert told[0] == "example 5 cannot be read: points cannot be read: no such sector"
    assert told[1].startswith("example 700 ")
    assert told[2] == "1 of 4 classes have no example: '3'"
    assert len(told) == 3


def test_it_is_told_in_lines_and_nothing_is_written(photos: Path, tmp_path: Path) -> None:
    before = listing(tmp_path)
    answer = ganzoo("check-data", "folder", "--data-root", photos, "--dataset-size", "8")
    assert answer.status == 0
    lines = answer.out.splitlines()
    assert lines[0] == "folder: 115 3×8×8 images, 2 classes"
    assert "what is wrong:" in lines
    assert ganzoo("check-data", "digits").out.splitlines()[-1] == "nothing is wrong"
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("digts",), "no dataset is called 'digts'; did you mean 'digits'?"),
        (("folder", "--data-root", "nowhere"), "nowhere does not exist"),
        (("mnist", "--data-root", "nowhere"), "MNIST is not in nowhere/MNIST/raw, and is downloaded when a training"),
    ],
)
def test_what_cannot_be_checked_is_one_problem(words: tuple[str, ...], expected: str, here: Path) -> None:
    assert expected in problem("check-data", *words)


def test_every_problem_of_the_options_is_told(here: Path) -> None:
    told = problems(ganzoo("check-data", "digits", "--dataset-size", "3", "--dataset-nonsense", "1"))
    assert len(told) == 2


def test_random_numbers_stay_as_they_were() -> None:
    before = torch.get_rng_state()
    ganzoo("check-data", "ring", "--dataset-count", "50")
    assert torch.equal(torch.get_rng_state(), before)
