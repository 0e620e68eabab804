"""The gallery has a grid and a command of each variant, and trains none twice."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ganzoo.catalogue import installed

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))

import gallery  # noqa: E402
import gallery_page  # noqa: E402
import page  # noqa: E402

MACHINE = {"processor": "any", "cores": 2, "threads": 1, "torch": "2.14", "device": "cpu"}


def test_each_variant_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def described(results: list[dict[str, Any]], device: object) -> dict[str, Any]:
        return {"benchmark": "gallery", "command": "any", "machine": MACHINE, "results": results}

    monkeypatch.setattr(gallery.common, "described", described)
    monkeypatch.setattr(gallery, "judged", lambda *given: {"accuracy": 0.5, "FD": 12.345})
    out = tmp_path / "found.json"
    (tmp_path / "found.json.partial.jsonl").write_text('{"variant": "veegan", "known": true}\n')
    words = ["--out", str(out), "--pictures", str(tmp_path), "--dataset", "digits", "--steps", "1"]
    done = CliRunner().invoke(gallery.main, ["gan-minimal", "veegan", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text(encoding="utf-8"))
    first, known = found["results"]
    assert (first["variant"], first["steps"]) == ("gan-minimal", 1)
    assert known == {"variant": "veegan", "known": True}, "it is not trained again"
    assert [path.name for path in tmp_path.glob("*.png")] == ["gallery-gan-minimal.png"]
    shown = gallery_page.page([{**found, "results": [first]}], page.installed().of_package(page.OWN))
    assert "`ganzoo train gan-minimal --dataset digits --steps 1`: 1 steps in 0 s (any, 2 cores" in shown
    assert "; accuracy 50.0%, FD 12.3." in shown
    assert shown.count("![](pictures/gallery-gan-minimal.png)") == shown.count("![]") == 1
    assert shown.count("\n## ") == len(page.installed().of_package(page.OWN).names("variant")), (
        "those without a result too"
    )


def test_data_that_do_not_fit_are_left_to_the_variant(tmp_path: Path) -> None:
    assert gallery.options_of("gan", "digits", tmp_path) == {"dataset": "digits"}
    assert gallery.options_of("pix2pix", "digits", tmp_path) == {}


def test_the_page_is_up_to_date() -> None:
    results = page.read()
    assert page.GALLERY.read_text(encoding="utf-8") == page.gallery(results), "run `python benchmarks/page.py`"
    for result in results:
        for row in result["results"] if result["benchmark"] == "gallery" else ():
            assert row["variant"] in installed().names("variant")
            assert (page.GALLERY.parent / "pictures" / f"gallery-{row['variant']}.png").exists()
