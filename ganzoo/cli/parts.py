"""Commands that take a variant: their options are those of the components that their own line chooses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar

import click

from ganzoo.catalogue import Registry, Selection, installed
from ganzoo.catalogue.component import Slot
from ganzoo.catalogue.observers import observer_flags
from ganzoo.catalogue.options import options_of
from ganzoo.catalogue.selecting_again import Choose, chooser
from ganzoo.catalogue.selection import Components, choose_components, slot_flags
from ganzoo.catalogue.settings import RunSettings
from ganzoo.catalogue.starts import STARTS, start_flags
from ganzoo.cli.help import HelpCommand
from ganzoo.cli.options import OptionGroup, expected_groups, hint_of_slots, option_groups
from ganzoo.cli.plugin_option import OPTION
from ganzoo.cli.words import Word, of_options, of_params, scan, values
from ganzoo.errors import Refused, UserError
from ganzoo.storage.config_files import read_config
from ganzoo.text import did_you_mean, printable

_SELECTION, _GROUPS, _CHOOSE = "ganzoo.selection", "ganzoo.groups", "ganzoo.choose"


class PartsCommand(HelpCommand, ABC):
    """A command that takes a variant to ``use``; its line begins like ``example``, and takes ``settings`` of a run."""

    use: ClassVar[str]
    example: ClassVar[str]
    settings: ClassVar[frozenset[str]] = frozenset({STARTS, *(option.flag for option in options_of(RunSettings))})
    heading: ClassVar[str] = "Training"

    @abstractmethod
    def variant_in(self, words: Sequence[Word]) -> str:
        """Return the variant that a line names, or nothing."""

    def file_of(self, words: Sequence[Word], variant: str) -> Mapping[str, Any]:
        """Return the content of the file whose choices a line without ``--config`` takes over, or nothing."""
        return {}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Resolve the selection, then let click parse the line with the options of its components.

        A line is scanned twice: first for the variant, the config file and the components, and then, with their
        options, exactly. Raises :class:`Refused` with every problem.
        """
        if ctx.resilient_parsing:
            return self._parse_for_completion(ctx, args)
        registry, own = installed(), of_params(super().get_params(ctx))
        words = list(scan(args, (expected_flags(registry, self.settings) | own).get, registry.names("variant")))
        given = values(words)
        file = read_config(given["--config"]) if "--config" in own and "--config" in given else {}
        variant = self.variant_in(words) or str(file.get("variant") or "")
        if not file and variant in registry.names("variant"):
            file = self.file_of(words, variant)
        if not variant:
            if _asks_for_help(ctx, words):
                return super().parse_args(ctx, args)
            raise UserError(f"say which variant to {self.use}: {', '.join(registry.names('variant'))}")
        flags = {flag.removeprefix("--"): value for flag, value in given.items()}
        components = choose_components(registry, variant, flags, given.get("--preset"), file)
        takes_value = self._flags_of(components) | own
        words = list(scan(args, takes_value.get, {variant}))
        if _asks_for_help(ctx, words):
            # Of the values, only the names of observers decide which options there are.
            selection = components.select({"observer": given["--observer"]} if "--observer" in given else {})
            words = [word for word in words if not word.flag or word.flag in own or word.flag in ctx.help_option_names]
        else:
            problems = list(self._problems(words, takes_value, components))
            chosen = [word for word in words if word.flag in takes_value and word.flag not in own]
            flags = _flags(components, chosen)
            selection = _resolved(components, flags, problems)
            ctx.meta[_CHOOSE] = chooser(registry, variant, flags, given.get("--preset"), file)
        ctx.meta[_SELECTION] = selection
        ctx.meta[_GROUPS] = option_groups(selection, self.settings, self.heading)
        known = (word for word in words if not _is_unknown(word, takes_value))
        return super().parse_args(ctx, [raw for word in known for raw in word.raw])

    def _parse_for_completion(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse a line that is not complete: nothing on it is an error, and it has the options of the parts so far."""
        registry, own = installed(), of_params(super().get_params(ctx))
        words = list(scan(args, (expected_flags(registry, self.settings) | own).get, registry.names("variant")))
        given = values(words)
        file: Mapping[str, Any] = {}
        if "--config" in own and "--config" in given:
            with suppress(UserError):
                file = read_config(given["--config"])
        variant = self.variant_in(words) or str(file.get("variant") or "")
        ctx.meta[_GROUPS] = expected_groups(registry, _slots(registry), self.settings)
        # Where a part or an observer is unknown, the options of the variant's own parts are better than none.
        for named in (given, {}):
            with suppress(UserError):
                flags = {flag.removeprefix("--"): value for flag, value in named.items()}
                components = choose_components(registry, variant, flags, named.get("--preset"), file)
                selection = components.select({"observer": flags["observer"]} if "observer" in flags else {})
                ctx.meta[_GROUPS] = option_groups(selection, self.settings, self.heading)
                break
        takes_value = of_params(self.get_params(ctx))
        words = list(scan(args, takes_value.get, {variant}))
        known = (word for word in words if not _is_unknown(word, takes_value))
        return super().parse_args(ctx, [raw for word in known for raw in word.raw])

    def _flags_of(self, components: Components) -> dict[str, bool]:
        other = {option.flag for option in options_of(RunSettings)} - self.settings
        if "observer" in other:
            other |= set(observer_flags(components.registry))
        if STARTS not in self.settings:
            other |= set(components.start_flags)
        options = {flag: sets[0][1] for flag, sets in components.option_flags.items() if flag not in other}
        return of_options(options) | {f"--{flag}": True for flag in components.slot_flags}

    def _problems(
        self, words: Sequence[Word], takes_value: Mapping[str, bool], components: Components
    ) -> Iterator[str]:
        """Yield unknown options and missing values: click stops at the first one, and users want all of them."""
        advice = f"`{self.example} {components.variant.name} --help` shows"
        for word in words:
            if _is_unknown(word, takes_value):
                if not components.may_be_known(word.flag.removeprefix("--")):
                    hint = did_you_mean(word.flag, [OPTION, *takes_value])
                    yield f"no option is called {word.flag!r}{hint} {advice} all options"
            elif takes_value.get(word.flag) and word.value is None:
                yield f"option {word.flag!r} needs a value; {advice} which"
        several = {f"--{name}" for slot in components.slots if slot.several for name in (slot.name, slot.kind)}
        for flag in sorted(several):
            named = [word.value for word in words if word.flag == flag and word.value is not None]
            if len(named) > 1:
                yield f"{flag} is given {len(named)} times: write {flag} {','.join(named)}"

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the fixed options and those of the chosen components."""
        made = [option for group in ctx.meta.get(_GROUPS, ()) for option in group.options]
        return [*super().get_params(ctx), *made]

    def get_help(self, ctx: click.Context) -> str:
        """Return the help text; plugins and config files wrote some of it, so that it is made printable."""
        return "\n".join(map(printable, super().get_help(ctx).split("\n")))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by component and package."""
        groups: Sequence[OptionGroup] = ctx.meta.get(_GROUPS, ())
        for group in (OptionGroup("Options", super().get_params(ctx)), *groups):
            options = [param for param in group.options if isinstance(param, click.Option)]
            records = [record for option in options if (record := option.get_help_record(ctx)) is not None]
            if records:
                with formatter.section(group.title):
                    formatter.write_dl(records)
        if groups:
            hint = hint_of_slots(ctx.meta[_SELECTION])
        else:
            hint = (
                f"The other options depend on the variant: `{self.example} VARIANT --help` shows them. "
                f"Variants: {', '.join(installed().names('variant'))}."
            )
        if hint:
            formatter.write_paragraph()
            formatter.write_text(hint)


def selected() -> Selection:
    """Return the selection of the current command."""
    selection = click.get_current_context().meta[_SELECTION]
    assert isinstance(selection, Selection)
    return selection


def selects_again() -> Choose:
    """Return a function that resolves the current command again, with what its line leaves open."""
    choose: Choose = click.get_current_context().meta[_CHOOSE]
    return choose


def expected_flags(registry: Registry, settings: frozenset[str]) -> dict[str, bool]:
    """Return what is known of flags before the variant is: the run settings, and the slots of every recipe."""
    options = {option.flag: option for option in options_of(RunSettings) if option.flag in settings}
    slots = _slots(registry)
    starts = start_flags(slots, registry.kinds) if STARTS in settings else {}
    return of_options(options) | {f"--{flag}": True for flag in (*slot_flags(slots), *starts)}


def _slots(registry: Registry) -> list[Slot]:
    """Return the slots of every recipe."""
    return [slot for name in registry.names("recipe") for slot in registry.component("recipe", name).slots]


def _asks_for_help(ctx: click.Context, words: Sequence[Word]) -> bool:
    return any(word.flag in ctx.help_option_names for word in words)


def _is_unknown(word: Word, takes_value: Mapping[str, bool]) -> bool:
    # click itself refuses unknown short options.
    return word.flag.startswith("--") and word.flag not in takes_value and word.raw != ("--",)


def _flags(components: Components, chosen: Sequence[Word]) -> dict[str, Any]:
    """Return the values of a line by flag."""
    flags: dict[str, Any] = {}
    options = components.option_flags
    for word in chosen:
        name = word.flag.removeprefix("--")
        if name in options and options[name][0][1].type is bool:
            flags[name] = True
        elif name not in options and name not in components.slot_flags:
            flags[name.removeprefix("no-")] = False
        elif word.value is not None:
            flags[name] = word.value
    return flags


def _resolved(components: Components, flags: Mapping[str, Any], problems: Sequence[str]) -> Selection:
    """Return the selection of a line; raises :class:`Refused` with its ``problems`` and all that does not fit."""
    try:
        selection = components.select(flags)
    except Refused as refused:
        raise Refused([*problems, *refused.problems]) from refused
    if problems:
        raise Refused(problems)
    return selection
