"""Standard output: readers that close it, and encodings that lack letters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo.testing.selections import diagonal


def test_a_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.Popen([sys.executable, "-m", "ganzoo", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate()
    assert (process.returncode, err) == (0, b"")


ENCODINGS = ("ascii", "latin-1", "cp1252")
LINES = ("list", "info wgan-gp", "train cgan --help", "train cgan --los ü")


@pytest.mark.parametrize(("line", "encoding"), sorted(diagonal(LINES, ENCODINGS)))
def test_a_pipe_that_cannot_take_every_letter_is_no_error(line: str, encoding: str) -> None:
    words = line.split()
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-m", "ganzoo", *words], capture_output=True, env=environment, check=False)
    assert done.returncode == (2 if "--los" in words else 0), done.stderr
    assert b"Traceback" not in done.stderr


def test_a_training_is_shown_in_whatever_encoding(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    words = ["train", "gan-minimal", "--steps", "2", "--batch-size", "8", "--out", str(tmp_path / "日本語")]
    done = subprocess.run([sys.executable, "-m", "ganzoo", *words], capture_output=True, env=environment, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    assert (tmp_path / "日本語" / "model.safetensors").exists()
