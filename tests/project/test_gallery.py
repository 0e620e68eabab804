"""The gallery has a grid and a command of each variant, and trains none twice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))

import gallery  # noqa: E402


def test_each_variant_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    described = {"machine": {"processor": "any"}}
    monkeypatch.setattr(gallery.common, "described", lambda results, device: described)
    words = ["--folder", str(tmp_path), "--dataset", "digits", "--steps", "1"]
    for names in (["gan-minimal"], ["gan-minimal", "veegan"], ["veegan"]):
        shown = CliRunner().invoke(gallery.main, [*names, *words], catch_exceptions=False)
        assert shown.exit_code == 0, shown.output
    page = (tmp_path / "gallery.md").read_text(encoding="utf-8")
    assert page.count("`ganzoo train") == 2
    assert "`ganzoo train veegan --dataset digits --device cpu --steps 1`: 1 steps" in page
    assert all((tmp_path / f"{name}.png").exists() for name in ("gan-minimal", "veegan"))
    assert "veegan" not in shown.output, "it was there already"
