"""The words of a command line, read before click knows every option: options depend on words of the same line."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import click

from ganzoo.catalogue.options import Option


@dataclass(frozen=True)
class Word:
    """An option with its value, or a plain word, whose ``flag`` is empty."""

    raw: tuple[str, ...]  # as they stand on the line
    flag: str = ""  # with dashes in front
    value: str | None = None  # None for an option without a value


def scan(
    words: Sequence[str], takes_value: Callable[[str], bool | None], never_values: Container[str] = ()
) -> Iterator[Word]:
    """Yield the options and the plain words of a command line, in their order.

    ``takes_value`` says whether a flag takes a value, or ``None`` for an unknown flag. As in click, the value of a
    known flag is the next word, whatever it is. The value of an unknown flag is the next word, unless that starts with
    a dash or is in ``never_values``. After ``--`` every word is plain.
    """
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        if word == "--":
            yield Word((word,), flag=word)
            yield from (Word((plain,), value=plain) for plain in reversed(rest))
            return
        if not word.startswith("-") or word == "-":
            yield Word((word,), value=word)
            continue
        flag, equals, attached = word.partition("=")
        takes = takes_value(flag)
        if equals or takes is False or not rest or not word.startswith("--"):
            yield Word((word,), flag, attached if equals else None)
        elif takes or not (rest[-1].startswith("-") or rest[-1] in never_values):
            value = rest.pop()
            yield Word((word, value), flag, value)
        else:
            yield Word((word,), flag)


def values(words: Iterable[Word]) -> dict[str, str]:
    """Return the value of each option that has one, by flag; the last of several counts."""
    return {word.flag: word.value for word in words if word.flag and word.value is not None}


def setting(word: Word) -> tuple[str, str | bool]:
    """Return the name of a long option and what it sets: its value, or without one, yes, and no for ``--no-NAME``.

    >>> setting(Word(("--lr", "1"), "--lr", "1")), setting(Word(("--no-norm",), "--no-norm"))
    (('lr', '1'), ('norm', False))
    """
    name = word.flag.removeprefix("--")
    if word.value is not None:
        return name, word.value
    return name.removeprefix("no-"), not name.startswith("no-")


def of_params(params: Iterable[click.Parameter]) -> dict[str, bool]:
    """Return which flags click options have, and whether each takes a value."""
    return {
        flag: not param.is_flag
        for param in params
        if isinstance(param, click.Option)
        for flag in (*param.opts, *param.secondary_opts)
    }


def of_options(options: Mapping[str, Option]) -> dict[str, bool]:
    """Return which flags options have, by their names without dashes, and whether each takes a value."""
    found = {}
    for name, option in options.items():
        switch = option.type is bool
        found[f"--{name}"] = not switch
        if switch:
            found[f"--no-{name}"] = False
    return found
