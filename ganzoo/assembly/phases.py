"""The phases of a recipe, compared with its declaration, and the windows of the training in which they are due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ganzoo.catalogue.selection import Selection
from ganzoo.contract.recipe import Phase


def undeclared(phases: Sequence[Phase], selection: Selection) -> Iterator[str]:
    """Yield where the phases of a recipe differ from its declaration."""
    label, declared = selection.parts["recipe"].label, selection.recipe.phases
    if sorted(phase.name for phase in phases) != sorted(declared):
        names = ", ".join(phase.name for phase in phases)
        yield f"{label} declares the phases {', '.join(declared)} but has {names}"
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


def windows(phases: Sequence[Phase]) -> list[tuple[Phase, ...]]:
    """Return the sets of phases that can be due in the same step, one for each window of the training."""
    borders = sorted({border for phase in phases for border in (phase.first, phase.last) if border is not None})
    active = (
        tuple(phase for phase in phases if phase.first <= border and (phase.last is None or border < phase.last))
        for border in borders
    )
    return list(dict.fromkeys(together for together in active if together))
