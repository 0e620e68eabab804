"""Everything that a training needs to go on as if it had never stopped, in one sealed file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganzoo.catalogue.selection import FORMAT, Selection
from ganzoo.engine.files import make_folder
from ganzoo.engine.runfolder import RunFolder
from ganzoo.engine.sealed import read_sealed, write_sealed
from ganzoo.engine.tally import Found
from ganzoo.engine.trainer import Trainer
from ganzoo.errors import UserError

KEY = "ganzoo-checkpoint"
KEPT = 2
_NAME = re.compile(r"step-(\d{8})\.safetensors")
# Settings that do not change what is trained; the others must be those of the run that goes on.
_FREE = (
    "device",
    "execution",
    "data_root",
    "log_every",
    "sample_every",
    "checkpoint_every",
    "evaluate_every",
    "evaluate_samples",
    "metric",
    "judge",
    "data_budget",
    "workers",
    "tensorboard",
)


def write_checkpoint(folder: Path, trainer: Trainer, selection: Selection) -> Path:
    """Write the trainer's state into ``folder`` and keep only the newest :data:`KEPT` files."""
    make_folder(folder)
    path = folder / f"step-{trainer.step:08d}.safetensors"
    tensors, numbers = capture(trainer)
    write_sealed(path, tensors, KEY, {"format": FORMAT, "config": _identity(selection.to_json()), **numbers})
    for old in checkpoints(folder)[KEPT:]:
        with suppress(OSError):  # what cannot be removed is no reason to fail: the new save is there
            old.unlink()
    return path


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in ``folder``, newest first."""
    return sorted((path for path in folder.glob("step-*.safetensors") if _NAME.fullmatch(path.name)), reverse=True)


def resume(folder: RunFolder, trainer: Trainer, selection: Selection, warn: Callable[[str], None]) -> None:
    """Bring ``trainer`` to the newest valid checkpoint of a run; where the run has not come to one yet, change nothing.

    A damaged file is told through ``warn`` and the one before it is taken. Raises :class:`UserError` where the run was
    begun with other choices, where all of its saves are damaged, or where the folder holds something else.
    """
    found = checkpoints(folder.checkpoints)
    for path in found:
        try:
            tensors, about = read_sealed(path, KEY, "checkpoint")
            restored = about.get("config")
        except UserError as problem:
            warn(str(problem))
            continue
        _refuse_other_choices(restored, _identity(selection.to_json()))
        try:
            restore(trainer, tensors, about)
        except (KeyError, ValueError, TypeError, RuntimeError) as problem:
            raise UserError(
                f"{path} does not fit this run ({problem}): remove it, or begin anew elsewhere"
            ) from problem
        if path != found[0]:
            warn(f"going on from the save before, {path.name}")
        return
    if found:
        raise UserError(
            f"all saves in {folder.checkpoints} are damaged: remove them to begin anew, or choose another --out"
        )
    _refuse_to_overwrite(folder, selection)


def _refuse_to_overwrite(folder: RunFolder, selection: Selection) -> None:
    """Let a run begin in its own folder where it was stopped before its first save, and nowhere else."""
    if folder.model.exists():
        raise UserError(f"{folder.path} holds a model and no saves to go on from: choose another --out")
    if folder.config.exists():
        try:
            then = json.loads(folder.config.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise UserError(f"{folder.config} is no run's: choose another --out") from problem
        then = then if isinstance(then, Mapping) else {}
        run, parts = then.get("run"), then.get("parts")
        known = isinstance(run, Mapping) and isinstance(parts, Mapping)
        _refuse_other_choices(_identity(then) if known else then, _identity(selection.to_json()))


def capture(trainer: Trainer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the trainer's state as tensors by name and as JSON values; random states are the step number."""
    game = trainer.game
    tensors = {f"network/{name}": value for name, value in game.recipe.state_dict().items()}
    for name, network in game.averages.networks.items():
        tensors |= {f"average/{name}/{key}": value for key, value in network.state_dict().items()}
    numbers: dict[str, Any] = {}
    for player in game.players:
        for place, key, value in _slots(player.optimizer):
            name = f"optimizer/{player.phase.name}/{place}/{key}"
            if isinstance(value, Tensor):
                tensors[name] = value
            else:
                numbers[name] = value
    tensors |= {f"tally/{place}": total for place, total in enumerate(game.tally.sums.values())}
    tally = [[*found, game.tally.counts[found]] for found in game.tally.sums]
    about = {"step": trainer.step, "seconds": trainer.seconds, "tally": tally, "numbers": numbers}
    return {name: value.detach().clone() for name, value in tensors.items()}, about


