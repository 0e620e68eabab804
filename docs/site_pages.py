"""Hooks of the site: README.md is its first page, and links to files that are no pages become plain words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
TO_DOCS = re.compile(r"\]\(docs/")
ELSEWHERE = re.compile(
    r"\[((?:[^\[\]]|\[[^\]]*\])+)\]\((?!https?:|#|mailto:)(?:\.\./[^)]*|[^)]*\.py|examples/[^)]*|[A-Z]+(?:\.md)?)\)"
)


def on_files(files: Files, config: Any) -> Files:
    """Add README.md as the first page."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "index.md", content=TO_DOCS.sub("](", text)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return the text of a page without links that lead out of the site."""
    return ELSEWHERE.sub(r"\1", markdown)
