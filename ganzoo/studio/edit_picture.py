"""The picture of an edit: originals, reconstructions with their errors, and what was changed."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from ganzoo.contract.field_values import values_of
from ganzoo.studio.inversion import Inversion
from ganzoo.studio.walk_pictures import strip


def edit_picture(
    found: Inversion, labels: Sequence[str], direction: int | None, step: float, changes: Sequence[str] = ()
) -> Image.Image:
    """Return a picture with a row for each original: itself, its reconstruction, and one column for each edit.

    The name of a row is the error of the reconstruction, and the condition that was found or given.
    """
    columns = {"original": found.originals, "found": found.reconstructions}
    columns |= {label: found.edited(label) for label in labels}
    columns |= {change: found.edited(change=change) for change in changes}
    if direction is not None:
        for label in [*labels] or [""]:
            columns[f"{label} {step:+g}".strip()] = found.edited(label or None, direction, step)
    values = values_of(found.model.output)
    return strip(values, list(columns.values()), list(columns), names_of(found))


def names_of(found: Inversion) -> list[str]:
    """Return the error of each reconstruction, with the condition."""
    errors = [f"error {float(error):.3f}" for error in found.errors]
    field = found.model.condition
    if found.conditions is None or field is None:
        return errors
    words = [values_of(field).word(one) for one in found.conditions]
    return [f"{word}: {error}" if word else error for word, error in zip(words, errors, strict=True)]
