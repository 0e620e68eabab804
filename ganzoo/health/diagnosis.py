"""What a diagnosis says: what is wrong with a training, how it was noticed, what to change first, where to read on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, final

from ganzoo.text import one_line

PAGE = "docs/traps.md"


@final
@dataclass(frozen=True)
class Diagnosis:
    """What is wrong at a ``step`` (from 1): ``what`` it is, how it was ``noticed``, and what to change first.

    ``name`` is the heading of its section on the page of traps; the names of the fields are the format of a record.

    >>> print(Diagnosis(300, "saturated", "the values are extreme", "1 % are moderate", "lower the learning rate"))
    at step 300 the values are extreme: 1 % are moderate; lower the learning rate (docs/traps.md#saturated)
    """

    step: int
    name: str
    what: str
    noticed: str
    advice: str

    @property
    def page(self) -> str:
        """The section of a page of the documents that shows such a training."""
        return f"{PAGE}#{self.name}"

    def __str__(self) -> str:
        """Return one sentence."""
        return f"at step {self.step} {self.what}: {self.noticed}; {self.advice} ({self.page})"

    def to_json(self) -> dict[str, Any]:
        """Return the record of the diagnosis, which :meth:`from_json` reads."""
        return asdict(self)

    @staticmethod
    def from_json(record: Any) -> Diagnosis:
        """Return the diagnosis of a record; raises ``ValueError`` if it is none."""
        match record:
            case {"step": int() as step, "name": str() as name, "what": str(), "noticed": str(), "advice": str()} if (
                type(step) is int and 0 <= step < 2**53
            ):
                texts = (one_line(record[key]) for key in ("what", "noticed", "advice"))
                return Diagnosis(step, one_line(name), *texts)
        raise ValueError("this is not the record of a diagnosis")


def is_state(state: Any) -> bool:
    """Return whether a value from a file can be the state of a doctor: numbers by name, under its keys."""
    match state:
        case {"before": dict() as before, "peaks": dict() as peaks, "seen": dict() as seen, "told": dict() as told}:
            return (
                all(isinstance(numbers, list) and all(map(is_moderate, numbers)) for numbers in before.values())
                and all(map(is_moderate, peaks.values()))
                and all(type(count) is int and 0 <= count < 2**31 for count in (*seen.values(), *told.values()))
            )
    return False


def is_moderate(value: Any) -> bool:
    """Return whether a value from a file is a finite number, with which one can calculate."""
    return type(value) in (int, float) and abs(value) < 1e300


def empty_state() -> Mapping[str, Any]:
    """Return the state of a doctor that has not looked yet."""
    return {"before": {}, "peaks": {}, "seen": {}, "told": {}}
