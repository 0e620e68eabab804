"""A small registry of declared parts, for tests of rules that do not depend on the zoo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.catalogue import (
    Component,
    Config,
    DataConfig,
    DataSpec,
    Field,
    Registry,
    Selection,
    Slot,
    Variant,
    option,
    select,
)
from ganzoo.catalogue.component import phase_slots
from ganzoo.catalogue.discovery import Plugin, Provider
from ganzoo.errors import Refused


@dataclass(frozen=True)
class Wide(Config):
    """A width."""

    width: int = option(1, "width", low=1)


@dataclass(frozen=True)
class Mix(Config):
    """A strength."""

    strength: float = option(1.0, "strength", low=0)


@dataclass(frozen=True)
class Blend(Mix):
    """A strength and an angle."""

    angle: float = option(0.0, "angle")


@dataclass(frozen=True)
class Steep(Config):
    """A slope."""

    slope: float = option(1.0, "slope", low=0)


@dataclass(frozen=True)
class Adam(Config):
    """Options of an optimizer."""

    lr: float = option(0.1, "learning rate", low=0)
    betas: tuple[float, float] = option((0.5, 0.9), "decays", low=0, high=1)


@dataclass(frozen=True)
class Sgd(Config):
    """Options of another optimizer."""

    lr: float = option(0.2, "learning rate", low=0)
    momentum: float = option(0.0, "momentum", low=0, high=1)


@dataclass(frozen=True)
class Dots(DataConfig):
    """Points in the plane."""

    count: int = option(5, "how many", low=1)

    def spec(self, root: Path) -> DataSpec:
        """Return points without labels."""
        return DataSpec({"point": Field("point", (2,))}, "point")


def component(kind: str, name: str, config: type[Config] = Config, **more: Any) -> Component:
    """Declare a component whose target does not exist."""
    return Component(
        kind=kind, name=name, summary=f"the {kind} {name}", target="some.module:Class", config=config, **more
    )


TOYS = Registry(
    [
        Plugin(
            Provider("toys", "toy-box", "1.2"),
            components=(
                component(
                    "recipe",
                    "duel",
                    Wide,
                    slots=(
                        Slot("dataset", "dataset", "dots"),
                        Slot("generator", "generator", "plain"),
                        Slot("discriminator", "discriminator", "plain"),
                        Slot("generator-conditioner", "conditioner", "none", of="generator"),
                        Slot("discriminator-conditioner", "conditioner", "none", of="discriminator"),
                        Slot("loss", "loss", "flat"),
                        *phase_slots("discriminator", "adam", "constant"),
                        *phase_slots("generator", "adam", "constant"),
                    ),
                    phases=("discriminator", "generator"),
                ),
                component("dataset", "dots", Dots),
                component("generator", "plain", Wide),
                component("generator", "other", Wide),
                component("discriminator", "plain", Wide),
                component("conditioner", "none"),
                component("conditioner", "mix", Mix),
                component("conditioner", "blend", Blend),
                component("loss", "flat"),
                component("loss", "steep", Steep),
                component("optimizer", "adam", Adam),
                component("optimizer", "sgd", Sgd),
                component("schedule", "constant"),
                component("observer", "tensorboard"),  # whose name is a run setting
                component("observer", "bell", Wide),
            ),
            variants=(
                Variant(name="bare", summary="nothing but defaults", recipe="duel"),
                Variant(
                    name="tuned",
                    summary="everything set",
                    recipe="duel",
                    parts={"conditioner": "mix", "loss": "steep"},
                    overrides={
                        "recipe.width": 3,
                        "generator.width": 7,
                        "conditioner.strength": 2.0,
                        "loss.slope": 3.0,
                        "optimizer.lr": 0.5,
                        "discriminator-optimizer.lr": 0.25,
                        "run.steps": 100,
                        "run.batch_size": 8,
                    },
                    published={"run.epochs": 9, "loss.slope": 5.0},
                    presets={"quick": {"run.steps": 20, "loss.slope": 8.0}},
                ),
                Variant(
                    name="moved",
                    summary="another loss and conditioner as published",
                    recipe="duel",
                    parts={"conditioner": "mix", "loss": "steep"},
                    overrides={"loss.slope": 3.0, "conditioner.strength": 2.0},
                    published={"loss": "flat", "generator-conditioner": "blend", "generator-conditioner.angle": 0.5},
                ),
            ),
        )
    ]
)


def choose(variant: str = "tuned", preset: str = "default", file: Mapping[str, Any] | None = None, **flags: Any) -> Any:
    """Select a variant of the toys."""
    return select(TOYS, variant, flags, preset, file)


def parts(selection: Selection, kind: str = "") -> dict[str, str]:
    """Return the name of the part in each slot."""
    return {name: part.component.name for name, part in selection.parts.items() if kind in ("", part.slot.kind)}


def options(selection: Selection, slot: str) -> Any:
    """Return the options of the part in a slot."""
    return selection.parts[slot].config


def in_file(slot: str, name: str, **config: Any) -> dict[str, Any]:
    """Return a configuration file that names one part."""
    return {"parts": {slot: {"name": name, "config": config}}}


def problems(**request: Any) -> tuple[str, ...]:
    """Return the problems of a request, or nothing where it is sound."""
    try:
        choose(**request)
    except Refused as refused:
        return refused.problems
    return ()
