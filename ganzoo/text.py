"""Text for people: safe to print, short, and in one line or wrapped between words."""

from __future__ import annotations

import difflib
import functools
import os
import re
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import IO


def printable(text: str) -> str:
    """Return ``text`` with control characters, and those that no encoding has, written as escapes such as ``\\x1b``."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def one_line(said: object, longest: int = 500) -> str:
    """Return text from a file or from foreign code as one printable line, cut to ``longest`` characters."""
    text = str(said) or type(said).__name__
    lines = (" ".join(line.split()) for line in text[: longest + 1].splitlines())
    line = "; ".join(filter(None, lines))
    return printable(line) if len(text) <= longest else f"{printable(line)[:longest]}…"


def message_of(problem: BaseException) -> str:
    """Return the message of ``problem`` in one line, or the name of its type where it has no usable message."""
    try:
        said = " ".join(str(problem).split())
    except Exception:
        said = ""
    return said or type(problem).__name__


def first_line(problem: Exception) -> str:
    """Return the first line of the message of ``problem``, or the name of its type where it has no message.

    A line that ends with a colon goes on with the next ones.

    >>> first_line(ValueError("expected one of:\\n * a number\\n * a tensor"))
    'expected one of: * a number; * a tensor'
    """
    said = str(problem).strip()
    if not said:
        return type(problem).__name__
    first, _, more = said.partition("\n")
    return f"{first} {one_line(more, 200)}" if first.endswith(":") and more else first


def described(problem: BaseException) -> str:
    """Return the type and the message of ``problem`` in one line."""
    name, said = type(problem).__name__, message_of(problem)
    return name if said == name else f"{name}: {said}"


def quoted(name: object, longest: int = 80) -> str:
    """Return a name from a file in quotes, as ASCII, cut to ``longest`` characters."""
    text = ascii(name) if isinstance(name, str) else f"'{name}'"
    return text if len(text) <= longest else f"{text[: longest - 4]}…'"


def listed(names: Sequence[object], most: int) -> str:
    """Return the first ``most`` names in quotes, and the number of the others."""
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(quoted, names[:most])) + more


def counted(counts: Mapping[str, int], most: int = 10) -> str:
    """Return names with their numbers in one phrase; of many names, those after the first ``most`` are summed up.

    >>> counted({"cat": 40, "dog": 60})
    'cat 40, dog 60'
    >>> counted({"cat": 40, "dog": 60, "ox": 2, "yak": 5}, most=2)
    'cat 40, dog 60, and 2 more with 2 to 5'
    """
    shown = ", ".join(f"{printable(name)} {count:,}" for name, count in list(counts.items())[:most])
    rest = list(counts.values())[most:]
    if not rest:
        return shown
    low, high = min(rest), max(rest)
    each = f"{low:,} each" if low == high else f"{low:,} to {high:,}"
    return f"{shown}, and {len(rest)} more with {each}"


def in_bytes(count: int) -> str:
    """Return a number of bytes for people.

    >>> in_bytes(999), in_bytes(412_000_000), in_bytes(3_450_000_000)
    ('999 bytes', '412 MB', '3.5 GB')
    """
    if count < 1000:
        return f"{count} bytes"
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            return f"{count / size:.1f} {unit}" if count < 10 * size else f"{count / size:,.0f} {unit}"
    return f"{count / 1000:.0f} kB"


def in_file_name(name: str) -> str:
    """Return ``name`` with an underscore for every character that a file name may not have."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def natural_key(name: str) -> tuple[tuple[str, ...], str]:
    """Return a key that sorts names as people do: by the numbers in them.

    >>> sorted(["10", "2", "img10", "1", "img2"], key=natural_key)
    ['1', '2', '10', 'img2', 'img10']
    """
    # Every second part is a number: of two, the longer one is the larger.
    parts = re.split("([0-9]+)", normal(name))
    numbers = [part.lstrip("0") for part in parts[1::2]]
    parts[1::2] = [f"{len(number):05}{number}" for number in numbers]
    return (tuple(parts), name)


def normal(name: str) -> str:
    """Return ``name`` with each letter in one form of Unicode: ``Ä`` may be one character, or ``A`` and dots."""
    return unicodedata.normalize("NFC", name)


def index_of(name: str, names: Sequence[str]) -> int | None:
    """Return where ``name`` is among ``names``, in whatever form of Unicode, or ``None``.

    >>> index_of("A\N{COMBINING DIAERESIS}pfel", ("Birnen", "\N{LATIN CAPITAL LETTER A WITH DIAERESIS}pfel"))
    1
    """
    if name in names:
        return names.index(name)
    normals = [normal(one) for one in names]
    return normals.index(normal(name)) if normal(name) in normals else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown ``name``: ``; did you mean 'x'?``, or a full stop."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else "."


def lasting(seconds: float) -> str:
    """Return a time for people.

    >>> [lasting(seconds) for seconds in (0.5, 61, 7300)]
    ['0.5 s', '1 min 1 s', '2 h 1 min']
    """
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(min(seconds, 1e12)), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"


def terminal_width(stream: IO[str]) -> int:
    """Return the number of columns of the terminal that ``stream`` writes to, 80 if unknown; $COLUMNS overrules it."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def fitted(line: str, stream: IO[str]) -> str:
    """Return ``line`` wrapped between words where ``stream`` is a terminal; unchanged where it is not."""
    if not stream.isatty():
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    width = terminal_width(stream)
    lines = textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


def warn(text: str) -> None:
    """Print a message on stderr: in one line, or wrapped between words on a terminal."""
    print(fitted(f"ganzoo: {one_line(text, 10_000)}", sys.stderr), file=sys.stderr, flush=True)


@functools.cache
def warn_once(text: str) -> None:
    """Print a message on stderr, unless this process has printed it before."""
    warn(text)


def with_error(value: float | None, error: float | None) -> str:
    """Return a figure for people, with its standard error where there is one.

    >>> with_error(12.3456, 0.123), with_error(12.3456, None), with_error(None, None)
    ('12.35 ± 0.12', '12.35', '-')
    """
    if value is None:
        return "-"
    return f"{value:.4g}" if error is None else f"{value:.4g} ± {error:.2g}"
