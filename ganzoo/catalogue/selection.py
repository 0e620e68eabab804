"""From a variant and the user's choices to one selection: default < variant < combination < preset < file < flag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ganzoo.catalogue.component import DEFAULT, PUBLISHED, Component, Slot, Variant
from ganzoo.catalogue.config_layers import (
    OBSERVER,
    RUN,
    ConfigLayer,
    combination_layers,
    file_layer,
    missing_file,
    preset_layer,
    refuse_other_file,
    variant_layer,
)
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.discovery import LOCAL
from ganzoo.catalogue.flags import option_flags, options_by_slot, unknown_flag
from ganzoo.catalogue.formats import FORMAT
from ganzoo.catalogue.observers import observer_flags, observer_parts
from ganzoo.catalogue.options import DataConfig, Option, make, options_of, record_of
from ganzoo.catalogue.registry import (
    Part,
    Registry,
    ask_for_own,
    from_file,
    installed,
    lacks_own,
    part_of,
    part_to_json,
)
from ganzoo.catalogue.settings import NOT_IN_FILES, RunSettings
from ganzoo.catalogue.starts import STARTS, Start, chosen_starts, start_flags, starts_to_json
from ganzoo.errors import Refused, UserError
from ganzoo.text import did_you_mean, one_line


@dataclass(frozen=True)
class Selection:
    """Everything that is chosen for one training: a part for each slot, the run settings, and observers.

    ``starts`` are the models from which the networks in some slots start.
    ``variant_file`` is the name of the plugin file that declares the variant, if one does.
    ``registry`` has the names from which it was chosen, and later those of judges and metrics.
    """

    variant: str
    preset: str
    parts: Mapping[str, Part]
    run: RunSettings
    observers: tuple[Part, ...] = ()
    starts: Mapping[str, Start] = field(default_factory=dict)
    variant_file: str = ""
    registry: Registry = field(default_factory=installed, repr=False, compare=False)

    @property
    def recipe(self) -> Component:
        """The declaration of the recipe."""
        return self.parts["recipe"].component

    def with_out(self, out: Path | None) -> Selection:
        """Return the selection with another run folder."""
        return replace(self, run=replace(self.run, out=out))

    def data(self) -> dict[str, DataSpec]:
        """Return what each dataset slot will deliver; may list folders, reads no data."""
        specs = {}
        for name, part in self.parts.items():
            if isinstance(part.config, DataConfig):
                with part.attributed():
                    specs[name] = part.config.spec(self.run.data_root)
        return specs

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``config.json`` and of a model's header: names, never import paths."""
        run = {name: value for name, value in record_of(self.run).items() if name not in NOT_IN_FILES}
        about = {
            "format": FORMAT,
            "variant": self.variant,
            "preset": self.preset,
            "parts": {name: part_to_json(part) for name, part in self.parts.items()},
            "run": run,
        }
        if self.observers:
            about["observers"] = {part.component.name: part_to_json(part) for part in self.observers}
        about |= starts_to_json(self.starts)
        if self.variant_file:
            about["variant_file"] = self.variant_file
        return about


def recipe_slots(registry: Registry, variant: Variant) -> tuple[Slot, ...]:
    """Return the slots that the recipe of a variant declares."""
    return registry.component("recipe", variant.recipe).slots


