"""The files of a run: the rows of its metrics, and whether each file is whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from PIL import Image

from ganzoo.storage.files import PARTIAL_SUFFIX
from ganzoo.storage.sealed import read_sealed


def rows_of(run: Path) -> list[dict[str, Any]]:
    """Return the rows of ``metrics.jsonl`` in a run folder."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def plain_picture(rows: object) -> Image.Image:
    """Return a small picture, in the place of curves that take longer to draw than a short training."""
    return Image.new("RGB", (60, 40))


def plain_animation(pictures: Sequence[Path], file: IO[bytes]) -> None:
    """Write a small GIF of one frame, in the place of an animation."""
    plain_picture(pictures).save(file, format="GIF")


def unsound(run: Path, leftovers: bool = False) -> list[str]:
    """Return what is wrong with the files of a run: each must be whole, and ``leftovers`` none."""
    return [
        f"{path.relative_to(run)}: {fault}"
        for path in run.rglob("*")
        if path.is_file() and (fault := _fault(path, leftovers))
    ]


def _fault(path: Path, leftovers: bool) -> str:
    if path.name.endswith(PARTIAL_SUFFIX):
        return "" if leftovers else "left over"
    try:
        if path.suffix == ".safetensors":
            content = path.read_bytes()
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
            (key,) = header["__metadata__"]
            read_sealed(path, key, "file")
        elif path.suffix in (".png", ".gif"):
            with Image.open(path) as image:
                image.load()
        elif path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".jsonl":
            text = path.read_text(encoding="utf-8")
            assert not text or text.endswith("\n"), "a torn line"
            assert all(isinstance(json.loads(line), dict) for line in text.splitlines())
    except Exception as problem:
        return str(problem) or type(problem).__name__
    return ""
