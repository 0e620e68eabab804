"""The rows of a table in a file, with their line numbers: CSV, values between spaces, or Parquet."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ganzoo.plugin import UserError, open_file
from ganzoo_datasets.trees import SUFFIXES

PARQUET = (".parquet", ".pq")
TEXTS = (".csv", ".tsv", ".txt")
DELIMITERS = "\t,;|"
LONGEST = 2**20  # bytes of a line
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
IMAGE = "image"  # the name of a column of images that has none
BATCH = 4096  # rows of a Parquet file that are read at once


class Row(NamedTuple):
    """The cells of a row, and the number of its line."""

    line: int
    cells: Sequence[str]


@dataclass(frozen=True)
class Table:
    """A table: its file, the names of its columns, and its rows, which are read once, as they are asked for."""

    path: Path
    columns: tuple[str, ...]
    rows: Iterator[Row]

    def fault(self, line: int, problem: str) -> UserError:
        """Return the error for a problem in a line."""
        return UserError(f"{self.path}, {_unit(self.path)} {line}: {problem}")


def open_table(path: Path) -> Table:
    """Return the table in a file; raises :class:`UserError`, also while its rows are read, and names the line."""
    try:
        columns, rows = _of_parquet(path) if path.suffix.lower() in PARQUET else _of_text(path)
    except OSError as problem:
        raise UserError(f"{path} cannot be read ({problem.strerror or problem}): make it readable") from problem
    return Table(path, columns, rows)


def is_image_name(cell: str) -> bool:
    """Return whether a cell is the name of an image."""
    return cell.lower().endswith(SUFFIXES)


def _unit(path: Path) -> str:
    return "row" if path.suffix.lower() in PARQUET else "line"


def _of_text(path: Path) -> tuple[tuple[str, ...], Iterator[Row]]:
    lines = _lines(path)
    # CelebA's files begin with the number of their rows.
    numbered = ((n, line) for n, line in enumerate(lines, 1) if line.strip() and not line.strip().isdecimal())
    number, first = next(numbered, (1, ""))
    if not first:
        raise UserError(f"{path} is empty: its first line must name the columns")
    delimiter = max(DELIMITERS, key=first.count)
    spaced = delimiter not in first and len(first.split()) > 1
    if not spaced:
        found = _delimited(path, itertools.chain([first], lines), delimiter, number - 1)
    else:
        found = (Row(n, line.split()) for n, line in enumerate(itertools.chain([first], lines), number))
    header = next(found)
    following = next(found, None)
    rest = found if following is None else itertools.chain([following], found)
    columns = tuple(header.cells)
    if any(map(is_image_name, columns)):  # there is no header
        columns = tuple(IMAGE if is_image_name(cell) else f"column {n}" for n, cell in enumerate(columns, 1))
        rest = itertools.chain([header], rest)
    elif spaced and following is not None and len(following.cells) == len(columns) + 1:
        columns = (IMAGE, *columns)  # CelebA's header does not name the first column
    return columns, _complete(path, columns, rest)


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text file."""
    with open_file(path) as file:
        for number in itertools.count(1):
            line = file.readline(LONGEST)
            if number == 1:
                if line.startswith(UTF_16):
                    raise UserError(f"{path} is text in UTF-16: save it as UTF-8, in Excel as 'CSV UTF-8'")
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line and file.read(1) == b"":
                return
            if len(line) == LONGEST or b"\0" in line:
                raise UserError(f"{path}, line {number}: this is no text: give a table in CSV or Parquet")
            try:
                yield line.decode()
            except UnicodeDecodeError as problem:
                shown = line[problem.start : problem.end].hex(" ")
                raise UserError(f"{path}, line {number}: the bytes {shown} are no UTF-8: save it as UTF-8") from problem


def _delimited(path: Path, lines: Iterator[str], delimiter: str, before: int) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        line = before + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            raise UserError(f"{path}, line {line}: {problem}: correct the quotes there") from problem
        yield Row(line, [cell.strip() for cell in cells])


def _complete(path: Path, columns: Sequence[str], rows: Iterator[Row]) -> Iterator[Row]:
    """Yield the rows that are not empty; each has a cell for each column."""
    many = len(columns)
    for line, given in rows:
        cells = given
        if len(cells) > many and not any(cells[many:]):  # a delimiter at the end
            cells = cells[:many]
        if len(cells) == many:
            if any(cells):
                yield Row(line, cells)
        elif any(cells):
            raise UserError(
                f"{path}, line {line}: it has {len(cells)} of {many} cells: correct this line "
                "(a text with a delimiter in it needs quotes)"
            )


def _of_parquet(path: Path) -> tuple[tuple[str, ...], Iterator[Row]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as problem:
        raise UserError(f"{path} needs a package that is not installed: pip install 'ganzoo[parquet]'") from problem
    with open_file(path) as opened:
        opened.read(1)  # which refuses folders, pipes and devices
    try:
        file = pq.ParquetFile(path)
        names = [name for name in file.schema_arrow.names if not pa.types.is_nested(file.schema_arrow.field(name).type)]
    except (pa.ArrowException, OSError) as problem:
        raise UserError(f"{path} is no sound Parquet file ({_first(problem)}): replace it") from problem
    return tuple(names), _parquet_rows(path, file, names, pa.ArrowException)


def _parquet_rows(path: Path, file: Any, names: list[str], failure: type[Exception]) -> Iterator[Row]:
    number = 0
    try:
        for batch in file.iter_batches(batch_size=BATCH, columns=names):
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                yield Row(number, [_cell(value) for value in values])
    except (failure, OSError) as problem:
        raise UserError(f"{path}, after row {number}: it is damaged ({_first(problem)}): replace it") from problem


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value).strip()


def _first(problem: Exception) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0]
