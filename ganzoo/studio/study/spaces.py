"""What a search chooses from: a range of numbers, or words."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

from ganzoo.errors import UserError

_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(:log)?")
_DIGITS = 4  # of a number that is chosen, so that it can be read, typed and compared
MOST_DIGITS = 15  # of a whole number, which a float has exactly


class Space(ABC):
    """The words that one option may have in a search."""

    @property
    @abstractmethod
    def ends(self) -> tuple[str, ...]:
        """Words to try before a search begins: both ends of a range, or all words."""

    @abstractmethod
    def word(self, value: Any) -> str:
        """Return the word of a value that a sampler has chosen."""

    @abstractmethod
    def value(self, word: str) -> float | int | str:
        """Return the value of a word; raises ``ValueError`` if it is not in the space."""

    @abstractmethod
    def distribution(self) -> Any:
        """Return the space as Optuna has it."""


@final
@dataclass(frozen=True)
class Numbers(Space):
    """The numbers from ``low`` to ``high``, with four digits; with ``log``, each order of magnitude is as probable."""

    low: float
    high: float
    log: bool

    @property
    def ends(self) -> tuple[str, ...]:
        """Both ends."""
        return repr(self.low), repr(self.high)

    def word(self, value: Any) -> str:
        """Return the number with four digits, but not beyond the ends."""
        return repr(min(max(float(f"{value:.{_DIGITS}g}"), self.low), self.high))

    def value(self, word: str) -> float:
        """Return the number."""
        value = float(word)
        if not self.low <= value <= self.high:
            raise ValueError(f"{word!r} is not in the space")
        return value

    def distribution(self) -> Any:
        """Return a ``FloatDistribution``."""
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, log=self.log)


@final
@dataclass(frozen=True)
class WholeNumbers(Space):
    """The whole numbers from ``low`` to ``high``, both included."""

    low: int
    high: int
    log: bool

    @property
    def ends(self) -> tuple[str, ...]:
        """Both ends."""
        return str(self.low), str(self.high)

    def word(self, value: Any) -> str:
        """Return the number."""
        return str(int(value))

    def value(self, word: str) -> int:
        """Return the number."""
        value = int(word)
        if not self.low <= value <= self.high:
            raise ValueError(f"{word!r} is not in the space")
        return value

    def distribution(self) -> Any:
        """Return an ``IntDistribution``."""
        from optuna.distributions import IntDistribution

        return IntDistribution(self.low, self.high, log=self.log)


@final
@dataclass(frozen=True)
class Words(Space):
    """Words without an order."""

    words: tuple[str, ...]

    @property
    def ends(self) -> tuple[str, ...]:
        """All words."""
        return self.words

    def word(self, value: Any) -> str:
        """Return the word."""
        return str(value)

    def value(self, word: str) -> str:
        """Return the word."""
        if word not in self.words:
            raise ValueError(f"{word!r} is not in the space")
        return word

    def distribution(self) -> Any:
        """Return a ``CategoricalDistribution``."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.words)


def space_of(text: str) -> Space:
    """Return what ``LOW..HIGH``, ``LOW..HIGH:log`` or ``A,B,C`` means; raises :class:`UserError`.

    >>> space_of("1e-5..1e-3:log"), space_of("16..64"), space_of("bce,hinge")
    (Numbers(low=1e-05, high=0.001, log=True), WholeNumbers(low=16, high=64, log=False), Words(words=('bce', 'hinge')))
    """
    found = _RANGE.fullmatch(text)
    if found is None:
        words = tuple(dict.fromkeys(filter(None, text.split(","))))
        if len(words) < 2:
            raise UserError(f"{text!r} is nothing to choose from: write LOW..HIGH, LOW..HIGH:log or A,B,C")
        return Words(words)
    low, high, log = found[1], found[2], found[3] is not None
    whole = all(re.fullmatch(r"-?\d+", end) for end in (low, high))
    if not float(low) < float(high) or abs(float(high)) == float("inf"):
        raise UserError(f"{text!r} is no range: LOW must be below HIGH")
    if log and float(low) <= 0:
        raise UserError(f"{text!r} has no logarithm: LOW must be above 0")
    if not whole:
        return Numbers(float(low), float(high), log)
    if max(len(low), len(high)) > MOST_DIGITS:
        raise UserError(f"{text!r} is too large: write at most {MOST_DIGITS} digits")
    return WholeNumbers(int(low), int(high), log)
