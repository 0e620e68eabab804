"""Everything that a training needs to go on as if it had never stopped, in one sealed file."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganzoo.catalogue.selection import FORMAT, Selection, refuse_other_format
from ganzoo.engine.files import make_folder
from ganzoo.engine.finite import first_non_finite
from ganzoo.engine.players import Player
from ganzoo.engine.remedies import History
from ganzoo.engine.runfolder import RunFolder
from ganzoo.engine.sealed import read_sealed, refuse_other_tensors, write_sealed
from ganzoo.engine.tally import Found
from ganzoo.engine.trainer import Trainer
from ganzoo.errors import TrainingFailed, UserError, legible

KEY = "ganzoo-checkpoint"
_NAME = re.compile(r"step-(\d{8})\.safetensors")
_LARGEST = 2**53  # count or number of seconds
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
)


def write_checkpoint(folder: Path, trainer: Trainer, selection: Selection) -> Path:
    """Write the trainer's state into ``folder``, and take away saves that the run's settings do not ask to keep."""
    make_folder(folder)
    path = folder / f"step-{trainer.step:08d}.safetensors"
    tensors, numbers = capture(trainer)
    # What is only watched may be infinite.
    refuse_non_finite({name: value for name, value in tensors.items() if not name.startswith("tally/")}, trainer.step)
    write_sealed(path, tensors, KEY, {"format": FORMAT, "config": _identity(selection.to_json()), **numbers})
    found = checkpoints(folder)
    kept = {*found[: selection.run.keep_checkpoints], *regular(found, selection.run.checkpoint_every)[:1]}
    for old in found:
        if old not in kept:
            with suppress(OSError):  # what cannot be removed is no reason to fail: the new save is there
                old.unlink()
    return path


def regular(found: Sequence[Path], every: int) -> list[Path]:
    """Return those of some checkpoints that were made at an interval, whether or not the run was ever stopped."""
    return [path for path in found if every and step_of(path) % every == 0]


def step_of(path: Path) -> int:
    """Return how many steps a checkpoint was made after."""
    return int(path.stem.removeprefix("step-"))


def what_stands(folder: Path) -> str:
    """Return which save in ``folder`` a run can go on from, as a clause of a sentence."""
    found = checkpoints(folder)
    return f"the save of step {step_of(found[0])} stands" if found else "no step is saved yet"


def go_back(folder: Path, trainer: Trainer, every: int) -> int:
    """Bring networks, averages and optimizers to the newest save made at an interval, and return its step.

    The number of the step, the seconds and what was counted stay. Raises :class:`TrainingFailed` where there is none.
    """
    step, seconds, game = trainer.step, trainer.seconds, trainer.game
    sums, counts, history = dict(game.tally.sums), Counter(game.tally.counts), trainer.remedies.state()
    for path in regular(checkpoints(folder), every):
        try:
            restore(trainer, *read_sealed(path, KEY, "checkpoint"))
        except UserError:
            continue
        saved, trainer.step, trainer.seconds = trainer.step, step, seconds
        game.tally.restore(sums, counts)
        trainer.remedies.restore(history)
        trainer.execution.begin_anew()
        return saved
    raise TrainingFailed(f"there is no save in {folder} to go back to from step {step}")


def refuse_non_finite(tensors: Mapping[str, Tensor], step: int) -> None:
    """Raise :class:`TrainingFailed` rather than save what nobody could go on from."""
    if broken := first_non_finite(tensors):
        raise TrainingFailed(
            f"{broken} is not finite after step {step}, and is not saved: lower the learning rates, or choose another "
            "loss or penalty; saves made before stand"
        )


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in ``folder``, newest first."""
    return sorted((path for path in folder.glob("step-*.safetensors") if _NAME.fullmatch(path.name)), reverse=True)


