"""Networks that start from those of other models: which flags say so, and what files record of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.catalogue.component import Slot
from ganzoo.catalogue.kinds import Kind
from ganzoo.catalogue.options import Option
from ganzoo.errors import UserError
from ganzoo.text import one_line

STARTS = "starts"  # the key of these settings among the options of a layer, and in files
WHOLE = "*"  # in place of a slot: all networks, as far as they fit
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Start:
    """The model from which a network starts: its path as the user gave it, and the ``sha256`` of its weights.

    Without a sha256 it is what the user asked for. With one it is the record of what was done, and never read again.
    """

    path: Path
    sha256: str = ""

    @property
    def is_asked_for(self) -> bool:
        """Whether the model is yet to be read."""
        return not self.sha256

    def to_json(self) -> dict[str, str]:
        """Return what files record."""
        return {"path": str(self.path.absolute()), "sha256": self.sha256}


def start_flag(slot: str) -> str:
    """Return the flag, without dashes, that says from which model the network in ``slot`` starts, or all of them."""
    return "from" if slot == WHOLE else f"{slot}-from"


def describe_slot(slot: str) -> str:
    """Return the network in ``slot``, or all of them, as a word of a message."""
    return "networks" if slot == WHOLE else slot


def start_flags(slots: Iterable[Slot], kinds: Mapping[str, Kind]) -> dict[str, list[tuple[str, Option]]]:
    """Return the flags of all slots that hold networks, without dashes, with what each sets."""
    networks = [slot.name for slot in slots if kinds[slot.kind].is_network]
    whole = [WHOLE] if networks else []
    return {start_flag(name): [(STARTS, _option(name))] for name in (*whole, *networks)}


def _option(slot: str) -> Option:
    help = f"start the {slot} with the weights of the {slot} in MODEL, a file or a run folder"
    if slot == WHOLE:
        help = "start with all weights of MODEL, a file or a run folder, that fit by name and shape"
    return Option(slot, Path | None, None, help, None, None)


def chosen_starts(
    recorded: Mapping[str, Start],
    given: Mapping[str, Any],
    options: Mapping[str, list[tuple[str, Option]]],
    problems: list[str],
) -> dict[str, Start]:
    """Return the start of each slot: what the user ``given`` for it, or what a config file has ``recorded``."""
    starts = dict(recorded)
    for slot, value in given.items():
        (_, option), *_ = options[start_flag(slot)]
        try:
            path = option.read(value)
        except ValueError as problem:
            problems.append(f"option '--{start_flag(slot)}' {problem}, not {value!r}")
            continue
        starts.pop(slot, None)
        if path is not None:
            starts[slot] = Start(path)
    return starts


def starts_from_json(value: Any, whose: str) -> dict[str, Start]:
    """Return what a file has recorded; raises :class:`UserError` if that is damaged. No file of it is ever opened."""
    if not isinstance(value, Mapping):
        raise UserError(f"{whose} is damaged: {STARTS!r} must be a JSON object")
    return dict(_recorded(value, whose))


def _recorded(value: Mapping[str, Any], whose: str) -> Iterator[tuple[str, Start]]:
    for slot, about in value.items():
        match about:
            case {"path": str(path), "sha256": str(sha256)} if _SHA256.fullmatch(sha256):
                yield slot, Start(Path(path), sha256)
            case _:
                raise UserError(f"{whose} is damaged: the start of {one_line(slot)!r} must have a path and a sha256")


def starts_to_json(starts: Mapping[str, Start]) -> dict[str, Any]:
    """Return what files record, or nothing where no network starts from another model."""
    return {STARTS: {slot: start.to_json() for slot, start in starts.items()}} if starts else {}
