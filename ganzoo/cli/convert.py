"""``ganzoo convert``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import click

from ganzoo.catalogue import installed
from ganzoo.catalogue.selection import PRESETS
from ganzoo.cli.options import refuse_no_variant
from ganzoo.cli.output import tell
from ganzoo.cli.parts import PartsCommand, selected
from ganzoo.errors import UserError
from ganzoo.text import listed, quoted

if TYPE_CHECKING:
    from ganzoo.studio.conversion.assignment import Assignment
    from ganzoo.studio.conversion.convert import Conversion

VARIANT = "--variant"
SHOWN = 12  # names of what was left out


@final
class ConvertCommand(PartsCommand):
    """Takes the variant as an option, for the word is the file."""

    use = "convert to"
    example = f"ganzoo convert OLD {VARIANT}"
    settings = frozenset({"seed", "data_root"})
    heading = "Model"

    def variant_first(self, args: list[str]) -> list[str]:
        """Return the line with the variant before it, or nothing where it has none."""
        named = [word.removeprefix(f"{VARIANT}=") for word in args if word.startswith(f"{VARIANT}=")]
        named += [word for before, word in pairwise(args) if before == VARIANT]
        return [named[-1], *args] if named else []


@click.command(cls=ConvertCommand, options_metavar="[OPTIONS]")
@click.argument("old", type=click.Path(path_type=Path), metavar="OLD")
@click.option(VARIANT, metavar="VARIANT", help="What the networks in OLD are to become.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("model.safetensors"), show_default=True,
    metavar="FILE.safetensors", help="The model to write.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write the model even where there is such a file already.")
@click.option(
    "--take", "takes", multiple=True, metavar="NETWORK=PART",
    help="Which part of OLD a network is, where several fit; none leaves it as it begins. May be repeated.",
)  # fmt: skip
@click.option("--preset", type=click.Choice(PRESETS), help="The best settings we know, or the source's own.")
def convert(
    old: Path, variant: str | None, out: Path, force: bool, takes: tuple[str, ...], preset: str | None, **flags: Any
) -> None:
    """Make a model of OLD, somebody else's checkpoint that torch.save wrote, of any age.

    Only tensors are taken from it, and nothing in it is run. Its networks must have the shapes that VARIANT has with
    the options that are given; what cannot be told from shapes, such as slopes and the range of the noise, is yours to
    know: docs/convert.md lists it.
    """
    refuse_no_variant(installed(), variant or "", ConvertCommand.use)
    selection = selected(variant or "", flags, preset)
    take = _read(takes)
    if not old.exists():
        raise UserError(f"there is no checkpoint at {old}: give a file that torch.save wrote")
    # torch is imported only now: everything that can be told from names has been told.
    from ganzoo.studio.conversion.convert import convert as convert_checkpoint

    done = convert_checkpoint(old, selection, out, take, force)
    for line in _lines(done):
        tell(line, err=True)
    tell(f"model: {out}", err=True)
    tell(f"sample it: {shlex.join(['ganzoo', 'sample', str(out)])} --out samples.png", err=True)


def _read(takes: tuple[str, ...]) -> Mapping[str, str]:
    pairs = [take.partition("=") for take in takes]
    for network, _, part in pairs:
        if not network or not part:
            raise UserError("--take says which part of the checkpoint a network is: --take generator=PART")
    return {network: part for network, _, part in pairs}


def _lines(done: Conversion) -> Iterator[str]:
    for network, assignment in done.assigned.items():
        yield from _of_network(network, assignment)
    for network in done.initial:
        yield f"{network}: not in the checkpoint, and left as it begins"
    if done.unused:
        yield f"left out: {listed(done.unused, SHOWN)}"


def _of_network(network: str, assignment: Assignment) -> Iterator[str]:
    mapping = assignment.mapping
    how = "by name" if mapping.by_name else "in the order of the layers"
    cast = f", from {', '.join(assignment.cast)}" if assignment.cast else ""
    zeros = f", and {len(mapping.zeros)} counters of batch norm set to 0" if mapping.zeros else ""
    yield f"{network}: {len(mapping.names)} tensors of {quoted(assignment.candidate.name)}, {how}{cast}{zeros}"
    if not mapping.by_name:
        rows = assignment.layers
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            yield "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
