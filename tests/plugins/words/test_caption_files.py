"""Images with a text file of captions each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from ganzoo.errors import UserError
from ganzoo_words.caption_file_options import CaptionFilesConfig
from ganzoo_words.caption_files import CaptionFiles


def config(**options: Any) -> CaptionFilesConfig:
    return CaptionFilesConfig(**{"size": (8, 8), **options})


def write(folder: Path, name: str, captions: str | None, level: int = 0) -> None:
    path = folder / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (level, level, level)).save(path)
    if captions is not None:
        path.with_suffix(".txt").write_text(captions, encoding="utf-8")


def said(data: CaptionFiles, spec: Any) -> list[tuple[int, str]]:
    fields = data.read(torch.arange(len(data)))
    names = spec.fields["caption"].names
    captions = [" ".join(names[token] for token in tokens if token) for tokens in fields["caption"].tolist()]
    return [(int(image[0, 0, 0]), caption) for image, caption in zip(fields["image"], captions, strict=True)]


def test_each_line_is_an_example_with_its_image(tmp_path: Path) -> None:
    write(tmp_path, "train/a", "A red bird.\n\n  a bird, red\n", 10)
    write(tmp_path, "train/b", "a blue fish", 20)
    write(tmp_path, "test/c", "a red fish", 30)
    write(tmp_path, "train/without", None, 40)
    spec = config().spec(tmp_path)
    assert said(CaptionFiles(config(), tmp_path), spec) == [(10, "a red bird"), (10, "a bird red"), (20, "a blue fish")]
    assert said(CaptionFiles(config(split="test"), tmp_path), spec) == [(30, "a red fish")]
    assert config(split="test").spec(tmp_path) == spec
    assert spec.condition == "caption"


def test_without_parts_every_tenth_image_is_for_the_test_with_all_of_its_captions(tmp_path: Path) -> None:
    for number in range(20):
        write(tmp_path, f"{number:02}", f"number {number}\nagain {number}", number)
    parts = {
        split: said(CaptionFiles(config(split=split), tmp_path), config().spec(tmp_path)) for split in ("train", "test")
    }
    assert {level for level, _ in parts["test"]} == {9, 19}
    assert len(parts["test"]) == 4
    assert {level for level, _ in parts["train"]} == set(range(20)) - {9, 19}


def test_text_files_may_be_in_a_tree_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, "images/one/a", None, 10)
    (tmp_path / "texts" / "images" / "one").mkdir(parents=True)
    (tmp_path / "texts" / "images" / "one" / "a.txt").write_text("a bird", encoding="utf-8")
    found = said(CaptionFiles(config(texts="texts"), tmp_path), config(texts="texts").spec(tmp_path))
    assert found == [(10, "a bird")]


def test_what_cannot_be_used_is_told_with_what_to_do(tmp_path: Path) -> None:
    write(tmp_path, "a", None)
    with pytest.raises(UserError, match="--dataset-texts"):
        config().spec(tmp_path)
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UserError, match="no text in UTF-8"):
        config().spec(tmp_path)


def test_another_caption_is_other_data(tmp_path: Path) -> None:
    write(tmp_path, "a", "one two\nthree four")
    before = list(CaptionFiles(config(), tmp_path).identities())
    write(tmp_path, "b", "five six")
    write(tmp_path, "a", "two one\nthree four")
    after = list(CaptionFiles(config(), tmp_path).identities())
    assert before[1] in after and before[0] not in after
