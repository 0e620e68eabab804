"""What a shell offers for the value of an option or an argument: names, words and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import click
from click.shell_completion import CompletionItem

from ganzoo.catalogue import Variant, installed
from ganzoo.catalogue.options import Option
from ganzoo.text import printable

Candidates: TypeAlias = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell offer files and folders."""
    return [CompletionItem(incomplete, type="file")]


def nothing(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer nothing: the value is a number or text."""
    return []


def every_name(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer all installed names."""
    return _beginning(incomplete, {entry.item.name: entry.item.summary for entry in installed()})


def every_kind(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the names of all kinds."""
    return _beginning(incomplete, {name: kind.summary for name, kind in installed().kinds.items()})


def every_preset(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the names of all presets of all variants."""
    presets = {name: "" for entry in installed() if isinstance(entry.item, Variant) for name in entry.item.preset_names}
    return _beginning(incomplete, presets)


def names_of(kind: str, several: bool = False) -> Candidates:
    """Offer the installed names of one kind; ``several`` may follow each other, with commas between them."""

    def offer(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        names = {entry.item.name: entry.item.summary for entry in installed() if entry.item.kind == kind}
        done, comma, last = incomplete.rpartition(",") if several else ("", "", incomplete)
        left = {name: summary for name, summary in names.items() if name not in done.split(",")}
        return _beginning(last, left, done + comma)

    return offer


def values_of(option: Option) -> Candidates:
    """Offer the words that an option allows, or files for a path."""
    if option.is_path:
        return files
    choices = dict.fromkeys(option.choices, "")
    return (lambda ctx, param, incomplete: _beginning(incomplete, choices)) if choices else nothing


def values_of_setting(option: Option) -> Candidates:
    """Offer the values of a run setting; one that is called as a kind takes names of this kind."""

    def offer(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        # Plugins are looked for only now: what they print at their import must find the streams prepared.
        is_kind = option.flag in installed().kinds
        candidates = names_of(option.flag, option.takes_several) if is_kind else values_of(option)
        return candidates(ctx, param, incomplete)

    return offer


def _beginning(incomplete: str, words: Mapping[str, str], before: str = "") -> list[CompletionItem]:
    """Return the words that begin with ``incomplete``, each with its explanation."""
    return [
        CompletionItem(before + word, help=printable(help) or None)
        for word, help in words.items()
        if word.startswith(incomplete)
    ]
