"""Paths on the command line, and the MODEL argument of the commands that take a trained model."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
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

controls_option = click.option(
    "--set",
    "chosen",
    multiple=True,
    metavar="NAME=VALUE",
    help="What else the model lets one choose, such as the code of an InfoGAN. May be repeated; several values of one "
    "name take turns.",
)


@final
class Factor(click.FloatRange):
    """A number from 0 to 2; click's own range lets NaN pass, which is in no order."""

    def __init__(self) -> None:
        super().__init__(0, 2)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is not in the range 0<=x<=2", param, ctx)
        return number


truncation_option = click.option(
    "--truncation", type=Factor(), default=1.0, show_default=True, metavar="ψ",
    help="Multiplies the distance of the noise from its mean: less than 1 gives more typical, less varied examples.",
)  # fmt: skip
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="cpu",
    show_default=True,
    help="Where to compute.",
)


def read_controls(chosen: Sequence[str]) -> dict[str, list[str]]:
    """Return the values of each control in words ``NAME=VALUE``."""
    controls: dict[str, list[str]] = {}
    for word in chosen:
        name, sign, value = word.partition("=")
        if not sign:
            raise UserError(f"--set {word!r} must have the form NAME=VALUE")
        controls.setdefault(name, []).append(value)
    return controls


def refuse_if_missing(model: Path) -> None:
    """Raise :class:`UserError` for a missing model, before torch is imported."""
    try:
        model.stat()
    except OSError as problem:
        reason = "does not exist" if isinstance(problem, FileNotFoundError) else f"cannot be read ({problem.strerror})"
        raise UserError(f"model {model} {reason}: give a .safetensors file or a run folder") from problem
