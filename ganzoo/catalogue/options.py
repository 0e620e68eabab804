"""Options: declared once, as fields of a frozen dataclass, for the command line, files and help texts."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, Union, final

from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.several import refuse_text
from ganzoo.errors import Refused, UserError
from ganzoo.paths import user_path
from ganzoo.text import did_you_mean

T = TypeVar("T")
LARGEST = 2**31 - 1  # the default upper limit of whole numbers
MOST = 1000  # values in one option
SPLIT = "split"  # the option of a dataset that names a part of it


@dataclass(frozen=True)
class Config:
    """The options of a component: a frozen dataclass whose fields are declared with :func:`option`."""

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield every problem that these options have with ``data`` (a spec for each dataset slot); needs no torch."""
        return iter(())


@dataclass(frozen=True)
class DataConfig(Config):
    """The options of a dataset; they determine what it delivers.

    ``judge`` is the name of the default judge for models of this dataset. A dataset with separate training and test
    data has an option ``split`` with the choices ``train`` and ``test``, or says in ``for_test`` what its test data is.
    ``counted_by`` names the options that only
    say how many of the examples are used: a run may be resumed with other values.
    """

    judge: ClassVar[str] = ""
    counted_by: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        refuse_text(f"counted_by of {cls.__name__}", cls.counted_by)

    def spec(self, root: Path) -> DataSpec:
        """Return what the dataset delivers from the data folder ``root``; imports no torch."""
        raise TypeError(f"{type(self).__name__} must define spec(root), which returns what it delivers")

    def for_test(self, root: Path) -> DataConfig:
        """Return the options of the examples that models are compared with: those of the test data, or these."""
        return dataclasses.replace(self, **{SPLIT: "test"}) if self.published_in_parts() else self

    @classmethod
    def published_in_parts(cls) -> bool:
        """Whether training and test data are separate wherever the data is."""
        return any(option.name == SPLIT and {"train", "test"} <= {*option.choices} for option in options_of(cls))


def option(
    default: T,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    sizes: bool = False,
    changeable: bool = False,
) -> T:
    """Declare an option: its default, one line of help, and for numbers the inclusive limits.

    A tuple with ``sizes`` is written with an x, as in ``96x64``, and one number stands for all of them. A run may be
    resumed with another value of what is ``changeable``: what a checkpoint holds means the same with it.
    """
    metadata = {"help": help, "low": low, "high": high, "sizes": sizes, "changeable": changeable}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Option:
    """One option of a config class, for command lines, files and help texts."""

    name: str
    type: Any
    default: Any
    help: str
    low: float | None
    high: float | None
    sizes: bool = False
    changeable: bool = False

    @property
    def flag(self) -> str:
        """The name on a command line, with dashes instead of underscores."""
        return self.name.replace("_", "-")

    @property
    def choices(self) -> tuple[str, ...]:
        """The allowed words where the type is a ``Literal``, otherwise empty."""
        return typing.get_args(self.type) if typing.get_origin(self.type) is Literal else ()

    @property
    def is_tuple(self) -> bool:
        """Whether its value is a tuple."""
        return typing.get_origin(_present(self.type)) is tuple

    @property
    def is_path(self) -> bool:
        """Whether its value is a path."""
        return _present(self.type) is Path

    @property
    def takes_several(self) -> bool:
        """Whether its value is any number of values."""
        return self.is_tuple and Ellipsis in typing.get_args(_present(self.type))

    @property
    def metavar(self) -> str:
        """The placeholder for the value in a help text."""
        if self.choices:
            return "|".join(self.choices)
        kind = _present(self.type)
        if Epochs in typing.get_args(self.type):
            return f"{_word(kind)}|{_word(kind)}e"
        if typing.get_origin(kind) is tuple:
            inner = typing.get_args(kind)
            words = [_word(item) for item in inner if item is not Ellipsis]
            return ("x" if self.sizes else ",").join(words) + (",…" if Ellipsis in inner else "")
        return _word(kind)

    def show(self, value: Any) -> str:
        """Return ``value`` as it is written on a command line."""
        if value is None:
            return "none"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, tuple):
            return ("x" if self.sizes else ",").join(str(item) for item in value)
        return str(value)

    def read(self, value: Any) -> Any:
        """Convert a word, a JSON value or a Python value to the option's type; raises ``ValueError`` if invalid."""
        result = _read(self.type, self._sizes_in(value) if self.sizes else value)
        numbers = result if isinstance(result, tuple) else (result,)
        for number in numbers:
            if isinstance(number, bool) or not isinstance(number, int | float):
                continue
            if isinstance(number, float) and not math.isfinite(number):
                raise ValueError("must be a finite number")
            if self.low is not None and number < self.low:
                raise ValueError(f"must be at least {_number(self.low)}")
            high = self.high if self.high is not None or isinstance(number, float) else LARGEST
            if high is not None and number > high:
                raise ValueError(f"must be at most {_number(high)}")
        return result

    def _sizes_in(self, value: Any) -> Any:
        """Return sizes as a list: ``96x64`` and 64 are two numbers each."""
        items = value.lower().split("x") if isinstance(value, str) else value
        items = items if isinstance(items, list | tuple) else [items]
        return [*items] * len(typing.get_args(self.type)) if len(items) == 1 else items


