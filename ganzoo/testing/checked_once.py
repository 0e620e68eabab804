"""The second check before a training, made once for selections that it cannot tell apart."""

from __future__ import annotations

from typing import final

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Selection, installed
from ganzoo.catalogue.check import check
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.registry import part_to_json

# The settings of a training that the second check looks at.
LOOKED_AT = ("steps", "batch_size", "accumulate", "execution", "freeze", "evaluate_every", "metric", "judge")


@final
class CheckedOnce:
    """:func:`~ganzoo.assembly.dry_run.assemble`, which takes half of a short training, with a memory of what fits.

    Declarations and data are checked each time. A registry of a test's own is not remembered: its parts may change.
    """

    def __init__(self) -> None:
        self._fits: set[str] = set()

    def __call__(self, selection: Selection) -> dict[str, DataSpec]:
        """Return what ``assemble`` returns, or raise what it raises."""
        if selection.registry is not installed():
            return assemble(selection)
        data = check(selection)
        parts = {name: part_to_json(part) for name, part in selection.parts.items()}
        about = repr((parts, {name: getattr(selection.run, name) for name in LOOKED_AT}, data))
        if about not in self._fits:
            assemble(selection)
            self._fits.add(about)
        return data
