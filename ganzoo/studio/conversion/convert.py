"""Conversion of a PyTorch checkpoint to a model file."""

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
from ganzoo.contract.networks import Discriminator, Generator
from ganzoo.contract.working_state import WorkingState
from ganzoo.errors import UserError
from ganzoo.storage.files import make_folder, open_file
from ganzoo.storage.model_file import write_model
from ganzoo.studio.conversion.assignment import NOTHING, Assignment, Assignments, Choice, assign
from ganzoo.studio.conversion.candidates import networks_in, unused_names
from ganzoo.studio.conversion.checkpoints import read_checkpoint
from ganzoo.studio.conversion.layouts import layouts_recorded
from ganzoo.studio.conversion.matching import mapped_state
from ganzoo.studio.conversion.pickles import Unreadable
from ganzoo.studio.conversion.suggestion import fitting_options
from ganzoo.text import quoted

SUFFIX = ".safetensors"


@final
@dataclass(frozen=True)
class Conversion:
    """Assigned networks, those with initial weights, unused names of the file, and the sha256 of the weights.

    ``unread`` has the import paths of objects in the file that are no tensors; none was imported or called.
    ``other_epsilons`` has the epsilons of batch norm in the file, for each network that has another one.
    """

    assigned: Mapping[str, Assignment]
    initial: Sequence[str]
    unused: Sequence[str]
    unread: Sequence[str]
    other_epsilons: Mapping[str, Sequence[float]]
    sha256: str


def convert(
    old: Path, selection: Selection, out: Path, take: Mapping[str, str] | None = None, force: bool = False
) -> Conversion:
    """Write the networks of the checkpoint ``old`` to ``out``, as a model of ``selection``, and return what was done.

    ``take`` names the part of the checkpoint for a network, or ``none`` where it keeps its initial weights. Nothing of
    the checkpoint is run. Raises :class:`UserError`, before anything is written, where it is damaged, needs more than
    tensors or does not fit, and where ``out`` exists and ``force`` is not set.
    """
    check_destination(out, force)
    content = _content(old)
    with layouts_recorded((Generator, Discriminator)) as layouts:
        data = assemble(selection)
    recipe = build_recipe(selection, data)
    networks = {
        name: network
        for name, network in recipe.named_children()
        if network.state_dict() and not isinstance(network, WorkingState)
    }
    note = ""
    try:
        checkpoint = read_checkpoint(content)
        note = checkpoint.note
        assignments = assign(networks, networks_in(checkpoint.value), take or {})
        _refuse_misfits(assignments, selection, networks)
        for name, assignment in assignments.assigned.items():
            network = networks[name]
            maps = layouts.of(network) if checkpoint.channels_last else {}
            tensors = assignment.candidate.tensors
            network.load_state_dict(mapped_state(network.state_dict(), assignment.mapping, tensors, maps))
    except (Unreadable, UserError) as problem:
        separator = ": " if isinstance(problem, UserError) else " "
        end = "" if isinstance(problem, Choice) else note
        raise UserError(f"{old}{separator}{problem}{end}") from problem
    about = {"file": old.name, "sha256": hashlib.sha256(content).hexdigest(), "networks": list(assignments.assigned)}
    trained = {"steps": 0, "images": 0, "converted": about}
    try:
        make_folder(out.parent)
        digest = write_model(out, recipe, selection, data, trained)
    except OSError as problem:
        raise UserError(f"{out} cannot be written: {problem.strerror or problem}; choose another --out") from problem
    used = frozenset(place for each in assignments.assigned.values() for place in each.candidate.places)
    unused = unused_names(checkpoint.value, used)
    others = {
        name: checkpoint.epsilons for name in assignments.assigned if _differs(networks[name], checkpoint.epsilons)
    }
    return Conversion(assignments.assigned, assignments.initial, unused, checkpoint.unread, others, digest)


def _differs(network: nn.Module, epsilons: Sequence[float]) -> bool:
    """Whether a batch norm in it has none of these epsilons; ``False`` if the file tells none."""
    norms = [module.eps for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    return bool(epsilons) and any(eps not in epsilons for eps in norms)


def check_destination(out: Path, force: bool) -> None:
    """Raise :class:`UserError` where no model can be written to ``out``."""
    if out.suffix != SUFFIX:
        raise UserError(f"a model is a {SUFFIX} file, and {out} has another suffix: choose another --out")
    if out.is_dir():
        raise UserError(f"{out} is a folder: choose another --out")
    if out.exists() and not force:
        raise UserError(f"{out} already exists: choose another --out, or give --force")


def _content(old: Path) -> bytes:
    try:
        with open_file(old) as file:
            return file.read()
    except OSError as problem:
        raise UserError(f"{old} cannot be read: {problem.strerror or problem}") from problem


def _refuse_misfits(assignments: Assignments, selection: Selection, networks: Mapping[str, nn.Module]) -> None:
    if not assignments.misfits:
        return
    name, (candidate, reason) = next(iter(assignments.misfits.items()))
    half = assignments.halves.get(name)
    advice = _suggested_options(assignments, selection) if half is None else _suggested_half(name, half)
    without = "" if isinstance(networks[name], Generator) else f", or leave it out with --take {name}={NOTHING}"
    raise UserError(
        f"{quoted(candidate.name)} does not fit the {name} of {selection.variant!r}: {reason}; {advice}{without}"
    )


def _suggested_half(name: str, half: str) -> str:
    return f"a part of it fits, and if that is a whole network, give --take {name}={quoted(half)}"


def _suggested_options(assignments: Assignments, selection: Selection) -> str:
    wanted = {name: assignment.candidate for name, assignment in assignments.assigned.items()}
    wanted |= {name: candidate for name, (candidate, _) in assignments.misfits.items()}
    flags = fitting_options(selection, wanted)
    return f"it fits with {flags}" if flags else "give the options that it was trained with, or another variant"
