"""``ganzoo explore``."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.catalogue import installed
from ganzoo.cli.help import HelpCommand
from ganzoo.cli.models import UserPath, device_option, refuse_if_missing
from ganzoo.cli.output import tell, tell_loading


@click.command(cls=HelpCommand)
@click.argument("path", type=UserPath(), metavar="MODEL|RUN|FOLDER")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="N",
    help="The port of this machine; by default, one that is free.",
)  # fmt: skip
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@device_option
def explore(path: Path, port: int, opens: bool, device: str) -> None:
    """Explore models and runs by hand, on a page in your browser.

    For a model: sliders for latent coordinates and for directions of the generator, buttons for classes and attributes,
    seeds and what lies between them, truncation, and an image of your own to edit. For a FOLDER: its runs with their
    curves and newest pictures. Ctrl-C ends it.

    Nobody else can see the page: it is served on this machine alone, under an address that cannot be guessed, and asks
    nothing of the network. With ssh, `ssh -L 8000:127.0.0.1:8000 HOST` brings --port 8000 to your machine.
    """
    refuse_if_missing(path)
    from ganzoo.explore.server import Server
    from ganzoo.explore.site import Site

    if device != "cpu":
        from ganzoo.step.device import choose_device

        choose_device(device)  # that there is none is told before a page is shown
    site = Site(path, installed(), device)
    if site.alone:
        tell_loading(f"explore {path}")
        site.prepare()
    server = Server(site.answer, port)
    tell(server.url, wrap=False)
    tell("open this address in a browser; Ctrl-C ends it", err=True)
    if opens:
        import webbrowser

        webbrowser.open(server.url)
    server.serve()
