"""``ganzoo augment``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from ganzoo.catalogue import Component
from ganzoo.catalogue.check import missing_capabilities
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.options import DataConfig
from ganzoo.catalogue.registry import Part
from ganzoo.cli.candidates import names_of
from ganzoo.cli.models import UserPath
from ganzoo.cli.output import tell, tell_loading
from ganzoo.cli.prefixed import PrefixedCommand, collected, meant, parts_of
from ganzoo.errors import Refused, UserError

KINDS = ("dataset", "augmentation")


class AugmentCommand(PrefixedCommand):
    """A command that also takes the options of the dataset and the augmentation."""

    def offered(self, given: Mapping[str, str | None]) -> Mapping[str, Sequence[Component]]:
        """Return the components whose options it takes, by the name with which these begin."""
        return {kind: meant(kind, given.get(f"--{kind}")) for kind in KINDS}


@click.command(cls=AugmentCommand, options_metavar="[OPTIONS]")
@click.argument("dataset", shell_complete=names_of("dataset"))
@click.option(
    "--augmentation", required=True, metavar="NAME",
    shell_complete=names_of("augmentation"), help="The augmentation to show.",
)  # fmt: skip
@click.option(
    "--count", type=click.IntRange(1, 256), default=8, show_default=True, help="The number of examples: columns."
)
@click.option(
    "--draws",
    type=click.IntRange(1, 256),
    default=5,
    show_default=True,
    help="How often each example is changed: rows below the first.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The seed of the chosen examples and of the changes.",
)
@click.option(
    "--data-root", type=UserPath(), default=Path("data"), show_default=True, metavar="PATH",
    help="The folder with the datasets' files; downloads are stored there.",
)  # fmt: skip
@click.option(
    "--out",
    type=UserPath(),
    default=Path("augmented.png"),
    show_default=True,
    metavar="FILE.png",
    help="The picture.",
)
def augment(dataset: str, augmentation: str, count: int, draws: int, seed: int, data_root: Path, out: Path) -> None:
    """Show what an augmentation makes of real examples.

    The first row of the picture has examples of DATASET, and each row below it has other random changes of the same
    examples. A discriminator never sees the examples as they are, but as one of these changes, drawn anew in each step.

    The options of the dataset and the augmentation begin with their kinds: --dataset-size 32, --augmentation-p 0.5;
    `ganzoo info NAME` shows them. An augmentation that follows the training is shown as it is at the beginning: for
    ada, give --augmentation-p.
    """
    parts = parts_of({"dataset": dataset, "augmentation": augmentation}, collected())
    spec = _checked(parts["dataset"], parts["augmentation"], data_root)
    if out.suffix.lower() != ".png":
        raise UserError(f"--out {out} must end in .png")
    tell_loading(f"augment {dataset}")
    from ganzoo.studio.augmented import write_augmented

    changed = write_augmented(out, parts, spec, data_root, count, draws, seed)
    if not changed:
        tell(f"{parts['augmentation'].label} changed nothing: its options leave examples as they are", err=True)
    tell(f"{count} examples, {draws} times changed: {out}", err=True)


def _checked(dataset: Part, augmentation: Part, root: Path) -> DataSpec:
    """Return the data spec; raises :class:`Refused` if the augmentation needs other data."""
    assert isinstance(dataset.config, DataConfig)
    with dataset.attributed():
        spec = dataset.config.spec(root)
    problems = list(missing_capabilities(augmentation, set(spec.provides), dataset.label))
    for part in (dataset, augmentation):
        with part.attributed():
            problems += [f"{part.label}: {problem}" for problem in part.config.problems({"dataset": spec})]
    if problems:
        raise Refused(problems)
    return spec
