"""The options of images with a text file of captions each, and what the files say; imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ganzoo.plugin import DataSpec, Field, UserError, option, read_file
from ganzoo_datasets.picture_options import PictureConfig
from ganzoo_datasets.table_content import Content, Roles, read_content
from ganzoo_datasets.table_files import Row, Table, is_image_name
from ganzoo_datasets.trees import PARTS
from ganzoo_datasets.walks import scan_below

LARGEST: Final = 2**20  # bytes of a text file
HELD_OUT: Final = 10  # of images without parts, one of so many is for the test
ROLES: Final = Roles(image=0, label=-1, attributes=(), numbers=(), caption=1, part=-1)


@dataclass(frozen=True)
class CaptionFilesConfig(PictureConfig):
    """Options of images with a text file each."""

    texts: str = option("", "folder of the text files, in the folder of the data; empty: beside the images")
    words: int = option(1000, "words of the vocabulary of captions: the most frequent ones", low=1, high=100_000)
    length: int = option(32, "words of a caption that are used", low=1, high=1000)
    split: Literal["train", "test"] = option(
        "train", "the folders train and test; without them every tenth image is for the test"
    )

    def content(self, root: Path) -> Content:
        """Return an image and a caption for each line of each text file, in the order of the images' names.

        Raises :class:`UserError` where no image has a text file.
        """
        return _content(self.folder(root), self.folder(root) / self.texts, self.words, self.length)

    def is_used(self, place: int, name: str, divided: bool) -> bool:
        """Return whether the image of this place (from 0) and name is in the part that is used."""
        if divided:
            return part_of(name) == self.split
        return (place % HELD_OUT == HELD_OUT - 1) == (self.split == "test")

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``image`` and its ``caption``."""
        content = self.content(root)
        caption = Field("tokens", (content.length,), names=content.words)
        return DataSpec({"image": self.picture, "caption": caption}, target="image", condition="caption")


def part_of(name: str) -> str:
    """Return the part that a folder of an image's path names, or nothing: ``train/0.png`` is in ``train``."""
    parts = (PARTS.get(folder.casefold(), "") for folder in name.split("/")[:-1])
    return next((part for part in parts if part), "")


def _content(folder: Path, texts: Path, words: int, length: int) -> Content:
    images = [path for path in scan_below(folder).files if is_image_name(path.name)]
    table = Table(folder, ("image", "caption"), iter(_rows(folder, texts, images)))
    return read_content(table, ROLES, words, length, {})


def _rows(folder: Path, texts: Path, images: list[Path]) -> list[Row]:
    rows = [
        Row(line, (image.relative_to(folder).as_posix(), caption))
        for image in images
        for line, caption in _captions((texts / image.relative_to(folder)).with_suffix(".txt"))
    ]
    if not rows:
        raise UserError(
            f"no image in {folder} has a text file with its name, such as 01.txt for 01.png, in {texts}: put captions "
            "there, one a line, or name their folder with --dataset-texts"
        )
    return rows


def _captions(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file that are not empty, with their numbers; nothing where there is no file."""
    if not path.exists():
        return
    try:
        text = read_file(path, LARGEST).decode("utf-8-sig")
    except OSError as problem:
        raise UserError(f"{path} cannot be read ({problem.strerror or problem}): make it readable") from problem
    except UnicodeDecodeError as problem:
        raise UserError(f"{path} is no text in UTF-8: save it as UTF-8") from problem
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, line.strip()
