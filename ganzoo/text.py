"""Text for people: safe to print, short, and on one line."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Sequence


def printable(text: str) -> str:
    """Return ``text`` with what a terminal obeys, or an encoding lacks, written out as ``\\x1b``."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def one_line(said: object, longest: int = 500) -> str:
    """Return what a file or a stranger's code ``said`` as one printable line, cut where it is long."""
    text = str(said) or type(said).__name__
    lines = (" ".join(line.split()) for line in text[: longest + 1].splitlines())
    line = "; ".join(filter(None, lines))
    return printable(line) if len(text) <= longest else f"{printable(line)[:longest]}…"


def message_of(problem: BaseException) -> str:
    """Return what ``problem`` says in one line, or its type's name where it says nothing or cannot say it."""
    try:
        said = " ".join(str(problem).split())
    except Exception:
        said = ""
    return said or type(problem).__name__


def first_line(problem: Exception) -> str:
    """Return the first line of what ``problem`` says, or its type's name where it says nothing."""
    said = str(problem).strip()
    return said.splitlines()[0] if said else type(problem).__name__


def described(problem: BaseException) -> str:
    """Return the type's name and the message of ``problem`` in one line."""
    name, said = type(problem).__name__, message_of(problem)
    return name if said == name else f"{name}: {said}"


def quoted(name: object, longest: int = 80) -> str:
    """Return a name that a file brought along in quotes, as ASCII, cut where it is long."""
    text = ascii(name) if isinstance(name, str) else f"'{name}'"
    return text if len(text) <= longest else f"{text[: longest - 4]}…'"


def listed(names: Sequence[object], most: int) -> str:
    """Return the first ``most`` names in quotes, and how many more there are."""
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(quoted, names[:most])) + more


def in_file_name(name: str) -> str:
    """Return ``name`` with an underscore for every character that a file name may lack."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return how a sentence about an unknown ``name`` ends: ``; did you mean 'x'?``, or a full stop."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else "."


def warn(text: str) -> None:
    """Say on stderr, in one line, what people should know, and go on."""
    print(f"ganzoo: {one_line(text, 10_000)}", file=sys.stderr, flush=True)
