"""The options of a table of images, and which of its columns are what."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ganzoo.plugin import DataSpec, Field, UserError, did_you_mean, option
from ganzoo_datasets.picture_options import AUTO, PictureConfig
from ganzoo_datasets.table_content import YES_OR_NO, Content, Number, Roles, read_content, read_partition
from ganzoo_datasets.table_files import PARQUET, TEXTS, Row, Table, is_image_name, open_table
from ganzoo_datasets.trees import ALL, SHOWN, TESTED, TRAIN

NONE = "none"
EVERY = "all"
# What people call such columns.
IMAGES = ("image", "image_id", "image_path", "path", "file", "filename", "file_name", "filepath", "img")
LABELS = ("label", "labels", "class", "class_name", "category")
CAPTIONS = ("caption", "captions", "text", "description", "prompt")
SPLITS = ("split", "part", "partition", "subset")
# The files of CelebA.
ATTRIBUTES_OF_CELEBA = ("list_attr_celeba.txt", "list_attr_celeba.csv")
PARTITION_OF_CELEBA = ("list_eval_partition.txt", "list_eval_partition.csv")
NO_TABLES = ("readme", "license", "licence", "requirements", "notes")
SAMPLE = 100  # rows that show what a column is


@dataclass(frozen=True)
class TableConfig(PictureConfig):
    """Options of a table of images."""

    file: str = option("", "the table, in the folder of the data: CSV, TSV, text or Parquet; empty: the only one there")
    images: str = option(
        "", "folder that the paths in the table start from, in the folder of the data; empty: where the images are"
    )
    image: str = option(AUTO, "column of the paths of the images; auto: by its values or its name")
    label: str = option(AUTO, "column of the class, or none; auto: the one called label, class or category")
    attributes: tuple[str, ...] = option(
        (AUTO,), "columns of 1 and 0, or 1 and -1; all; none; auto: all, without a label and a caption"
    )
    numbers: tuple[str, ...] = option(
        (NONE,), "columns of numbers, as they are, or NAME:LOW:HIGH, so that LOW becomes -1 and HIGH 1"
    )
    caption: str = option(AUTO, "column of the captions, or none; auto: the one called caption, text or description")
    words: int = option(1000, "words of the vocabulary of captions: the most frequent ones", low=1, high=100_000)
    length: int = option(32, "words of a caption that are used", low=1, high=1000)
    part: str = option(
        AUTO, "column, or table in a file, that says train, val or test (or 0, 1, 2); none; auto: the one called split"
    )
    split: tuple[Literal["train", "val", "test", "all"], ...] = option((TRAIN,), "parts to use if there are parts")
    missing: Literal["stop", "skip"] = option("stop", "rows whose image does not exist: stop, or leave them out")

    def __post_init__(self) -> None:
        if not self.split or (len(self.split) != 1 and ALL in self.split):
            raise ValueError(f"--dataset-split names parts, or {ALL} alone")
        super().__post_init__()

    def table(self, root: Path) -> Path:
        """Return the file of the table; raises :class:`UserError` where it is not clear."""
        folder = self.folder(root)
        if self.file:
            path = folder / self.file
            if path.is_file():
                return path
            near = [found.name for found in folder.iterdir() if found.is_file()]
            raise UserError(f"{path} is not a file{did_you_mean(self.file, near)} --dataset-file names the table")
        for name in ATTRIBUTES_OF_CELEBA:
            if found := _near(folder, name):
                return found
        tables = [path for path in sorted(folder.iterdir()) if _may_be_table(path)]
        if len(tables) == 1:
            return tables[0]
        names = ", ".join(path.name for path in tables[:SHOWN]) + (", …" if len(tables) > SHOWN else "")
        problem = f"has several tables ({names})" if tables else "has no table (.csv, .tsv, .txt or .parquet)"
        raise UserError(f"{folder} {problem}: name one with --dataset-file")

    def partition(self, root: Path, columns: Sequence[str]) -> Path | None:
        """Return the file that says which image is in which part, where it is no column that says so."""
        table = self.table(root)
        if self.part == AUTO and not any(name.casefold() in SPLITS for name in columns):
            folders = (table.parent, self.folder(root))
            return next((found for at in folders for name in PARTITION_OF_CELEBA if (found := _near(at, name))), None)
        path = table.parent / self.part
        return path if self.part not in (AUTO, NONE, *columns) and path.is_file() else None

    def roles(self, table: Table, sample: Sequence[Row], by_file: bool) -> Roles:
        """Return which column is what; raises :class:`UserError` for columns that are not there, or of no use."""
        columns = table.columns
        image = self._image(table, sample)
        label = _place(table, "label", self.label, LABELS)
        caption = _place(table, "caption", self.caption, CAPTIONS)
        part = -1 if by_file else _place(table, "part", self.part, SPLITS)
        numbers = tuple(self._numbers(table))
        taken = {image, label, caption, part, *(number.column for number in numbers)}
        rest = [place for place in range(len(columns)) if place not in taken]
        if self.attributes == (AUTO,):
            fits = all(row.cells[place].lower() in YES_OR_NO for row in sample for place in rest)
            named = rest if fits and label < 0 and caption < 0 and not numbers else []
        elif self.attributes == (EVERY,):
            named = rest
        else:
            words = [] if self.attributes == (NONE,) else self.attributes
            named = [_column(table, "attributes", word) for word in words]
        return Roles(image, label, tuple(named), numbers, caption, part)

    def _image(self, table: Table, sample: Sequence[Row]) -> int:
        if self.image != AUTO:
            return _column(table, "image", self.image)
        by_value = [n for n in range(len(table.columns)) if sample and is_image_name(sample[0].cells[n])]
        by_name = [n for n, name in enumerate(table.columns) if name.casefold() in IMAGES]
        if not (by_value or by_name):
            raise UserError(
                f"{table.path} has no column of images among {_listed(table.columns)}: name it with --dataset-image"
            )
        return (by_value or by_name)[0]

    def _numbers(self, table: Table) -> Iterator[Number]:
        for word in self.numbers if self.numbers != (NONE,) else ():
            if word in table.columns or ":" not in word:
                place = _column(table, "numbers", word)
                yield Number(table.columns[place], place)
                continue
            name, *limits = word.rsplit(":", 2)
            try:
                low, high = map(float, limits)
            except ValueError:
                low, high = 0.0, 0.0
            if not (low < high and math.isfinite(high - low)):
                raise UserError(f"--dataset-numbers is NAME or NAME:LOW:HIGH, not {word!r}")
            place = _column(table, "numbers", name)
            yield Number(table.columns[place], place, low, high)

    def content(self, root: Path) -> Content:
        """Return what the table says; raises :class:`UserError` with the line of what cannot be used."""
        path = self.table(root)
        about = path.stat()
        # Which rows are used changes nothing of what they say, so that all parts share one reading.
        return _content(replace(self, split=(ALL,)), root, path, (about.st_mtime_ns, about.st_size))

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``image``, and by the columns label, attributes, numbers and caption."""
        content = self.content(root)
        fields: dict[str, Field] = {}
        if content.classes:
            fields["label"] = Field("class", classes=len(content.classes), names=content.classes)
        if content.attributes:
            fields["attributes"] = Field("vector", (len(content.attributes),), names=content.attributes)
        if content.numbers:
            fields["numbers"] = Field("vector", (len(content.numbers),), names=content.numbers)
        if content.words:
            fields["caption"] = Field("tokens", (content.length,), names=content.words)
        return DataSpec({"image": self.picture, **fields}, target="image", condition="+".join(fields))

    def for_test(self, root: Path) -> TableConfig:
        """Return the options with the first of the parts test and val that is there and not used, or these."""
        there = self.content(root).parts
        used = there if self.split == (ALL,) else self.split
        unused = next((part for part in TESTED if part in there and part not in used), None)
        return self if unused is None else replace(self, split=(unused,))


