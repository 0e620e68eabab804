"""``ganzoo walk``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli.help import HelpCommand
from ganzoo.cli.models import (
    UserPath,
    controls_option,
    device_option,
    model_argument,
    output_option,
    read_controls,
    refuse_if_missing,
    truncation_option,
)
from ganzoo.cli.output import tell, tell_loading
from ganzoo.errors import UserError

if TYPE_CHECKING:
    from ganzoo.studio.walk import Start, Walk

PATHS = ("between", "dimension", "direction", "labels")


@click.command(cls=HelpCommand)
@model_argument
@click.option(
    "--between", type=click.IntRange(min=0), nargs=2, metavar="SEED SEED",
    help="Walk from the examples of one seed to those of another; without any path, from --seed to the next one.",
)  # fmt: skip
@click.option(
    "--dimension", type=click.IntRange(min=0), metavar="I",
    help="Change one coordinate of the latent vector, from 0.",
)  # fmt: skip
@click.option(
    "--direction", type=click.IntRange(min=0), metavar="I",
    help="Walk along a direction of the generator; number 0 changes the examples most.",
)  # fmt: skip
@click.option(
    "--labels", nargs=2, metavar="A B",
    help="Walk from one condition to another: classes, attributes, captions, or image files.",
)  # fmt: skip
@click.option(
    "--range", "bounds", type=float, nargs=2, metavar="LOW HIGH",
    help="The first and the last value of --dimension or --direction; by default -3 and 3, and for a dimension of "
    "uniform noise 0 and 1, its whole range.",
)  # fmt: skip
@click.option(
    "--label", "labels_of_rows", multiple=True, metavar="L",
    help="The condition of the examples: a class, attributes, a caption, or an image file. May be repeated; several "
    "take turns. Without it, all classes take turns.",
)  # fmt: skip
@controls_option
@output_option
@click.option(
    "--seed", type=click.IntRange(0, 2**62), default=0, show_default=True,
    help="The seed of the examples, which are those of `ganzoo sample --seed`.",
)  # fmt: skip
@click.option(
    "--count", type=click.IntRange(1, 4096),
    help="The number of examples that walk together; by default 5, and 500 for points.",
)  # fmt: skip
@click.option(
    "--frames", type=click.IntRange(2, 1000),
    help="The number of steps; by default 9 in a .png, and 32 in a .gif or an .mp4, which go there and back.",
)  # fmt: skip
@truncation_option
@click.option(
    "--out", type=UserPath(), default=Path("walk.gif"), show_default=True, metavar="FILE.gif|FILE.png|FILE.mp4",
    help="An animation, or one picture with a column for each step. An .mp4 needs ganzoo[video].",
)  # fmt: skip
@device_option
def walk(model: Path, out: Path, device: str, **options: Any) -> None:
    """Walk through what a model generates, as an animation or a strip.

    MODEL is a .safetensors file or a run folder; the dataset is not needed. The step or the value is written on every
    frame. Between two seeds the path lies on a sphere if the noise is normal, and is straight if it is uniform. The
    directions are found in the weights of the generator's first layer (SeFa, arXiv 2007.06600).
    """
    _refuse_contradictions(options)
    refuse_if_missing(model)
    tell_loading(f"walk {model}")
    import ganzoo
    from ganzoo.health.memory import advise_fewer
    from ganzoo.step.device import choose_device
    from ganzoo.studio.walk_pictures import check_walk, write_walk

    where = choose_device(device)
    trained = ganzoo.load(model).to(where)
    if options["output_name"] is not None:
        trained = trained.for_output(options["output_name"])
    check_walk(out)
    frames = options["frames"] or (9 if out.suffix.lower() == ".png" else 32)
    count = options["count"] or (500 if not _tiled(trained) else 5)
    with advise_fewer(f"{count} examples", where):
        path = _path(trained, count, options)
        write_walk(out, path, frames)
    tell(f"{path.title}, {frames} steps: {out}", err=True)


def _tiled(model: Any) -> bool:
    from ganzoo.contract.field_values import values_of

    return values_of(model.output).tiled


def _refuse_contradictions(options: dict[str, Any]) -> None:
    """Raise :class:`UserError` for several paths, or for options that the chosen path does not have."""
    given = [name for name in PATHS if options[name] is not None]
    if len(given) > 1:
        raise UserError(f"--{given[0]} and --{given[1]} are two paths: give one of them")
    if options["bounds"] is not None and not {"dimension", "direction"} & set(given):
        raise UserError("--range belongs to --dimension or --direction: give one of them")
    if options["labels"] is not None and options["labels_of_rows"]:
        raise UserError("--labels says the conditions from which and to which to walk: leave out --label")
    if options["bounds"] is not None and not all(abs(bound) <= 1e6 for bound in options["bounds"]):
        raise UserError("--range takes numbers from -1e6 to 1e6")


def _path(model: Any, count: int, options: dict[str, Any]) -> Walk:
    from ganzoo.studio.walk import AlongDimension, AlongDirection, BetweenSeeds, between_conditions

    seed, bounds = options["seed"], options["bounds"] or (None, None)
    if options["labels"] is not None:
        return between_conditions(_start(model, count, None, options), seed, options["labels"])
    start = _start(model, count, model.conditions(count, options["labels_of_rows"]), options)
    if options["dimension"] is not None:
        return AlongDimension(start, seed, options["dimension"], *bounds)
    if options["direction"] is not None:
        return AlongDirection(start, seed, options["direction"], *bounds)
    return BetweenSeeds(start, *(options["between"] or (seed, seed + 1)))


def _start(model: Any, count: int, conditions: Any, options: dict[str, Any]) -> Start:
    from ganzoo.studio.walk import Start

    controls = model.controls(count, read_controls(options["chosen"]))
    return Start(model, count, conditions, controls, options["truncation"])
