"""Figures that record how they were computed, and are compared only if they were computed in the same way."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, get_args

from ganzoo.cards import card
from ganzoo.contract.metric import Aim, ClassShares, Estimate
from ganzoo.errors import UserError
from ganzoo.text import one_line, with_error

CLASS_KEYS = ("value", "samples", "floor", "real")  # of a figure for one class
BETTER: Mapping[str, str] = {"high": "higher", "low": "lower", "neither": "-"}
RANKED_AIMS = ("high", "low")  # the aims of figures that have an order of better and worse
_DERIVED = ("label", "balanced")  # keys of a figure in JSON that follow from the others
MAX_VALUE = 1e300  # of a figure in a file


def label(name: str, judge: str) -> str:
    """Return the label of a figure: its name, and its judge if it has one.

    >>> label("FD", "mnist-cnn:1a2b3c4d"), label("PSNR", "")
    ('FD[mnist-cnn:1a2b3c4d]', 'PSNR')
    """
    return f"{name}[{judge}]" if judge else name


@dataclass(frozen=True)
class Figure:
    """One figure: ``name`` of ``metric`` with its ``options``, its value, and its standard ``error`` if it has one.

    ``floor`` is the figure of real examples, or ``None`` if there are too few of them. ``judge`` is the name of the
    judge, or empty if the metric needs none. ``classes`` has the ``value`` of each class by its name, its ``floor``,
    and the numbers of generated ``samples`` and of ``real`` examples that these are shares of. The names of the fields
    are keys of the JSON format.
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
    classes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The name with the judge, such as ``FD[mnist-cnn:1a2b3c4d]``: figures of different judges never look alike."""
        return label(self.name, self.judge)

    @property
    def balanced(self) -> float | None:
        """The mean of the values of the classes, or ``None`` if there are none."""
        known = [one["value"] for one in self.classes.values() if one["value"] is not None]
        return sum(known) / len(known) if known else None

    def better_than(self, other: Figure) -> bool:
        """Return whether this value is better than that of ``other``."""
        return self.value > other.value if self.aim == "high" else self.value < other.value


@dataclass(frozen=True)
class Evaluation:
    """The figures of one model, and how they were computed: data, split, judge, and numbers of examples.

    ``samples`` is the number of generated and ``real`` of real examples; ``reference`` is the beginning of a sha256 of
    the real ones. The names of the fields are keys of the JSON format.
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
        """Return the figure with this label, or ``None``."""
        return next((figure for figure in self.figures if figure.label == label), None)

    def refuse_incomparable(self, other: Evaluation, source: str) -> None:
        """Raise :class:`UserError` if ``other``, which comes from ``source``, was computed in another way."""
        for what, own, theirs in (
            ("judge", self.judge.get("name", ""), other.judge.get("name", "")),
            ("data set", self.dataset, other.dataset),
            ("data", self.data, other.data),
            ("split", self.split, other.split),
            ("real data", self.reference, other.reference),
            ("number of samples", self.samples, other.samples),
            ("number of real examples", self.real, other.real),
        ):
            if own != theirs:
                raise UserError(
                    f"these figures cannot be compared with {source}: the {what} is {_text(own)} here and "
                    f"{_text(theirs)} there; evaluate both models in the same way"
                )
        for figure in self.figures:
            same = other.figure(figure.label)
            if same is not None and same.options != figure.options:
                raise UserError(
                    f"{figure.label} cannot be compared with that of {source}: its metric has the options "
                    f"{_text(figure.options)} here and {_text(same.options)} there"
                )

    def _repr_html_(self) -> str:
        """Return a table of the figures, for a notebook."""
        rows = [
            (one.label, with_error(one.value, one.error), with_error(one.floor, one.floor_error), BETTER[one.aim])
            for one in self.figures
        ]
        facts = {"samples": f"{self.samples:,}", "real examples": f"{self.real:,}"}
        title = f"Evaluation on {one_line(self.dataset)} ({one_line(self.split)})"
        return card(title, facts, ("figure", "model", "real examples", "better is"), rows)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object that :meth:`from_json` reads."""
        figures = [{**asdict(figure), "label": figure.label, "balanced": figure.balanced} for figure in self.figures]
        return {**{field.name: getattr(self, field.name) for field in fields(self)}, "figures": figures}

    @staticmethod
    def from_json(value: Any, source: str) -> Evaluation:
        """Return the evaluation of a JSON ``value``; raises :class:`UserError`, naming ``source``, if it is not one."""
        try:
            figures = tuple(
                Figure(**{key: item for key, item in figure.items() if key not in _DERIVED})
                for figure in value["figures"]
            )
            given = {field.name: value[field.name] for field in fields(Evaluation)}
            evaluation = Evaluation(**{**given, "figures": figures})
            if not (isinstance(evaluation.judge, Mapping) and all(_has_valid_types(figure) for figure in figures)):
                raise TypeError("values of other types")
            return evaluation
        except (KeyError, TypeError, AttributeError) as problem:
            raise UserError(f"{source} is not an evaluation: give the output of `ganzoo evaluate --json`") from problem


def _has_valid_types(figure: Figure) -> bool:
    """Return whether the fields of a figure from a file have the right types."""
    texts = all(isinstance(text, str) for text in (figure.metric, figure.name, figure.judge))
    numbers = [
        figure.value,
        *(number for number in (figure.error, figure.floor, figure.floor_error) if number is not None),
    ]
    classes = isinstance(figure.classes, Mapping) and all(map(_is_class, figure.classes.values()))
    return texts and classes and figure.aim in get_args(Aim) and all(_finite_number(number) for number in numbers)


def _is_class(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        name in value and (value[name] is None or _finite_number(value[name])) for name in CLASS_KEYS
    )


def by_class(measured: object, floor: object, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the values of the classes in ``measured`` and in its ``floor``; empty if these have none.

    >>> by_class(ClassShares((9, 0), (10, 0)), ClassShares((5, 3), (5, 4)), ("cat", "dog"))["dog"]
    {'value': None, 'samples': 0, 'floor': 0.75, 'real': 4}
    """
    if not isinstance(measured, ClassShares):
        return {}
    none = (None,) * len(names), (0,) * len(names)
    real, counts = (floor.of_classes, floor.all) if isinstance(floor, ClassShares) else none
    rows = zip(names, measured.of_classes, measured.all, real, counts, strict=False)
    return {name: dict(zip(CLASS_KEYS, row, strict=True)) for name, *row in rows}


def _finite_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_VALUE


def split_estimate(measured: float | Estimate) -> tuple[float, float | None]:
    """Return a value and its standard error, if it has one.

    >>> split_estimate(Estimate(2.5, 0.1)), split_estimate(3)
    ((2.5, 0.1), (3.0, None))
    """
    return (measured.value, measured.error) if isinstance(measured, Estimate) else (float(measured), None)


def finite(value: float | None) -> float | None:
    """Return ``value`` if it is finite, and ``None`` otherwise: JSON has no infinity or NaN."""
    return value if value is not None and math.isfinite(value) else None


def _text(value: Any) -> str:
    return one_line(value) if str(value) else "none"
