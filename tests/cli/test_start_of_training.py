"""What a training says before its first step, and a training that writes among the images that it reads."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.testing.command_lines import ganzoo

SMALL = (
    "--dataset",
    "folder",
    "--dataset-size",
    "8",
    "--batch-size",
    "4",
    "--checkpoint-every",
    "1",
    "--device",
    "cpu",
)


@pytest.fixture
def photos(tmp_path: Path, stand_in_root: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of images of three classes, in which the command is typed."""
    shutil.copytree(stand_in_root("folder"), tmp_path / "photos")
    monkeypatch.chdir(tmp_path / "photos")
    return tmp_path / "photos"


def test_a_training_says_which_images_it_uses(photos: Path) -> None:
    (photos / "star" / "notes.txt").write_text("no image")
    (photos / "star" / "broken.png").write_bytes(b"\x89PNG")
    (photos / "@eaDir").mkdir()
    answer = ganzoo("train", "gan", *SMALL, "--data-root", ".", "--steps", "1")
    assert answer.status == 0, answer.err
    lines = answer.err.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("folder: 120 3×8×8 images, 3 classes"))
    assert lines[first + 1 : first + 3] == [
        "  classes: circle 40, star 40, triangle 40",
        "  left out: 1 unusable; 1 that are no images (.txt 1); 1 of the system (@eaDir)",
    ]


def test_a_run_among_the_images_is_resumed_with_the_command_that_is_printed(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = ganzoo("train", "gan", *SMALL, "--data-root", ".", "--steps", "2")
    assert stopped.status == 0, stopped.err
    run = photos / "runs" / "gan"
    (run / "model.safetensors").rename(photos.parent / "whole.safetensors")
    (run / "checkpoints" / "step-00000002.safetensors").unlink()
    again = shlex.split("train --config runs/gan/config.json --out runs/gan --resume")
    resumed = ganzoo(*again)
    assert resumed.status == 0, resumed.err
    assert "continuing from the checkpoint of step 1" in resumed.err
    assert "1 with runs of ganzoo (runs)" in resumed.err
    assert "folder: 120 3×8×8 images, 3 classes" in resumed.err
    assert (run / "model.safetensors").read_bytes() == (photos.parent / "whole.safetensors").read_bytes()
    second = ganzoo("train", "gan", *SMALL, "--data-root", ".", "--steps", "1")
    assert "folder: 120 3×8×8 images, 3 classes" in second.err
    assert (photos / "runs" / "gan-2").is_dir()


# A process that ends where torch would be loaded.
UP_TO_TORCH = """
import os, sys
from ganzoo.cli import run

class Torch:
    def find_spec(self, name, *_):
        if name == "torch":
            os.write(2, b"here torch is loaded")
            os._exit(0)

sys.meta_path.insert(0, Torch())
run(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("train gan --dry-run", "train gan: loading torch\n"),
        ("bench gan", "bench: loading torch\n"),
        ("bench gan --json", ""),
    ],
)
def test_the_first_word_comes_before_torch_is_loaded(line: str, first: str, tmp_path: Path) -> None:
    """A document for programs has no such word beside it."""
    start = [sys.executable, "-c", UP_TO_TORCH, *line.split()]
    done = subprocess.run(start, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120)
    assert (done.stdout, done.stderr) == ("", f"{first}here torch is loaded")


def test_of_several_processes_one_speaks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from ganzoo.cli.output import tell_loading

    tell_loading("train gan")
    assert capsys.readouterr().err == "", "torch is loaded"
    monkeypatch.delitem(sys.modules, "torch")
    tell_loading("train gan")
    assert capsys.readouterr().err == "train gan: loading torch\n"
    monkeypatch.setenv("RANK", "1")
    tell_loading("train gan")
    assert capsys.readouterr().err == ""
