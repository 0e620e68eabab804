"""Discovery of plugins through entry points; each is loaded separately, so that a broken one affects no other."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from ganzoo.catalogue import hooks
from ganzoo.catalogue.component import Command, Component, Variant
from ganzoo.catalogue.field_types import FIELD_TYPES, FieldType
from ganzoo.catalogue.hooks import Declaration
from ganzoo.catalogue.kinds import KINDS, Kind
from ganzoo.catalogue.made_for import misfit
from ganzoo.errors import Interrupted
from ganzoo.text import described

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ALLOW_LIST = "GANZOO_PLUGINS"
OWN_PACKAGE = "ganzoo"
LOCAL = "local"  # the package of what comes from a single file, or from Python itself
MOST = 10_000  # declarations of one plugin
SLOW = "torch"  # a module that takes seconds to import


@dataclass(frozen=True)
class Provider:
    """The source of a component: a plugin (an entry point) of a package (a distribution), or a single ``file``.

    The package of a file is :data:`LOCAL`, and its version the beginning of a sha256 of its content.
    """

    plugin: str
    package: str
    version: str
    file: Path | None = None

    def __str__(self) -> str:
        return self.file.name if self.file else f"{self.package} {self.version}"

    @property
    def short(self) -> str:
        """The name of the package or of the file."""
        return self.file.name if self.file else self.package

    @property
    def origin(self) -> str:
        """Where its code is, in messages: ``package ganzoo`` or ``my_gan.py``."""
        return self.short if self.file else f"package {self.package}"


@dataclass(frozen=True)
class Plugin:
    """A plugin that was found: its declarations, or the ``cause`` why it was set aside.

    A plugin that the allow-list excludes is not ``allowed``; it is not broken. One that is ``slow`` imported torch,
    although a declaration needs none.
    """

    provider: Provider
    components: tuple[Component, ...] = ()
    variants: tuple[Variant, ...] = ()
    commands: tuple[Command, ...] = ()
    kinds: tuple[Kind, ...] = ()
    field_types: tuple[FieldType, ...] = ()
    cause: str = ""
    allowed: bool = True
    slow: bool = False

    @property
    def entries(self) -> tuple[Component | Variant, ...]:
        """The declarations that are listed by kind and name."""
        return (*self.components, *self.variants)

    @property
    def declarations(self) -> tuple[Declaration, ...]:
        """All declarations of the plugin."""
        return (*self.entries, *self.commands, *self.kinds, *self.field_types)


def discover(found: Iterable[EntryPoint] | None = None, environment: Mapping[str, str] = os.environ) -> list[Plugin]:
    """Load the plugins of entry-point group ``ganzoo`` (or of ``found``), broken ones included.

    A plugin with any fault is set aside as a whole. Of two plugins that declare the same name, the first one is kept:
    ganzoo's own plugins are first, so that no package can replace ``cgan`` unnoticed; the others follow alphabetically.
    """
    points, plugins = _points() if found is None else (found, [])
    allowed = {word.strip() for word in environment.get(ALLOW_LIST, "").split(",") if word.strip()}
    ordered = sorted(((_provider(point), point) for point in points), key=lambda pair: _order(pair[0]))
    owners: dict[tuple[str, str], Provider] = {}
    seen: dict[str, Provider] = {}
    for provider, point in ordered:
        if allowed and not allowed & {provider.plugin, provider.package}:
            plugins.append(Plugin(provider, cause=f"not in the allow-list {ALLOW_LIST}", allowed=False))
            continue
        plugin = _load(provider, point)
        clash = _clash(plugin, owners, seen)
        if clash:
            plugin = Plugin(provider, cause=clash)
        if not plugin.cause:
            seen[provider.plugin] = provider
            owners.update({(item.kind, item.name): provider for item in plugin.declarations})
        plugins.append(plugin)
    known = kinds_of(plugins)
    return [with_known_kinds(plugin, known) for plugin in plugins]


def kinds_of(plugins: Iterable[Plugin]) -> dict[str, Kind]:
    """Return ganzoo's own kinds and those that sound plugins declare, by name."""
    return {**KINDS, **{kind.name: kind for plugin in plugins if not plugin.cause for kind in plugin.kinds}}


def with_known_kinds(plugin: Plugin, known: Mapping[str, Kind]) -> Plugin:
    """Return ``plugin``, set aside if it has a component of a kind that is not ``known``."""
    for item in plugin.components:
        if item.kind not in known:
            kinds = ", ".join(kind for kind in known if kind != "variant")
            cause = f"component {item.name!r} has the unknown kind {item.kind!r}; kinds: {kinds}"
            return Plugin(plugin.provider, cause=cause)
    return plugin


def _points() -> tuple[Iterable[EntryPoint], list[Plugin]]:
    """Return the installed entry points of the group, and a plugin with a cause for each broken package."""
    # Imported here because it takes a quarter of the import of ganzoo.plugin, which every plugin makes.
    from importlib.metadata import entry_points

    try:
        return entry_points(group=hooks.GROUP), []
    except Exception:
        # The file of one package cannot be read, and that ends the listing of all: read each package separately.
        return _points_one_by_one()


