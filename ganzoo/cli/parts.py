"""Commands whose options are those of the parts that their own line chooses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import click

from ganzoo.catalogue import Selection, installed, select
from ganzoo.catalogue.options import options_of
from ganzoo.catalogue.settings import RunSettings
from ganzoo.cli.options import Group, groups, hint_of_slots, names_a_variant, scan, without_unknown
from ganzoo.errors import Refused
from ganzoo.text import printable

_GROUPS, _HINT, _UNKNOWN = "ganzoo.groups", "ganzoo.hint", "ganzoo.unknown"


class PartsCommand(click.Command, ABC):
    """A command that takes a variant to ``use``; its line begins like ``example``, and takes ``settings`` of a run."""

    use: ClassVar[str]
    example: ClassVar[str]
    settings: ClassVar[frozenset[str]] = frozenset(option.name for option in options_of(RunSettings))
    heading: ClassVar[str] = "Training"

    @abstractmethod
    def variant_first(self, args: list[str]) -> list[str]:
        """Return the words of a line so that the variant, if any, is the first that is no option's value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the chosen parts, then parse with their options."""
        registry = installed()
        asks_for_help = any(word in ctx.help_option_names for word in args)
        ordered = self.variant_first(args)
        if not asks_for_help or names_a_variant(registry, ordered):
            words = scan(registry, ordered, self.use)
            chosen = select(registry, words.variant, words.flags, words.preset, words.file)
            ctx.meta[_GROUPS] = _without_repeats(groups(chosen, self.settings, self.heading))
            ctx.meta[_HINT] = hint_of_slots(chosen)
            known = [flag for param in self.get_params(ctx) for flag in (*param.opts, *param.secondary_opts)]
            args, ctx.meta[_UNKNOWN] = without_unknown(args, known, words.variant, self.example)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the fixed options and those of the chosen parts."""
        made = [option for group in ctx.meta.get(_GROUPS, ()) for option in group.options]
        return [*super().get_params(ctx), *made]

    def get_help(self, ctx: click.Context) -> str:
        """Return the help text, of which plugins and config files wrote parts."""
        return "\n".join(map(printable, super().get_help(ctx).split("\n")))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by component and package."""
        self._section(ctx, formatter, "Options", super().get_params(ctx))
        for group in ctx.meta.get(_GROUPS, ()):
            self._section(ctx, formatter, group.title, group.options)
        if ctx.meta.get(_HINT):
            formatter.write_paragraph()
            formatter.write_text(ctx.meta[_HINT])
        if _GROUPS not in ctx.meta:
            formatter.write_paragraph()
            formatter.write_text(
                f"The other options are those of the parts that a variant has: `{self.example} VARIANT --help` "
                f"shows them. Variants: {', '.join(installed().names('variant'))}."
            )

    def _section(
        self,
        ctx: click.Context,
        formatter: click.HelpFormatter,
        title: str,
        params: Sequence[click.Parameter],
    ) -> None:
        options = [param for param in params if isinstance(param, click.Option)]
        records = [record for option in options if (record := option.get_help_record(ctx)) is not None]
        if records:
            with formatter.section(title):
                formatter.write_dl(records)


def selected(
    variant: str, flags: Mapping[str, Any], preset: str | None, file: Mapping[str, Any] | None = None
) -> Selection:
    """Return what the line of the current command chose.

    Raises :class:`Refused` with every problem, options on the line that no part has among them.
    """
    unknown: list[str] = click.get_current_context().meta.get(_UNKNOWN, [])
    try:
        selection = select(installed(), variant, flags, preset, file)
    except Refused as refused:
        raise Refused([*unknown, *refused.problems]) from refused
    if unknown:
        raise Refused(unknown)
    return selection


def _without_repeats(found: Any) -> list[Group]:
    """Keep the first of several options with one flag: two components of a kind may share an option's name."""
    seen: set[str] = set()
    kept = []
    for group in found:
        options = []
        for option in group.options:
            flags = set(option.opts)
            if not flags & seen:
                options.append(option)
            seen |= flags
        kept.append(Group(group.title, options))
    return kept
