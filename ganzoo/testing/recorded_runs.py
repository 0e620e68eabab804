"""Run folders that look trained: their files are written by hand, in a moment and without torch."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from ganzoo.catalogue import installed, select
from ganzoo.catalogue.formats import FORMAT, MODEL_KEY

FIGURES = [
    {"label": "FD[plain]", "name": "FD", "value": 2.0, "floor": 0.5, "aim": "low"},
    {"label": "accuracy", "name": "accuracy", "value": 0.9, "floor": 0.99, "aim": "high"},
]


def recorded_run(
    folder: Path, steps: int = 10, pictures: int = 3, size: int = 60, noise: bool = False, **flags: Any
) -> Path:
    """Write the folder of a run of ``cgan`` with ``flags``, and return it.

    It has a row of metrics for each step, an evaluation every second step, ``pictures`` of ``size`` pixels, and the
    header of a best model. With ``noise``, pictures are such as no format makes small.
    """
    (folder / "samples").mkdir(parents=True)
    config = {**select(installed(), "cgan", {"steps": steps, **flags}).to_json(), "versions": {"torch": "2.0"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    rows = [_row(step) for step in range(1, steps + 1)]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    chance = random.Random(0)
    for number in range(pictures):
        step = number * steps // max(1, pictures - 1)
        (folder / "samples" / f"step-{step:08d}.png").write_bytes(_picture(size, number, chance if noise else None))
    write_best(folder, {"figures": FIGURES})
    return folder


def write_best(folder: Path, evaluation: Mapping[str, Any]) -> None:
    """Write a file that begins as ``best.safetensors`` does."""
    about = json.dumps({"format": FORMAT, "trained": {"steps": 4, "evaluation": evaluation}})
    header = json.dumps({"__metadata__": {MODEL_KEY: about}}).encode()
    (folder / "best.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)


def _row(step: int) -> dict[str, Any]:
    terms = {"discriminator": {"adversarial": 1 / step}, "generator": {"adversarial": 0.5 + step / 100}}
    scores = {"FD[plain]": 1 + (step - 6) ** 2, "accuracy": step / 20} if step % 2 == 0 else {}
    values = {"D(x)": 0.7, "D(G(z))": 0.3}
    return {
        "step": step,
        "seconds": step * 0.5,
        "images": 64 * step,
        "terms": terms,
        "values": values,
        "scores": scores,
    }


def _picture(size: int, number: int, chance: random.Random | None) -> bytes:
    image = Image.new("RGB", (size, size), (40 * number % 256, 90, 120))
    if chance is not None:
        image = Image.frombytes("RGB", (size, size), chance.randbytes(3 * size * size))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
