"""Figures that carry what they were taken with, and are compared only with their like."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

from ganzoo.contract.metric import Aim, Estimate
from ganzoo.errors import UserError
from ganzoo.text import one_line

GOOD = ("high", "low")
LARGEST = 1e300  # value of a figure that is read


def label(name: str, judge: str) -> str:
    """Return how a figure is written."""
    return f"{name}[{judge}]" if judge else name


@dataclass(frozen=True)
class Figure:
    """One value: ``name`` by ``metric`` with its ``options``, and its standard error.

    ``floor`` is what real examples get, or ``None`` where these are too few to tell.

    ``judge`` is the name of who looked, empty where nobody had to.
    """

    metric: str
    options: Mapping[str, Any]
    name: str
    judge: str
    value: float
    error: float | None
    floor: float | None
    floor_error: float | None
    aim: Aim

    @property
    def label(self) -> str:
        """How it is written: ``FD[mnist-cnn:1a2b3c4d]``, never the bare name where a judge had a say."""
        return label(self.name, self.judge)

    def better_than(self, other: Figure) -> bool:
        """Return whether this value is the better one."""
        return self.value > other.value if self.aim == "high" else self.value < other.value


@dataclass(frozen=True)
class Evaluation:
    """The figures of one model: on which data and part of it, with how many examples made and real.

    ``reference`` is the beginning of a sha256 of the real examples.
    """

    dataset: str
    data: Mapping[str, Any]
    split: str
    reference: str
    samples: int
    real: int
    judge: Mapping[str, Any]
    figures: tuple[Figure, ...]

    def figure(self, label: str) -> Figure | None:
        """Return the figure of this label, or ``None``."""
        return next((figure for figure in self.figures if figure.label == label), None)

    def refuse_other(self, other: Evaluation, whose: str) -> None:
        """Raise :class:`UserError` where ``other``, described by ``whose``, was not taken in the same way."""
        for what, here, there in (
            ("judge", self.judge.get("name", ""), other.judge.get("name", "")),
            ("data set", self.dataset, other.dataset),
            ("data", self.data, other.data),
            ("split", self.split, other.split),
            ("real data", self.reference, other.reference),
            ("number of samples", self.samples, other.samples),
            ("number of real examples", self.real, other.real),
        ):
            if here != there:
                raise UserError(
                    f"these figures cannot be compared with {whose}: the {what} is {_short(here)} here and "
                    f"{_short(there)} there; evaluate both models in the same way"
                )
        for figure in self.figures:
            theirs = other.figure(figure.label)
            if theirs is not None and theirs.options != figure.options:
                raise UserError(
                    f"{figure.label} cannot be compared with that of {whose}: its metric has the options "
                    f"{_short(figure.options)} here and {_short(theirs.options)} there"
                )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object from which :meth:`from_json` makes the same evaluation."""
        figures = [{**asdict(figure), "label": figure.label} for figure in self.figures]
        return {**{field.name: getattr(self, field.name) for field in fields(self)}, "figures": figures}

    @staticmethod
    def from_json(value: Any, source: str) -> Evaluation:
        """Return the evaluation that ``value`` describes; raises :class:`UserError`, naming ``source``."""
        try:
            figures = tuple(
                Figure(**{key: item for key, item in figure.items() if key != "label"}) for figure in value["figures"]
            )
            known = {field.name: value[field.name] for field in fields(Evaluation)}
            read = Evaluation(**{**known, "figures": figures})
            if not (isinstance(read.judge, Mapping) and all(_sound(figure) for figure in figures)):
                raise TypeError("values of other kinds")
            return read
        except (KeyError, TypeError, AttributeError) as problem:
            raise UserError(f"{source} is no evaluation: give what `ganzoo evaluate --json` printed") from problem


def _sound(figure: Figure) -> bool:
    """Whether the fields of a figure that was read are of the kinds that they should be."""
    texts = all(isinstance(text, str) for text in (figure.metric, figure.name, figure.judge))
    numbers = [
        figure.value,
        *(number for number in (figure.error, figure.floor, figure.floor_error) if number is not None),
    ]
    return texts and figure.aim in get_args(Aim) and all(_finite_number(number) for number in numbers)


def _finite_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def split_estimate(found: float | Estimate) -> tuple[float, float | None]:
    """Return a value and its standard error, if it has one."""
    return (found.value, found.error) if isinstance(found, Estimate) else (float(found), None)


def finite(value: float | None) -> float | None:
    """Return ``value`` where it is a number, as JSON wants it."""
    return value if value is not None and math.isfinite(value) else None


def _short(value: Any) -> str:
    return one_line(value) if str(value) else "none"