def resume(folder: RunFolder, trainer: Trainer, selection: Selection, warn: Callable[[str], None]) -> None:
    """Bring ``trainer`` to the newest valid checkpoint of a run; where the run has not come to one yet, change nothing.

    A damaged file is told through ``warn`` and the one before it is taken. Raises :class:`UserError` where the run was
    begun with other choices, where all of its saves are damaged, or where the folder holds something else.
    """
    found = checkpoints(folder.checkpoints)
    useless: dict[Path, str] = {}
    for path in found:
        try:
            tensors, about = _read(path)
        except UserError as problem:
            useless[path] = str(problem)
            warn(useless[path])
            continue
        _refuse_other_choices(about["config"], _identity(selection.to_json()))
        try:
            restore(trainer, tensors, about)
        except UserError as problem:
            useless[path] = f"{path} does not fit this run: {problem}"
            warn(useless[path])
            continue
        if useless:
            warn(f"going on from the save before, {path.name}")
        if trainer.game.team.leads:
            _set_aside(useless)
        return
    if found:
        raise UserError(
            f"all saves in {folder.checkpoints} are damaged or do not fit ({useless[found[0]]}): "
            "remove them to begin anew, or choose another --out"
        )
    _refuse_to_overwrite(folder, selection)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors, about = read_sealed(path, KEY, "checkpoint")
    if not _laid_out(about.get("config")):
        raise UserError(f"{path} is damaged: it does not say what the run was begun with")
    if path.name != f"step-{legible(about.get('step')):0>8}.safetensors":
        raise UserError(f"{path} is of step {legible(about.get('step'))}, not of the one that its name says")
    return tensors, about


def _set_aside(useless: Iterable[Path]) -> None:
    """Rename saves that cannot be used: they would be kept in the place of newer ones that can."""
    for path in useless:
        with suppress(OSError):
            path.replace(path.with_suffix(".damaged"))


def _refuse_to_overwrite(folder: RunFolder, selection: Selection) -> None:
    """Let a run begin in its own folder where it was stopped before its first save, and nowhere else."""
    if folder.model.exists():
        raise UserError(f"{folder.path} holds a model and no saves to go on from: choose another --out")
    if folder.config.exists():
        try:
            then = json.loads(folder.config.read_text(encoding="utf-8")) if folder.config.is_file() else None
        except (OSError, ValueError, RecursionError) as problem:
            raise UserError(f"{folder.config} is no run's: choose another --out") from problem
        if then is None or not _laid_out(then):
            raise UserError(f"{folder.config} is not of a run that was begun with ganzoo: choose another --out")
        refuse_other_format(then.get("format"), str(folder.config))
        _refuse_other_choices(_identity(then), _identity(selection.to_json()))


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
    guard = {"spread": game.guard.spread.state(), "history": trainer.remedies.state()}
    about = {"step": trainer.step, "seconds": trainer.seconds, "tally": tally, "numbers": numbers, "guard": guard}
    return {name: value.detach().clone() for name, value in tensors.items()}, about