@functools.lru_cache(maxsize=4)
def _content(config: TableConfig, root: Path, path: Path, stamp: tuple[int, int]) -> Content:
    """Return what the table ``path`` says; ``stamp`` tells a file from an older one of its name."""
    table = open_table(path)
    sample = list(itertools.islice(table.rows, SAMPLE))
    whole = replace(table, rows=itertools.chain(sample, table.rows))
    by_file = config.partition(root, table.columns)
    partition = {} if by_file is None else read_partition(open_table(by_file))
    roles = config.roles(table, sample, by_file is not None)
    return read_content(whole, roles, config.words, config.length, partition)


def _place(table: Table, what: str, asked: str, names: Sequence[str]) -> int:
    """Return the place of the column that was asked for, by default of the first one that has a usual name, or -1."""
    if asked == NONE:
        return -1
    if asked != AUTO:
        return _column(table, what, asked)
    return next((n for n, name in enumerate(table.columns) if name.casefold() in names), -1)


def _column(table: Table, what: str, name: str) -> int:
    found = [n for n, one in enumerate(table.columns) if one == name]
    found = found or [n for n, one in enumerate(table.columns) if one.casefold() == name.strip().casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"{table.path} has {len(found)} columns called {name!r}: rename one of them")
    hint = did_you_mean(name, table.columns)
    raise UserError(
        f"{table.path} has no column {name!r} (--dataset-{what}){hint} Columns: {_listed(table.columns)}"
    )  # fmt: skip


def _listed(columns: Sequence[str]) -> str:
    most = 50
    return ", ".join(columns[:most]) + (", …" if len(columns) > most else "")


def _near(folder: Path, name: str) -> Path | None:
    """Return the file of this name in a folder or in a folder there."""
    return next((path for path in (folder / name, *sorted(folder.glob(f"*/{name}"))) if path.is_file()), None)


def _may_be_table(path: Path) -> bool:
    known = path.suffix.lower() in (*TEXTS, *PARQUET) and not path.name.startswith(".")
    return known and not path.stem.lower().startswith(NO_TABLES) and path.is_file()
