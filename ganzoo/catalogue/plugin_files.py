"""Plugins that are one Python file, which only a user names: in ``--plugin FILE.py`` or ``ganzoo.use_plugin``."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import final

from ganzoo.catalogue.discovery import LOCAL, Plugin, Provider, kinds_of, plugin_in, with_known_kinds
from ganzoo.catalogue.registry import Registry, install, installed
from ganzoo.errors import Interrupted, UserError
from ganzoo.paths import user_path
from ganzoo.text import described, in_file_name, one_line

PREFIX = "ganzoo_file_"  # of the names of their modules, which are no names of other modules
MOST_BYTES = 2**24
DIGITS = 12  # of a sha256, as the version of a file


def use_plugin(file: str | Path) -> None:
    """Load a plugin from one Python file for the rest of this process, or load it again.

    Raises :class:`UserError` that names the file and the line where something is wrong; then nothing has changed.
    """
    path = _path_of(file)
    registry = installed()
    others = [plugin for plugin in registry.plugins if plugin.provider.file != path]
    _refuse_same_module(path, others)
    with _module_entry_kept(path):
        plugin = _load(path)
        _refuse_taken_names(plugin, others)
        plugin = with_known_kinds(plugin, kinds_of([*others, plugin]))
        if plugin.cause:
            raise UserError(f"the plugin file {one_line(path.name)} cannot be used: {plugin.cause}")
    install(Registry([*others, plugin]))


@contextmanager
def plugins_from(files: Iterable[str | Path]) -> Iterator[None]:
    """Load plugins from files for the block; raises what :func:`use_plugin` raises."""
    files = list(files)
    if not files:
        yield
        return
    registry = installed()
    modules = {name: module for name, module in sys.modules.items() if name.startswith(PREFIX)}
    try:
        for file in dict.fromkeys(map(_path_of, files)):
            use_plugin(file)
        yield
    finally:
        install(registry)
        for name in [name for name in sys.modules if name.startswith(PREFIX)]:
            del sys.modules[name]
        sys.modules.update(modules)


def files_in_use() -> tuple[Path, ...]:
    """Return the plugin files of this process."""
    return tuple(plugin.provider.file for plugin in installed().plugins if plugin.provider.file is not None)


@final
class ModulesOfFiles:
    """The modules of this process's plugin files; a process that unpickles this object has them too.

    A worker process that was not forked finds a class by the name of its module, which it cannot import by itself.
    """

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path, ...]]:
        return _load_modules, files_in_use()


def _load_modules(*paths: Path) -> None:
    for path in paths:
        if _module_name(path) not in sys.modules:
            _module(path)


@final
class _Loader(SourceFileLoader):
    """Reads the file each time anew, and leaves no cache beside it."""

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the file."""
        return self.source_to_code(self.get_data(self.path), self.path)


def _path_of(file: str | Path) -> Path:
    """Return the path without links; raises :class:`UserError` if it cannot be a plugin."""
    file = user_path(file)
    shown = f"the plugin file {one_line(file)}"
    if os.path.isdir(file):
        raise UserError(f"{shown} is a folder: give one Python file")
    if not os.path.exists(file):
        raise UserError(f"{shown} does not exist: give the path of a Python file")
    if file.suffix != ".py" or not os.path.isfile(file):
        raise UserError(f"{shown} is not a Python file: its name must end in .py")
    if os.path.getsize(file) > MOST_BYTES:
        raise UserError(f"{shown} is larger than {MOST_BYTES // 2**20} MiB: give a file with Python code")
    return Path(os.path.realpath(file))


def _module_name(path: Path) -> str:
    return PREFIX + in_file_name(path.stem)


def _refuse_same_module(path: Path, others: Iterable[Plugin]) -> None:
    for other in (plugin.provider.file for plugin in others):
        if other is not None and _module_name(other) == _module_name(path):
            raise UserError(f"the plugin files {other} and {path} have the same name: rename one of them")


def _refuse_taken_names(plugin: Plugin, others: Iterable[Plugin]) -> None:
    owners = {(item.kind, item.name): other for other in others for item in other.declarations}
    for item in plugin.declarations:
        owner = owners.get((item.kind, item.name))
        if owner is not None:
            raise UserError(
                f"the plugin file {plugin.provider} declares the {item.kind} {item.name!r}, which "
                f"{owner.provider.origin} has declared already: choose another name"
            )


def _load(path: Path) -> Plugin:
    """Return the plugin in a file; raises :class:`UserError` with its cause."""
    shown = f"the plugin file {one_line(path.name)} cannot be used"
    try:
        version = hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]
        plugin = plugin_in(lambda: _module(path), Provider(path.stem, LOCAL, version, path))
    except Interrupted:
        raise
    except BaseException as problem:  # its code may raise anything, SystemExit too
        raise UserError(f"{shown}: {_located(problem, path)}") from problem
    if plugin.cause:
        raise UserError(f"{shown}: {plugin.cause}")
    return plugin


def _module(path: Path) -> ModuleType:
    """Return the module of a file, executed anew."""
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path, loader=_Loader(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Type hints, the compiler and worker processes look a module up by its name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def _module_entry_kept(path: Path) -> Iterator[None]:
    """Restore the entry of the file's module in ``sys.modules`` if the block raises."""
    name = _module_name(path)
    before = sys.modules.get(name)
    try:
        yield
    except BaseException:
        sys.modules.pop(name, None)
        if before is not None:
            sys.modules[name] = before
        raise


def _located(problem: BaseException, path: Path) -> str:
    """Return the type and the message of ``problem``, with the line of the file where it arose."""
    if isinstance(problem, SyntaxError) and problem.filename == str(path):
        return f"line {problem.lineno}: {type(problem).__name__}: {one_line(problem.msg)}"
    frames = traceback.walk_tb(problem.__traceback__)
    lines = [line for frame, line in frames if frame.f_code.co_filename == str(path)]
    return f"line {lines[-1]}: {described(problem)}" if lines else described(problem)
