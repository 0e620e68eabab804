"""Classes and objects of a program in place of names: what they are called, and a registry that contains them."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganzoo.catalogue.component import Component, Slot
from ganzoo.catalogue.discovery import LOCAL, OWN_PACKAGE, Plugin, Provider
from ganzoo.catalogue.registry import Registry
from ganzoo.catalogue.selection import slot_flags

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+")


@dataclass(frozen=True)
class Adopted:
    """A registry with the components of a program, and the name of each by slot or kind.

    ``implied`` names components for the slots that such a component fills besides its own, which the user may overrule.
    """

    registry: Registry
    names: Mapping[str, str] = field(default_factory=dict)
    implied: Mapping[str, str] = field(default_factory=dict)


def own_objects(slots: Sequence[Slot], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that give a class or an object for a slot or kind, by its name with dashes.

    A slot of several parts may get a list, in which names may stand beside classes and objects.
    """
    choosing, several = slot_flags(slots), slot_flags([slot for slot in slots if slot.several])
    dashed = {name.replace("_", "-"): value for name, value in options.items() if name.replace("_", "-") in choosing}
    return {name: value for name, value in dashed.items() if not _is_name(value, name in several)}


def _is_name(value: Any, several: bool) -> bool:
    """Whether an option names a component, or ``several`` ones, or nothing."""
    if several and isinstance(value, list | tuple):
        return all(isinstance(one, str) for one in value)
    return isinstance(value, str | None)


def maker_of(given: Any) -> Any:
    """Return the class or function behind ``given``: that of an object, or of a ``functools.partial``."""
    if isinstance(given, functools.partial):
        return maker_of(given.func)
    return given if isinstance(given, type) or inspect.isroutine(given) else type(given)


def name_of(given: Any) -> str:
    """Return the name of a class, a function or an object's class, as lower-case words joined by dashes.

    >>> class MyWGANLoss: ...
    >>> name_of(MyWGANLoss), name_of(MyWGANLoss()), name_of(lambda: 0)
    ('my-wgan-loss', 'my-wgan-loss', 'lambda')
    """
    return "-".join(word.lower() for word in _WORDS.split(maker_of(given).__name__) if word) or "nameless"


def unused_name(name: str, kind: str, registry: Registry, used: Iterable[str]) -> str:
    """Return ``name``, or one like it that no installed component of this kind and none of ``used`` has."""
    installed = {entry.item.name for entry in registry if entry.item.kind == kind and entry.provider.package != LOCAL}
    if name in installed:
        name = f"own-{name}"
    numbered = (f"{name}-{number}" for number in range(2, 1000))
    taken = installed | set(used)
    return name if name not in taken else next(other for other in numbered if other not in taken)


def with_components(
    registry: Registry, own: Sequence[Component], helpers: Sequence[Component], version: str
) -> Registry:
    """Return ``registry`` with the components of a program, and ``helpers`` of ganzoo's that these need."""
    return Registry(
        [
            *registry.plugins,
            Plugin(Provider("own", OWN_PACKAGE, version), tuple(helpers)),
            Plugin(Provider(LOCAL, LOCAL, ""), tuple(own)),
        ]
    )
