"""Help texts that wrap between words alone: never inside a name such as ``--checkpoint-every``, and never cut."""

from __future__ import annotations

from collections.abc import Iterable

import click

_HYPHEN, _UNBREAKABLE = "-", "\N{NON-BREAKING HYPHEN}"


class HelpFormatter(click.HelpFormatter):
    """Wraps texts between words; click's own formatter also breaks lines behind hyphens."""

    def write(self, string: str) -> None:
        """Write ``string`` with plain hyphens."""
        super().write(string.replace(_UNBREAKABLE, _HYPHEN))

    def write_text(self, text: str) -> None:
        """Write a wrapped paragraph."""
        super().write_text(text.replace(_HYPHEN, _UNBREAKABLE))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write a list of terms and wrapped explanations."""
        unbreakable = [(term, text.replace(_HYPHEN, _UNBREAKABLE)) for term, text in rows]
        super().write_dl(unbreakable, col_max, col_spacing)


class HelpContext(click.Context):
    """A context whose help texts are written by :class:`HelpFormatter`."""

    formatter_class = HelpFormatter


class HelpCommand(click.Command):
    """A command whose help text wraps between words, and whose summary is the first sentence of it."""

    context_class = HelpContext

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the first paragraph of the help text, whole."""
        return " ".join((self.help or "").split("\n\n")[0].split())


class HelpGroup(click.Group):
    """A group of such commands."""

    context_class = HelpContext
    command_class = HelpCommand
