"""How a person chooses a value of a field by hand: words to pick, from which one word of a command line is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Chooser:
    """What a page offers for a value of a field; what is chosen is a word that ``FieldValues.read`` reads.

    ``words`` are offered as buttons. Each is a value, or, with a ``separator``, a part of one: ``red+large``.
    ``start`` is chosen at first; nothing means all values in turn. ``files`` are the suffixes of a value that is a file
    instead. ``members`` are the choosers of the parts of a joined field, by name.
    """

    words: Sequence[str] = ()
    separator: str = ""
    start: str = ""
    files: Sequence[str] = ()
    members: Mapping[str, Chooser] = field(default_factory=dict)
