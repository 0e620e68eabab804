"""Everything installed, by kind and name; and parts: components in the slots of a recipe, with their options."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ganzoo.catalogue.component import Command, Component, Slot, Variant
from ganzoo.catalogue.discovery import ALLOW_LIST, LOCAL, Plugin, Provider, discover, kinds_of
from ganzoo.catalogue.field_types import FIELD_TYPES, FieldType
from ganzoo.catalogue.kinds import Kind
from ganzoo.catalogue.options import Config, make, record_of
from ganzoo.errors import UserError
from ganzoo.text import did_you_mean, message_of, one_line

_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")  # the names that distributions may have


@dataclass(frozen=True)
class Entry:
    """A declared component or variant, and the plugin that provides it."""

    item: Component | Variant
    provider: Provider
    kind: Kind

    @property
    def label(self) -> str:
        """Its name in messages: ``loss 'hinge'``."""
        return f"{self.item.kind} {self.item.name!r}"

    @property
    def label_with_package(self) -> str:
        """Its name in messages about failures of its code: ``loss 'hinge' of package ganzoo``."""
        return f"{self.label} of {self.provider.origin}"

    def to_json(self) -> dict[str, str]:
        """Return kind, name, summary, package and version, and the name of the file that it came from, if any."""
        about = {
            "kind": self.item.kind,
            "name": self.item.name,
            "summary": self.item.summary,
            "package": self.provider.package,
            "version": self.provider.version,
        }
        return about | _file_of(self.provider)


@dataclass(frozen=True)
class Part:
    """A component in its slot, with its options resolved."""

    slot: Slot
    component: Component
    provider: Provider
    config: Config
    kind: Kind

    @property
    def label(self) -> str:
        """Its name in messages: ``generator 'mlp'``, with the slot where that differs from the kind."""
        label = f"{self.component.kind} {self.component.name!r}"
        return label if self.slot.is_named_by_kind else f"{label} (slot {self.slot.name})"

    @property
    def label_with_package(self) -> str:
        """Its name in messages about failures of its code: ``generator 'mlp' of package ganzoo``."""
        return f"{self.label} of {self.provider.origin}"

    @contextmanager
    def attributed(self) -> Iterator[None]:
        """Turn any exception of the component's own code, ``SystemExit`` too, into a :class:`UserError` that names it.

        A :class:`UserError` passes unchanged, for its message already says what is wrong.
        """
        try:
            yield
        except (UserError, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as problem:
            raise UserError(f"{self.label_with_package} fails: {message_of(problem)}") from problem


@dataclass(frozen=True)
class OfferedCommand:
    """A declared command, and the plugin that provides it."""

    item: Command
    provider: Provider

    @property
    def label_with_package(self) -> str:
        """Its name in messages about failures of its code: ``command 'hello' of package ganzoo-hello``."""
        return f"command {self.item.name!r} of {self.provider.origin}"


class Registry:
    """The components, variants and commands of all plugins that could be loaded."""

    def __init__(self, plugins: Iterable[Plugin]):
        self.plugins = tuple(plugins)
        sound = [plugin for plugin in self.plugins if not plugin.cause]
        self.kinds: Mapping[str, Kind] = kinds_of(sound)
        declared = {item.name: item for plugin in sound for item in plugin.field_types}
        self.field_types: Mapping[str, FieldType] = {**FIELD_TYPES, **declared}
        self._entries = {
            (item.kind, item.name): Entry(item, plugin.provider, self.kinds[item.kind])
            for plugin in sound
            for item in plugin.entries
        }
        self.commands: Mapping[str, OfferedCommand] = {
            item.name: OfferedCommand(item, plugin.provider) for plugin in sound for item in plugin.commands
        }

    @property
    def broken(self) -> tuple[Plugin, ...]:
        """The plugins that were set aside because of an error, each with its cause."""
        return tuple(plugin for plugin in self.plugins if plugin.cause and plugin.allowed)

    def of_package(self, package: str) -> Registry:
        """Return what the plugins of one package declare."""
        return Registry(plugin for plugin in self.plugins if plugin.provider.package == package)

    def __iter__(self) -> Iterator[Entry]:
        kinds = list(self.kinds)
        return iter(sorted(self._entries.values(), key=lambda e: (kinds.index(e.item.kind), e.item.name)))

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the installed names of one kind, sorted; raises :class:`UserError` for an unknown kind."""
        if kind not in self.kinds:
            hint = did_you_mean(kind, self.kinds)
            raise UserError(f"no kind is called {kind!r}{hint} Kinds: {', '.join(self.kinds)}")
        return tuple(sorted(name for entry_kind, name in self._entries if entry_kind == kind))

    def find(self, name: str) -> tuple[Entry, ...]:
        """Return every entry called ``name``, of any kind; raises :class:`UserError` where none exists."""
        found = tuple(entry for entry in self if entry.item.name == name)
        if not found:
            every = sorted({name for _, name in self._entries})
            raise UserError(f"nothing is called {name!r}{did_you_mean(name, every)} `ganzoo list` shows all names")
        return found

    def entry(self, kind: str, name: str) -> Entry:
        """Return the entry ``name`` of ``kind``; raises :class:`UserError` with the nearest name."""
        found = self._entries.get((kind, name))
        if found is None:
            names = self.names(kind)
            installed = ", ".join(names) or "none"
            raise UserError(
                f"no {kind} is called {name!r}{did_you_mean(name, names)} Installed: {installed}{self._left_out()}"
            )
        return found

    def _left_out(self) -> str:
        """Return which packages and plugins were not loaded, and so may contain a missing name."""
        broken = dict.fromkeys(plugin.provider.package for plugin in self.broken)
        barred = dict.fromkeys(str(plugin.provider.plugin) for plugin in self.plugins if not plugin.allowed)
        note = f" (set aside as broken: {', '.join(broken)}; see `ganzoo plugins`)" if broken else ""
        return note + (f" (left out by {ALLOW_LIST}: {', '.join(barred)})" if barred else "")

    def component(self, kind: str, name: str) -> Component:
        """Return the declaration of a component."""
        item = self.entry(kind, name).item
        if not isinstance(item, Component):
            raise UserError(f"{name!r} is a variant, not a component")
        return item

    def variant(self, name: str) -> Variant:
        """Return the declaration of a variant."""
        item = self.entry("variant", name).item
        assert isinstance(item, Variant)
        return item


