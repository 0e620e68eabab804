"""What commands that take a trained model have in common."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.errors import UserError

model_argument = click.argument("model", type=click.Path(path_type=Path))


def refuse_if_missing(model: Path) -> None:
    """Tell of a missing model before torch is imported."""
    try:
        model.stat()
    except OSError as problem:
        reason = "there is nothing there" if isinstance(problem, FileNotFoundError) else problem.strerror
        raise UserError(f"no model at {model} ({reason}): give a .safetensors file or a run folder") from problem
