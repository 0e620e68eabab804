"""``ganzoo edit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli.help import HelpCommand
from ganzoo.cli.models import UserPath, device_option, model_argument, output_option, refuse_if_missing
from ganzoo.cli.output import tell, tell_loading
from ganzoo.errors import UserError

if TYPE_CHECKING:
    from ganzoo.studio.inversion import Inversion


@click.command(cls=HelpCommand)
@model_argument
@click.argument("images", nargs=-1, required=True, type=UserPath(), metavar="IMAGE…")
@click.option(
    "--label", "labels", multiple=True, metavar="L",
    help="The condition to change to: a class, attributes, a caption. May be repeated: one column for each.",
)  # fmt: skip
@click.option(
    "--change", "changes", multiple=True, metavar="A",
    help="Attributes to change, the others stay: smiling, or smiling+hat=0. May be repeated: one column for each.",
)  # fmt: skip
@click.option(
    "--original", metavar="L",
    help="The condition of the images; without it, it is found too, if it is a class or the model has an encoder.",
)  # fmt: skip
@click.option(
    "--direction", type=click.IntRange(min=0), metavar="I",
    help="Also take a step along a direction of the generator; see `ganzoo walk --direction`.",
)  # fmt: skip
@click.option(
    "--step", type=click.FloatRange(-1e6, 1e6), default=3.0, show_default=True,
    help="The length of the step along --direction.",
)  # fmt: skip
@output_option
@click.option(
    "--starts", type=click.IntRange(1, 64), default=4, show_default=True,
    help="How many starting points are optimised to the end, for each image.",
)  # fmt: skip
@click.option(
    "--iterations", type=click.IntRange(1, 100_000), default=200, show_default=True,
    help="The number of optimisation steps.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**62), default=0, show_default=True, help="The seed of the starts.")
@click.option(
    "--out", type=UserPath(), default=Path("edit.png"), show_default=True, metavar="FILE.png",
    help="One picture with a row for each image: the original, its reconstruction, and the edits.",
)  # fmt: skip
@device_option
def edit(model: Path, images: tuple[Path, ...], out: Path, device: str, **options: Any) -> None:
    """Find images of your own in a model, and change them.

    IMAGE is a picture or a folder of pictures, which are cut to the size of the model's. The noise from which the model
    generates each of them is found by optimisation from several starts, the first of which is that of its encoder, if
    it has one. Then the model generates it again with another --label, with a --change of attributes, or after a step
    along a --direction. The reconstruction stands beside the original, with its error: the mean squared difference,
    where pixels are in [-1, 1].
    """
    refuse_if_missing(model)
    tell_loading(f"edit {model}")
    import ganzoo
    from ganzoo.contract.field_values import values_of
    from ganzoo.health.memory import advise_fewer
    from ganzoo.step.device import choose_device
    from ganzoo.studio.conditions import input_files
    from ganzoo.studio.export import check_file
    from ganzoo.studio.inversion import changed

    where = choose_device(device)
    trained = ganzoo.load(model).to(where)
    if options["output_name"] is not None:
        trained = trained.for_output(options["output_name"])
    check_file(out, [".png"])
    if not values_of(trained.output).inputs or not values_of(trained.output).tiled:
        raise UserError(
            f"this model generates {trained.output.describe()}, which no picture shows: use Model.invert in Python"
        )
    for label in options["labels"]:
        trained.conditions(1, label)  # what is no condition is told before minutes of work
    for change in options["changes"]:
        changed(trained, change)
    files = [file for path in images for file in input_files(trained.output, path)]
    with advise_fewer(f"{len(files)} images", where):
        found = trained.invert(
            files,
            options["original"],
            starts=options["starts"],
            steps=options["iterations"],
            seed=options["seed"],
        )
        _write(out, found, options)
    for file, error in zip(files, found.errors, strict=True):
        tell(f"{file}: mean squared error {float(error):.4f}", err=True)
    tell(f"{len(files)} images: {out}", err=True)


def _write(out: Path, found: Inversion, options: dict[str, Any]) -> None:
    from ganzoo.drawing import png
    from ganzoo.storage.files import make_folder, write_atomically
    from ganzoo.studio.edit_picture import edit_picture
    from ganzoo.studio.export import write_errors

    picture = png(edit_picture(found, options["labels"], options["direction"], options["step"], options["changes"]))
    with write_errors(out):
        make_folder(out.parent)
        write_atomically(out, picture)