_in_use: list[Registry] = []  # at most one


def installed() -> Registry:
    """Return the registry of this process: of its Python environment, and of the plugin files that were added.

    The plugins of the environment are discovered once in a process.
    """
    if not _in_use:
        _in_use.append(Registry(discover()))
    return _in_use[0]


def install(registry: Registry) -> None:
    """Make ``registry`` that of this process."""
    _in_use[:] = [registry]


def part_of(entry: Entry, slot: Slot, values: Mapping[str, Any]) -> Part:
    """Return a component in ``slot`` with options from words or values by name; raises what :func:`make` raises."""
    assert isinstance(entry.item, Component)
    return Part(slot, entry.item, entry.provider, make(entry.item.config, values, entry.label), entry.kind)


def part_to_json(part: Part) -> dict[str, Any]:
    """Return name, package, version and options of a part, and the name of the file that it came from, if any."""
    about = {
        "name": part.component.name,
        "package": part.provider.package,
        "version": part.provider.version,
        "config": record_of(part.config),
    }
    return about | _file_of(part.provider)


def _file_of(provider: Provider) -> dict[str, str]:
    return {"file": provider.file.name} if provider.file else {}


def from_file(what: str, file: Any) -> str:
    """Return a sentence about ``what`` came from a plugin file and is missing, or nothing if ``file`` names none.

    The name of the file is information: nothing that is read ever loads a plugin file.
    """
    if not isinstance(file, str):
        return ""
    return f"{what} came from the file {one_line(file, 100)}: give it with --plugin FILE.py"


def lacks_own(registry: Registry, slot: Slot, value: Any) -> bool:
    """Return whether :func:`part_to_json` described a part that was given in Python, and is not in ``registry``."""
    if not isinstance(value, Mapping) or value.get("package") != LOCAL or "file" in value:
        return False  # what came from a plugin file is not given as an object
    known = (entry for entry in registry if entry.provider.package == LOCAL)
    return not any((entry.item.kind, entry.item.name) == (slot.kind, value.get("name")) for entry in known)


def ask_for_own(slot: Slot, value: Mapping[str, Any]) -> str:
    """Return a sentence that says how to give a part again that :func:`lacks_own` misses."""
    return (
        f"{slot.kind} {one_line(value.get('name'))!r} is no plugin but part of a program, and no file contains code: "
        f"in Python, give it again as {slot.flag.replace('-', '_')}=…"
    )


def part_from_json(registry: Registry, slot: Slot, value: Any) -> Part:
    """Return the part that :func:`part_to_json` described; raises :class:`UserError` that names what is missing."""
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise UserError(f"the part for slot {slot.name!r} is damaged: it has no name")
    name, package = value["name"], value.get("package")
    if lacks_own(registry, slot, value):
        raise UserError(ask_for_own(slot, value))
    try:
        entry = registry.entry(slot.kind, name)
    except UserError as problem:
        if found := from_file(f"{slot.kind} {one_line(name)!r}", value.get("file") if package == LOCAL else None):
            raise UserError(found) from problem
        # A file may name any package: a text that is not a valid name is never repeated in a command.
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
