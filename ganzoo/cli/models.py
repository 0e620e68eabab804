"""Paths on the command line, and the MODEL argument of the commands that take a trained model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, final

import click

from ganzoo.errors import UserError
from ganzoo.paths import user_path


@final
class UserPath(click.Path):
    """A path of the command line, with ``~`` for the home folder."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        return user_path(os.fsdecode(super().convert(value, param, ctx)))


model_argument = click.argument("model", type=UserPath())
output_option = click.option(
    "--output",
    "output_name",
    metavar="NAME",
    help="Which output, if the model has several of them; without it, the first one.",
)


def refuse_if_missing(model: Path) -> None:
    """Raise :class:`UserError` for a missing model, before torch is imported."""
    try:
        model.stat()
    except OSError as problem:
        reason = "does not exist" if isinstance(problem, FileNotFoundError) else f"cannot be read ({problem.strerror})"
        raise UserError(f"model {model} {reason}: give a .safetensors file or a run folder") from problem
