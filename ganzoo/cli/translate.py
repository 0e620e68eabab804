"""``ganzoo translate``."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.cli.help import HelpCommand
from ganzoo.cli.models import UserPath, model_argument, output_option, refuse_if_missing
from ganzoo.cli.output import tell, tell_loading
from ganzoo.errors import UserError


@click.command(cls=HelpCommand)
@model_argument
@click.argument("inputs", type=UserPath(), nargs=-1, required=True, metavar="IMAGE|FOLDER...")
@click.option(
    "--count",
    type=click.IntRange(1, 10_000),
    default=1,
    show_default=True,
    help="The number of variations of each picture, for a model whose generator has noise.",
)
@output_option
@click.option(
    "--resize",
    is_flag=True,
    help="Scale each picture to the size of the training and back. By default, a picture keeps its size, and is "
    "translated in overlapping tiles.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The seed of the noise, if there is any."
)
@click.option(
    "--out",
    type=UserPath(),
    default=Path("translated"),
    show_default=True,
    metavar="FOLDER|FILE.png",
    help="A folder, or a file for one picture.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="cpu",
    show_default=True,
    help="Where to compute.",
)
def translate(
    model: Path,
    inputs: tuple[Path, ...],
    count: int,
    output_name: str | None,
    resize: bool,
    seed: int,
    out: Path,
    device: str,
) -> None:
    """Translate pictures of any size with an image-to-image model.

    MODEL is a .safetensors file or a run folder. Transparent pixels stay transparent. A model of both directions, such
    as cyclegan, has an output for each: --output b-to-a.
    """
    refuse_if_missing(model)
    if out.suffix.lower() not in ("", ".png") and not out.suffix[1:].isdecimal():
        raise UserError(f"pictures cannot be written as {out.suffix}: use .png, or a folder (no suffix)")
    tell_loading(f"translate {model}")
    import ganzoo
    from ganzoo.health.memory import advise_fewer
    from ganzoo.step.device import choose_device
    from ganzoo.studio.conditions import input_files
    from ganzoo.studio.export import check_destination
    from ganzoo.studio.translation import Translator, write_translations

    where = choose_device(device)
    trained = ganzoo.load(model).to(where)
    if output_name is not None:
        trained = trained.for_output(output_name)
    translator = Translator(trained, seed, resize)
    assert trained.condition is not None
    check_destination(out, trained.output)
    files = [file for path in inputs for file in input_files(trained.condition, path)]
    with advise_fewer("tiles", where):
        written = write_translations(translator, files, count, out)
    tell(f"{written} pictures: {out}", err=True)
