"""Images that a table names, with the classes, attributes, numbers and captions that it gives them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Dataset, UserError, counted
from ganzoo_datasets.image_files import ImageFiles
from ganzoo_datasets.table_content import Content
from ganzoo_datasets.table_files import is_image_name
from ganzoo_datasets.table_options import TableConfig
from ganzoo_datasets.trees import ALL, SHOWN, SUFFIXES
from ganzoo_datasets.walks import scan_below

FIRST = 100  # rows by which the folder of the images is found


@final
class TableDataset(Dataset):
    """The images of the rows of a table; the constructor looks for each, and leaves out those that are damaged.

    Raises :class:`UserError` with the line of the table where an image does not exist.
    """

    def __init__(self, config: TableConfig, root: Path):
        self._folder, self._table = config.folder(root), config.table(root)
        content = config.content(root)
        self._parts = content.parts
        self._used = content.parts if config.split == (ALL,) else config.split
        rows = self._rows_used(content)
        first = [content.images[row] for row in rows[:FIRST]]
        place = _Place(self._table, self._folder, config.images, first, content.lines[rows[0]])
        paths = [place.path(content.images[row]) for row in rows]
        missing = [place for place, path in enumerate(paths) if not os.path.exists(path)]
        if missing and config.missing == "stop":
            line, more = content.lines[rows[missing[0]]], f", and {len(missing) - 1:,} more" if missing[1:] else ""
            raise UserError(
                f"{self._table}, line {line}: {paths[missing[0]]} does not exist{more}: --dataset-images names the "
                "folder of the images, and --dataset-missing skip leaves such rows out"
            )
        gone = {paths[place] for place in missing}
        self._images = ImageFiles(config, self._folder)
        there = dict.fromkeys(path for path in paths if path not in gone)
        valid = self._images.checked(list(map(Path, there)))
        kept = [(row, path) for row, path in zip(rows, paths, strict=True) if Path(path) in valid]
        self._paths = [path for _, path in kept]
        self._names = [content.images[row] for row, _ in kept]
        self._fields = _fields(content, torch.tensor([row for row, _ in kept]))
        self._notes = (*content.notes, *self._counts(content), *self._left_out(len(missing), len(rows) - len(kept)))

    def __len__(self) -> int:
        return len(self._paths)

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``image`` (B, C, height, width) uint8, and the fields of the columns."""
        images = self._images.read([Path(self._paths[index]) for index in indices.tolist()])
        return {"image": images, **{name: values[indices] for name, values in self._fields.items()}}

    def notes(self) -> Sequence[str]:
        """Return the parts and columns that are used, the images of each class, and what was left out."""
        others = [name for name in self._parts if name not in self._used]
        more = f", not of {', '.join(others)}; --dataset-split chooses" if others else ""
        used = [f"images of {', '.join(self._used)}{more}"] if self._parts else []
        return [*used, *self._notes, *self._images.notes]

    def identities(self) -> Iterator[bytes]:
        """Yield the name, the size and the end of every image, and what its row says."""
        columns = [values.numpy() for _, values in sorted(self._fields.items())]
        files = self._images.identities(list(map(Path, self._paths)))
        for row, (name, file) in enumerate(zip(self._names, files, strict=True)):
            yield b"/".join((name.encode(), file, *(values[row].tobytes() for values in columns)))

    def _rows_used(self, content: Content) -> list[int]:
        if not content.parts:
            if self._used not in (("train",), ()):
                raise UserError(
                    f"{self._table} has no parts: leave out --dataset-split, or name their column with --dataset-part"
                )
            return list(range(len(content.images)))
        if absent := [name for name in self._used if name not in content.parts]:
            raise UserError(
                f"{self._table} has the parts {', '.join(content.parts)}, and no {', '.join(absent)}: name others with "
                "--dataset-split"
            )
        wanted = {content.parts.index(name) for name in self._used}
        return [row for row, part in enumerate(content.part_of) if part in wanted]

    def _counts(self, content: Content) -> Iterator[str]:
        if content.classes:
            found = Counter(self._fields["label"].tolist())
            counts = {name: found[number] for number, name in enumerate(content.classes)}
            yield f"classes: {counted(counts)}"
            if empty := [name for name, count in counts.items() if not count]:
                yield f"classes without an image: {', '.join(empty[:SHOWN])}{', …' if len(empty) > SHOWN else ''}"

    def _left_out(self, missing: int, all_left_out: int) -> Iterator[str]:
        damaged = all_left_out - missing
        left_out = [f"{missing:,} without an image"] * bool(missing) + [f"{damaged:,} unusable"] * bool(damaged)
        if left_out:
            yield f"rows left out: {'; '.join(left_out)}"


@final
class _Place:
    """Where the images of a table are: a folder, and a suffix that the names may lack.

    It is the first folder that has one of the first images.
    """

    def __init__(self, table: Path, folder: Path, asked: str, names: Sequence[str], line: int):
        suffixes = ("",) if all(map(is_image_name, names)) else ("", *SUFFIXES)
        for here in _folders(table, folder, asked):
            for suffix in suffixes:
                if any(os.path.isfile(here / (name + suffix)) for name in names):
                    self._folder, self._suffix = here, suffix
                    return
        at = str(folder / asked) if asked else f"{folder} or a folder there"
        raise UserError(
            f"{table}, line {line}: {names[0]} is not in {at}, nor is any image of the next lines: --dataset-images "
            "names the folder of the images, in the folder of the data"
        )

    def path(self, name: str) -> str:
        """Return the path of an image."""
        return os.path.join(self._folder, name + self._suffix)


def _folders(table: Path, folder: Path, asked: str) -> Iterator[Path]:
    """Yield the folders where images may be."""
    if asked:
        yield folder / asked
        return
    yield from dict.fromkeys((table.parent, folder))
    yield from scan_below(folder).folders


def _fields(content: Content, rows: Tensor) -> Mapping[str, Tensor]:
    """Return the values of the columns for some rows."""
    many = len(content.images)
    fields: dict[str, Tensor] = {}
    if content.classes:
        fields["label"] = torch.frombuffer(content.labels, dtype=torch.int64)[rows]
    if content.attributes:
        fields["attributes"] = torch.frombuffer(content.truth, dtype=torch.uint8).view(many, -1)[rows].float()
    if content.numbers:
        fields["numbers"] = torch.frombuffer(content.values, dtype=torch.float32).view(many, -1)[rows]
    if content.words:
        fields["caption"] = torch.frombuffer(content.tokens, dtype=torch.int64).view(many, -1)[rows]
    return fields
