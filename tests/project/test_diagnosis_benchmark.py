"""The benchmark of healthy trainings makes thirty of them, and continues where it stopped."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ganzoo.catalogue import installed
from ganzoo.health.doctor import Doctor

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))

import diagnosis  # noqa: E402


def test_there_are_thirty_with_every_variant_and_no_two_are_the_same() -> None:
    trainings = list(diagnosis.healthy())
    assert len(trainings) >= 30
    assert {variant for variant, flags in trainings if not flags} == set(installed().names("variant"))
    assert len({json.dumps(each) for each in trainings}) == len(trainings)


def test_a_second_call_makes_what_the_first_one_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = [("gan-minimal", {"dataset_size": 8, "seed": seed}) for seed in (0, 1)]
    monkeypatch.setattr(diagnosis, "healthy", lambda: few)
    look = Doctor.look
    for call in (1, 2, 3):
        done = CliRunner().invoke(
            diagnosis.main, ["--steps", "2", "--most", "1", "--out", str(tmp_path / "rows.jsonl")]
        )
        assert done.output.splitlines()[-1].startswith(f"0 of {min(call, 2)} were told something; looks took ")
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [(row["variant"], row["flags"]) for row in rows] == few
    assert all(row["looks"] > 0 for row in rows)
    assert Doctor.look is look
