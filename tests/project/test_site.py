"""The site of the documents is complete, its links lead somewhere, and it loads nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="the site is built by mkdocs-material: pip install 'ganzoo[site]'")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = {page.stem for page in tmp_path.glob("*.html")}
    assert pages >= {page.stem for page in (ROOT / "docs").glob("*.md")} | {"index"}
    assert not list(tmp_path.glob("*.py"))
    loaded = re.compile(r"""<(?:script|link|img)[^>]*(?:src|href)=["']?https?:""")
    for page in tmp_path.glob("*.html"):
        assert not loaded.search(page.read_text(encoding="utf-8")), f"{page.name} loads something from elsewhere"
    index = (tmp_path / "search" / "search_index.json").read_text(encoding="utf-8")
    assert "conditioners.html" in index
