"""``ganzoo explore``: what it refuses, and how it starts and ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from ganzoo.testing.command_lines import lacks, listing, problem
from ganzoo.testing.recorded_runs import recorded_run

WRONG = {
    "explore": ("MODEL|RUN|FOLDER",),
    "explore nowhere": ("nowhere does not exist",),
    "explore empty": ("empty has no runs",),
    "explore notes.txt": ("notes.txt",),
    "explore list.json --port 99999": ("--port",),
    "explore full --device tpu": ("--device",),
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_none_is_refused(line: str, here: Path) -> None:
    assert lacks(problem(*line.split()), WRONG[line]) == []


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_it_answers_without_torch_and_an_interrupt_ends_it_quietly(tmp_path: Path) -> None:
    recorded_run(tmp_path / "runs" / "a")
    before = listing(tmp_path)
    code = "import sys; from ganzoo.cli import run; status = run(['explore', 'runs']); "
    code += "print('torch' in sys.modules); sys.exit(status)"
    started = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    url = started.stdout.readline().strip()
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert b"<svg" in answer.read()
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, out.strip()) == (128 + signal.SIGINT, "False")
    assert err.splitlines()[-1] == "interrupted"
    assert "Traceback" not in err
    assert listing(tmp_path) == before
