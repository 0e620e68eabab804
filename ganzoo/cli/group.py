"""The commands: ganzoo's own, and those of plugins, which are imported only when they run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

import click
from click.shell_completion import CompletionItem

from ganzoo.catalogue import installed
from ganzoo.catalogue.registry import OfferedCommand
from ganzoo.catalogue.target import load_target
from ganzoo.cli.help import HelpGroup
from ganzoo.errors import UserError
from ganzoo.text import message_of, printable

SUCCESS, FAILURE, INVALID = 0, 1, 2


@final
class Commands(HelpGroup):
    """Finds ganzoo's own command by its name first, then that of a plugin; the help text shows both in groups."""

    def __init__(self, *given: Any, **named: Any):
        super().__init__(*given, **named)
        self._groups: dict[str, list[str]] = {}

    def add_group(self, title: str, commands: Iterable[click.Command]) -> None:
        """Add commands that share a section of the help text."""
        for command in commands:
            self.add_command(command)
            self._groups.setdefault(title, []).append(str(command.name))

    def offered(self, name: str | None) -> OfferedCommand | None:
        """Return the command of a plugin, or ``None`` if ``name`` is none."""
        return installed().commands.get(name) if name is not None and name not in self.commands else None

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command; raises :class:`UserError` if that of a plugin cannot be loaded."""
        offered = self.offered(cmd_name)
        return super().get_command(ctx, cmd_name) if offered is None else _loaded(offered)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the name, the command and its words; the error about an unknown name suggests those of plugins too."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as problem:
            known = [*self.commands, *installed().commands]
            raise click.exceptions.NoSuchCommand(problem.command_name, possibilities=known, ctx=ctx) from problem

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin with ``incomplete``, those of plugins too."""
        of_plugins = [
            CompletionItem(name, help=printable(offered.item.summary))
            for name, offered in installed().commands.items()
            if name.startswith(incomplete)
        ]
        return [*super().shell_complete(ctx, incomplete), *of_plugins]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write ganzoo's own commands, and those of each plugin under its package."""
        # One width for all, so that the groups are one table.
        longest = max(map(len, self.commands))
        for title, names in self._groups.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(longest), self.commands[name].get_short_help_str()) for name in names])
        by_source: dict[str, list[tuple[str, str]]] = {}
        for name, offered in installed().commands.items():
            by_source.setdefault(str(offered.provider), []).append((name, printable(offered.item.summary)))
        for source, rows in sorted(by_source.items()):
            with formatter.section(printable(f"Commands of {source}")):
                formatter.write_dl(sorted(rows))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command and return its exit status; that of a plugin's command is 0, 1 or 2."""
        try:
            return self._status(ctx, super().invoke(ctx))
        except click.exceptions.Exit as stop:
            return self._status(ctx, stop.exit_code)
        except SystemExit as stop:
            if self.offered(ctx.invoked_subcommand) is None or stop.code:
                raise
            return SUCCESS

    def _status(self, ctx: click.Context, result: Any) -> int:
        number = result if isinstance(result, int) else SUCCESS
        foreign = self.offered(ctx.invoked_subcommand) is not None
        return FAILURE if foreign and number not in (SUCCESS, FAILURE, INVALID) else number


def _loaded(offered: OfferedCommand) -> click.Command:
    try:
        command = load_target(offered.item.target)
    except ImportError as problem:
        raise UserError(f"{offered.label_with_package} fails: {message_of(problem)}") from problem
    if not isinstance(command, click.Command):
        raise UserError(
            f"{offered.label_with_package} fails: its target is of type {type(command).__name__}, not a click command"
        )
    return command
