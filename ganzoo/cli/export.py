"""``ganzoo export``."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.cli.help import HelpCommand
from ganzoo.cli.models import UserPath, model_argument, output_option, refuse_if_missing
from ganzoo.cli.output import tell, tell_loading
from ganzoo.errors import UserError

USUAL = {"onnx": Path("model.onnx"), "pt2": Path("model.pt2"), "hf": Path("model-hf")}


@click.command(cls=HelpCommand)
@model_argument
@click.option(
    "--format", "form", type=click.Choice([*USUAL]), required=True,
    help="ONNX (needs ganzoo[onnx]), a program of torch.export, or a folder for the Hugging Face hub.",
)  # fmt: skip
@output_option
@click.option(
    "--out", type=UserPath(), metavar="FILE.onnx|FILE.pt2|FOLDER",
    help="What to write; by default model.onnx, model.pt2 or model-hf.",
)  # fmt: skip
def export(model: Path, form: str, output_name: str | None, out: Path | None) -> None:
    """Write a model's generator for programs without ganzoo.

    MODEL is a .safetensors file or a run folder. ONNX files and programs of torch.export take the noise, and the
    condition where there is one, for any number of examples; the file says what each input is. An ONNX file is compared
    with onnxruntime before it is written. The folder has a model card, samples, and the model itself, which
    `ganzoo.load` and any reader of safetensors read.
    """
    refuse_if_missing(model)
    place = out or USUAL[form]
    if form == "hf" and output_name is not None:
        raise UserError("a folder for the hub has the whole model: leave out --output")
    tell_loading(f"export {model}")
    import ganzoo
    from ganzoo.storage.files import make_folder, write_atomically
    from ganzoo.storage.run_folder import RunFolder
    from ganzoo.studio.export import check_file, write_errors
    from ganzoo.studio.hub_folder import check_folder, write_hub_folder
    from ganzoo.studio.portable import as_onnx, as_pt2

    trained = ganzoo.load(model)
    if output_name is not None:
        trained = trained.for_output(output_name)
    if form == "hf":
        check_folder(place)
        write_hub_folder(place, trained, RunFolder(model).model if model.is_dir() else model)
    else:
        check_file(place, [f".{form}"])
        content = {"onnx": as_onnx, "pt2": as_pt2}[form](trained)
        with write_errors(place):
            make_folder(place.parent)
            write_atomically(place, content)
    tell(f"{form}: {place}", err=True)
