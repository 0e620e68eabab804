"""Every pair of variant, conditioner, loss and data fits, or is refused beforehand; a covering sample of them trains.

What is checked for every pair costs a pass on the meta device; what is trained grows with the number of parts, and not
with the number of pairs. Datasets whose data specs are of equal kinds and shapes stand for each other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Selection, installed
from ganzoo.catalogue.check import check
from ganzoo.errors import Refused
from ganzoo.testing import selections
from ganzoo.testing.run_files import rows_of
from ganzoo.testing.selections import narrow
from ganzoo.training.run import train

Root = Callable[[str], Path]
Row = tuple[str, str, str, str]  # variant, conditioner, loss, dataset


def all_pairs(values: Sequence[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Yield rows in which every pair of values of any two columns stands at least once, in a fixed order."""
    columns = range(len(values))
    missing = dict.fromkeys(
        (i, a, j, b) for i, j in itertools.combinations(columns, 2) for a in values[i] for b in values[j]
    )

    def is_missing(i: int, a: str, j: int, b: str) -> bool:
        return ((i, a, j, b) if i < j else (j, b, i, a)) in missing

    while missing:
        i, a, j, b = next(iter(missing))
        row = {i: a, j: b}
        for column in columns:
            if column not in row:
                gain = {
                    value: sum(is_missing(column, value, other, chosen) for other, chosen in row.items())
                    for value in values[column]
                }
                row[column] = max(gain, key=lambda value: gain[value])
        for first, second in itertools.combinations(columns, 2):
            missing.pop((first, row[first], second, row[second]), None)
        yield tuple(row[column] for column in columns)


@pytest.fixture(scope="module")
def datasets(stand_in_root: Root) -> list[str]:
    """The datasets, one for each kind and shape of data."""
    found: dict[object, str] = {}
    for name in installed().names("dataset"):
        (spec,) = choose(("gan", "none", "bce", name), stand_in_root(name)).data().values()
        key = tuple(sorted((field.kind, field.shape) for field in spec.fields.values()))
        found.setdefault((spec.target_field.kind, key, getattr(spec.condition_field, "kind", "")), name)
    return list(found.values())


@pytest.fixture(scope="module")
def rows(datasets: list[str]) -> list[Row]:
    names = [installed().names(kind) for kind in ("variant", "conditioner", "loss")]
    return [(row[0], row[1], row[2], row[3]) for row in all_pairs([*names, datasets])]


def choose(row: Row, root: Path, **more: object) -> Selection:
    variant, conditioner, loss, dataset = row
    flags = {"conditioner": conditioner, "loss": loss, "dataset": dataset, "dataset_size": None, "data_root": root}
    return selections.choose(variant, **{**flags, "batch_size": 4, **more})


def refusal(selection: Selection) -> tuple[str, ...]:
    try:
        assemble(selection)
    except Refused as refused:
        return refused.problems
    return ()


def is_refused_by_names(selection: Selection) -> bool:
    try:
        check(selection)
    except Refused:
        return True
    return False


def test_all_pairs_are_there(rows: list[Row], datasets: list[str]) -> None:
    values = [*(installed().names(kind) for kind in ("variant", "conditioner", "loss")), datasets]
    for (i, first), (j, second) in itertools.combinations(enumerate(values), 2):
        assert {(row[i], row[j]) for row in rows} == set(itertools.product(first, second))


@pytest.fixture(scope="module")
def checked(rows: list[Row], stand_in_root: Root) -> dict[bool, list[Row]]:
    """The rows that fit, and those that are refused, each with what to do instead; nothing is trained."""
    found: dict[bool, list[Row]] = {True: [], False: []}
    for row in rows:
        selection = choose(row, stand_in_root(row[3]))
        problems = refusal(selection)
        assert all("--" in problem for problem in problems), row
        assert bool(problems) == is_refused_by_names(selection), "names tell what fits"
        found[not problems].append(row)
    return found


