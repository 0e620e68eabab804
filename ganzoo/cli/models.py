"""The MODEL argument of the commands that take a trained model."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.errors import UserError

model_argument = click.argument("model", type=click.Path(path_type=Path))


def refuse_if_missing(model: Path) -> None:
    """Raise :class:`UserError` for a missing model, before torch is imported."""
    try:
        model.stat()
    except OSError as problem:
        reason = "does not exist" if isinstance(problem, FileNotFoundError) else f"cannot be read ({problem.strerror})"
        raise UserError(f"model {model} {reason}: give a .safetensors file or a run folder") from problem