def restore(trainer: Trainer, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Bring ``trainer`` to the state that :func:`capture` returned.

    Raises :class:`UserError`, and changes nothing, where that is no state of this trainer.
    """
    game = trainer.game
    step, seconds = _time(about, trainer.steps)
    sums, counts = _tally(tensors, about.get("tally"), {player.phase.name for player in game.players})
    spread, history = _guard(about.get("guard"))
    numbers = _refuse_other_state(trainer, tensors, about.get("numbers"), step, len(sums), history)
    game.recipe.load_state_dict(_below(tensors, "network/"))
    for name, network in game.averages.networks.items():
        network.load_state_dict(_below(tensors, f"average/{name}/"))
    for player in game.players:
        found: dict[int, dict[str, Any]] = {}
        prefix = f"optimizer/{player.phase.name}/"
        for name, value in (*_below(tensors, prefix).items(), *_below(numbers, prefix).items()):
            place, key = name.split("/", 1)
            found.setdefault(int(place), {})[key] = value
        groups = player.optimizer.state_dict()["param_groups"]
        player.optimizer.load_state_dict({"state": found, "param_groups": groups})
        _lay_out_as_parameters(player.optimizer)
    game.tally.restore(sums, counts)
    game.guard.spread.restore(spread)
    trainer.remedies.restore(history)
    trainer.step, trainer.seconds = step, seconds


def _time(about: Mapping[str, Any], steps: int) -> tuple[int, float]:
    step, seconds = about.get("step"), about.get("seconds")
    if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step <= steps:
        raise UserError(f"its step is {legible(step)}, and not one of 0 to {steps}")
    if not isinstance(seconds, int | float) or not 0 <= seconds < _LARGEST:
        raise UserError(f"it took {legible(seconds)} seconds")
    return step, float(seconds)


def _tally(tensors: Mapping[str, Tensor], rows: Any, phases: Set[str]) -> tuple[dict[Found, Tensor], dict[Found, int]]:
    sums: dict[Found, Tensor] = {}
    counts: dict[Found, int] = {}
    for place, row in enumerate(rows if isinstance(rows, list) else [rows]):
        match row:
            case [str(phase), [*terms], [*values], int(count)] if phase in phases and 0 <= count < _LARGEST:
                found = Found(phase, tuple(map(str, terms)), tuple(map(str, values)))
            case _:
                raise UserError(f"row {place} of its tally is damaged")
        total = tensors.get(f"tally/{place}")
        # What is only watched may be infinite; a training whose terms are would fail at its next report.
        fits = total is not None and total.shape == (len(terms) + len(values),) and total.dtype == torch.float32
        if total is None or not fits or not bool(total[: len(terms)].isfinite().all()) or found in sums:
            raise UserError(f"tally/{place} is not the sum that it should be")
        sums[found], counts[found] = total, count
    return sums, counts


def _guard(about: Any) -> tuple[Mapping[str, Any], Mapping[str, int]]:
    """Return what the guard remembers of examples, and of what was done."""
    match about:
        case {"spread": {"real": int() | float() as real, "alive": bool()} as spread, "history": dict() as history}:
            counted = all(type(value) is int and -1 <= value < _LARGEST for value in history.values())
            if 0 <= real < _LARGEST and counted and history.keys() == asdict(History()).keys():
                return spread, history
    raise UserError("what its guard remembers is damaged")


def _refuse_other_state(
    trainer: Trainer,
    tensors: Mapping[str, Tensor],
    numbers: Any,
    step: int,
    rows: int,
    history: Mapping[str, int],
) -> Mapping[str, Any]:
    """Return ``numbers``; raise :class:`UserError` where they and ``tensors`` are no state after ``step`` steps."""
    now, _ = capture(trainer)
    wanted: dict[str, Any] = {
        name: value for name, value in now.items() if not name.startswith(("optimizer/", "tally/"))
    }
    for player in trainer.game.players if step else ():
        # An optimizer whose updates were all left out has no state yet.
        if not history["left_out"] or _below(tensors, f"optimizer/{player.phase.name}/"):
            wanted |= _first_state(player)
    tallied = {f"tally/{place}" for place in range(rows)}
    found = {name: value for name, value in tensors.items() if name not in tallied}
    refuse_other_tensors(found, {name: value for name, value in wanted.items() if isinstance(value, Tensor)})
    kinds = {name: type(value) for name, value in wanted.items() if not isinstance(value, Tensor)}
    if not isinstance(numbers, dict) or {name: type(value) for name, value in numbers.items()} != kinds:
        raise UserError("the numbers of its optimizers are not those that they should be")
    return numbers


def _first_state(player: Player) -> dict[str, Any]:
    """What an optimizer keeps, by name, as a step of a copy shows."""
    trial = copy.deepcopy(player.optimizer)
    for parameter in (parameter for group in trial.param_groups for parameter in group["params"]):
        parameter.grad = torch.zeros_like(parameter)
    trial.step()
    return {f"optimizer/{player.phase.name}/{place}/{key}": value for place, key, value in _slots(trial)}


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


def _laid_out(chosen: Any) -> bool:
    """Whether it has the layout of what a ``config.json`` holds."""
    run, parts = (chosen.get(name) for name in ("run", "parts")) if isinstance(chosen, Mapping) else (None, None)
    if not isinstance(run, Mapping) or not isinstance(parts, Mapping):
        return False
    return all(isinstance(part, Mapping) and isinstance(part.get("config"), Mapping) for part in parts.values())


def _refuse_other_choices(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
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
        f"{name} {legible(before.get(name))}, not {value}"
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
    return legible(f"{part.get('name')} with {options}" if options else part.get("name"))
