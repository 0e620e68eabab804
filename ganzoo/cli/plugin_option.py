"""The option ``--plugin FILE.py``, which stands anywhere on a command line."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence

from ganzoo.catalogue.plugin_files import files_in_use
from ganzoo.errors import UserError

OPTION = "--plugin"


def without_plugins(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words of a command line without the option, and the files that it names.

    It is taken out before the line is parsed, because the files decide which options there are. What follows ``--`` is
    left as it is. Raises :class:`UserError` if the file is missing.

    >>> without_plugins(["train", "--plugin", "my_gan.py", "mine", "--", "--plugin"])
    (['train', 'mine', '--', '--plugin'], ['my_gan.py'])
    """
    others: list[str] = []
    files: list[str] = []
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        flag, equals, file = word.partition("=")
        if word == "--":
            return [*others, word, *reversed(rest)], files
        if flag != OPTION:
            others.append(word)
            continue
        if not equals:
            file = rest.pop() if rest and not rest[-1].startswith("-") else ""
        if not file:
            raise UserError(f"option '{OPTION}' needs a Python file: {OPTION} FILE.py")
        files.append(file)
    return others, files


def command_again(*words: str) -> str:
    """Return a command line of ganzoo to copy, with the plugin files of this one."""
    return as_typed(["ganzoo", *words, *(word for file in files_in_use() for word in (OPTION, str(file)))])


def as_typed(words: Sequence[str], windows: bool = sys.platform == "win32") -> str:
    r"""Return ``words`` as one line for the shell of this system.

    >>> as_typed(["ganzoo", "sample", r"C:\my runs\a"], windows=True)
    'ganzoo sample "C:\\my runs\\a"'
    """
    if not windows:
        return shlex.join(words)
    # No file name has a quotation mark there.
    return " ".join(word if re.fullmatch(r"[\w.,:=+/\\-]+", word) else f'"{word}"' for word in words)
