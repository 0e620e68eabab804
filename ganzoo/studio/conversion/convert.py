"""From somebody else's old checkpoint to a model file: read, matched, filled, and told."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from torch import nn

from ganzoo.assembly.dry_run import assemble
from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.networks import Generator
from ganzoo.errors import UserError
from ganzoo.storage.files import make_folder, open_file
from ganzoo.storage.model_file import write_model
from ganzoo.studio.conversion.advice import fitting_options
from ganzoo.studio.conversion.checkpoints import read_checkpoint
from ganzoo.studio.conversion.finding import left_out, networks_in
from ganzoo.studio.conversion.matching import filled
from ganzoo.studio.conversion.pickles import Unreadable
from ganzoo.studio.conversion.plan import NOTHING, Plan, Taken, plan
from ganzoo.text import quoted

SUFFIX = ".safetensors"


@final
@dataclass(frozen=True)
class Conversion:
    """What each network was taken from, which are as they begin, what was left out, and the sha256 of the weights."""

    taken: Mapping[str, Taken]
    fresh: Sequence[str]
    left_out: Sequence[str]
    sha256: str


def convert(
    old: Path, selection: Selection, out: Path, take: Mapping[str, str] | None = None, force: bool = False
) -> Conversion:
    """Write the networks in the checkpoint ``old`` to ``out``, as a model of ``selection``, and return what was done.

    ``take`` says by a network's name which part of the checkpoint it is, or ``none`` for one that is to stay as it
    begins. Nothing of the checkpoint is run. Raises :class:`UserError`, before anything is written, where it is
    damaged, asks for more than tensors or does not fit, and where ``out`` is there and ``force`` is not set.
    """
    check_destination(out, force)
    content = _content(old)
    data = assemble(selection)
    recipe = build_recipe(selection, data)
    networks = {name: network for name, network in recipe.named_children() if network.state_dict()}
    try:
        value = read_checkpoint(content)
        found = networks_in(value)
        made = plan(networks, found, take or {})
        _refuse_misfits(made, selection, networks)
        for name, taken in made.taken.items():
            networks[name].load_state_dict(filled(networks[name].state_dict(), taken.match, taken.found.tensors))
    except (Unreadable, UserError) as problem:
        raise UserError(f"{old}: {problem}" if isinstance(problem, UserError) else f"{old} {problem}") from problem
    about = {"file": old.name, "sha256": hashlib.sha256(content).hexdigest(), "networks": list(made.taken)}
    trained = {"steps": 0, "images": 0, "converted": about}
    try:
        make_folder(out.parent)
        digest = write_model(out, recipe, selection, data, trained)
    except OSError as problem:
        raise UserError(f"{out} cannot be written: {problem.strerror or problem}; choose another --out") from problem
    used = frozenset(place for taken in made.taken.values() for place in taken.found.places)
    return Conversion(made.taken, made.fresh, left_out(value, used), digest)


def check_destination(out: Path, force: bool) -> None:
    """Raise :class:`UserError` where no model can be written to ``out``."""
    if out.suffix != SUFFIX:
        raise UserError(f"a model is a {SUFFIX} file, and {out} does not end so: choose another --out")
    if out.is_dir():
        raise UserError(f"{out} is a folder: choose another --out")
    if out.exists() and not force:
        raise UserError(f"{out} is there already: choose another --out, or give --force")


def _content(old: Path) -> bytes:
    try:
        with open_file(old) as file:
            return file.read()
    except OSError as problem:
        raise UserError(f"{old} cannot be read: {problem.strerror or problem}") from problem


def _refuse_misfits(made: Plan, selection: Selection, networks: Mapping[str, nn.Module]) -> None:
    if not made.refused:
        return
    name, (part, reason) = next(iter(made.refused.items()))
    advice = _offer(name, made.offered[name]) if name in made.offered else _fitting_with(made, selection)
    without = "" if isinstance(networks[name], Generator) else f", or leave it out with --take {name}={NOTHING}"
    raise UserError(
        f"{quoted(part.name)} does not fit the {name} of {selection.variant!r}: {reason}; {advice}{without}"
    )


def _offer(name: str, part: str) -> str:
    return f"a part of it fits, and if that is a whole network, give --take {name}={quoted(part)}"


def _fitting_with(made: Plan, selection: Selection) -> str:
    wanted = {name: taken.found for name, taken in made.taken.items()}
    flags = fitting_options(selection, {**wanted, **{name: part for name, (part, _) in made.refused.items()}})
    return f"it fits with {flags}" if flags else "give the options that it was trained with, or another variant"
