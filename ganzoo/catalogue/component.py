"""Declarations: plain data about what a plugin offers; importing them imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ganzoo.catalogue.combination import Combination
from ganzoo.catalogue.kinds import TARGET, name_faults
from ganzoo.catalogue.options import Config, DataConfig, options_of
from ganzoo.catalogue.several import refuse_text

# The commands of ganzoo itself, which no plugin may replace.
OWN_COMMANDS = (
    "list",
    "info",
    "plugins",
    "train",
    "study",
    "sample",
    "translate",
    "walk",
    "edit",
    "explore",
    "evaluate",
    "augment",
    "check-data",
    "convert",
    "export",
    "new-plugin",
    "bench",
    "doctor",
    "compare",
    "report",
)

DEFAULT, PUBLISHED = PRESETS = ("default", "published")  # that every variant has


@dataclass(frozen=True)
class Need:
    """A requirement of a component: one of the capabilities ``any_of``; ``advice`` is for the case that none exists."""

    any_of: tuple[str, ...]
    advice: str


@dataclass(frozen=True)
class Slot:
    """A place in a recipe that a component of one kind fills.

    ``of`` names the slot of the network that the part belongs to (for a conditioner or initialiser).
    ``paired`` names another conditioner slot: either both parts use the condition, or neither does.
    A slot with ``several`` takes any number of parts: ``r1,r2``. If there are two or more, each of them is a
    :meth:`member` of the slot ``within``. An ``optional`` slot has a default that does nothing; it is filled with that
    default where a file was written before the recipe had the slot.
    """

    name: str
    kind: str
    default: str
    of: str = ""
    paired: str = ""
    several: bool = False
    optional: bool = False
    within: str = ""

    @property
    def flag(self) -> str:
        """The flag that chooses its part, without dashes."""
        return self.within or self.name

    @property
    def is_named_by_kind(self) -> bool:
        """Whether its flag is that of its kind, so that no other slot shares this flag."""
        return self.flag == self.kind

    def member(self, component: str) -> Slot:
        """Return the slot of one of several parts."""
        return replace(self, name=f"{self.name}-{component}", within=self.name)


def phase_slots(phase: str, optimizer: str, schedule: str) -> tuple[Slot, Slot]:
    """Return the optimizer slot and the schedule slot of ``phase``, with their default components."""
    return Slot(f"{phase}-optimizer", "optimizer", optimizer), Slot(f"{phase}-schedule", "schedule", schedule)


@dataclass(frozen=True, kw_only=True)
class Component:
    """The declaration of one component.

    ``target`` is ``package.module:Class``, which is imported only when the component is built; in a plugin that is one
    file, it may be the class itself. ``config`` is the dataclass of its options. ``requires`` and ``provides`` are
    compared before anything is built. ``stand_in``, for a dataset that reads files, is ``package.module:function``;
    called with a folder, it writes a tiny data set with the real layout there. Only recipes have ``slots`` and
    ``phases``; the slots include the :func:`phase_slots` of each phase. ``combinations`` are defaults that apply when
    the component is chosen together with others.

    The rest is for readers of ``ganzoo info``: the paper (``source``), the ``equation``, what the component is good at
    (``strengths``), what goes wrong with it (``pitfalls``), and where its default options come from (``origin``).
    """

    kind: str
    name: str
    summary: str
    target: str | Callable[..., Any]
    config: type[Config] = Config
    requires: tuple[Need, ...] = ()
    provides: tuple[str, ...] = ()
    source: str = ""
    equation: str = ""
    strengths: str = ""
    pitfalls: str = ""
    origin: str = ""
    stand_in: str = ""
    slots: tuple[Slot, ...] = ()
    phases: tuple[str, ...] = ()
    combinations: tuple[Combination, ...] = ()

    @property
    def model_slots(self) -> tuple[Slot, ...]:
        """The slots that the recipe builds itself: all but datasets, optimizers and schedules of its phases."""
        moving = {slot.name for phase in self.phases for slot in phase_slots(phase, "", "")}
        return tuple(slot for slot in self.slots if slot.kind != "dataset" and slot.name not in moving)

    @property
    def target_name(self) -> str:
        """The target as ``package.module:Class``."""
        if isinstance(self.target, str):
            return self.target
        # A callable may be an object without a name, such as a partial function.
        named = self.target if hasattr(self.target, "__qualname__") else type(self.target)
        return f"{named.__module__}:{named.__qualname__}"

    def faults(self) -> Iterator[str]:
        """Yield every error in the declaration itself."""
        yield from name_faults(self.kind, self.name, self.summary)
        if not isinstance(self.kind, str) or self.kind in ("variant", "kind"):
            yield f"component {self.name!r} has the kind {self.kind!r}, which no component has"
        if not callable(self.target) and not TARGET.fullmatch(str(self.target)):
            yield f"target {self.target!r} of {self.kind} {self.name!r} does not have the form 'package.module:Class'"
        needed = DataConfig if self.kind == "dataset" else Config
        config: Any = self.config  # a plugin may put anything here
        if not (isinstance(config, type) and issubclass(config, needed)):
            yield f"config of {self.kind} {self.name!r} must be a subclass of {needed.__name__}"
        elif vars(config).get("__annotations__") and "__dataclass_fields__" not in vars(config):
            yield f"config of {self.kind} {self.name!r} declares options without @dataclass(frozen=True)"
        elif any(item.default is dataclasses.MISSING for item in dataclasses.fields(self.config)):
            yield f"every option of {self.kind} {self.name!r} needs a default"
        else:
            yield from _option_faults(self)
        yield from _list_faults(self, "requires", Need)
        yield from _list_faults(self, "slots", Slot)
        yield from _list_faults(self, "provides", str)
        yield from _combination_faults(self)
        if any(isinstance(need, Need) and isinstance(need.any_of, str) for need in self.requires):
            yield f"a Need of {self.kind} {self.name!r} must list capabilities in a tuple: ('site:block',)"
        provides: Any = self.provides  # as above
        if isinstance(provides, str):
            yield f"{self.kind} {self.name!r} must list its capabilities in a tuple: ('site:block',)"
        phases: Any = self.phases
        if isinstance(phases, str):
            yield f"recipe {self.name!r} must list its phases in a tuple: ({phases!r},)"
            return
        names = [slot.name for slot in self.slots if isinstance(slot, Slot)]
        for phase in self.phases:
            missing = [slot.name for slot in phase_slots(phase, "", "") if slot.name not in names]
            if len(missing) == 1:  # a phase without either shares the optimizer of another phase
                yield f"recipe {self.name!r} lacks the slot {missing[0]!r} of phase {phase!r}: add its phase_slots"


def _option_faults(component: Component) -> Iterator[str]:
    label = f"{component.kind} {component.name!r}"
    if component.kind == "dataset" and getattr(component.config, "spec", None) is DataConfig.spec:
        yield f"config of {label} must define spec(root), which returns a DataSpec"
    try:
        for option in options_of(component.config):
            option.read(option.default)
            if option.is_tuple:
                refuse_text(f"the default of {option.name!r}", option.default)
        component.config()
    except Exception as problem:  # an annotation that cannot be resolved, or an invalid default
        yield f"the options of {label} cannot be read: {problem}"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A GAN to train by name, declared as data: components for a recipe's slots, and options that differ from defaults.

    Keys of ``parts`` are slot names or kinds (a kind fills every slot of that kind). Keys of ``overrides`` are
    ``<slot or kind>.<option>``, or ``run.<option>`` for run settings such as steps and batch size. Dashes and
    underscores in them mean the same. ``published`` has parts and overrides in one mapping: the exact settings of the
    source (``--preset published``). ``combinations`` are defaults for other parts than its own; like ``overrides``,
    they belong to every other preset. ``presets`` are more of them by name, such as ``fast``: each has parts and
    overrides that differ from the preset ``default``.

    The rest is for readers of ``ganzoo info``: the paper (``source``), its published results (``figures``), what the
    variant is good at (``strengths``), what goes wrong with it (``pitfalls``), and how it was proved (``proof``).
    """

    name: str
    summary: str
    recipe: str
    parts: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    published: Mapping[str, Any] = field(default_factory=dict)
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    combinations: tuple[Combination, ...] = ()
    source: str = ""
    figures: str = ""
    strengths: str = ""
    pitfalls: str = ""
    proof: str = ""

    kind = "variant"

    @property
    def preset_names(self) -> tuple[str, ...]:
        """Every name that ``--preset`` takes; the default first."""
        return (*PRESETS, *self.presets)

    def faults(self) -> Iterator[str]:
        """Yield every error in the declaration itself."""
        yield from name_faults("variant", self.name, self.summary)
        for what in ("parts", "overrides", "published"):
            if not isinstance(getattr(self, what), Mapping):
                yield f"{what} of variant {self.name!r} must be a mapping"
                return
        named: Any = self.presets  # a plugin may put anything here
        if not isinstance(named, Mapping) or any(not isinstance(item, Mapping) for item in named.values()):
            yield f"presets of variant {self.name!r} must be a mapping of mappings"
            return
        for name in named:
            yield from name_faults("preset", name, "a preset")
            if name in PRESETS:
                yield f"variant {self.name!r} declares the preset {name!r}, which every variant has"
        wrong = [key for key in self.overrides if str(key).count(".") != 1]
        wrong += [key for item in (self.published, *named.values()) for key in item if str(key).count(".") > 1]
        for key in wrong:
            yield f"override {key!r} of variant {self.name!r} does not have the form 'slot.option'"
        yield from _combination_faults(self)


