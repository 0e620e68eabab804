"""Everything installed, by kind and name."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ganzoo.catalogue.component import KINDS, Component, Variant
from ganzoo.catalogue.discovery import ALLOW_LIST, Plugin, Provider, discover
from ganzoo.errors import UserError
from ganzoo.text import did_you_mean


@dataclass(frozen=True)
class Entry:
    """A declared component or variant and who provides it."""

    item: Component | Variant
    provider: Provider

    @property
    def label(self) -> str:
        """How messages call it: ``loss 'hinge'``."""
        return f"{self.item.kind} {self.item.name!r}"

    @property
    def label_with_package(self) -> str:
        """How messages about what its code does call it: ``loss 'hinge' of package ganzoo``."""
        return f"{self.label} of package {self.provider.package}"

    def to_json(self) -> dict[str, str]:
        """Return what it is, what it is for and whose it is."""
        return {
            "kind": self.item.kind,
            "name": self.item.name,
            "summary": self.item.summary,
            "package": self.provider.package,
            "version": self.provider.version,
        }


class Registry:
    """The components and variants of all sound plugins."""

    def __init__(self, plugins: Iterable[Plugin]):
        self.plugins = tuple(plugins)
        self._entries = {
            (item.kind, item.name): Entry(item, plugin.provider)
            for plugin in self.plugins
            if not plugin.cause
            for item in plugin.declarations
        }

    @property
    def broken(self) -> tuple[Plugin, ...]:
        """The plugins that were set aside for a fault, each with its cause."""
        return tuple(plugin for plugin in self.plugins if plugin.cause and plugin.allowed)

    def __iter__(self) -> Iterator[Entry]:
        kinds = list(KINDS)
        return iter(sorted(self._entries.values(), key=lambda e: (kinds.index(e.item.kind), e.item.name)))

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the installed names of one kind, sorted; raises :class:`UserError` where there is no such kind."""
        if kind not in KINDS:
            raise UserError(f"there is no kind {kind!r}{did_you_mean(kind, KINDS)} Kinds: {', '.join(KINDS)}")
        return tuple(sorted(name for entry_kind, name in self._entries if entry_kind == kind))

    def find(self, name: str) -> tuple[Entry, ...]:
        """Return everything called ``name``, of any kind; raises :class:`UserError` where there is nothing."""
        found = tuple(entry for entry in self if entry.item.name == name)
        if not found:
            every = sorted({name for _, name in self._entries})
            raise UserError(f"nothing is called {name!r}{did_you_mean(name, every)} `ganzoo list` shows all names")
        return found

    def entry(self, kind: str, name: str) -> Entry:
        """Return what is installed as ``name`` of ``kind``; raises :class:`UserError` with the nearest name."""
        names = self.names(kind)
        found = self._entries.get((kind, name))
        if found is None:
            installed = ", ".join(names) or "none"
            raise UserError(
                f"no {kind} is called {name!r}{did_you_mean(name, names)} Installed: {installed}{self._left_out()}"
            )
        return found

    def _left_out(self) -> str:
        """What a name that is missing may be in."""
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


@functools.cache
def installed() -> Registry:
    """Return the registry of this Python environment; plugins are discovered once a process."""
    return Registry(discover())
