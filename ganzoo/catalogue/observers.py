"""The observers that a training takes besides its parts: any number, chosen by name, each with its options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ganzoo.catalogue.component import Slot
from ganzoo.catalogue.config_layers import OBSERVER, ConfigLayer, missing_file
from ganzoo.catalogue.options import Option, options_of
from ganzoo.catalogue.registry import Part, Registry, part_of
from ganzoo.catalogue.settings import RunSettings
from ganzoo.errors import Refused, UserError


def observer_flags(registry: Registry) -> dict[str, list[tuple[str, Option]]]:
    """Return the flags of the options of every observer, without dashes, with what each sets."""
    return {
        f"{OBSERVER}{name}-{item.flag}": [(f"{OBSERVER}{name}", item)]
        for name in registry.names("observer")
        for item in options_of(registry.component("observer", name).config)
    }


def observer_parts(
    registry: Registry, settings: RunSettings, layers: Sequence[ConfigLayer], problems: list[str]
) -> Iterator[Part]:
    """Yield the chosen observers with their options; the last of ``layers`` is the command line."""
    for name in settings.observers:
        values = {
            option: value for layer in layers for option, value in layer.options.get(f"{OBSERVER}{name}", {}).items()
        }
        try:
            yield part_of(registry.entry("observer", name), Slot("observer", "observer", name), values)
        except Refused as refused:
            problems.extend(refused.problems)
        except UserError as problem:
            problems.append(missing_file(layers, f"{OBSERVER}{name}", f"observer {name!r}") or str(problem))
    problems.extend(_without_effect(settings, layers[-1].options))


def _without_effect(settings: RunSettings, given: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    for key in given:
        name = key.removeprefix(OBSERVER)
        if key.startswith(OBSERVER) and name not in settings.observers:
            yield f"the options --{key}-… have no effect without the observer: add --observer {name}"