@dataclass(frozen=True, kw_only=True)
class Command:
    """The declaration of a command: ``ganzoo NAME``.

    ``target`` is ``package.module:name`` of a click command, which is imported only when the command runs; in a plugin
    that is one file, it may be the click command itself.
    """

    name: str
    summary: str
    target: str | Callable[..., Any]

    kind = "command"

    def faults(self) -> Iterator[str]:
        """Yield every error in the declaration itself."""
        yield from name_faults(self.kind, self.name, self.summary)
        if self.name in OWN_COMMANDS:
            yield f"the command {self.name!r} is ganzoo's own: choose another name"
        if not callable(self.target) and not TARGET.fullmatch(str(self.target)):
            yield f"target {self.target!r} of command {self.name!r} does not have the form 'package.module:name'"


def _list_faults(component: Component, what: str, kind: type) -> Iterator[str]:
    if any(not isinstance(item, kind) for item in getattr(component, what)):
        yield f"{what} of {component.kind} {component.name!r} must contain objects of type {kind.__name__}"


def _combination_faults(item: Component | Variant) -> Iterator[str]:
    label = f"{item.kind} {item.name!r}"
    declared: tuple[Any, ...] = item.combinations  # a plugin may put anything here
    for combination in declared:
        if isinstance(combination, Combination):
            yield from combination.faults(label)
        else:
            yield f"combinations of {label} must contain objects of type Combination"
