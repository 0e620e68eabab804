"""``ganzoo convert``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, final

import click

from ganzoo.catalogue import installed
from ganzoo.cli.candidates import every_preset, names_of
from ganzoo.cli.models import UserPath
from ganzoo.cli.output import tell, tell_loading
from ganzoo.cli.parts import PartsCommand, selected
from ganzoo.cli.plugin_option import command_again
from ganzoo.cli.words import Word, values
from ganzoo.errors import UserError
from ganzoo.paths import user_path
from ganzoo.storage.older_models import older_model
from ganzoo.text import listed, quoted

if TYPE_CHECKING:
    from ganzoo.studio.conversion.assignment import Assignment
    from ganzoo.studio.conversion.convert import Conversion

VARIANT = "--variant"
SHOWN = 12  # names of tensors that were left out


@final
class ConvertCommand(PartsCommand):
    """Takes the variant as an option, for its plain word is the file."""

    use = "convert to"
    example = f"ganzoo convert OLD {VARIANT}"
    settings = frozenset({"seed", "data-root"})
    heading = "Model"

    def variant_in(self, words: Sequence[Word]) -> str:
        """Return the value of --variant, or the variant of a model that an older ganzoo wrote, or nothing."""
        older = (older_model(user_path(word.raw[0])) for word in words if not word.flag)
        return values(words).get(VARIANT, "") or next((str(about.get("variant", "")) for about in older if about), "")


@click.command(cls=ConvertCommand, options_metavar="[OPTIONS]")
@click.argument("old", type=UserPath(), metavar="OLD")
@click.option(
    VARIANT, metavar="VARIANT", expose_value=False, shell_complete=names_of("variant"),
    help="The variant whose networks get the weights.",
)  # fmt: skip
@click.option(
    "--out", type=UserPath(), default=Path("model.safetensors"), show_default=True,
    metavar="FILE.safetensors", help="The model file to write.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace the model file if it exists.")
@click.option(
    "--take", "takes", multiple=True, metavar="NETWORK=PART",
    help="The part of OLD that has the weights of NETWORK, where several parts fit; none keeps the initial weights. "
    "May be repeated.",
)  # fmt: skip
@click.option(
    "--preset", metavar="NAME", expose_value=False, shell_complete=every_preset,
    help="Our best settings (default), or the settings of the source (published).",
)  # fmt: skip
def convert(old: Path, out: Path, force: bool, takes: tuple[str, ...]) -> None:
    """Convert a checkpoint to a ganzoo model.

    OLD is a file that torch.save wrote, with any version of PyTorch, a safetensors file, a model that Keras saved
    (.weights.h5, .keras, .h5), or a model of an older ganzoo, which needs no other option. Only tensors are read from
    it, and no code in it is run. The networks of a checkpoint must have the same shapes as those of the variant with
    the given options. Shapes do not show everything: slopes and the range of the noise, for example, you must set
    yourself; docs/convert.md lists them.
    """
    selection = selected()
    take = _read(takes)
    if not old.exists():
        raise UserError(f"checkpoint {old} does not exist: give a file of torch.save, of safetensors or of Keras")
    if older_model(old) is not None:
        _migrate(old, out, force)
        return
    tell_loading(f"convert {old}")
    # Imported here because it imports torch: problems that need no torch have been reported by now.
    from ganzoo.studio.conversion.convert import convert as convert_checkpoint

    done = convert_checkpoint(old, selection, out, take, force)
    for line in _lines(done):
        tell(line, err=True)
    _say_how_to_use(out)


def _migrate(old: Path, out: Path, force: bool) -> None:
    from ganzoo.storage.migration import migrate_model

    if out.exists() and not force:
        raise UserError(f"{out} is there already: choose another --out, or give --force")
    digest = migrate_model(old, out, installed())
    tell(f"the weights are unchanged (sha256 {digest[:16]}…); the file has the format of this ganzoo", err=True)
    _say_how_to_use(out)


def _say_how_to_use(out: Path) -> None:
    tell(f"model: {out}", err=True)
    tell(f"sample it: {command_again('sample', str(out))} --out samples.png", err=True, wrap=False)


def _read(takes: tuple[str, ...]) -> Mapping[str, str]:
    pairs = [take.partition("=") for take in takes]
    for network, _, part in pairs:
        if not network or not part:
            raise UserError("--take needs a network and a part of the checkpoint: --take generator=PART")
    return {network: part for network, _, part in pairs}


def _lines(done: Conversion) -> Iterator[str]:
    for network, assignment in done.assigned.items():
        yield from _of_network(network, assignment)
    for network, epsilons in done.other_epsilons.items():
        told = " or ".join(map(str, epsilons))
        yield f"{network}: its batch norm has another epsilon than that of Keras ({told}): set it, or outputs differ"
    for network in done.initial:
        yield f"{network}: not in the checkpoint; it keeps its initial weights"
    if done.unused:
        yield f"left out: {listed(done.unused, SHOWN)}"
    if done.unread:
        yield f"not read, for these are not tensors: {listed(done.unread, SHOWN)}"


def _of_network(network: str, assignment: Assignment) -> Iterator[str]:
    mapping = assignment.mapping
    cast = f", from {', '.join(assignment.cast)}" if assignment.cast else ""
    zeros = f", and {len(mapping.zeros)} counters of batch norm set to 0" if mapping.zeros else ""
    yield f"{network}: {len(mapping.names)} tensors of {quoted(assignment.candidate.name)}, {mapping.how}{cast}{zeros}"
    if not mapping.by_name:
        rows = assignment.layers
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            yield "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
