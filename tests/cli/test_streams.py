"""Standard output: readers that close it, and encodings that lack letters."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def test_a_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.Popen([sys.executable, "-m", "ganzoo", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate()
    assert (process.returncode, err) == (0, b"")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize(
    "words", [("list",), ("info", "wgan-gp"), ("train", "cgan", "--help"), ("train", "cgan", "--los", "ü")]
)
def test_a_pipe_that_cannot_take_every_letter_is_no_error(encoding: str, words: tuple[str, ...]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-m", "ganzoo", *words], capture_output=True, env=environment, check=False)
    assert done.returncode == (2 if "--los" in words else 0), done.stderr
    assert b"Traceback" not in done.stderr