def restore(trainer: Trainer, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Bring ``trainer`` to the state that :func:`capture` returned."""
    game = trainer.game
    game.recipe.load_state_dict(_below(tensors, "network/"))
    for name, network in game.averages.networks.items():
        network.load_state_dict(_below(tensors, f"average/{name}/"))
    for player in game.players:
        found: dict[int, dict[str, Any]] = {}
        prefix = f"optimizer/{player.phase.name}/"
        for name, value in (*_below(tensors, prefix).items(), *_below(about["numbers"], prefix).items()):
            place, key = name.split("/", 1)
            found.setdefault(int(place), {})[key] = value
        groups = player.optimizer.state_dict()["param_groups"]
        player.optimizer.load_state_dict({"state": found, "param_groups": groups})
        _lay_out_as_parameters(player.optimizer)
    entries = [Found(str(phase), tuple(terms), tuple(values)) for phase, terms, values, _ in about["tally"]]
    sums = {entry: tensors[f"tally/{place}"] for place, entry in enumerate(entries)}
    game.tally.restore(sums, {entry: int(row[3]) for entry, row in zip(entries, about["tally"], strict=True)})
    trainer.step, trainer.seconds = int(about["step"]), float(about["seconds"])


def _lay_out_as_parameters(optimizer: torch.optim.Optimizer) -> None:
    """Give the state the order of memory of its parameters: fused optimizers go through both side by side."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)


def _slots(optimizer: torch.optim.Optimizer) -> Iterator[tuple[int, str, Any]]:
    for place, values in optimizer.state_dict()["state"].items():
        yield from ((place, key, value) for key, value in values.items() if value is not None)


def _below(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def _identity(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """What must be equal for a training to go on, of what a ``config.json`` holds."""
    run = {name: value for name, value in chosen["run"].items() if name not in _FREE}
    parts = {slot: {"name": part.get("name"), "config": part.get("config")} for slot, part in chosen["parts"].items()}
    return {name: chosen.get(name) for name in ("format", "variant", "preset")} | {"run": run, "parts": parts}


def _refuse_other_choices(then: Any, now: Mapping[str, Any]) -> None:
    if then == now:
        return
    for slot, part in now["parts"].items():
        before = then.get("parts", {}).get(slot) if isinstance(then, Mapping) else None
        if before != part:
            raise UserError(
                f"the run was begun with another {slot} ({_short(before)}, not {_short(part)}): "
                "resume with its own choices, as in its config.json, or choose another --out"
            )
    before = then.get("run", {}) if isinstance(then, Mapping) else {}
    other = [
        f"{name} {before.get(name)}, not {value}" for name, value in now["run"].items() if before.get(name) != value
    ]
    what = "; ".join(other) or "another variant or preset"
    raise UserError(
        f"the run was begun with other settings ({what}): "
        "resume with its own, as in its config.json, or choose another --out"
    )


def _short(part: Any) -> str:
    if not isinstance(part, Mapping):
        return "none"
    options = ", ".join(f"{name} {value}" for name, value in dict(part.get("config", {})).items())
    return f"{part.get('name')} with {options}" if options else str(part.get("name"))
