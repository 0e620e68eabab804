"""The phases of a recipe, compared with its declaration, and the windows of the training in which they are due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ganzoo.catalogue.selection import Selection
from ganzoo.contract.recipe import Phase


def undeclared(phases: Sequence[Phase], selection: Selection) -> Iterator[str]:
    """Yield where the phases of a recipe differ from its declaration."""
    label, declared = selection.parts["recipe"].label, selection.recipe.phases
    names = [phase.name for phase in phases]
    # One that shares an optimizer has no slots, so that it may follow from options.
    unnamed = [phase.name for phase in phases if phase.name not in declared and not phase.optimizer]
    if unnamed or len(set(names)) < len(names) or not set(declared) <= set(names):
        yield f"{label} declares the phases {', '.join(declared)} but has {', '.join(names)}"
        return
    slots = {slot.name for slot in selection.recipe.slots}
    owners = [phase.name for phase in phases if not phase.optimizer]
    for phase in phases:
        if not phase.optimizer and f"{phase.name}-optimizer" not in slots:
            yield f"{label}: phase {phase.name!r} has no optimizer: add its phase_slots, or share another phase's"
        if phase.optimizer and phase.optimizer not in owners:
            yield (
                f"{label}: phase {phase.name!r} shares the optimizer of {phase.optimizer!r}, which is no phase with an "
                f"optimizer of its own: {', '.join(owners)}"
            )


class Window(NamedTuple):
    """A window of the training: its first step (from 0), and the phases that can be due together in it."""

    step: int
    phases: tuple[Phase, ...]


def windows(phases: Sequence[Phase], borders: Sequence[int]) -> Iterator[Window]:
    """Yield the windows of a training between the first and last steps of its phases, and the recipe's ``borders``."""
    limits = {0, *borders, *(limit for phase in phases for limit in (phase.first, phase.last) if limit is not None)}
    for step in sorted(limits):
        together = tuple(phase for phase in phases if phase.in_window(step))
        if together:
            yield Window(step, together)
