"""A plugin-based zoo of generative adversarial networks.

Importing this package does not import torch; the functions below import it when they need it.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ganzoo.api import catalogue as list
    from ganzoo.api import evaluate, load, sample, train
    from ganzoo.catalogue import hookimpl
    from ganzoo.catalogue.plugin_files import use_plugin

__all__ = ["evaluate", "hookimpl", "list", "load", "sample", "train", "use_plugin"]

_HOMES = {
    "evaluate": ("ganzoo.api", "evaluate"),
    "hookimpl": ("ganzoo.catalogue", "hookimpl"),
    "list": ("ganzoo.api", "catalogue"),
    "load": ("ganzoo.api", "load"),
    "sample": ("ganzoo.api", "sample"),
    "train": ("ganzoo.api", "train"),
    "use_plugin": ("ganzoo.catalogue.plugin_files", "use_plugin"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ganzoo' has no attribute {name!r}; it has {', '.join(__all__)}")
    module, attribute = _HOMES[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> Sequence[str]:
    return [*__all__, "__version__"]
