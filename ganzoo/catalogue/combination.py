"""Defaults of parts that are used together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SOME = "*"
_NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Combination:
    """Defaults that apply ``when`` certain parts are chosen together, declared by a variant or a component.

    Keys of ``when`` are ``variant``, ``recipe``, slot names or kinds (a kind means every slot of that kind). A value is
    the name of a component, several of them, or ``*`` for any component but ``none``. Keys of ``defaults`` are those of
    ``Variant.published``: a slot or kind for another part, ``<slot or kind>.<option>``, or ``run.<option>``.

    >>> multiplied = Combination(when={"generator-conditioner": "multiply"}, defaults={"latent": "uniform"})
    >>> multiplied.applies({"generator-conditioner": ["multiply"], "loss": ["bce"]})
    True
    >>> multiplied.applies({"generator-conditioner": ["concat"], "loss": ["bce"]})
    False
    """

    when: Mapping[str, str | tuple[str, ...]]
    defaults: Mapping[str, Any]

    def applies(self, chosen: Mapping[str, list[str]]) -> bool:
        """Return whether it applies to the names that are ``chosen`` for each slot and kind."""
        return all(
            bool(chosen.get(key)) and all(_fits(wanted, name) for name in chosen[key])
            for key, wanted in self.when.items()
        )

    @property
    def parts(self) -> Mapping[str, str]:
        """The parts that it chooses, by slot or kind."""
        return {key: str(value) for key, value in self.defaults.items() if "." not in key}

    @property
    def options(self) -> Mapping[str, Any]:
        """The options that it sets, by ``<slot or kind>.<option>``."""
        return {key: value for key, value in self.defaults.items() if "." in key}

    def faults(self, whose: str) -> Iterator[str]:
        """Yield every error in it, as a declaration of ``whose``."""
        mappings: tuple[Any, ...] = (self.when, self.defaults)  # a plugin may put anything here
        if not all(isinstance(value, Mapping) and value for value in mappings):
            yield f"a combination of {whose} needs two mappings that are not empty, 'when' and 'defaults'"
            return
        for key in self.defaults:
            if str(key).count(".") > 1:
                yield f"default {key!r} in a combination of {whose} does not have the form 'slot.option'"


def _fits(wanted: str | tuple[str, ...], name: str) -> bool:
    if wanted == SOME:
        return name != _NONE
    return name in ((wanted,) if isinstance(wanted, str) else wanted)
