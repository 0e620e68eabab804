"""``ganzoo info``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from ganzoo.catalogue import Component, Registry, Selection, Variant, installed, select
from ganzoo.catalogue.combination import SOME
from ganzoo.catalogue.component import PUBLISHED
from ganzoo.catalogue.options import Option, options_of, values_of
from ganzoo.catalogue.registry import Entry
from ganzoo.catalogue.selection import choose_components
from ganzoo.cli.candidates import every_name
from ganzoo.cli.help import HelpCommand
from ganzoo.cli.output import print_json, print_table, tell, tell_loading


@click.command(cls=HelpCommand)
@click.argument("name", shell_complete=every_name)
@click.option("--networks", is_flag=True, help="Show the layers of a variant's networks: output shape and parameters.")
@click.option(
    "--exchange",
    is_flag=True,
    help="Show what several processes exchange in a step of a variant: messages and bytes by phase.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def info(name: str, networks: bool, exchange: bool, as_json: bool) -> None:
    """Show parts, options with defaults, source and needs of NAME.

    NAME is any name that `ganzoo list` shows; a variant is shown with the published results of its source.
    """
    registry = installed()
    found = registry.find(name)
    if networks:
        _show_networks(registry, name, as_json)
        return
    if exchange:
        _show_exchange(registry, name, as_json)
        return
    if as_json:
        print_json([_as_json(registry, entry) for entry in found])
        return
    for entry in found:
        tell("\n".join(_lines(registry, entry)))
        tell()


def _show_networks(registry: Registry, name: str, as_json: bool) -> None:
    chosen = select(registry, registry.variant(name).name)
    if not as_json:
        tell_loading(f"info {name}")
    # Imported here because it imports torch: problems that need no torch have been reported by now.
    from ganzoo.assembly.layers_table import layers_of

    layers = layers_of(chosen)
    if as_json:
        print_json({network: [layer._asdict() for layer in found] for network, found in layers.items()})
        return
    for network, found in layers.items():
        tell(f"{network}: {sum(layer.parameters for layer in found):,} parameters")
        rows = [(layer.name, layer.type, _shape(layer.shape), f"{layer.parameters:,}") for layer in found]
        print_table(("layer", "type", "output", "parameters"), rows)
        tell()


def _show_exchange(registry: Registry, name: str, as_json: bool) -> None:
    chosen = select(registry, registry.variant(name).name)
    if not as_json:
        tell_loading(f"info {name}")
    # Imported here because it imports torch: problems that need no torch have been reported by now.
    from ganzoo.studio.exchange import exchange_of

    found = exchange_of(chosen)
    if as_json:
        print_json({phase: {"every": each.every, "messages": each.messages} for phase, each in found.items()})
        return
    rows = [(phase, f"{each.every:,}", f"{each.calls:,}", f"{each.bytes:,}") for phase, each in found.items()]
    print_table(("phase", "every", "messages", "bytes"), rows)


def _shape(shape: tuple[int, ...] | None) -> str:
    return "-" if shape is None else "×".join(map(str, shape)) or "1"


def _as_json(registry: Registry, entry: Entry) -> dict[str, Any]:
    item = entry.item
    about: dict[str, Any] = {**entry.to_json(), "source": item.source, **_notes(item)}
    if item.combinations:
        about["combinations"] = [
            {"when": dict(combination.when), "defaults": _listed(combination.defaults)}
            for combination in item.combinations
        ]
    if isinstance(item, Variant):
        chosen = select(registry, item.name)
        about |= {"figures": item.figures, "recipe": item.recipe, "defaults": chosen.to_json()}
        about["requires"] = _data_needs(chosen)
        about["published"] = _listed(item.published)
        if item.presets:
            about["presets"] = {name: _listed(settings) for name, settings in item.presets.items()}
    else:
        about["options"] = values_of(item.config())
        about["requires"] = [list(need.any_of) for need in item.requires]
        about["provides"] = list(item.provides)
    return about


def _listed(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}


def _lines(registry: Registry, entry: Entry) -> list[str]:
    item = entry.item
    lines = [f"{item.kind} {item.name}  ({entry.provider})", f"  {item.summary}"]
    if item.source:
        lines.append(f"  source: {item.source}")
    lines += [f"  {name.replace('_', ' ')}: {note}" for name, note in _notes(item).items()]
    return lines + (_variant_lines(registry, item) if isinstance(item, Variant) else _component_lines(item))


def _notes(item: Component | Variant) -> dict[str, str]:
    """Return what the declaration tells its readers, by name."""
    if isinstance(item, Variant):
        notes = {"good_at": item.strengths, "pitfalls": item.pitfalls, "proof": item.proof}
    else:
        notes = {"equation": item.equation, "good_at": item.strengths, "pitfalls": item.pitfalls}
        notes["defaults"] = item.origin
    return {name: note for name, note in notes.items() if note}


def _variant_lines(registry: Registry, item: Variant) -> list[str]:
    chosen = select(registry, item.name)
    lines = [f"  published results: {item.figures}"] if item.figures else []
    needs = _data_needs(chosen)
    lines.append(f"  requires of the dataset: {'; '.join(needs) if needs else 'nothing'}")
    lines.append("  parts:")
    width = max(len(slot) for slot in chosen.parts)
    for slot, part in chosen.parts.items():
        options = _options(part.config)
        lines.append(f"    {slot:<{width}}  {part.component.name}{f'  ({options})' if options else ''}")
    lines.append(f"  run: {_options(chosen.run, only=('steps', 'epochs', 'batch_size', 'ema'))}")
    presets = {PUBLISHED: item.published, **item.presets}
    for name, settings in presets.items():
        if settings:
            known = choose_components(registry, item.name, preset=name).option_flags
            lines.append(f"  --preset {name} is {_as_flags(settings, known)}")
    return lines + _combination_lines(item)


def _combination_lines(item: Component | Variant) -> list[str]:
    """Return the defaults that apply together with certain other parts."""
    lines = []
    for combination in item.combinations:
        with_parts = " ".join(f"--{key} {_one_of(wanted)}" for key, wanted in combination.when.items())
        lines.append(f"  with {with_parts} the defaults are {_as_flags(combination.defaults)}")
    return lines


def _one_of(wanted: str | tuple[str, ...]) -> str:
    return "other than none" if wanted == SOME else wanted if isinstance(wanted, str) else "|".join(wanted)


def _as_flags(settings: Mapping[str, Any], known: Mapping[str, Sequence[tuple[str, Option]]] | None = None) -> str:
    """Return the entries of ``published``, such as ``run.ema`` or ``dataset``, as they are typed on a command line.

    ``known`` are options by flag: each shows a value in its own way.
    """
    return " ".join(_as_flag(key, value, known or {}) for key, value in settings.items())


def _as_flag(key: str, value: Any, known: Mapping[str, Sequence[tuple[str, Option]]]) -> str:
    flag = key.removeprefix("run.").replace(".", "-").replace("_", "-")
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    shown = [option.show(value) for _, option in known.get(flag, ())]
    return f"--{flag} {shown[0] if shown else _word(value)}"


def _word(value: Any) -> str:
    return "none" if value is None else ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _data_needs(chosen: Selection) -> list[str]:
    """Return what the parts of a variant require of the data, each with its alternatives."""
    needs = [need.any_of for part in chosen.parts.values() for need in part.component.requires]
    of_data = [words for words in needs if all(word.split(":")[0] in ("data", "condition") for word in words)]
    return list(dict.fromkeys(" or ".join(words) for words in of_data))


def _options(config: Any, only: tuple[str, ...] = ()) -> str:
    shown = [option for option in options_of(type(config)) if not only or option.name in only]
    return ", ".join(f"{option.flag} {_shown(option, getattr(config, option.name))}" for option in shown)


def _shown(option: Option, value: Any) -> str:
    return option.show(value) or "empty"


def _component_lines(item: Component) -> list[str]:
    lines = [f"  needs: {' or '.join(need.any_of)} — {need.advice}" for need in item.requires]
    if item.provides:
        lines.append(f"  provides: {', '.join(item.provides)}")
    if item.slots:
        lines.append("  slots:")
        lines += [f"    {slot.name}  (a {slot.kind}; default {slot.default})" for slot in item.slots]
    options = options_of(item.config)
    if options:
        lines.append("  options:")
        width = max(len(option.flag) for option in options)
        lines += [
            f"    {option.flag:<{width}}  {option.metavar}, default {_shown(option, option.default)}: {option.help}"
            for option in options
        ]
    return lines + _combination_lines(item)
