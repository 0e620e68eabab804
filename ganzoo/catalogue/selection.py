"""From a variant and what somebody asked for to one resolved choice: default < variant < config file < flag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ganzoo.catalogue.component import Component, Slot, Variant
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.flags import option_flags, options_by, slot_flags, unknown_flag
from ganzoo.catalogue.formats import FORMAT
from ganzoo.catalogue.options import DataConfig, make, options_of, values_of
from ganzoo.catalogue.part import Part, part_of, part_to_json
from ganzoo.catalogue.precedence import RUN, Layer, file_layer, name_in, options_in, refuse_other_file, variant_layers
from ganzoo.catalogue.registry import Registry
from ganzoo.catalogue.settings import PLACE, RunSettings
from ganzoo.errors import Refused, UserError
from ganzoo.text import did_you_mean

PRESETS = ("default", "published")


@dataclass(frozen=True)
class Selection:
    """Everything that was chosen for one training: a part for each slot, and the run settings."""

    variant: str
    preset: str
    parts: Mapping[str, Part]
    run: RunSettings

    @property
    def recipe(self) -> Component:
        """The recipe's declaration."""
        return self.parts["recipe"].component

    def data(self) -> dict[str, DataSpec]:
        """Return what each dataset slot will deliver; may look at folder names, reads no data."""
        specs = {}
        for name, part in self.parts.items():
            if isinstance(part.config, DataConfig):
                with part.attributed():
                    specs[name] = part.config.spec(self.run.data_root)
        return specs

    def to_json(self) -> dict[str, Any]:
        """Return what ``config.json`` and a model's header hold: names, never import paths."""
        run = {name: value for name, value in values_of(self.run).items() if name not in PLACE}
        return {
            "format": FORMAT,
            "variant": self.variant,
            "preset": self.preset,
            "parts": {name: part_to_json(part) for name, part in self.parts.items()},
            "run": run,
        }


def recipe_slots(registry: Registry, variant: Variant) -> tuple[Slot, ...]:
    """Return the slots that a variant's recipe declares."""
    return registry.component("recipe", variant.recipe).slots


def select(
    registry: Registry,
    variant_name: str,
    flags: Mapping[str, Any] | None = None,
    preset: str | None = None,
    file: Mapping[str, Any] | None = None,
) -> Selection:
    """Resolve what to train.

    ``flags`` are command-line words without the dashes (``conditioner``, ``optimizer-lr``, ``steps``), their
    values words or Python values; underscores are as good as dashes. ``file`` is the content of a
    ``config.json``; without ``preset`` its own holds. Raises :class:`~ganzoo.errors.Refused` with every problem that
    could be found.
    """
    variant = registry.variant(variant_name)
    refuse_other_file(file or {}, variant_name, preset)
    preset = preset or str((file or {}).get("preset", PRESETS[0]))
    if preset not in PRESETS:
        raise UserError(f"no preset is called {preset!r}{did_you_mean(preset, PRESETS)} Presets: {', '.join(PRESETS)}")
    slots = recipe_slots(registry, variant)
    asked = {name.replace("_", "-"): value for name, value in (flags or {}).items() if value is not None}
    placed = slot_flags(slots)
    layers = [
        *variant_layers(variant, published=preset == PRESETS[1]),
        file_layer(file or {}, variant),
        Layer("the command line", {name: str(value) for name, value in asked.items() if name in placed}),
    ]
    problems: list[str] = []
    chosen = _choose(registry, variant, slots, layers, problems)
    layers[-1] = Layer(layers[-1].name, layers[-1].parts, _flag_options(asked, slots, chosen, problems), loose=True)
    parts = {
        slot.name: part
        for slot in (Slot("recipe", "recipe", variant.recipe), *slots)
        if slot.name in chosen
        for part in _configure(registry, slot, chosen[slot.name][1], layers, problems)
    }
    settings = _settings(layers, problems)
    if problems or settings is None:
        raise Refused(dict.fromkeys(problems))
    return Selection(variant_name, preset, parts, settings)


def _choose(
    registry: Registry, variant: Variant, slots: tuple[Slot, ...], layers: list[Layer], problems: list[str]
) -> dict[str, tuple[Slot, Component]]:
    legal = slot_flags(slots) | {"recipe"}
    for layer in layers:
        for key in (*layer.parts, *(key for key in layer.options if key != RUN)):
            if key not in legal:
                problems.append(
                    f"{layer.name} has a part or option for {key!r}, but recipe {variant.recipe!r} has no slot {key!r}"
                    f"{did_you_mean(key, legal)} Slots: {', '.join(sorted(legal))}"
                )
    chosen = {"recipe": (Slot("recipe", "recipe", ""), registry.component("recipe", variant.recipe))}
    for slot in slots:
        try:
            chosen[slot.name] = (slot, registry.component(slot.kind, name_in(slot, layers)))
        except UserError as problem:
            problems.append(str(problem))
    return chosen


def _flag_options(
    asked: Mapping[str, Any],
    slots: tuple[Slot, ...],
    chosen: Mapping[str, tuple[Slot, Component]],
    problems: list[str],
) -> dict[str, dict[str, Any]]:
    legal, placed = option_flags(chosen), slot_flags(slots)
    # What an unknown component would have had for options cannot be told; its name is problem enough.
    unknown = tuple(f"{name}-" for name in slot_flags([slot for slot in slots if slot.name not in chosen]))
    given = {flag: value for flag, value in asked.items() if flag not in placed}
    for flag in given:
        if flag not in legal and not flag.startswith(unknown):
            problems.append(unknown_flag(flag, [*legal, *placed]))
    return options_by(given, legal)


def _configure(
    registry: Registry, slot: Slot, component: Component, layers: list[Layer], problems: list[str]
) -> Iterator[Part]:
    entry = registry.entry(slot.kind, component.name)
    try:
        yield part_of(entry, slot, options_in(slot, component, layers))
    except Refused as refused:
        problems.extend(refused.problems)


def _settings(layers: list[Layer], problems: list[str]) -> RunSettings | None:
    values: dict[str, Any] = {}
    for layer in layers:
        given = layer.options.get(RUN, {})
        lengths = [name for name in ("steps", "epochs") if not _says_nothing(name, given.get(name))]
        if len(lengths) == 2:
            problems.append("--steps and --epochs both say how long to train; give one of them")
        if lengths:
            values["steps"] = values["epochs"] = None
        values.update(given)
    try:
        settings = make(RunSettings, values, "ganzoo train")
    except Refused as refused:
        problems.extend(refused.problems)
        return None
    if settings.steps is None and settings.epochs is None:
        problems.append("it is not said how long to train: give --steps or --epochs")
    return settings


def _says_nothing(name: str, value: Any) -> bool:
    """Whether a setting was given as none at all, in words or as a value."""
    (setting,) = (option for option in options_of(RunSettings) if option.name == name)
    try:
        return setting.read(value) is None
    except ValueError:
        return False
