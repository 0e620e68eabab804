"""What a study consists of: variants, a grid of choices, seeds, and how models are judged."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ganzoo.catalogue import Registry, Selection, select
from ganzoo.errors import UserError
from ganzoo.studio.study.spaces import Space, space_of
from ganzoo.text import in_file_name, one_line

_LONGEST = 60  # letters of the choices in the name of a folder
MOST_SEEDS, MOST_TRIALS = 1000, 100_000


@dataclass(frozen=True)
class Combination:
    """A variant with one choice of each row of the grid."""

    variant: str
    choices: Mapping[str, str]

    def __str__(self) -> str:
        return " ".join([self.variant, *(f"{name}={value}" for name, value in self.choices.items())])

    def folder(self, seed: int) -> str:
        """Return the name of the run folder of a seed; it depends on nothing else."""
        words = "-".join(self.choices.values())[:_LONGEST]
        return in_file_name("-".join(filter(None, (self.variant, words, self.digest, f"seed-{seed}"))))

    @property
    def digest(self) -> str:
        """Eight letters that follow from the variant and the choices."""
        return hashlib.sha256(json.dumps([self.variant, dict(self.choices)]).encode()).hexdigest()[:8]

    def with_choices(self, choices: Mapping[str, str]) -> Combination:
        """Return the combination with more ``choices``."""
        return Combination(self.variant, {**self.choices, **choices})


@dataclass(frozen=True)
class Plan:
    """Everything that decides what a study measures.

    ``grid`` has several words for each slot, kind or option; ``options`` are those of every training, by flag without
    dashes. Each model is judged by ``samples`` examples, and ``judging`` are the options of judge and metrics.

    ``search`` says for more options what to choose from, as :func:`~ganzoo.studio.study.spaces.space_of` reads it: each
    combination of the grid is then trained in ``trials`` ways, which the best values of the metric ``objective`` lead.
    """

    variants: tuple[str, ...]
    grid: Mapping[str, tuple[str, ...]]
    seeds: int
    options: Mapping[str, str | bool] = field(default_factory=dict)
    preset: str | None = None
    judge: str | None = None
    metrics: tuple[str, ...] = ()
    samples: int = 1
    judging: Mapping[str, str] = field(default_factory=dict)
    search: Mapping[str, str] = field(default_factory=dict)
    trials: int = 0
    objective: str | None = None

    @property
    def spaces(self) -> dict[str, Space]:
        """What a search chooses from, by option; raises :class:`UserError` if that is nothing."""
        return {name: space_of(text) for name, text in self.search.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """What differs between trainings, besides the variant and the seed."""
        return (*self.grid, *self.search)

    @property
    def corners(self) -> list[Combination]:
        """Combinations in which every word, and both ends of every range, are once at least."""
        ends = [space.ends for space in self.spaces.values()]
        most = max(map(len, ends), default=1)
        tried = [
            dict(zip(self.search, (words[min(i, len(words) - 1)] for words in ends), strict=True)) for i in range(most)
        ]
        return [combination.with_choices(choices) for combination in self.combinations for choices in tried]

    @property
    def most(self) -> int:
        """The number of trainings, of a search without repeated choices."""
        return len(self.combinations) * self.seeds * (self.trials if self.search else 1)

    @property
    def combinations(self) -> list[Combination]:
        """Every combination of the grid, the first variant's first."""
        choices = list(itertools.product(*self.grid.values()))
        return [
            Combination(variant, dict(zip(self.grid, chosen, strict=True)))
            for variant in self.variants
            for chosen in choices
        ]

    def selection(self, registry: Registry, combination: Combination, seed: int, out: Path | None = None) -> Selection:
        """Return what is trained; raises :class:`UserError` if it cannot be."""
        chosen = {**self.options, **combination.choices, "seed": seed}
        return select(registry, combination.variant, chosen, self.preset).with_out(out)

    def refuse_other_measure(self, recorded: Plan) -> None:
        """Raise :class:`UserError` if a study that was ``recorded`` trained or judged in another way.

        Its variants, grid, seeds and number of trials may be others: a study may grow.
        """
        for what in ("options", "preset", "search", "objective", "judge", "metrics", "samples", "judging"):
            was, now = getattr(recorded, what), getattr(self, what)
            if was != now:
                raise UserError(
                    f"the study was begun with other {what} ({_words(was)}, not {_words(now)}): give them again, or "
                    "only --out and --resume, or choose another --out"
                )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object that :meth:`from_json` reads."""
        return asdict(self)

    @staticmethod
    def from_json(value: Any) -> Plan:
        """Return the plan of a JSON ``value``; raises ``ValueError``, ``TypeError`` or ``KeyError`` if it is none."""
        grid = {_text(name): _texts(words) for name, words in value["grid"].items()}
        options = {_text(flag): word if type(word) is bool else _text(word) for flag, word in value["options"].items()}
        seeds, samples = value["seeds"], value["samples"]
        if type(seeds) is not int or type(samples) is not int or not 1 <= seeds <= MOST_SEEDS or samples < 1:
            raise ValueError("its numbers are damaged")
        judge, preset = (None if value[name] is None else _text(value[name]) for name in ("judge", "preset"))
        judging = {_text(flag): _text(word) for flag, word in value["judging"].items()}
        metrics = _texts(value["metrics"])
        search = {_text(name): _text(text) for name, text in value.get("search", {}).items()}
        for text in search.values():
            space_of(text)
        trials, objective = value.get("trials", 0), value.get("objective")
        if type(trials) is not int or not bool(search) <= trials <= MOST_TRIALS:
            raise ValueError("its number of trials is damaged")
        if (objective is None) == bool(search):
            raise ValueError("its objective is damaged")
        chosen = None if objective is None else _text(objective)
        return Plan(
            _texts(value["variants"]), grid, seeds, options, preset, judge, metrics, samples, judging, search, trials,
            chosen,
        )  # fmt: skip


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("its words are damaged")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError("its lists are damaged")
    return tuple(map(_text, values))


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        value = [f"{name} {word}" for name, word in value.items()]
    listed = ", ".join(value) if isinstance(value, list | tuple) else value
    return one_line(listed) if listed else "none"
