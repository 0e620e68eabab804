"""A reader of pickles that builds plain values only: no imports, no calls, no attributes.

A pickle is a program. This reader interprets the opcodes that build numbers, strings, tuples, lists and dicts. An
import path is looked up in the caller's table. A path that is not in the table becomes an :class:`Opaque`, and so does
everything that the pickle makes of it: its content is kept as plain values, and nothing is imported or called.

Own code rather than ``torch.load(weights_only=True)``, which refuses files with any other class beside the tensors,
sets attributes, and allocates what a file asks for (``bytearray``: 2 GiB from a file of 370 bytes); picklescan and
fickling only look for known dangers, and leave the reading to pickle.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

from ganzoo.text import quoted

STEPS = 2_000_000  # opcodes in one pickle: some seconds, and a hundred times what large checkpoints need
LINE = 1000  # bytes of an import path, or of a number in decimal digits
DIGITS = 18  # of a number in decimal digits
LARGEST_KEY = 2**63  # larger integers as keys could be chosen for collisions, so that a dict takes forever


class Unreadable(Exception):
    """Why a file cannot be read, as the predicate of a sentence about it: ``is damaged: …``."""


@final
@dataclass(frozen=True)
class Constructor:
    """The entry of the table for an import path: ``make`` maps the arguments in the pickle to a plain value."""

    path: str
    make: Callable[..., Any]


@final
class Opaque:
    """The placeholder of an object that is not made; ``path`` is the import path of its class or function.

    ``content`` has what the pickle puts into it, as pairs of a name and a value: items, elements by their index, and
    under the name ``None`` its arguments and its attributes.
    """

    __slots__ = ("content", "path")

    def __init__(self, path: str, *content: tuple[Any, Any]):
        self.path = path
        self.content: list[tuple[Any, Any]] = list(content)


@final
class Reader:
    """Reads one pickle after another from ``content``; ``at`` is the offset of the next one.

    ``constructors`` is the table of import paths, and ``persistent_load`` maps a persistent id, which stands for an
    object outside of the pickle, to a value. Both raise :class:`Unreadable`, as :meth:`read` does. ``unread`` has the
    import paths that are not in the table, in their order.
    """

    def __init__(
        self,
        content: memoryview,
        constructors: Mapping[str, Callable[..., Any]],
        persistent_load: Callable[[Any], Any],
    ):
        self.at = 0
        self.unread: dict[str, None] = {}
        self._content, self._constructors, self._persistent_load = content, constructors, persistent_load
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
                    raise Unreadable(f"uses opcode 0x{code:02x} of pickle, which no checkpoint of tensors needs")
                operation(self)
        except (IndexError, UnicodeDecodeError) as problem:
            raise Unreadable("is damaged: its pickle is invalid") from problem
        raise Unreadable(f"has a pickle of more than {STEPS:,} opcodes, which no checkpoint of tensors needs")

    # Arguments of opcodes

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
        raise Unreadable("is damaged: a line of its pickle is too long")

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
        """Push a tuple of the topmost values."""
        self.push(tuple(reversed([self._pop() for _ in range(count)])))

    def mark(self) -> None:
        """Mark the current height of the stack."""
        self._marks.append(len(self._stack))

    def marked(self, make: Callable[[list[Any]], Any]) -> None:
        """Push one value made of all above the mark."""
        self.push(make(self._since_mark()))

    # Containers

    def append(self, values: list[Any]) -> None:
        """Add values to the list on the stack."""
        target = self._stack[-1]
        if isinstance(target, list):
            target.extend(values)
        elif isinstance(target, Opaque):
            target.content.extend(enumerate(values))
        else:
            raise Unreadable("is damaged: it appends values to something other than a list")

    def set_items(self, values: list[Any]) -> None:
        """Put keys and values into the dict on the stack."""
        target = self._stack[-1]
        if len(values) % 2:
            raise Unreadable("is damaged: a key has no value")
        if isinstance(target, dict):
            for key, value in zip(values[::2], values[1::2], strict=True):
                target[plain_key(key)] = value
        elif isinstance(target, Opaque):
            target.content.extend(zip(values[::2], values[1::2], strict=True))
        else:
            raise Unreadable("is damaged: it sets items of something other than a dict")

    def append_one(self) -> None:
        """Add one value to the list below it."""
        self.append([self._pop()])

    def set_one(self) -> None:
        """Put one key and its value into the dict below them."""
        value, key = self._pop(), self._pop()
        self.set_items([key, value])

    # The memo: a dict, so that a large index needs no more memory than a small one

    def memoize(self, index: int | None) -> None:
        """Store the topmost value in the memo at ``index``, or at the next free index."""
        self._memo[len(self._memo) if index is None else index] = self._stack[-1]

    def recall(self, index: int) -> None:
        """Push the value in the memo at ``index``."""
        if index not in self._memo:
            raise Unreadable("is damaged: it reads a value of the memo that it never stored")
        self.push(self._memo[index])

    def digits(self) -> None:
        """Push a number in decimal digits, as Python 2 writes numbers of 64 bits."""
        line = self._line()
        digits = line.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= DIGITS):
            raise Unreadable("is damaged: a number in it is invalid")
        self.push(int(line))

    # What other readers of pickles would import, call and set

    def look_up(self, module: Any, name: Any) -> None:
        """Push what stands for an import path: its constructor, or a placeholder."""
        if not (isinstance(module, str) and isinstance(name, str)):
            raise Unreadable("is damaged: it imports an object without a name")
        if len(module) + len(name) > LINE:
            raise Unreadable("is damaged: an import path in it is too long")
        path = f"{_RENAMED.get(module, module)}.{name}"
        make = self._constructors.get(path)
        self.push(self._placeholder(Opaque(path)) if make is None else Constructor(path, make))

    def _placeholder(self, made: Opaque) -> Opaque:
        self.unread[made.path] = None
        return made

    def look_up_pushed(self) -> None:
        """Push the constructor of an import path on the stack."""
        name, module = self._pop(), self._pop()
        self.look_up(module, name)

    def make(self) -> None:
        """Push the value that a constructor makes of arguments; of a placeholder, a placeholder with the arguments."""
        arguments, constructor = self._pop(), self._pop()
        if not isinstance(constructor, Constructor | Opaque) or not isinstance(arguments, tuple):
            raise Unreadable("is damaged: it calls an object that cannot be called")
        if isinstance(constructor, Opaque):
            self.push(Opaque(constructor.path, (None, arguments)))
            return
        try:
            made = constructor.make(*arguments)
        except TypeError as problem:
            raise Unreadable(f"is damaged: it calls {quoted(constructor.path)} with invalid arguments") from problem
        self.push(self._placeholder(made) if isinstance(made, Opaque) else made)

    def make_with_names(self) -> None:
        """Push the same for arguments of which some have names."""
        named = self._pop()
        self.make()
        if named:
            self.push(named)
            self.build()

    def build(self) -> None:
        """Keep the attributes of a placeholder; drop those of a dict."""
        attributes = self._pop()
        target = self._stack[-1]
        if isinstance(target, Opaque):
            target.content.append((None, attributes))
        elif not isinstance(target, dict):
            raise Unreadable("is damaged: it sets attributes of an object that has none")

    def load_persistent(self) -> None:
        """Push the value of a persistent id."""
        self.push(self._persistent_load(self._pop()))


def plain_key(key: Any) -> Any:
    """Return a key that is cheap to hash and compare: ``key`` itself, or a placeholder that equals no other key.

    Raises :class:`Unreadable` for a list or a dict, which no Python can hash.
    """
    if key is None or isinstance(key, str | bytes | float) or (isinstance(key, int) and abs(key) < LARGEST_KEY):
        return key
    if isinstance(key, list | dict):
        raise Unreadable("is damaged: a key in it is a list or a dict")
    return key if isinstance(key, Opaque) else Opaque(type(key).__name__)


def _frozen(values: list[Any]) -> Opaque:
    return Opaque("builtins.frozenset", *enumerate(values))


_RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg"}  # protocol 2 has the names of Python 2
_STOP, _NEWLINE = ord("."), ord("\n")

# Opcodes as in Lib/pickletools.py: those of protocols 2 to 5, and those that Python 2 wrote with protocol 2.
_OPERATIONS: dict[int, Callable[[Reader], object]] = {
    0x80: lambda r: r._take(1),  # protocol
    0x95: lambda r: r._take(8),  # frame: a hint on how much to read at once
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
    ord("U"): lambda r: r.push(r._text("<B", "replace")),  # strings of Python 2, which may be any bytes
    ord("T"): lambda r: r.push(r._text("<I", "replace")),
    ord("C"): lambda r: r.push(r._bytes("<B")),
    ord("B"): lambda r: r.push(r._bytes("<I")),
    0x8E: lambda r: r.push(r._bytes("<Q")),
    0x96: lambda r: r.push(r._bytes("<Q")),  # a bytearray
    ord(")"): lambda r: r.push(()),
    ord("t"): lambda r: r.marked(tuple),
    0x85: lambda r: r.tuple_of(1),
    0x86: lambda r: r.tuple_of(2),
    0x87: lambda r: r.tuple_of(3),
    ord("]"): lambda r: r.push([]),
    ord("l"): lambda r: r.marked(list),
    ord("a"): Reader.append_one,
    ord("e"): lambda r: r.append(r._since_mark()),
    0x8F: lambda r: r.push([]),  # a set, as a list: nothing is hashed
    0x90: lambda r: r.append(r._since_mark()),
    0x91: lambda r: r.marked(_frozen),
    ord("}"): lambda r: r.push({}),
    ord("s"): Reader.set_one,
    ord("u"): lambda r: r.set_items(r._since_mark()),
    ord("q"): lambda r: r.memoize(r._number("<B")),
    ord("r"): lambda r: r.memoize(r._number("<I")),
    0x94: lambda r: r.memoize(None),
    ord("h"): lambda r: r.recall(r._number("<B")),
    ord("j"): lambda r: r.recall(r._number("<I")),
    ord("c"): lambda r: r.look_up(r._line(), r._line()),
    0x93: Reader.look_up_pushed,
    ord("R"): Reader.make,
    0x81: Reader.make,
    0x92: Reader.make_with_names,
    ord("b"): Reader.build,
    ord("Q"): Reader.load_persistent,
}
