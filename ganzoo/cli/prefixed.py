"""Commands that also take the options of components, each behind a name: ``--dataset-size 32``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import click

from ganzoo.catalogue import Component, installed
from ganzoo.catalogue.component import Slot
from ganzoo.catalogue.evaluation_plan import read_flags
from ganzoo.catalogue.registry import Part, part_of
from ganzoo.cli.help import HelpCommand
from ganzoo.cli.options import component_options
from ganzoo.cli.words import of_params, scan, values
from ganzoo.errors import Refused, UserError

_FLAGS, _OPTIONS = "ganzoo.flags", "ganzoo.options"


class PrefixedCommand(HelpCommand, ABC):
    """A command that collects the options of components; click parses the others."""

    @abstractmethod
    def offered(self, given: Mapping[str, str | None]) -> Mapping[str, Sequence[Component]]:
        """Return the components whose options it takes, by the name with which these begin.

        ``given`` are the values of the other options of the line, by flag.
        """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Collect the options of components, and let click parse the others."""
        if ctx.resilient_parsing:
            return self._parse_for_completion(ctx, args)
        own = of_params(self.get_params(ctx))
        prefixes = tuple(f"--{name}-" for name in self.offered({}))
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

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the fixed options, and for a shell that completes a line those of components."""
        return [*super().get_params(ctx), *ctx.meta.get(_OPTIONS, ())]

    def _parse_for_completion(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse a line that is not complete, with the options of all components that it may be about."""
        own = of_params(self.get_params(ctx))
        ctx.meta[_OPTIONS] = component_options(self.offered(values(scan(args, own.get))))
        known = of_params(self.get_params(ctx))
        words = (word for word in scan(args, known.get) if not word.flag.startswith("--") or word.flag in known)
        return super().parse_args(ctx, [raw for word in words for raw in word.raw])


def meant(kind: str, name: str | None) -> Sequence[Component]:
    """Return the component with this name, or all of the kind where there is none."""
    names = installed().names(kind)
    return [installed().component(kind, each) for each in ([name] if name in names else names)]


def collected() -> dict[str, str]:
    """Return the options of components that the current line gives, without dashes in front."""
    flags = click.get_current_context().meta[_FLAGS]
    assert isinstance(flags, dict)
    return flags


def parts_of(names: dict[str, str], flags: dict[str, str]) -> dict[str, Part]:
    """Return the component of each kind in ``names`` with its options in ``flags``; raises :class:`Refused`."""
    registry = installed()
    slots = {kind: Slot(kind, kind, name) for kind, name in names.items()}
    problems: list[str] = []
    known = {kind: (slot, registry.component(kind, slot.default)) for kind, slot in slots.items()}
    values = read_flags(flags, known, problems)
    parts = {}
    for kind, slot in slots.items():
        try:
            parts[kind] = part_of(registry.entry(kind, slot.default), slot, values[kind])
        except Refused as refused:
            problems.extend(refused.problems)
    if problems:
        raise Refused(dict.fromkeys(problems))
    return parts
