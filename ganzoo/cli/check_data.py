"""``ganzoo check-data``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from ganzoo.catalogue import Component
from ganzoo.cli.candidates import names_of
from ganzoo.cli.models import UserPath
from ganzoo.cli.output import print_json, tell, tell_loading
from ganzoo.cli.prefixed import PrefixedCommand, collected, meant, parts_of

KIND = "dataset"


class CheckDataCommand(PrefixedCommand):
    """A command that also takes the options of the dataset."""

    def offered(self, given: Mapping[str, str | None]) -> Mapping[str, Sequence[Component]]:
        """Return the components whose options it takes, by the name with which these begin."""
        return {KIND: meant(KIND, None)}


@click.command("check-data", cls=CheckDataCommand, options_metavar="[OPTIONS]")
@click.argument("dataset", shell_complete=names_of(KIND))
@click.option(
    "--data-root", type=UserPath(), default=Path("data"), show_default=True, metavar="PATH",
    help="The folder with the dataset's files.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def check_data(dataset: str, data_root: Path, as_json: bool) -> None:
    """Tell what is in the data, and what is wrong with it.

    Every example of DATASET is read once, as a training reads it. Told are the number of examples, their sizes, modes
    and classes, what is left out and why; files that cannot be read, copies, copies in different classes, images of one
    colour, and classes with few examples. Nothing is written, downloaded or changed.

    The options of the dataset begin with its kind: --dataset-size 32; `ganzoo info NAME` shows them. A folder of
    images: ganzoo check-data folder --data-root photos.
    """
    part = parts_of({KIND: dataset}, collected())[KIND]
    tell_loading(f"check-data {dataset}")
    from ganzoo.contract.tracking import tracked_by
    from ganzoo.studio.data_check import check_data as check
    from ganzoo.training.observers.tracking import Tracker
    from ganzoo.training.run import PATIENCE

    with tracked_by(Tracker(PATIENCE)):
        found = check(part, data_root)
    if as_json:
        print_json(asdict(found))
        return
    tell(found.about)
    for fact in found.facts:
        tell(f"  {fact}")
    tell("what is wrong:" if found.problems else "nothing is wrong")
    for problem in found.problems:
        tell(f"  - {problem}")