def select(
    registry: Registry,
    variant_name: str,
    flags: Mapping[str, Any] | None = None,
    preset: str | None = None,
    file: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Selection:
    """Resolve what to train.

    ``flags`` are options of the command line without the dashes in front (``conditioner``, ``optimizer-lr``,
    ``steps``), with words or Python values; underscores and dashes mean the same. ``file`` is the content of a
    ``config.json``; without ``preset``, the preset of the file is used. ``settings`` are run settings that overrule
    the file, and that the command line overrules. Raises :class:`~ganzoo.errors.Refused` with every problem that could
    be found.
    """
    return choose_components(registry, variant_name, flags, preset, file).with_run(settings or {}).select(flags)


@dataclass(frozen=True)
class Components:
    """The first half of a selection: which component fills each slot. With them, the options are known."""

    registry: Registry
    variant: Variant
    preset: str
    slots: tuple[Slot, ...]
    chosen: Mapping[str, tuple[Slot, Component]]  # lacks the slots for which an unknown component was named
    layers: tuple[ConfigLayer, ...]  # the last one is the command line's
    problems: tuple[str, ...]

    @property
    def option_flags(self) -> dict[str, list[tuple[str, Option]]]:
        """The flags of options, without dashes, with what they set (:func:`~ganzoo.catalogue.flags.option_flags`)."""
        return option_flags(self.chosen) | observer_flags(self.registry) | self.start_flags

    @property
    def start_flags(self) -> dict[str, list[tuple[str, Option]]]:
        """The flags that say from which model a network starts (:func:`~ganzoo.catalogue.starts.start_flags`)."""
        return start_flags(self.slots, self.registry.kinds)

    @property
    def slot_flags(self) -> set[str]:
        """The flags that choose a component, without dashes."""
        return slot_flags(self.slots)

    def may_be_known(self, flag: str) -> bool:
        """Whether ``flag`` may set an option of a component that is not installed, so that it cannot be judged."""
        filled = {slot.flag for slot, _ in self.chosen.values()}
        unknown = slot_flags(slot for slot in self.slots if slot.name not in filled)
        return flag.startswith(tuple(f"{name}-" for name in unknown))

    def _of_own_part(self, flag: str) -> str:
        """Return a sentence about a flag that would be an option of a part of a program which has none, or nothing."""
        for name, (slot, component) in self.chosen.items():
            own = self.registry.entry(component.kind, component.name).provider.package == LOCAL
            if own and not options_of(component.config) and flag.startswith((f"{name}-", f"{slot.kind}-")):
                return (
                    f"{component.kind} {component.name!r} is a part of this program without options, so {flag!r} "
                    "cannot be set: set it in the program, for example with functools.partial"
                )
        return ""

    def with_run(self, settings: Mapping[str, Any]) -> Components:
        """Return the same with run settings that overrule the file, and that the command line overrules."""
        layer = ConfigLayer("the time to train", options={RUN: settings})
        return replace(self, layers=(*self.layers[:-1], layer, self.layers[-1]))

    def select(self, flags: Mapping[str, Any] | None = None) -> Selection:
        """Resolve the options; raises :class:`~ganzoo.errors.Refused` with every problem of both halves."""
        problems = list(self.problems)
        known, choosing = self.option_flags, self.slot_flags
        given = {flag: value for flag, value in _dashed(flags).items() if flag not in choosing}
        for flag in given:
            if flag not in known and not self.may_be_known(flag):
                problems.append(self._of_own_part(flag) or unknown_flag(flag, [*known, *choosing]))
        top = self.layers[-1]
        layers = [*self.layers[:-1], ConfigLayer(top.name, top.parts, options_by_slot(given, known), loose=True)]
        parts = {
            name: part
            for name, (slot, component) in self.chosen.items()
            for part in _configure(self.registry, slot, component, layers, problems)
        }
        settings = _settings(layers, problems)
        observers = tuple(observer_parts(self.registry, settings, layers, problems)) if settings is not None else ()
        recorded = {slot: start for layer in layers for slot, start in layer.starts.items()}
        starts = chosen_starts(recorded, layers[-1].options.get(STARTS, {}), known, problems)
        if problems or settings is None:
            raise Refused(dict.fromkeys(problems))
        provider = self.registry.entry("variant", self.variant.name).provider
        file = provider.file.name if provider.file else ""
        return Selection(self.variant.name, self.preset, parts, settings, observers, starts, file, self.registry)


def choose_components(
    registry: Registry,
    variant_name: str,
    flags: Mapping[str, Any] | None = None,
    preset: str | None = None,
    file: Mapping[str, Any] | None = None,
) -> Components:
    """Find the component for each slot; the arguments are those of :func:`select`, and other flags are ignored.

    Raises :class:`~ganzoo.errors.UserError` where the variant, the preset or the file is of no use; other problems are
    in the result.
    """
    try:
        variant = registry.variant(variant_name)
    except UserError as problem:
        named = (file or {}).get("variant") == variant_name
        missing = from_file(f"variant {one_line(variant_name)!r}", (file or {}).get("variant_file") if named else None)
        raise UserError(missing or str(problem)) from problem
    slots = recipe_slots(registry, variant)
    choosing = slot_flags(slots)
    refuse_other_file(file or {}, variant_name, preset, choosing)
    preset = preset or str((file or {}).get("preset", DEFAULT))
    if preset not in variant.preset_names:
        known = variant.preset_names
        raise UserError(
            f"no preset of {variant.name!r} is called {one_line(preset)!r}{did_you_mean(preset, known)} "
            f"Presets: {', '.join(known)}"
        )
    of_variant, of_preset = variant_layer(variant), preset_layer(variant, preset)
    of_user = (
        file_layer(file or {}, variant),
        ConfigLayer("the command line", {n: _names(value) for n, value in _dashed(flags).items() if n in choosing}),
    )
    # What a source published is left as it is, and so is what a run has recorded, which is complete.
    as_it_is = preset == PUBLISHED or "format" in (file or {})
    combined = [] if as_it_is else list(_combined(registry, variant, slots, (of_variant, of_preset, *of_user)))
    layers = (of_variant, *combined, of_preset, *of_user)
    problems = [*_unknown_slots(variant, slots, layers, registry), *_unknown_options(slots, layers[:-1], registry)]
    chosen = {"recipe": (Slot("recipe", "recipe", variant.recipe), registry.component("recipe", variant.recipe))}
    for slot in slots:
        names = _component_names(slot, layers)
        if len(names) > 1 and not slot.several:
            problems.append(f"--{slot.flag} takes one {slot.kind}, not several: {','.join(names)}")
            continue
        if len(set(names)) < len(names):
            problems.append(f"--{slot.flag} names a {slot.kind} twice: {','.join(names)}")
            continue
        for name in names:
            filled = slot if len(names) == 1 else slot.member(name)
            try:
                chosen[filled.name] = (filled, registry.component(slot.kind, name))
            except UserError as problem:
                naming = [layer for layer in layers if layer.parts.get(filled.name) == name]
                in_file = (file or {}).get("parts", {}).get(filled.name)
                if lacks_own(registry, slot, in_file) and name == in_file["name"]:
                    problems.append(ask_for_own(slot, in_file))
                else:
                    problems.append(missing_file(naming, filled.name, f"{slot.kind} {name!r}") or str(problem))
    return Components(registry, variant, preset, slots, chosen, layers, tuple(problems))


def _combined(
    registry: Registry, variant: Variant, slots: Sequence[Slot], layers: Sequence[ConfigLayer]
) -> Iterator[ConfigLayer]:
    """Yield the layers of the combinations that apply to the parts that ``layers`` choose."""
    chosen = {slot: list(_component_names(slot, layers)) for slot in slots}
    named = {(slot.kind, name): None for slot, names in chosen.items() for name in names}
    known = [registry.component(kind, name) for kind, name in named if name in registry.names(kind)]
    components = (registry.component("recipe", variant.recipe), *known)
    yield from combination_layers(variant, components, chosen)


def slot_flags(slots: Iterator[Slot] | Sequence[Slot]) -> set[str]:
    """Return every flag that chooses a component: the names of the slots, and of their kinds."""
    return {name for slot in slots for name in (slot.name, slot.kind)}


def members(slot: Slot, names: Mapping[str, str]) -> tuple[Slot, ...]:
    """Return the members of a slot among parts whose component's ``names`` are given by slot.

    >>> [member.name for member in members(Slot("penalty", "penalty", "none"), {"loss": "bce", "penalty-r1": "r1"})]
    ['penalty-r1']
    """
    return tuple(slot.member(name) for key, name in names.items() if key == f"{slot.name}-{name}")


def _names(value: Any) -> str:
    """Return one or several names in Python as the word of a command line."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _dashed(flags: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name.replace("_", "-"): value for name, value in (flags or {}).items() if value is not None}


def _unknown_slots(
    variant: Variant, slots: Sequence[Slot], layers: Sequence[ConfigLayer], registry: Registry
) -> Iterator[str]:
    known = slot_flags(slots) | {"recipe"}
    of_members = {slot.member(name).name for slot in slots if slot.several for name in registry.names(slot.kind)}
    for layer in layers:
        for slot in slots:
            of_members |= {member.name for member in members(slot, layer.parts) if slot.several}
        of_parts = (key for key in layer.options if key != RUN and not key.startswith(OBSERVER))
        for key in (*layer.parts, *of_parts):
            if key not in known | of_members:
                yield (
                    f"{layer.name} has a part or option for {key!r}, but recipe {variant.recipe!r} has no slot {key!r}"
                    f"{did_you_mean(key, known)} Slots: {', '.join(sorted(known))}"
                )


def _unknown_options(slots: Sequence[Slot], layers: Sequence[ConfigLayer], registry: Registry) -> Iterator[str]:
    """Yield the options that the last of ``layers`` gives for several parts at once, and that none of them has."""
    for key, given in layers[-1].options.items():
        sharing = [slot for slot in slots if key in (slot.kind, slot.flag)]
        parts = [(slot.kind, name) for slot in sharing for name in _component_names(slot, layers)]
        if not given or not sharing or (len(parts) == 1 and sharing[0].name == key):
            continue  # a single part refuses by itself what it does not have
        entries = [registry.component(kind, name) for kind, name in parts if name in registry.names(kind)]
        known = dict.fromkeys(option.name for component in entries for option in options_of(component.config))
        for name in given:
            if entries and name not in known:
                hint, have = did_you_mean(name, known), ", ".join(known) or "no options"
                yield f"{layers[-1].name} has the option {name!r} for {key!r}, which it lacks{hint} It has {have}"


def _component_names(slot: Slot, layers: Sequence[ConfigLayer]) -> tuple[str, ...]:
    """Return the components that the topmost layer names for a slot; the slot's own name comes before its kind."""
    for layer in reversed(layers):
        for key in (slot.flag, slot.kind):
            if key in layer.parts:
                return tuple(layer.parts[key].split(","))
        if of_members := tuple(name for key, name in layer.parts.items() if key == f"{slot.flag}-{name}"):
            return of_members
    return (slot.default,)


def _configure(
    registry: Registry, slot: Slot, component: Component, layers: Sequence[ConfigLayer], problems: list[str]
) -> Iterator[Part]:
    entry = registry.entry(slot.kind, component.name)
    try:
        yield part_of(entry, slot, _options_in(slot, component, layers))
    except Refused as refused:
        problems.extend(refused.problems)


def _options_in(slot: Slot, component: Component, layers: Sequence[ConfigLayer]) -> dict[str, Any]:
    """Return the options that ``layers`` set for ``component`` in a slot; the slot's own overrule its kind's."""
    values: dict[str, Any] = {}
    known = {item.name for item in options_of(component.config)}
    for depth, layer in enumerate(layers):
        # A variant's options belong to the component that it chose: another component in the slot ignores them.
        chosen = _component_names(slot, layers[: depth + 1])
        if not layer.loose and slot.kind != "recipe" and component.name not in chosen:
            continue
        own = f"{slot.flag}-{component.name}" if slot.several else slot.name
        for key in dict.fromkeys((slot.kind, slot.flag, slot.name, own)):
            given = layer.options.get(key, {})
            shared = key not in (slot.name, own)
            values.update({name: value for name, value in given.items() if name in known or not shared})
    return values


def _settings(layers: Sequence[ConfigLayer], problems: list[str]) -> RunSettings | None:
    values: dict[str, Any] = {}
    for layer in layers:
        given = layer.options.get(RUN, {})
        lengths = [name for name in ("steps", "epochs") if not _is_none(name, given.get(name))]
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
        problems.append("the length of the training is missing: give --steps or --epochs")
    return settings


def _is_none(name: str, value: Any) -> bool:
    """Whether a setting was given as none, as a word or as a value."""
    (setting,) = (option for option in options_of(RunSettings) if option.name == name)
    try:
        return setting.read(value) is None
    except ValueError:
        return False
