"""Small data in the real layout, for tests."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from ganzoo_words.captioned_shapes import CaptionedShapes
from ganzoo_words.captions import VOCABULARY, CaptionedShapesConfig

COUNT = 60


def caption_files(root: Path) -> None:
    """Write 60 drawn shapes, and a text file with one or two captions beside each."""
    drawn = CaptionedShapes(CaptionedShapesConfig(size=24, seed=6), root).read(torch.arange(COUNT))
    for number, (image, tokens) in enumerate(zip(drawn["image"], drawn["caption"].tolist(), strict=True)):
        Image.fromarray(image.numpy().transpose(1, 2, 0)).save(root / f"{number:02}.png")
        caption = " ".join(VOCABULARY[token] for token in tokens if token)
        lines = [caption, f"There is {caption}."][: 1 + number % 2]
        (root / f"{number:02}.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
