"""Data roots with stand-ins: small data in the real layout, where a dataset reads files."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, final

from ganzoo.catalogue import installed


def resolve_target(target: str) -> Any:
    """Return what a declaration names as ``package.module:name``."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


@final
class StandIns:
    """Gives the data root of a dataset by its name, and writes its stand-in on the first call."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __call__(self, name: str) -> Path:
        """Return the data root of the dataset ``name``."""
        root = self.folder / name
        if not root.exists():
            root.mkdir(parents=True)
            target = installed().component("dataset", name).stand_in
            if target:
                resolve_target(target)(root)
        return root
