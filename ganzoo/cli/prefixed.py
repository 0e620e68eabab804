"""Commands that also take the options of components, each behind a name: ``--dataset-size 32``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import click

from ganzoo.cli.help import HelpCommand
from ganzoo.cli.words import of_params, scan
from ganzoo.errors import UserError

_FLAGS = "ganzoo.flags"


class PrefixedCommand(HelpCommand, ABC):
    """A command that collects the options of components; click parses the others."""

    @abstractmethod
    def names(self) -> Iterable[str]:
        """Return the names with which the options of components begin."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Collect the options of components, and let click parse the others."""
        own = of_params(self.get_params(ctx))
        prefixes = tuple(f"--{name}-" for name in self.names())
        others: list[str] = []
        flags: dict[str, str] = {}
        for word in scan(args, lambda flag: own.get(flag, True if flag.startswith(prefixes) else None)):
            if word.flag in own or not word.flag.startswith(prefixes):
                others.extend(word.raw)
            elif word.value is None:
                raise UserError(f"option {word.flag!r} needs a value; `ganzoo info NAME` shows which")
            else:
                flags[word.flag.removeprefix("--")] = word.value
        ctx.meta[_FLAGS] = flags
        return super().parse_args(ctx, others)


def collected() -> dict[str, str]:
    """Return the options of components that the current line gives, without dashes in front."""
    flags = click.get_current_context().meta[_FLAGS]
    assert isinstance(flags, dict)
    return flags
