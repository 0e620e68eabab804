"""Whether a training goes on with the choices that it was begun with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganzoo.errors import UserError
from ganzoo.text import one_line

# Settings that do not change what is trained; the others must be those of the run that goes on.
_FREE = (
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
    "on_non_finite",
    "on_collapse",
    "deterministic",
)


def identity_of(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return what must be equal for a training to go on, of what a ``config.json`` holds."""
    run = {name: value for name, value in chosen["run"].items() if name not in _FREE}
    parts = {slot: {"name": part.get("name"), "config": part.get("config")} for slot, part in chosen["parts"].items()}
    return {name: chosen.get(name) for name in ("format", "variant", "preset")} | {"run": run, "parts": parts}


def laid_out(chosen: Any) -> bool:
    """Return whether it has the layout of what a ``config.json`` holds."""
    run, parts = (chosen.get(name) for name in ("run", "parts")) if isinstance(chosen, Mapping) else (None, None)
    if not isinstance(run, Mapping) or not isinstance(parts, Mapping):
        return False
    return all(isinstance(part, Mapping) and isinstance(part.get("config"), Mapping) for part in parts.values())


def refuse_other_choices(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise :class:`UserError` where ``now`` is not the identity that a run was begun with, naming what is other."""
    if then == now:
        return
    for slot, part in now["parts"].items():
        before = then["parts"].get(slot)
        if before != part:
            raise UserError(
                f"the run was begun with another {slot} ({_short(before)}, not {_short(part)}): "
                "resume with its own choices, as in its config.json, or choose another --out"
            )
    before = then["run"]
    other = [
        f"{name} {one_line(before.get(name))}, not {value}"
        for name, value in now["run"].items()
        if before.get(name) != value
    ]
    what = "; ".join(other) or "another variant or preset"
    raise UserError(
        f"the run was begun with other settings ({what}): "
        "resume with its own, as in its config.json, or choose another --out"
    )


def _short(part: Mapping[str, Any] | None) -> str:
    if part is None:
        return "none"
    options = ", ".join(f"{name} {value}" for name, value in part["config"].items())
    return one_line(f"{part.get('name')} with {options}" if options else part.get("name"))
