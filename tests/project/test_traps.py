"""The page of traps: each training that it shows fails in the way it says, and is cured by what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from ganzoo.cli import run as command
from ganzoo.health.checks import CHECKS
from ganzoo.storage.metric_rows import read_diagnoses

PAGE = (Path(__file__).parents[2] / "docs" / "traps.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"<!-- (fails|cured): (\S+) -->\n```console\n\$ ganzoo (.*?)\n```", PAGE)


@pytest.mark.parametrize(
    ("fails", "name", "line"),
    [
        pytest.param(state == "fails", name, line, marks=[] if number == 0 else [pytest.mark.long])
        for number, (state, name, line) in enumerate(SHOWN)
    ],
    ids=[f"{name} {state} {number}" for number, (state, name, _) in enumerate(SHOWN)],
)
def test_a_training_of_the_page_does_what_it_says(
    fails: bool, name: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line)
    assert command([*words, "--sample-every", "1000"]) == 0
    out = Path(words[words.index("--out") + 1])
    told = [diagnosis.name for diagnosis in read_diagnoses(out / "metrics.jsonl")]
    assert name in told if fails else told == []


def test_the_page_has_a_section_for_every_check_and_shows_it() -> None:
    headings = re.findall(r"^## (\S+)$", PAGE, re.MULTILINE)
    assert headings == [check.name for check in CHECKS]
    in_tests_alone = {"cycling", "inverted", "checkerboard"}  # tests/health/test_doctor.py
    assert {name for _, name, _ in SHOWN} == set(headings) - in_tests_alone


def test_the_example_reads_what_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example.replace("steps=200", "steps=200, batch_size=16"), names)
    assert capsys.readouterr().out.startswith("200 few-pictures about ")
