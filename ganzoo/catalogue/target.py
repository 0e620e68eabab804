"""Targets: the classes, functions and commands that declarations name, imported when they are needed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from ganzoo.text import message_of


def load_target(target: str | Callable[..., Any]) -> Any:
    """Return what ``package.module:name`` names; a target that is no text is returned as it is.

    Raises ``ImportError``, whatever the code of the module raises.
    """
    if not isinstance(target, str):
        return target
    module, name = target.split(":")
    try:
        return getattr(importlib.import_module(module), name)
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # code of a plugin may raise anything during import, SystemExit included
        raise ImportError(f"{target} cannot be loaded ({message_of(problem)})") from problem