@final
class Epochs(str):
    """An interval in epochs, as it is written: ``1e``.

    >>> Epochs("12e").number
    12
    """

    @staticmethod
    def is_meant(value: object) -> bool:
        """Return whether ``value`` is a number of epochs: at least one, with an ``e`` behind it."""
        return isinstance(value, str) and re.fullmatch("[1-9][0-9]{0,8}e", value, re.ASCII) is not None

    @property
    def number(self) -> int:
        """The number of epochs."""
        return int(self[:-1])


def _number(limit: float) -> str:
    return str(int(limit)) if float(limit).is_integer() else str(limit)


def _present(kind: Any) -> Any:
    """Return the type ``T`` of ``T | None``; other types unchanged."""
    if typing.get_origin(kind) in (Union, types.UnionType):
        return next(item for item in typing.get_args(kind) if item is not type(None))
    return kind


def _word(kind: Any) -> str:
    if typing.get_origin(kind) is Literal:
        return "|".join(typing.get_args(kind))
    return {int: "N", float: "X", str: "TEXT", bool: "yes|no", Path: "PATH"}.get(kind, "VALUE")


def _read(kind: Any, value: Any) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        if type(None) in inner and (value is None or value == "none"):
            return None
        present = [item for item in inner if item is not type(None)]
        if Epochs in present and Epochs.is_meant(value):
            return Epochs(value)
        try:
            return _read(present[0], value)
        except ValueError:
            if Epochs not in present:
                raise
            raise ValueError("must be a number of steps, or of epochs, such as 1e") from None
    if origin is Literal:
        if value not in inner:
            raise ValueError(f"must be one of {', '.join(inner)}")
        return value
    if origin is tuple:
        if not isinstance(value, str | list | tuple):
            raise ValueError("must be values separated by commas")
        items = value.split(",") if isinstance(value, str) else list(value)
        if len(items) > MOST:
            raise ValueError(f"must be at most {MOST} values")
        if inner[-1] is Ellipsis:
            return tuple(_read(inner[0], item) for item in items)
        if len(items) != len(inner):
            raise ValueError(f"needs {len(inner)} values separated by commas, not {len(items)}")
        return tuple(_read(item_kind, item) for item_kind, item in zip(inner, items, strict=True))
    return _read_plain(kind, value)


def _read_plain(kind: Any, value: Any) -> Any:
    if kind is bool:
        words = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
        if isinstance(value, bool):
            return value
        if str(value).lower() in words:
            return words[str(value).lower()]
        raise ValueError("must be yes or no")
    wordless = kind in (str, Path) and not isinstance(value, str | Path)
    if isinstance(value, bool) or value is None or wordless:
        raise ValueError(f"must be {_phrase(kind)}")
    if kind is int and isinstance(value, float) and not value.is_integer():
        raise ValueError(f"must be {_phrase(kind)}")
    try:
        return user_path(value) if kind is Path else kind(value)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"must be {_phrase(kind)}") from None


def _phrase(kind: Any) -> str:
    return {int: "a whole number", float: "a number", str: "text", Path: "a path"}.get(kind, "a value")


def options_of(config: type) -> tuple[Option, ...]:
    """Return the options that a config class declares, in order of declaration."""
    return _options_of(config)


@functools.cache
def _options_of(config: Any) -> tuple[Option, ...]:
    kinds = typing.get_type_hints(config)
    return tuple(
        Option(
            name=field.name,
            type=kinds[field.name],
            default=field.default,
            help=field.metadata.get("help", ""),
            low=field.metadata.get("low"),
            high=field.metadata.get("high"),
            sizes=field.metadata.get("sizes", False),
            changeable=field.metadata.get("changeable", False),
        )
        for field in dataclasses.fields(config)
    )


def make(config: type[T], values: Mapping[str, Any], owner: str) -> T:
    """Return ``config`` with the given words or values by option name; raises :class:`Refused` with every problem.

    ``owner`` is the name of the component in messages, such as ``generator 'mlp'``.
    """
    known = {option.name: option for option in options_of(config)}
    problems, read = [], {}
    for name, value in values.items():
        if name not in known:
            hint = did_you_mean(name, known)
            have = ", ".join(known) or "no options"
            problems.append(f"{owner} has no option {name!r}{hint} It has {have}")
            continue
        try:
            read[name] = known[name].read(value)
        except ValueError as problem:
            problems.append(f"option {known[name].flag!r} of {owner} {problem}, not {value!r}")
    if problems:
        raise Refused(problems)
    try:
        return config(**read)
    except UserError:
        raise
    except ValueError as problem:
        raise Refused([f"{owner}: {problem}"]) from problem


def values_of(config: Any) -> dict[str, Any]:
    """Return the options of a config object as JSON values."""
    return {field.name: _plain(getattr(config, field.name)) for field in dataclasses.fields(config)}


def record_of(config: Any) -> dict[str, Any]:
    """Return what files record of a config object: its options, with paths that mean the same in every folder."""
    given = values_of(config)
    paths = {name: value for name in given if isinstance(value := getattr(config, name), Path)}
    return {**given, **{name: str(path.absolute()) for name, path in paths.items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
