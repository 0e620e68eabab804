"""``ganzoo new-plugin``."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.cli.help import HelpCommand
from ganzoo.cli.models import UserPath
from ganzoo.cli.output import tell
from ganzoo.errors import UserError
from ganzoo.new_plugin import KINDS, Draft, file_of, package_of
from ganzoo.storage.files import make_folder, write_atomically


@click.command("new-plugin", cls=HelpCommand)
@click.argument("name")
@click.option(
    "--kind", type=click.Choice(KINDS), default="variant", show_default=True, metavar="KIND",
    help=f"What the plugin adds: {', '.join(KINDS)}.",
)  # fmt: skip
@click.option("--one-file", is_flag=True, help="Write one file, for --plugin, in place of a package.")
@click.option("--out", type=UserPath(), metavar="PATH", help="What to write; by default ganzoo-NAME, or NAME.py.")
def new_plugin(name: str, kind: str, one_file: bool, out: Path | None) -> None:
    """Write a plugin to begin with, which trains at once.

    NAME is that of the component, such as my-loss. A package is a folder with a declaration, the code, a test and what
    pip needs: it installs, and passes its test. The commands to try it are printed. Nothing is overwritten.
    docs/plugins.md explains every line.
    """
    draft = Draft(kind, name)
    place = out or Path(f"{draft.words}.py" if one_file else draft.package)
    if place.exists() or place.is_symlink():
        raise UserError(f"{place} exists already: choose another name, or another place with --out")
    if one_file:
        write_atomically(place, file_of(draft).encode())
        tell(f"wrote {place}")
        tell(f"try it: {draft.command} --plugin {place} --steps 200")
        return
    files = package_of(draft)
    for path, text in files.items():
        make_folder((place / path).parent)
        write_atomically(place / path, text.encode())
    tell(f"wrote {place}: {', '.join(files)}")
    tell(f"install it: pip install --editable '{place}[test]'")
    tell(f"test it: pytest {place}")
    tell(f"try it: {draft.command} --steps 200")
