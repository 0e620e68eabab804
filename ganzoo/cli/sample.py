"""``ganzoo sample``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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

COUNT = 64  # examples


@click.command(cls=HelpCommand)
@model_argument
@click.option(
    "--count",
    type=click.IntRange(1, 2**31),
    help="The number of examples; by default 64, or one for each image of --input.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="L",
    help="The condition: a class by its name, or by its number from 0 if none has that name; attributes such as "
    "red+large, or a caption. May be repeated; several labels take turns. Without it, all classes take turns.",
)
@click.option(
    "--input",
    "inputs",
    type=UserPath(),
    multiple=True,
    metavar="FILE|FOLDER",
    help="An image, or a folder of images, for a model that makes images from images. May be repeated.",
)
@controls_option
@truncation_option
@output_option
@click.option(
    "--columns", type=click.IntRange(1, 2**16), metavar="N",
    help="The columns of a picture; without it, one for each class, or about as many as rows.",
)  # fmt: skip
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The seed; image k of a seed is the same for every --count.",
)
@click.option(
    "--out",
    type=UserPath(),
    default=Path("samples.png"),
    show_default=True,
    metavar="FILE.png|FILE.npz|FOLDER",
    help="One picture of all examples, arrays, or a folder with one picture for each.",
)
@click.option(
    "--titles", metavar="TEXT", default="", help="A title above each image of a grid, such as 'Digit: {label}'."
)
@click.option(
    "--enlarge", type=click.IntRange(1, 4096), metavar="PIXELS",
    help="Enlarge images by a whole factor, to at least so many pixels; by default 48 in a grid, and not in a folder.",
)  # fmt: skip
@click.option(
    "--beside", type=click.Choice(["nearest", "real"]),
    help="Put a training example beside each sample of a grid: the nearest one by the mean squared difference of "
    "pixels, which stands above it; or a real one of the same condition.",
)  # fmt: skip
@click.option("--dataset", metavar="NAME", help="The data of --beside; by default that of the training.")
@click.option(
    "--data-root", type=UserPath(), metavar="FOLDER", help="Where the data of --beside is; by default where it was."
)
@device_option
def sample(
    model: Path,
    count: int | None,
    labels: tuple[str, ...],
    inputs: tuple[Path, ...],
    chosen: tuple[str, ...],
    truncation: float,
    output_name: str | None,
    columns: int | None,
    seed: int,
    out: Path,
    titles: str,
    enlarge: int | None,
    beside: str | None,
    dataset: str | None,
    data_root: Path | None,
    device: str,
) -> None:
    """Generate examples with a trained model.

    MODEL is a .safetensors file or a run folder; the dataset is not needed. Any number of examples is written to a
    folder or to FILE.npz with the same memory. FILE.npz contains images as uint8, with
    shape (N, H, W) in grey or (N, H, W, 3) in colour, and for a conditional model the labels as int64 (N,).
    """
    refuse_if_missing(model)
    if beside is None and (dataset or data_root):
        raise UserError(
            "--dataset and --data-root say where the examples of --beside are: give --beside nearest or real"
        )
    if beside is not None and (titles or out.suffix.lower() != ".png"):
        raise UserError("--beside is for a grid with titles of its own: give --out FILE.png, and no --titles")
    tell_loading(f"sample {model}")
    import ganzoo
    from ganzoo.health.memory import advise_fewer
    from ganzoo.step.device import choose_device
    from ganzoo.studio.conditions import input_files
    from ganzoo.studio.export import Look, check_destination, write_samples

    where = choose_device(device)
    trained = ganzoo.load(model).to(where)
    if output_name is not None:
        trained = trained.for_output(output_name)
    check_destination(out, trained.output)
    look = Look(titles, enlarge or 0, columns)
    look.refuse(out, trained.output, trained.condition)
    asked: list[str | Path] = [*labels]
    if labels and trained.takes_files:
        raise UserError("this model takes its conditions from files: give --input FILE or FOLDER instead of --label")
    if inputs:
        if trained.condition is None or not trained.takes_files:
            raise UserError("this model takes nothing from files: leave out --input")
        asked += [file for path in inputs for file in input_files(trained.condition, path)]
    count = count or (len(asked) if inputs else COUNT)
    with advise_fewer(f"{count} samples", where):
        conditions = trained.conditions(count, asked)
        controls = read_controls(chosen)
        samples: Any = (
            trained.sample_in_chunks(count, asked, seed, controls)
            if truncation == 1 and beside is None
            else trained.sample(count, asked, seed, controls, truncation=truncation)
        )
        if beside is None:
            write_samples(out, samples, trained.output, conditions, trained.condition, look, count)
        else:
            from ganzoo.studio.beside import write_beside

            write_beside(out, trained, samples, conditions, look, beside, dataset, data_root)
    tell(f"{count} samples: {out}", err=True)
