"""Checks that a resumed training has the settings and parts that it was started with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ganzoo.catalogue.component import Slot
from ganzoo.catalogue.options import make, values_of
from ganzoo.catalogue.registry import Part
from ganzoo.errors import UserError
from ganzoo.text import one_line

# Settings that may change when a run is resumed: they do not affect the weights.
_CHANGEABLE = (
    "device",
    "execution",
    "data_root",
    "log_every",
    "sample_every",
    "checkpoint_every",
    "keep_checkpoints",
    "evaluate_every",
    "evaluate_samples",
    "metric",
    "judge",
    "data_budget",
    "workers",
    "tensorboard",
    "observer",
    "on_non_finite",
    "on_collapse",
    "deterministic",
)
# Settings that runs of earlier versions do not have.
_LATER = ("freeze",)


def with_optional_parts(parts: Mapping[str, Any], slots: Iterable[Slot]) -> dict[str, Any]:
    """Return the parts in a file, with the defaults of optional slots that did not exist when it was written.

    >>> with_optional_parts({}, [Slot("head", "head", "none", optional=True), Slot("loss", "loss", "bce")])
    {'head': {'name': 'none', 'config': {}}}
    """
    defaults = {slot.name: {"name": slot.default, "config": {}} for slot in slots if slot.optional}
    return {**defaults, **parts}


def with_later_options(parts: Mapping[str, Any], current: Mapping[str, Part]) -> dict[str, Any]:
    """Return the parts in a file, with the defaults of options that did not exist when it was written."""
    return {slot: _with_later_options(part, current.get(slot)) for slot, part in parts.items()}


def _with_later_options(recorded: Mapping[str, Any], part: Part | None) -> Mapping[str, Any]:
    if part is None or recorded.get("name") != part.component.name:
        return recorded
    try:
        return {**recorded, "config": values_of(make(part.component.config, recorded["config"], part.label))}
    except UserError:  # options that no longer exist are reported as a difference
        return recorded


def training_identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a ``config.json`` that must be equal for a training to be resumed.

    >>> config = {"format": 1, "variant": "gan", "preset": "", "run": {"seed": 0, "workers": 4}, "parts": {}}
    >>> training_identity(config)["run"]
    {'freeze': None, 'seed': 0}
    """
    # A setting that did not exist when a file was written is none.
    settings = {**dict.fromkeys(_LATER), **config["run"]}
    run = {name: value for name, value in settings.items() if name not in _CHANGEABLE}
    parts = {slot: {"name": part.get("name"), "config": part.get("config")} for slot, part in config["parts"].items()}
    return {name: config.get(name) for name in ("format", "variant", "preset")} | {"run": run, "parts": parts}


def is_run_config(value: Any) -> bool:
    """Return whether a JSON value has the layout of a ``config.json``."""
    run, parts = (value.get(name) for name in ("run", "parts")) if isinstance(value, Mapping) else (None, None)
    if not isinstance(run, Mapping) or not isinstance(parts, Mapping):
        return False
    return all(isinstance(part, Mapping) and isinstance(part.get("config"), Mapping) for part in parts.values())


def refuse_changed_config(original: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    """Raise :class:`UserError`, naming the difference, if a run's two identities are not equal."""
    if original == current:
        return
    for slot, part in current["parts"].items():
        before = original["parts"].get(slot)
        if before != part:
            raise UserError(
                f"the run was started with another {slot} ({_describe(before)}, not {_describe(part)}): "
                "resume it with the parts in its config.json, or choose another --out"
            )
    before = original["run"]
    changed = [
        f"{name} {one_line(before.get(name))}, not {value}"
        for name, value in current["run"].items()
        if before.get(name) != value
    ]
    difference = "; ".join(changed) or "another variant or preset"
    raise UserError(
        f"the run was started with other settings ({difference}): "
        "resume it with the settings in its config.json, or choose another --out"
    )


def _describe(part: Mapping[str, Any] | None) -> str:
    if part is None:
        return "none"
    options = ", ".join(f"{name} {value}" for name, value in part["config"].items())
    return one_line(f"{part.get('name')} with {options}" if options else part.get("name"))
