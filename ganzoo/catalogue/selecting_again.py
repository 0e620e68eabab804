"""Selecting again what a user chose, with a preset or run settings that the user left open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ganzoo.catalogue.registry import Registry
from ganzoo.catalogue.selection import Selection, select


class Choose(Protocol):
    """Selects the same again, with another preset or other run settings, as far as the user left them open."""

    def __call__(self, preset: str | None, settings: Mapping[str, Any], /) -> Selection:
        """Return the selection; without ``preset``, that of the user or the usual one."""


def chooser(
    registry: Registry,
    variant_name: str,
    flags: Mapping[str, Any],
    preset: str | None,
    file: Mapping[str, Any] | None,
) -> Choose:
    """Return a function that selects as :func:`select` with these arguments, with what they leave open."""
    fixed = preset or (file or {}).get("preset")

    def choose(other: str | None, settings: Mapping[str, Any]) -> Selection:
        return select(registry, variant_name, flags, fixed or other, file, settings)

    return choose