def test_every_pair_fits_or_is_refused_with_what_to_do(checked: dict[bool, list[Row]]) -> None:
    assert len(checked[True]) > len(installed().names("variant"))
    assert checked[False]


def test_what_does_not_fit_is_refused_before_anything_is_written(
    checked: dict[bool, list[Row]], stand_in_root: Root, tmp_path: Path
) -> None:
    for row in {row[0]: row for row in checked[False]}.values():  # one of each variant
        with pytest.raises(Refused):
            train(choose(row, stand_in_root(row[3]), out=tmp_path / "run"))
        assert not (tmp_path / "run").exists()


def covering(chosen: Iterable[Selection]) -> Iterator[Selection]:
    """Yield selections until every recipe, network, conditioner, loss and dataset was in one of them."""
    seen = set[tuple[str, str]]()
    for selection in chosen:
        parts = {(part.slot.kind, part.component.name) for part in selection.parts.values()}
        if not parts <= seen:
            seen |= parts
            yield selection


def trains(selection: Selection, out: Path) -> None:
    run = train(replace(selection, run=replace(selection.run, out=out)))
    assert run.finished
    assert [row["step"] for row in rows_of(out)] == [1, 2, 3]
    assert run.folder.model.exists()


@pytest.fixture
def fitting(checked: dict[bool, list[Row]], stand_in_root: Root) -> list[Selection]:
    """What fits, with narrow networks."""
    chosen = []
    for row in checked[True]:
        parts = choose(row, stand_in_root(row[3])).parts
        networks = [narrow(slot, parts[slot].component.name) for slot in ("generator", "discriminator")]
        flags = {**networks[0], **networks[1], "steps": 3, "log_every": 1}
        chosen.append(choose(row, stand_in_root(row[3]), **flags))
    return chosen


def test_every_part_trains_with_some_others(fitting: list[Selection], tmp_path: Path) -> None:
    for number, selection in enumerate(covering(fitting)):
        trains(selection, tmp_path / str(number))


@pytest.mark.long
def test_every_pair_that_fits_trains(fitting: list[Selection], tmp_path: Path) -> None:
    for number, selection in enumerate(fitting):
        trains(selection, tmp_path / str(number))


@pytest.mark.long
@pytest.mark.parametrize("variant", installed().names("variant"))
def test_what_the_declarations_allow_also_runs(variant: str, datasets: list[str], stand_in_root: Root) -> None:
    """Names tell what fits: whatever passes the first check passes the second, so none is left to a forward pass."""
    allowed = 0
    for conditioner, dataset in itertools.product(installed().names("conditioner"), datasets):
        selection = choose((variant, conditioner, "bce", dataset), stand_in_root(dataset))
        if not is_refused_by_names(selection):
            assemble(selection)
            allowed += 1
    assert allowed


TURNS = ("penalty", "generator-penalty", "latent", "initialiser", "optimizer", "schedule")


def turns() -> Iterator[dict[str, str]]:
    """Yield penalties, latents, initialisers, optimizers and schedules by turns, until each has had its own."""
    names = {kind: installed().names(kind) for kind in TURNS}
    for number in range(max(map(len, names.values()))):
        yield {kind: of_kind[number % len(of_kind)] for kind, of_kind in names.items()}


@pytest.mark.parametrize("variant", installed().names("variant"))
def test_every_other_component_fits_its_slot(variant: str) -> None:
    for flags in turns():
        assert not refusal(selections.choose(variant, **flags)), flags


@pytest.mark.parametrize(
    "variant",
    [pytest.param(name, marks=[] if name == "cgan" else [pytest.mark.long]) for name in installed().names("variant")],
)
def test_every_other_component_trains_in_its_slot(variant: str, tmp_path: Path) -> None:
    for number, flags in enumerate(turns()):
        selection = selections.choose(variant, tmp_path / str(number), batch_size=4, steps=2, **flags)
        assert train(selection).finished
