"""Answers to a shell that completes a command line; nothing is trained, read from models or imported from torch."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from ganzoo.cli.output import print_raw
from ganzoo.cli.plugin_option import OPTION
from ganzoo.errors import UserError

NAME, VARIABLE = "ganzoo", "_GANZOO_COMPLETE"


def complete(commands: click.Group, instruction: str) -> None:
    """Print what the variable asks for: the script of a shell (``bash_source``), or completions (``bash_complete``).

    A plugin file that the line names is not executed. Raises :class:`UserError` for an unknown instruction.
    """
    name, _, task = instruction.partition("_")
    kind = get_completion_class(name)
    if kind is None or task not in ("source", "complete"):
        raise UserError(f"{VARIABLE} must be bash_source, zsh_source or fish_source, not {instruction!r}")
    shell = kind(commands, {}, NAME, VARIABLE)
    print_raw(shell.source() if task == "source" else _completions(shell))


def _completions(shell: ShellComplete) -> str:
    """Return what a shell may offer, and nothing where that fails: a message would stand amid the user's line."""
    found: list[CompletionItem] = []
    # A plugin may print while it is imported, and raise anything.
    with (
        contextlib.suppress(Exception, SystemExit),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        found = _offered(shell, *shell.get_completion_args())
    return "\n".join(map(shell.format_completion, found))


def _offered(shell: ShellComplete, words: Sequence[str], incomplete: str) -> list[CompletionItem]:
    # The options of the group itself work anywhere on the line; --version answers at once, at its beginning.
    anywhere = [option for option in shell.cli.params if isinstance(option, click.Option) and not option.is_eager]
    words = _joined(words)
    if words and words[-1] == OPTION:
        return [CompletionItem(incomplete, type="file")]
    # Some shells leave an option and its value in one word, and replace this word.
    flag, equals, _ = incomplete.partition("=")
    before = flag + equals if equals and flag.startswith("--") else ""
    found = shell.get_completions(_without(words, anywhere), incomplete)
    if incomplete.startswith("-") and not before:
        offered = {item.value for item in found}
        found += [
            CompletionItem(name, help=option.help)
            for option in anywhere
            for name in option.opts
            if name.startswith(incomplete) and name not in offered
        ]
    return [_with_start(before, item) if item.type == "plain" else item for item in found]


def _with_start(before: str, item: CompletionItem) -> CompletionItem:
    return CompletionItem(before + item.value, help=item.help)


def _without(words: Sequence[str], anywhere: Sequence[click.Option]) -> list[str]:
    """Return the words without the options that stand anywhere on a line, and without their values."""
    takes_value = {name: not option.is_flag for option in anywhere for name in option.opts}
    kept: list[str] = []
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        name, equals, _ = word.partition("=")
        if name not in takes_value:
            kept.append(word)
        elif takes_value[name] and not equals and rest:
            rest.pop()
    return kept


def _joined(words: Sequence[str]) -> list[str]:
    """Return the words with ``--option = value``, which bash makes of ``--option=value``, as one word again."""
    joined: list[str] = []
    for word in words:
        is_option = bool(joined) and joined[-1].startswith("--")
        if is_option and (word == "=" or joined[-1].endswith("=")):
            joined[-1] += word
        else:
            joined.append(word)
    if joined and joined[-1].startswith("--"):
        joined[-1] = joined[-1].removesuffix("=")  # its value is what is being completed
    return joined
