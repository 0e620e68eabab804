"""Model files and saves as somebody makes them who wants to break their readers: any content, with a right seal."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import re
from collections.abc import Callable
from typing import Any

Tree = dict[str, Any]

_DIGITS = r'\\"{}\\": \\"([0-9a-f]{{64}})\\"'
WORDS = (
    "", "None", "../../../etc/passwd", "/dev/zero", "file:///etc/passwd", "__class__", "__init__", "a\0b",
    "\x1b[2J\x1b[1;31m", "[bold red]rich[/]", "{0.__class__}", "%s%n%d", "\ud800", "\u202etxt", "x" * 70_000,
    "os:system", "two\nlines", "🦓" * 9, "torch.load", "pickle", "-rf", "1e999", "nan", "0x10", "٣",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2, 255, 2**31 - 1, 2**31, 2**53, 2**63, 2**64, 10**400, -(10**400), 0.0, -0.5, 1e308, 5e-324, True)
RAW = ("NaN", "Infinity", "-Infinity", "1e999", "9" * 5000, "[" * 100_000, '{"a":' * 5000 + "1" + "}" * 5000)
OTHERS: tuple[Any, ...] = (
    None,
    [],
    {},
    [[]],
    [None] * 3,
    {"": {}},
    {"name": "none"},
    [0] * 2000,
    {"kind": "class", "shape": [], "classes": 2**31},
)


class Raw(str):
    """Text that goes into the JSON as it is."""


class Twin(str):
    """A key that may stand beside its equal."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


def halves(content: bytes) -> tuple[bytes, bytes]:
    """Return the header, without its length, and the payload."""
    end = 8 + int.from_bytes(content[:8], "little")
    return content[8:end], content[end:]


def tree_of(content: bytes) -> Tree:
    """Return the header as one tree, what is JSON within JSON as well."""
    tree: Tree = json.loads(halves(content)[0])
    (key,) = tree["__metadata__"]
    tree["__metadata__"][key] = json.loads(tree["__metadata__"][key])
    return tree


def about_of(tree: Tree) -> Tree:
    """Return the description in a tree."""
    (about,) = tree["__metadata__"].values()
    made: Tree = about
    return made


def forged(tree: Tree, payload: bytes) -> bytes:
    """Return a file with this header and payload, with checksums that are right."""
    whole = dict(tree)
    if isinstance(whole.get("__metadata__"), dict):
        whole["__metadata__"] = {
            key: text(about) if isinstance(about, dict) else about for key, about in whole["__metadata__"].items()
        }
    return sealed(text(whole).encode("utf-8", "backslashreplace"), payload)


def sealed(header: bytes, payload: bytes) -> bytes:
    """Return a file with this header, in which the checksums are put right where there are any."""
    header += b" " * (-len(header) % 8)
    filled = bytearray(len(header).to_bytes(8, "little") + header)
    for name, covered in (("sha256", payload), ("seal", filled)):
        found = re.search(_DIGITS.format(name).encode(), filled)
        if found:
            filled[slice(*found.span(1))] = b"0" * 64
            filled[slice(*found.span(1))] = hashlib.sha256(covered).hexdigest().encode()
    return bytes(filled) + payload


def text(value: Any) -> str:
    """Write JSON, with twins, and raw text, as they stand."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(text(item) for item in value) + "]"
    return json.dumps(value)


def changed(content: bytes, **about: Any) -> bytes:
    """Return a file whose description says something else."""
    tree = tree_of(content)
    about_of(tree).update(about)
    return forged(tree, halves(content)[1])


def hostile(content: bytes, dice: random.Random) -> bytes:
    """Return a file in which one thing, anywhere in the tree of the header, was changed, added, removed or doubled."""
    tree = tree_of(content)
    node, key = dice.choice([place for place in _places(tree) if place[1] not in ("seal", "sha256")])
    dice.choice(_CHANGES)(node, key, dice)
    return forged(tree, halves(content)[1])


def _places(node: Any) -> list[tuple[Any, Any]]:
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    return [place for key in keys for place in ((node, key), *_places(node[key]))]


def _replace(node: Any, key: Any, dice: random.Random) -> None:
    values = dice.choice((WORDS, NUMBERS, [Raw(raw) for raw in RAW], OTHERS))
    node[key] = copy.deepcopy(dice.choice(values))


def _remove(node: Any, key: Any, dice: random.Random) -> None:
    del node[key]


def _add(node: Any, key: Any, dice: random.Random) -> None:
    value = copy.deepcopy(dice.choice((node[key], *OTHERS)))
    if isinstance(node, list):
        node.insert(dice.randrange(len(node) + 1), value)
    else:
        node[dice.choice(WORDS)] = value


def _rename(node: Any, key: Any, dice: random.Random) -> None:
    if isinstance(node, dict):
        node[dice.choice(WORDS)] = node.pop(key)
    else:
        node.reverse()


def _double(node: Any, key: Any, dice: random.Random) -> None:
    if isinstance(node, dict):
        node[Twin(key)] = copy.deepcopy(dice.choice((node[key], dice.choice(OTHERS))))
    else:
        node.append(copy.deepcopy(node[key]))


def _nudge(node: Any, key: Any, dice: random.Random) -> None:
    value = node[key]
    if isinstance(value, bool):
        node[key] = not value
    elif isinstance(value, int | float):
        node[key] = dice.choice((value + 1, value - 1, -value, value * 1000, value / 3, str(value)))
    elif isinstance(value, str):
        node[key] = dice.choice((value + "x", value[:-1], value.upper(), value[::-1], [value], " " + value))
    else:
        node[key] = dice.choice((text(value), [value], {"": value}))


_CHANGES: tuple[Callable[[Any, Any, random.Random], None], ...] = (_replace, _remove, _add, _rename, _double, _nudge)


def mutated(content: bytes, start: int, end: int, dice: random.Random) -> bytes:
    """Return ``content`` with a random accident between ``start`` and ``end``; never what it was."""
    while True:
        made = dice.choice(_ACCIDENTS)(content, dice.randrange(start, end), dice.randrange(start, end), dice)
        if made != content:
            return made


_ACCIDENTS: tuple[Callable[[bytes, int, int, random.Random], bytes], ...] = (
    lambda content, here, there, dice: content[:here] + bytes([dice.randrange(256)]) + content[here + 1 :],
    lambda content, here, there, dice: content[:here] + bytes([dice.randrange(256)]) + content[here:],
    lambda content, here, there, dice: content[:here] + content[here + 1 :],
    lambda content, here, there, dice: _overwrite(content, here, bytes([content[here] ^ 1 << dice.randrange(8)])),
    lambda content, here, there, dice: _swap(content, *sorted((here, there))),
    lambda content, here, there, dice: content[:here] + content[there : there + dice.randrange(1, 64)] + content[here:],
    lambda content, here, there, dice: _overwrite(content, here, content[there : there + dice.randrange(1, 64)]),
)  # fmt: skip


def _swap(content: bytes, here: int, there: int) -> bytes:
    one, other = content[here : here + 1], content[there : there + 1]
    return content[:here] + other + content[here + 1 : there] + one + content[there + 1 :] if here < there else content


def _overwrite(content: bytes, here: int, block: bytes) -> bytes:
    return content[:here] + block + content[here + len(block) :]
