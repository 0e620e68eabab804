"""What tells the data of a training from other data: its spec, and a fingerprint of its examples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ganzoo.batches.reading import length_of
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.catalogue.field_types import FieldType
from ganzoo.contract.dataset import Dataset
from ganzoo.errors import UserError
from ganzoo.text import listed, message_of, one_line

SAMPLE = 64  # hashes that a file keeps: the smallest ones, which are a random part of all
DIGITS = 12  # of a hash
NAMES = 4  # in a message


@dataclass(frozen=True)
class Fingerprint:
    """The number of ``examples``, and hashes of what identifies them (:meth:`Dataset.identities`).

    ``digest`` is that of all hashes, ``marked`` their number, and ``sample`` the smallest of them: all that files keep.
    ``hashes`` are those at hand.
    """

    examples: int
    marked: int
    digest: str
    sample: tuple[str, ...]
    hashes: frozenset[str] = field(repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object, which :meth:`from_json` reads."""
        return {
            "examples": self.examples,
            "marked": self.marked,
            "sha256": self.digest,
            "sample": "".join(self.sample),
        }

    @staticmethod
    def from_json(value: Any) -> Fingerprint:
        """Return the fingerprint in a file; raises :class:`UserError` if it is damaged."""
        match value:
            case {"examples": int(examples), "marked": int(marked), "sha256": str(digest), "sample": str(text)}:
                sample = tuple(text[start : start + DIGITS] for start in range(0, len(text), DIGITS))
                if len(sample) == min(SAMPLE, marked) and examples >= 0:
                    return Fingerprint(examples, marked, digest, sample, frozenset(sample))
        raise UserError("the fingerprint of its data is damaged")

    def is_of_other_data(self, now: Fingerprint) -> bool:
        """Return whether ``now`` shares no example with this fingerprint; unknown ones are none of other data."""
        return bool(self.sample and now.sample) and now.hashes.isdisjoint(self.sample)

    def change(self, now: Fingerprint) -> str:
        """Return how many examples there were and are ``now``, as a clause; empty if they are the same."""
        unknown = not (self.sample and now.sample)
        if self.examples == now.examples and (unknown or self.digest == now.digest):
            return ""
        if self.examples == now.examples:
            return f"it has {now.examples:,} examples as before, and {self._exchanged(now)} of them are others"
        return f"it had {self.examples:,} examples, and has {now.examples:,} now{self._details(now)}"

    def _gone(self, now: Fingerprint) -> int:
        """Return how many of the examples are gone, from the share of the sample that is."""
        return round(self.marked * sum(one not in now.hashes for one in self.sample) / len(self.sample))

    def _exchanged(self, now: Fingerprint) -> str:
        return f"{self._about}{self._gone(now):,}" if self._every(now) else "some"

    def _details(self, now: Fingerprint) -> str:
        if not self._every(now):
            return ""
        gone = self._gone(now)
        return f" ({self._about}{gone:,} gone, {self._about}{max(0, now.examples - self.examples + gone):,} new)"

    @property
    def _about(self) -> str:
        return "" if len(self.sample) == self.marked else "about "

    def _every(self, now: Fingerprint) -> bool:
        """Return whether both know every example."""
        return bool(self.sample and now.sample) and (self.marked, now.marked) == (self.examples, now.examples)


def fingerprint_of(dataset: Dataset, owner: str) -> Fingerprint:
    """Return the fingerprint of a dataset; raises :class:`UserError`, naming ``owner``, if its code fails."""
    examples = length_of(dataset, owner)
    try:
        hashes = {hashlib.sha256(identity).hexdigest()[:DIGITS] for identity in dataset.identities()}
    except UserError:
        raise
    except Exception as problem:
        raise UserError(f"{owner} cannot be read: {message_of(problem)}") from problem
    ordered = sorted(hashes)
    digest = hashlib.sha256("".join(ordered).encode()).hexdigest()
    return Fingerprint(examples, len(ordered), digest, tuple(ordered[:SAMPLE]), frozenset(hashes))


@dataclass(frozen=True)
class DataIdentity:
    """The data of one slot of a training: its spec and its fingerprint."""

    spec: DataSpec
    fingerprint: Fingerprint

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object, which :meth:`from_json` reads."""
        return {"spec": self.spec.to_json(), "fingerprint": self.fingerprint.to_json()}

    @staticmethod
    def from_json(value: Any, types: Mapping[str, FieldType]) -> DataIdentity:
        """Return the identity in a file; raises :class:`UserError` if it is damaged."""
        if not isinstance(value, Mapping):
            raise UserError(f"the description of its data is damaged: {one_line(value)}")
        spec = DataSpec.from_json(value.get("spec", {}), types)
        return DataIdentity(spec, Fingerprint.from_json(value.get("fingerprint")))

    def difference(self, now: DataIdentity) -> str:
        """Return what makes ``now`` other data than this, as a clause; empty if it is the same kind of data."""
        if found := next(_differences(self.spec, now.spec), ""):
            return found
        if self.fingerprint.is_of_other_data(now.fingerprint):
            return f"its {self.fingerprint.examples:,} examples are not among the {now.fingerprint.examples:,} of now"
        return ""


def _differences(before: DataSpec, now: DataSpec) -> Iterator[str]:
    for name in dict.fromkeys((*before.fields, *now.fields)):
        old, new = before.fields.get(name), now.fields.get(name)
        if old is None or new is None:
            has, lacks = ("it had no", "has it now") if old is None else ("it had the", "does not have it now")
            yield f"{has} field {name!r}, and {lacks}"
        elif old.names != new.names and old.type == new.type:
            yield _other_names(name, old, new)
        elif old != new:
            yield f"{name} was {old.describe()}, and is {new.describe()} now"
    for what, was, is_now in (("target", before.target, now.target), ("condition", before.condition, now.condition)):
        if was != is_now:
            yield f"its {what} was {was or 'none'}, and is {is_now or 'none'} now"


def _other_names(name: str, old: Field, new: Field) -> str:
    """Return how the names of a field differ, as a clause."""
    gone = [one for one in old.names if one not in new.names]
    added = [one for one in new.names if one not in old.names]
    if not gone and not added:
        return f"the names of {name} have another order: it was {listed(old.names, NAMES)}"
    parts = [f"{listed(gone, NAMES)} gone"] * bool(gone) + [f"{listed(added, NAMES)} new"] * bool(added)
    return f"among the names of {name}, {' and '.join(parts)}"
