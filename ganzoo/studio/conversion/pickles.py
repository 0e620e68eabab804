"""A reader of pickles that makes plain values only: it knows no import, no call and no attribute.

A pickle is a program. This reader carries out the part of its language that builds numbers, words, tuples, lists and
dicts. Where the program asks for something by an import path, it gets what the caller's table has for that path, and
where the table has nothing, the reading ends. Python's own reader is not used: besides what it imports, it can be told
to set attributes, to fill gigabytes from ten bytes and to recurse until the process dies.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

from ganzoo.text import quoted

STEPS = 2_000_000  # operations in one pickle: some seconds, and a hundred times what large checkpoints need
LINE = 1000  # bytes of an import path, or of a number written in digits
DIGITS = 18  # of a number written in digits
LARGEST_KEY = 2**63  # larger numbers as keys could be chosen so that a dict takes for ever


class Unreadable(Exception):
    """Why a file is not read, as a sentence about it goes on: ``asks for 'os.system', …``."""


@final
@dataclass(frozen=True)
class Known:
    """What a table has for an import path: ``make`` maps the arguments that the pickle gives to a plain value."""

    path: str
    make: Callable[..., Any]


@final
class LeftOut:
    """The place of something that is neither a tensor nor needed; whatever is put into it is gone."""


@final
class Reader:
    """Reads one pickle after another from ``content``; ``at`` is where the next one begins.

    ``known`` is the table of import paths, and ``outside`` maps what a pickle calls a persistent id, which stands for
    something outside of it, to a value. Both raise :class:`Unreadable`, as :meth:`read` does.
    """

    def __init__(self, content: memoryview, known: Mapping[str, Callable[..., Any]], outside: Callable[[Any], Any]):
        self.at = 0
        self._content, self._known, self._outside = content, known, outside
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def read(self) -> Any:
        """Return the value of the next pickle."""
        self._stack, self._marks, self._memo = [], [], {}
        try:
            for _ in range(STEPS):
                code = self._take(1)[0]
                if code == _STOP:
                    return self._pop()
                operation = _OPERATIONS.get(code)
                if operation is None:
                    raise Unreadable(f"uses operation 0x{code:02x} of pickle, which no checkpoint of tensors needs")
                operation(self)
        except (IndexError, UnicodeDecodeError) as problem:
            raise Unreadable("is damaged: its pickle makes no sense") from problem
        raise Unreadable(f"holds a pickle of more than {STEPS:,} operations, which no checkpoint of tensors needs")

    # What the content says

    def _take(self, count: int) -> memoryview:
        end = self.at + count
        if end > len(self._content):
            raise Unreadable("is damaged: it ends in the middle of its pickle")
        taken = self._content[self.at : end]
        self.at = end
        return taken

    def _number(self, layout: str) -> Any:
        return struct.unpack(layout, self._take(struct.calcsize(layout)))[0]

    def _line(self) -> str:
        begin = self.at
        while self.at - begin <= LINE:
            if self._take(1)[0] == _NEWLINE:
                return str(self._content[begin : self.at - 1], "utf-8")
        raise Unreadable("is damaged: a line of its pickle has no end")

    def _bytes(self, layout: str) -> bytes:
        return bytes(self._take(self._number(layout)))

    def _text(self, layout: str, errors: str = "strict") -> str:
        return str(self._take(self._number(layout)), "utf-8", errors)

    # The stack

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self._stack.append(value)

    def _pop(self) -> Any:
        if self._marks and len(self._stack) == self._marks[-1]:
            raise IndexError("nothing above the mark")
        return self._stack.pop()

    def _since_mark(self) -> list[Any]:
        begin = self._marks.pop()
        taken = self._stack[begin:]
        del self._stack[begin:]
        return taken

    def tuple_of(self, count: int) -> None:
        """Make a tuple of the topmost values."""
        self.push(tuple(reversed([self._pop() for _ in range(count)])))

    def mark(self) -> None:
        """Remember how high the stack is."""
        self._marks.append(len(self._stack))

    def marked(self, make: Callable[[list[Any]], Any]) -> None:
        """Make one value of all above the mark."""
        self.push(make(self._since_mark()))

    # Containers

    def append(self, values: list[Any]) -> None:
        """Add values to the list on the stack."""
        target = self._stack[-1]
        if isinstance(target, list):
            target.extend(values)
        elif not isinstance(target, LeftOut):
            raise Unreadable("is damaged: it adds values to what is no list")

    def set_items(self, values: list[Any]) -> None:
        """Put keys and values into the dict on the stack."""
        target = self._stack[-1]
        if len(values) % 2:
            raise Unreadable("is damaged: a key has no value")
        if isinstance(target, dict):
            for key, value in zip(values[::2], values[1::2], strict=True):
                target[checked_key(key)] = value
        elif not isinstance(target, LeftOut):
            raise Unreadable("is damaged: it puts items into what is no dict")

    def append_one(self) -> None:
        """Add one value to the list below it."""
        self.append([self._pop()])

    def set_one(self) -> None:
        """Put one key and its value into the dict below them."""
        value, key = self._pop(), self._pop()
        self.set_items([key, value])

    # The memo: a dict, so that a large index takes no more room than a small one

    def remember(self, place: int | None) -> None:
        """Remember the topmost value under ``place``, or under the next free one."""
        self._memo[len(self._memo) if place is None else place] = self._stack[-1]

    def recall(self, place: int) -> None:
        """Push the value that was remembered under ``place``."""
        if place not in self._memo:
            raise Unreadable("is damaged: it recalls what it never remembered")
        self.push(self._memo[place])

    def digits(self) -> None:
        """Push a number that is written in digits, as Python 2 writes those of 64 bits."""
        line = self._line()
        digits = line.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= DIGITS):
            raise Unreadable("is damaged: what should be a number is none")
        self.push(int(line))

    # What other readers of pickles would import, call and set

    def look_up(self, module: Any, name: Any) -> None:
        """Push what the table has for an import path."""
        path = f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else "nothing that has a name"
        if path not in self._known:
            raise Unreadable(
                f"asks for {quoted(path)} to be run while it is read, and only tensors are taken from it: "
                "save the state_dict() of the network by torch.save, with the program that made it"
            )
        self.push(Known(path, self._known[path]))

    def look_up_pushed(self) -> None:
        """Do the same for a path on the stack."""
        name, module = self._pop(), self._pop()
        self.look_up(module, name)

    def make(self) -> None:
        """Let the table make a value of arguments."""
        arguments, maker = self._pop(), self._pop()
        if not isinstance(maker, Known) or not isinstance(arguments, tuple):
            raise Unreadable("is damaged: it calls what cannot be called")
        try:
            self.push(maker.make(*arguments))
        except TypeError as problem:
            raise Unreadable(f"is damaged: it gives {quoted(maker.path)} what that does not take") from problem

    def build(self) -> None:
        """Drop the attributes that other readers would set."""
        self._pop()
        if not isinstance(self._stack[-1], dict | LeftOut):
            raise Unreadable("is damaged: it sets attributes of what has none")

    def fetch(self) -> None:
        """Push what a persistent id stands for."""
        self.push(self._outside(self._pop()))


def checked_key(key: Any) -> Any:
    """Return a key that a dict takes in no time; raises :class:`Unreadable` for any other."""
    if isinstance(key, int) and abs(key) < LARGEST_KEY:
        return key
    if key is None or isinstance(key, str | bytes | float):
        return key
    raise Unreadable("has a key that is neither a word nor a number of 64 bits")


_STOP, _NEWLINE = ord("."), ord("\n")

# Numbers of operations are those of Lib/pickletools.py; protocols 2 to 4, and what Python 2 wrote with protocol 2.
_OPERATIONS: dict[int, Callable[[Reader], object]] = {
    0x80: lambda r: r._take(1),  # protocol
    0x95: lambda r: r._take(8),  # frame: how much to read at once
    ord("("): Reader.mark,
    ord("0"): lambda r: r._pop(),
    ord("1"): lambda r: r._since_mark(),
    ord("N"): lambda r: r.push(None),
    0x88: lambda r: r.push(True),
    0x89: lambda r: r.push(False),
    ord("K"): lambda r: r.push(r._number("<B")),
    ord("M"): lambda r: r.push(r._number("<H")),
    ord("J"): lambda r: r.push(r._number("<i")),
    ord("I"): Reader.digits,
    0x8A: lambda r: r.push(int.from_bytes(r._bytes("<B"), "little", signed=True)),
    ord("G"): lambda r: r.push(r._number(">d")),
    0x8C: lambda r: r.push(r._text("<B")),
    ord("X"): lambda r: r.push(r._text("<I")),
    0x8D: lambda r: r.push(r._text("<Q")),
    ord("U"): lambda r: r.push(r._text("<B", "replace")),  # the words of Python 2, which may be any bytes
    ord("T"): lambda r: r.push(r._text("<I", "replace")),
    ord("C"): lambda r: r.push(r._bytes("<B")),
    ord("B"): lambda r: r.push(r._bytes("<I")),
    0x8E: lambda r: r.push(r._bytes("<Q")),
    ord(")"): lambda r: r.push(()),
    ord("t"): lambda r: r.marked(tuple),
    0x85: lambda r: r.tuple_of(1),
    0x86: lambda r: r.tuple_of(2),
    0x87: lambda r: r.tuple_of(3),
    ord("]"): lambda r: r.push([]),
    ord("l"): lambda r: r.marked(list),
    ord("a"): Reader.append_one,
    ord("e"): lambda r: r.append(r._since_mark()),
    ord("}"): lambda r: r.push({}),
    ord("s"): Reader.set_one,
    ord("u"): lambda r: r.set_items(r._since_mark()),
    ord("q"): lambda r: r.remember(r._number("<B")),
    ord("r"): lambda r: r.remember(r._number("<I")),
    0x94: lambda r: r.remember(None),
    ord("h"): lambda r: r.recall(r._number("<B")),
    ord("j"): lambda r: r.recall(r._number("<I")),
    ord("c"): lambda r: r.look_up(r._line(), r._line()),
    0x93: Reader.look_up_pushed,
    ord("R"): Reader.make,
    0x81: Reader.make,
    ord("b"): Reader.build,
    ord("Q"): Reader.fetch,
}
