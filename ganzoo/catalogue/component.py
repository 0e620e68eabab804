"""Declarations: what a plugin has to offer, said in plain data that imports no torch."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ganzoo.catalogue.options import Config, DataConfig, options_of

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "variant": "a GAN to train by name: which part fills which slot, with which options",
        "recipe": "a game of phases over named networks",
        "generator": "a network that makes examples",
        "discriminator": "a network that scores examples",
        "conditioner": "how a condition (a class, attributes, a caption) enters a network",
        "loss": "what the scores are worth to each player",
        "penalty": "a regulariser of the discriminator",
        "latent": "the distribution of the noise",
        "initialiser": "how the weights begin",
        "optimizer": "how the weights move",
        "schedule": "how the learning rate changes",
        "dataset": "where the examples come from",
        "metric": "how good the examples are that a model makes",
        "judge": "who looks at examples for the metrics",
    }
)

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Need:
    """Something a component cannot do without: any of ``any_of``, and what to do where it is missing."""

    any_of: tuple[str, ...]
    advice: str


@dataclass(frozen=True)
class Slot:
    """A place in a recipe that a component of one kind fills.

    ``of`` names the network slot that the part belongs to (a conditioner or initialiser of a network).
    ``paired`` names another conditioner slot: both condition, or neither does.
    """

    name: str
    kind: str
    default: str
    of: str = ""
    paired: str = ""


def phase_slots(phase: str, optimizer: str, schedule: str) -> tuple[Slot, Slot]:
    """Return the slots of what moves the weights of ``phase``, with the components that fill them by default."""
    return Slot(f"{phase}-optimizer", "optimizer", optimizer), Slot(f"{phase}-schedule", "schedule", schedule)


@dataclass(frozen=True, kw_only=True)
class Component:
    """One thing that a plugin offers.

    ``target`` is ``package.module:Class``, imported only when something is built. ``config`` is the dataclass
    of its options. ``requires`` and ``provides`` are matched before anything is built. ``stand_in``, for a
    dataset that reads files, is ``package.module:function``; called with a folder, it writes a tiny tree of
    the real layout there. ``slots`` and ``phases`` are a recipe's; the slots hold those of each phase's
    :func:`phase_slots`.
    """

    kind: str
    name: str
    summary: str
    target: str
    config: type[Config] = Config
    requires: tuple[Need, ...] = ()
    provides: tuple[str, ...] = ()
    source: str = ""
    stand_in: str = ""
    slots: tuple[Slot, ...] = ()
    phases: tuple[str, ...] = ()

    @property
    def model_slots(self) -> tuple[Slot, ...]:
        """The slots that a recipe builds itself: neither data nor what moves the weights of its phases."""
        moving = {slot.name for phase in self.phases for slot in phase_slots(phase, "", "")}
        return tuple(slot for slot in self.slots if slot.kind != "dataset" and slot.name not in moving)

    def faults(self) -> Iterator[str]:
        """Yield what is wrong with the declaration itself."""
        yield from _name_faults(self.kind, self.name, self.summary)
        if str(self.kind) not in KINDS or self.kind == "variant":
            kinds = ", ".join(kind for kind in KINDS if kind != "variant")
            yield f"component {self.name!r} is of the unknown kind {self.kind!r}; kinds: {kinds}"
        if not _TARGET.fullmatch(str(self.target)):
            yield f"target {self.target!r} of {self.kind} {self.name!r} is not of the form 'package.module:Class'"
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
        if any(isinstance(need, Need) and isinstance(need.any_of, str) for need in self.requires):
            yield f"a Need of {self.kind} {self.name!r} must list its words in a tuple: ('site:block',)"
        provides: Any = self.provides  # as above
        if isinstance(provides, str):
            yield f"{self.kind} {self.name!r} must list what it provides in a tuple: ('site:block',)"
        names = [slot.name for slot in self.slots if isinstance(slot, Slot)]
        for name in (slot.name for phase in self.phases for slot in phase_slots(phase, "", "")):
            if name not in names:
                yield f"recipe {self.name!r} lacks the slot {name!r} of one of its phases; see phase_slots"


def _option_faults(component: Component) -> Iterator[str]:
    label = f"{component.kind} {component.name!r}"
    if component.kind == "dataset" and getattr(component.config, "spec", None) is DataConfig.spec:
        yield f"config of {label} must define spec(root), which says what it delivers"
    try:
        for option in options_of(component.config):
            option.read(option.default)
        component.config()
    except Exception as problem:  # an annotation that means nothing, or a default that is refused
        yield f"the options of {label} cannot be read: {problem}"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A GAN to train by name. It is data: parts for a recipe's slots, and options that differ from defaults.

    Keys of ``parts`` are slot names or kinds (a kind fills every slot of that kind). Keys of ``overrides`` are
    ``<slot or kind>.<option>``, or ``run.<option>`` for batch size, steps and the like. ``published`` holds parts
    and overrides, in one mapping, that set those of the source to the letter (``--preset published``).
    """

    name: str
    summary: str
    recipe: str
    parts: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    published: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    figures: str = ""

    kind = "variant"

    def faults(self) -> Iterator[str]:
        """Yield what is wrong with the declaration itself."""
        yield from _name_faults("variant", self.name, self.summary)
        for what in ("parts", "overrides", "published"):
            if not isinstance(getattr(self, what), Mapping):
                yield f"{what} of variant {self.name!r} must be a mapping"
                return
        wrong = [key for key in self.overrides if str(key).count(".") != 1]
        wrong += [key for key in self.published if str(key).count(".") > 1]
        for key in wrong:
            yield f"override {key!r} of variant {self.name!r} is not of the form 'slot.option'"


def _name_faults(kind: str, name: Any, summary: Any) -> Iterator[str]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield f"{kind} name {name!r} must be lower-case words with dashes between them"
    if not isinstance(summary, str) or not summary.strip() or len(summary.splitlines()) != 1:
        yield f"{kind} {name!r} needs a summary of one line"


def _list_faults(component: Component, what: str, kind: type) -> Iterator[str]:
    if any(not isinstance(item, kind) for item in getattr(component, what)):
        yield f"{what} of {component.kind} {component.name!r} must hold objects of type {kind.__name__}"