def _points_one_by_one() -> tuple[Iterable[EntryPoint], list[Plugin]]:
    from importlib.metadata import distributions

    points: dict[tuple[str, str], EntryPoint] = {}
    unreadable = []
    for distribution in distributions():
        try:
            for point in distribution.entry_points.select(group=hooks.GROUP):
                points.setdefault((distribution.name, point.name), point)
        except Exception as problem:
            provider = Provider("unreadable", distribution.name or "unknown", distribution.version or "unknown")
            unreadable.append(Plugin(provider, cause=f"its entry points cannot be read: {described(problem)}"))
    return points.values(), unreadable


def _provider(point: EntryPoint) -> Provider:
    if point.dist is None:
        return Provider(point.name, "unknown", "unknown")
    return Provider(point.name, point.dist.name or "unknown", point.dist.version or "unknown")


def _order(provider: Provider) -> tuple[bool, str, str]:
    return (provider.package != OWN_PACKAGE, provider.package, provider.plugin)


def _clash(plugin: Plugin, owners: Mapping[tuple[str, str], Provider], seen: Mapping[str, Provider]) -> str:
    mine = plugin.provider
    if not plugin.cause and mine.plugin in seen:
        return f"package {mine.package} and package {seen[mine.plugin].package} both have a plugin {mine.plugin!r}"
    for item in plugin.declarations:
        owner = owners.get((item.kind, item.name))
        if owner is not None:
            both = f"package {owner.package} and package {mine.package}"
            return f"{both} both declare the {item.kind} {item.name!r}; uninstall one of them"
    return ""


def _load(provider: Provider, point: EntryPoint) -> Plugin:
    # BaseException: a plugin that exits while it is imported must not end the program.
    try:
        # ganzoo's own plugins are those of this version: their metadata need not be read, once for each.
        if point.dist is not None and provider.package != OWN_PACKAGE and (cause := misfit(point.dist.requires)):
            return Plugin(provider, cause=cause)
        return plugin_in(lambda: _loaded(point), provider)
    except Interrupted:
        raise
    except BaseException as problem:
        return Plugin(provider, cause=described(problem))


def plugin_in(load: Callable[[], Any], provider: Provider) -> Plugin:
    """Return the plugin in the module or object that ``load`` returns; invalid declarations are its cause.

    Raises whatever the code of the plugin raises, which may be no ``Exception``.
    """
    quick = SLOW not in sys.modules
    # Its output goes to stderr, because stdout may be a JSON document.
    with contextlib.redirect_stdout(sys.stderr), _staying():
        declared = _declarations(load())
        faults = [fault for item in declared for fault in item.faults()]
        names = [(str(item.kind), str(item.name)) for item in declared]
    slow = quick and SLOW in sys.modules
    twice = sorted({name for name in names if names.count(name) > 1})
    faults += [f"{kind} {name!r} is declared twice" for kind, name in twice]
    if faults:
        return Plugin(provider, cause="; ".join(faults))
    components = tuple(item for item in declared if isinstance(item, Component))
    variants = tuple(item for item in declared if isinstance(item, Variant))
    commands = tuple(item for item in declared if isinstance(item, Command))
    kinds = tuple(item for item in declared if isinstance(item, Kind))
    types = tuple(item for item in declared if isinstance(item, FieldType))
    taken = [item for item in kinds if item.name in KINDS] + [item for item in types if item.name in FIELD_TYPES]
    if taken:
        cause = f"{taken[0].kind} {taken[0].name!r} is one of ganzoo's own: choose another name"
        return Plugin(provider, cause=cause)
    return Plugin(provider, components, variants, commands, kinds, types, slow=slow)


@contextlib.contextmanager
def _staying() -> Iterator[None]:
    """Restore the working folder after the block, because paths on a command line are relative to it."""
    folder = _working_folder()
    try:
        yield
    finally:
        # A folder that was removed, or that may not be entered by its name, cannot be restored.
        if folder and _working_folder() != folder:
            with contextlib.suppress(OSError):
                os.chdir(folder)


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""


def _loaded(point: EntryPoint) -> Any:
    try:
        return point.load()
    except AttributeError as problem:
        raise AttributeError(f"{point.value} does not exist: {problem}") from problem


def _declarations(module: Any) -> list[Declaration]:
    manager = pluggy.PluginManager(hooks.GROUP)
    manager.add_hookspecs(hooks)
    manager.register(module)
    manager.check_pending()
    if not manager.get_hookcallers(module):
        raise TypeError("it implements no ganzoo hook: mark its functions with ganzoo.hookimpl")
    declared: list[Declaration] = []
    for hook, expected in hooks.RETURNS.items():
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            # Called directly: pluggy drops a result of None, which is a forgotten return.
            answer = implementation.function()
            if answer is None or isinstance(answer, str | Declaration):
                raise TypeError(f"{hook} returned {answer!r}, which is not a list of {expected.__name__}")
            for item in answer:
                if not isinstance(item, expected):
                    raise TypeError(f"{hook} returned {item!r}, which is not a {expected.__name__}")
                if isinstance(item, Component) and (item.kind == "observer") != (hook == hooks.OF_OBSERVERS):
                    raise TypeError(
                        f"{hook} returned the {item.kind} {item.name!r}: {hooks.OF_OBSERVERS} returns observers, and "
                        "ganzoo_components all other components"
                    )
                declared.append(item)
                if len(declared) > MOST:
                    raise ValueError(f"{hook} returns more than {MOST} declarations, perhaps without end")
    return declared
