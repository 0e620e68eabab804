"""What a page asks for: a picture, described as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ganzoo.errors import UserError
from ganzoo.text import one_line

MOST, MOST_SEED, FURTHEST = 100, 2**62, 1e6  # examples, the highest seed, and the longest step
MAX_WORD = 10_000  # characters of a condition


@dataclass(frozen=True)
class Wish:
    """The examples that a picture is to show.

    ``seed`` gives their noise, which goes to that of ``second`` by the ``share`` from 0 to 1. ``dimensions`` and
    ``directions`` add steps by number. ``label`` is a condition, or nothing for all in turn; ``controls`` are others by
    name. With ``given``, the condition is a file that was handed over before; with ``found``, the noise is that of an
    image that was handed over.
    """

    seed: int = 0
    second: int = 1
    share: float = 0.0
    count: int = 16
    truncation: float = 1.0
    label: str = ""
    given: bool = False
    found: bool = False
    controls: Mapping[str, str] = field(default_factory=dict)
    dimensions: Mapping[int, float] = field(default_factory=dict)
    directions: Mapping[int, float] = field(default_factory=dict)


def read_wish(text: bytes) -> Wish:
    """Return the wish in a JSON document; raises :class:`UserError` for anything else."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise UserError("the page sent no JSON document") from problem
    if not isinstance(given, dict):
        raise UserError("the page sent no JSON object")
    if unknown := given.keys() - {one.name for one in fields(Wish)}:
        raise UserError(f"the page asked for what there is not: {one_line(', '.join(unknown))}")
    wishes = _Given(given)
    return Wish(
        wishes.whole("seed", 0, MOST_SEED),
        wishes.whole("second", 1, MOST_SEED),
        wishes.number("share", 0.0, 0, 1),
        max(1, wishes.whole("count", 16, MOST)),
        wishes.number("truncation", 1.0, 0, 2),
        wishes.word("label"),
        given.get("given") is True,
        given.get("found") is True,
        wishes.words("controls"),
        wishes.steps("dimensions"),
        wishes.steps("directions"),
    )


class _Given:
    """The values of a JSON object, each of which is checked when it is read."""

    def __init__(self, given: Mapping[str, Any]):
        self._given = given

    def whole(self, name: str, default: int, high: int) -> int:
        value = self._given.get(name, default)
        if type(value) is not int or not 0 <= value <= high:
            raise UserError(f"{name} must be a whole number from 0 to {high}")
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        return _number(name, self._given.get(name, default), low, high)

    def word(self, name: str) -> str:
        return _word(name, self._given.get(name, ""))

    def words(self, name: str) -> dict[str, str]:
        return {key: word for key, value in self._table(name).items() if (word := _word(name, value))}

    def steps(self, name: str) -> dict[int, float]:
        table = self._table(name)
        if not all(key.isascii() and key.isdecimal() and len(key) < 10 for key in table):
            raise UserError(f"{name} have numbers from 0")
        return {int(key): _number(name, value, -FURTHEST, FURTHEST) for key, value in table.items()}

    def _table(self, name: str) -> Mapping[str, Any]:
        table = self._given.get(name, {})
        if not isinstance(table, dict):
            raise UserError(f"{name} must be an object")
        return table


def _number(name: str, value: Any, low: float, high: float) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or not low <= value <= high:
        raise UserError(f"{name} must be a number from {low:g} to {high:g}")
    return float(value)


def _word(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_WORD:
        raise UserError(f"{name} must be a text of at most {MAX_WORD:,} letters")
    return value
