"""The error for a part that breaks its contract."""

from __future__ import annotations

from ganzoo.catalogue.registry import Part
from ganzoo.errors import UserError


class BrokenContract(UserError):
    """A part breaks its contract; ``where`` is the part and its function, so that it is reported once."""

    def __init__(self, part: Part, function: str, wrong: str):
        self.where = (part.label_with_package, function)
        super().__init__(f"{part.label_with_package} breaks its contract: {wrong}")


def refuse(part: Part, function: str, wrong: str) -> None:
    """Raise :class:`BrokenContract` if anything is ``wrong`` in a function of ``part``."""
    if wrong:
        raise BrokenContract(part, function, wrong)
