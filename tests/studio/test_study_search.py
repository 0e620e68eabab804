"""Searches: what is suggested follows from the journal alone, whatever ends the study and in whichever order."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ganzoo.errors import UserError
from ganzoo.evaluation import Figure
from ganzoo.studio.study import runner, table
from ganzoo.studio.study.executor import Answer, Executor, Take
from ganzoo.studio.study.journal import DONE, FAILED, Journal, Outcome, read_journal
from ganzoo.studio.study.plan import Combination, Plan
from ganzoo.studio.study.runner import Work
from ganzoo.studio.study.spaces import Numbers, Space, WholeNumbers, Words, space_of
from ganzoo.testing.evaluations import evaluation

pytest.importorskip("optuna", reason="needs ganzoo[search]")
from ganzoo.studio.study.sampler import Trial, suggest

PLAN = Plan(
    ("gan-minimal",), {"loss": ("bce", "hinge")}, 2, {"dataset": "ring"}, metrics=("modes",), samples=100,
    search={"optimizer-lr": "1e-5..1e-1:log", "batch-size": "4..64", "penalty": "none,r1"}, trials=12,
    objective="modes",
)  # fmt: skip


class Killed(Exception):
    """The study is killed."""


class Simulated(Executor):
    """Has up to ``count`` jobs at a time, which end in a random order with values in closed form."""

    def __init__(self, count: int, seed: int = 0, killed_after: float = math.inf):
        self._count, self._chance, self._left = count, random.Random(seed), killed_after

    def run(self, take: Take) -> Iterator[tuple[str, Answer]]:
        running = dict[str, Work]()
        while True:
            while len(running) < self._count and (taken := take()):
                assert isinstance(taken[1], Work)
                running[taken[0]] = taken[1]
            if not running:
                return
            if self._left <= 0:
                raise Killed
            self._left -= 1
            name = self._chance.choice(sorted(running))
            yield name, json.dumps(outcome(running.pop(name)).to_json())


def outcome(work: Work) -> Outcome:
    """Good where the rate is near 0.001; two of the combinations cannot be trained."""
    choices = work.combination.choices
    rate, size = float(choices["optimizer-lr"]), int(choices["batch-size"])
    if choices["penalty"] == "r1" and size % 5 == 0:
        return Outcome(FAILED, "term 'r1' is nan")
    value = 100 - (math.log10(rate) + 3) ** 2 - size / 100 + work.seed / 10
    figure = Figure("modes", {}, "modes", "", value, None, None, None, "high")
    return Outcome(DONE, evaluation=evaluation(figures=(figure,)))


@pytest.fixture(autouse=True)
def every_combination_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.studio.study.runner.assemble", lambda selection: {})


def go_on(folder: Path, executor: Executor, plan: Plan = PLAN, abreast: int = 3) -> Journal:
    journal = read_journal(folder) or Journal(folder, plan, abreast=abreast)
    journal = replace(journal, plan=plan)
    runner.run(journal, runner.check(journal, lambda text: None), lambda text: None, executor)
    return journal


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Journal:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganzoo.studio.study.runner.assemble", lambda selection: {})
        return go_on(tmp_path_factory.mktemp("search"), Simulated(1))


def test_each_combination_of_the_grid_has_all_trials(whole: Journal) -> None:
    rows = table.rows(whole)
    assert [row.combination.choices["loss"] for row in rows] == ["bce"] * 12 + ["hinge"] * 12
    assert all(row.judged in (0, 2) for row in rows)
    assert all(set(row.combination.choices) == {"loss", "optimizer-lr", "batch-size", "penalty"} for row in rows)


def test_the_best_has_the_best_mean(whole: Journal) -> None:
    for row, loss in zip(table.best(whole), ("bce", "hinge"), strict=True):
        means = [
            other.figures["modes"].mean for other in table.rows(whole)
            if other.figures and other.combination.choices["loss"] == loss
        ]  # fmt: skip
        assert row.combination.choices["loss"] == loss
        assert row.figures["modes"].mean == max(means)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 9))])
def test_a_search_that_is_killed_again_and_again_has_the_same_table(seed: int, whole: Journal, tmp_path: Path) -> None:
    kills = 0
    for attempt in range(100):
        try:
            found = go_on(tmp_path, Simulated(1 + attempt % 4, seed=seed + attempt, killed_after=8))
            break
        except Killed:
            kills += 1
    assert kills >= 3
    assert table.as_csv(found) == table.as_csv(whole)
    assert found.trials == whole.trials


def test_a_search_that_was_shorter_grows_to_the_same_trials(whole: Journal, tmp_path: Path) -> None:
    go_on(tmp_path, Simulated(2), replace(PLAN, trials=11))
    assert go_on(tmp_path, Simulated(3)).trials == whole.trials


def test_trials_that_fail_are_left_alone_by_later_ones() -> None:
    spaces: dict[str, Space] = {"rate": Numbers(0.0, 1.0, False)}
    trials = [Trial({"rate": str(n / 20)}, math.inf if n > 10 else n / 20) for n in range(20)]
    chosen = [float(suggest(spaces, trials, seed)["rate"]) for seed in range(10)]
    assert sum(rate < 0.55 for rate in chosen) > 7


def test_later_trials_are_near_to_the_best() -> None:
    spaces: dict[str, Space] = {"rate": space_of("1e-5..1e-1:log")}

    def distance(rate: str) -> float:
        return abs(math.log10(float(rate)) + 3)

    first = [suggest(spaces, [], seed)["rate"] for seed in range(20)]
    known = [Trial({"rate": rate}, distance(rate)) for rate in first]
    later = [suggest(spaces, known, seed)["rate"] for seed in range(10)]
    assert sum(map(distance, later)) / 10 < 0.6 * sum(map(distance, first)) / 20


# What may be chosen


@pytest.mark.parametrize(
    ("text", "space"),
    [
        ("1e-5..1e-3:log", Numbers(1e-5, 1e-3, True)),
        ("0..0.5", Numbers(0.0, 0.5, False)),
        ("-1.5..2", Numbers(-1.5, 2.0, False)),
        ("16..128", WholeNumbers(16, 128, False)),
        ("1..64:log", WholeNumbers(1, 64, True)),
        ("bce,hinge", Words(("bce", "hinge"))),
        ("0.5,0.9,0.5", Words(("0.5", "0.9"))),
    ],
)
def test_a_space_is_what_its_text_says(text: str, space: Space) -> None:
    assert space_of(text) == space
    for word in space.ends:
        assert space.word(space.value(word)) == word


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1..1", "LOW must be below HIGH"),
        ("2..1", "LOW must be below HIGH"),
        ("0..1:log", "LOW must be above 0"),
        ("1e999..2", "LOW must be below HIGH"),
        ("1..1e999", "LOW must be below HIGH"),
        ("1..9999999999999999999", "too large"),
        ("1..", "nothing to choose from"),
        ("bce", "nothing to choose from"),
    ],
)
def test_what_is_no_space_is_a_problem(text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        space_of(text)


def test_a_number_has_four_digits_and_stays_within_the_ends() -> None:
    space = Numbers(0.000123456, 0.9876543, False)
    assert space.word(0.33333333) == "0.3333"
    assert space.word(0.00012344) == "0.000123456"
    assert space.word(0.98764) == "0.9876"
    assert space.word(0.9876543) == "0.9876543"


def test_the_corners_have_every_word_and_both_ends() -> None:
    found = PLAN.corners
    assert len(found) == 4
    assert {combination.choices["batch-size"] for combination in found} == {"4", "64"}
    assert {combination.choices["penalty"] for combination in found} == {"none", "r1"}


@pytest.mark.parametrize(
    "damage",
    [
        {"trials": {"a": [{"optimizer-lr": "1e-3"}]}},
        {"trials": {"a": [{"optimizer-lr": "7", "batch-size": "4", "penalty": "none"}]}},
        {"trials": {"a": [{"optimizer-lr": "1e-3", "batch-size": "x", "penalty": "none"}]}},
        {"trials": {"a": [3]}},
        {"trials": []},
        {"abreast": -1},
        {"plan": {**PLAN.to_json(), "search": {"a": "1..0"}}},
        {"plan": {**PLAN.to_json(), "trials": True}},
        {"plan": {**PLAN.to_json(), "objective": None}},
    ],
    ids=range(9),
)
def test_a_damaged_search_is_a_problem(damage: dict[str, object], tmp_path: Path) -> None:
    Journal(tmp_path, PLAN).write()
    content = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))
    (tmp_path / "study.json").write_text(json.dumps({**content, **damage}), encoding="utf-8")
    with pytest.raises(UserError):
        read_journal(tmp_path)


def test_a_combination_keeps_its_folder() -> None:
    """Its name is in journals that exist."""
    assert Combination("gan", {"loss": "bce"}).folder(1) == "gan_bce_9d70d031_seed_1"
