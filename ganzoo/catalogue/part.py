"""A component in its slot, with its options: made of values, and as it stands in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ganzoo.catalogue.component import Component, Slot
from ganzoo.catalogue.discovery import Provider
from ganzoo.catalogue.options import Config, make, values_of
from ganzoo.catalogue.registry import Entry, Registry
from ganzoo.errors import UserError
from ganzoo.text import message_of, one_line

_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")  # the names that distributions may have


@dataclass(frozen=True)
class Part:
    """A component in its slot, with its options resolved."""

    slot: Slot
    component: Component
    provider: Provider
    config: Config

    @property
    def label(self) -> str:
        """How messages call it: ``generator 'mlp'``, with the slot where that differs from the kind."""
        label = f"{self.component.kind} {self.component.name!r}"
        return label if self.slot.name == self.slot.kind else f"{label} (slot {self.slot.name})"

    @property
    def label_with_package(self) -> str:
        """How messages about what its code does call it: ``generator 'mlp' of package ganzoo``."""
        return f"{self.label} of package {self.provider.package}"

    @contextmanager
    def attributed(self) -> Iterator[None]:
        """Turn whatever its own code raises, an exit too, into a :class:`UserError` that names it and its package."""
        try:
            yield
        except (UserError, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as problem:
            raise UserError(f"{self.label_with_package} fails: {message_of(problem)}") from problem


def part_of(entry: Entry, slot: Slot, values: Mapping[str, Any]) -> Part:
    """Return a component in ``slot`` with options from words or values by name; raises as :func:`make` does."""
    assert isinstance(entry.item, Component)
    return Part(slot, entry.item, entry.provider, make(entry.item.config, values, entry.label))


def part_to_json(part: Part) -> dict[str, Any]:
    """Return name, package, version and options of a part."""
    return {
        "name": part.component.name,
        "package": part.provider.package,
        "version": part.provider.version,
        "config": values_of(part.config),
    }


def part_from_json(registry: Registry, slot: Slot, value: Any) -> Part:
    """Return the part that :func:`part_to_json` described; names what is missing."""
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise UserError(f"the part for slot {slot.name!r} is damaged: it has no name")
    name, package = value["name"], value.get("package")
    try:
        entry = registry.entry(slot.kind, name)
    except UserError as problem:
        # A file may name any package: what is no plain name is not repeated, least of all in a command.
        if not isinstance(package, str) or not _PACKAGE.fullmatch(package):
            package = "unknown"
        raise UserError(
            f"{slot.kind} {one_line(name)!r} of package {package!r} is needed and not installed: install that package "
            f"if you trust it. {one_line(problem)}"
        ) from problem
    config = value.get("config", {})
    if not isinstance(config, Mapping):
        raise UserError(f"the options of slot {slot.name!r} are damaged")
    try:
        return part_of(entry, slot, config)
    except UserError as problem:
        raise UserError(one_line(problem)) from problem
