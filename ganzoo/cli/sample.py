"""``ganzoo sample``."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.cli.models import model_argument, refuse_if_missing
from ganzoo.cli.output import tell


@click.command()
@model_argument
@click.option("--count", type=click.IntRange(1, 2**31), default=64, show_default=True, help="How many examples.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="L",
    help="What to make: a class by number or name, attributes as red+large, or a caption. May be repeated; "
    "several take turns. Without it, all classes take turns.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed, the same bytes.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("samples.png"),
    show_default=True,
    metavar="FILE.png|FILE.npz|FOLDER",
    help="One picture, arrays, or a folder of pictures.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="cpu",
    show_default=True,
    help="Where to compute.",
)
def sample(model: Path, count: int, labels: tuple[str, ...], seed: int, out: Path, device: str) -> None:
    """Make examples with MODEL, a .safetensors file or a run folder; the dataset is not needed.

    FILE.npz holds images as uint8 (N, H, W) grey or (N, H, W, 3) colour, and labels as int64 (N,) where the model is
    conditional.
    """
    refuse_if_missing(model)
    import ganzoo
    from ganzoo.health.memory import advise_fewer
    from ganzoo.step.device import choose_device
    from ganzoo.studio.export import check_destination, write_samples

    where = choose_device(device)
    trained = ganzoo.load(model).to(where)
    check_destination(out, trained.output)
    with advise_fewer(f"{count} samples", where):
        conditions = trained.conditions(count, list(labels))
        made = trained.sample(count, list(labels), seed)
        write_samples(out, made, trained.output, conditions, trained.condition)
    tell(f"{count} samples: {out}", err=True)
