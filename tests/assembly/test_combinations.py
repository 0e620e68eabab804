"""Every pair of variant, conditioner, loss and data fits, or is refused beforehand; a covering sample of them trains.

The first check, of names, is made for every pair. What costs more, a pass on the meta device and a training, is made
for samples that cover every variant or every part, as few as that takes; the long form makes it for every pair.
Datasets whose data specs are of equal kinds and shapes stand for each other.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Selection, installed, select
from ganzoo.catalogue.check import needs_condition
from ganzoo.errors import Refused
from ganzoo.testing import selections
from ganzoo.testing.run_files import rows_of
from ganzoo.testing.selections import NETWORKS, is_refused_by_names, narrow, one_of_each, variants_with
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
    names = [variants_with("conditioner", "loss"), *(installed().names(kind) for kind in ("conditioner", "loss"))]
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


def test_all_pairs_are_there(rows: list[Row], datasets: list[str]) -> None:
    names = [variants_with("conditioner", "loss"), *(installed().names(kind) for kind in ("conditioner", "loss"))]
    values = [*names, datasets]
    for (i, first), (j, second) in itertools.combinations(enumerate(values), 2):
        assert {(row[i], row[j]) for row in rows} == set(itertools.product(first, second))


@pytest.fixture(scope="module")
def allowed(rows: list[Row], stand_in_root: Root) -> dict[bool, list[Row]]:
    """The rows that the first check takes, and those that it refuses."""
    found: dict[bool, list[Row]] = {True: [], False: []}
    for row in rows:
        found[not is_refused_by_names(choose(row, stand_in_root(row[3])))].append(row)
    return found


def sample(rows: Iterable[Row], times: int = 3) -> Iterator[Row]:
    """Yield rows until each value of each column was in so many of them, or in all that have it."""
    seen = Counter[tuple[int, str]]()
    for row in rows:
        if any(seen[value] < times for value in enumerate(row)):
            seen.update(enumerate(row))
            yield row


def of_each_variant(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield a row of each variant, with parts that were not in one before where there are such."""
    left = list(rows)
    seen = set[str]()
    for variant in dict.fromkeys(row[0] for row in left):
        best = max((row for row in left if row[0] == variant), key=lambda row: len({*row} - seen))
        seen |= {*best}
        yield best


def assert_checks_agree(allowed: dict[bool, Iterable[Row]], root: Root) -> None:
    """Names tell what fits, and what is refused is refused with what to do instead; nothing is trained."""
    for fits, rows in allowed.items():
        for row in rows:
            problems = refusal(choose(row, root(row[3])))
            assert bool(problems) != fits, row
            assert all("--" in problem for problem in problems), row


def of_other_data(rows: Iterable[Row], root: Root) -> Iterator[Row]:
    """Yield a row of each variant with each dataset that is none of images, which most networks have to refuse."""
    pairs = {(row[0], row[3]): row for row in rows}
    names = {name for _, name in pairs}
    specs = {name: choose(("gan", "none", "bce", name), root(name)).data()["dataset"] for name in names}
    yield from (row for (_, name), row in pairs.items() if specs[name].target_field.kind != "image")


def test_both_checks_agree(allowed: dict[bool, list[Row]], stand_in_root: Root) -> None:
    assert len(allowed[True]) > len(variants_with("conditioner", "loss"))
    assert allowed[False]
    # What is refused is refused by names, which is quick; what fits is run once, and trains in other tests here.
    fitting = [*of_each_variant(allowed[True]), *of_other_data(allowed[True], stand_in_root)]
    assert_checks_agree({True: fitting, False: sample(allowed[False])}, stand_in_root)


@pytest.mark.long
def test_both_checks_agree_about_every_pair(allowed: dict[bool, list[Row]], stand_in_root: Root) -> None:
    assert_checks_agree(dict(allowed), stand_in_root)


def test_what_does_not_fit_is_refused_before_anything_is_written(
    allowed: dict[bool, list[Row]], stand_in_root: Root, tmp_path: Path
) -> None:
    for row in {row[0]: row for row in allowed[False]}.values():  # one of each variant
        with pytest.raises(Refused):
            train(choose(row, stand_in_root(row[3]), out=tmp_path / "run"))
        assert not (tmp_path / "run").exists()


def covering(chosen: Iterable[Selection]) -> Iterator[Selection]:
    """Yield selections until every recipe, network, conditioner, loss and dataset was in one of them.

    Each brings as many new parts as any could, so that a few are enough.
    """
    left = [
        ({(part.slot.kind, part.component.name) for part in selection.parts.values()}, selection)
        for selection in chosen
    ]
    while left:
        best, selection = max(left, key=lambda pair: len(pair[0]))
        yield selection
        left = [(parts - best, other) for parts, other in left if parts - best]


def trains(selection: Selection, out: Path) -> None:
    run = train(replace(selection, run=replace(selection.run, out=out)))
    assert run.finished
    assert [row["step"] for row in rows_of(out)] == [1, 2, 3]
    assert run.folder.model.exists()


@pytest.fixture
def fitting(allowed: dict[bool, list[Row]], stand_in_root: Root) -> list[Selection]:
    """What fits, with narrow networks."""
    chosen = []
    for row in allowed[True]:
        parts = choose(row, stand_in_root(row[3])).parts
        networks = [narrow(slot, parts[slot].component.name) for slot in ("generator", "discriminator")]
        flags = {**networks[0], **networks[1], "steps": 3, "log_every": 1}
        chosen.append(choose(row, stand_in_root(row[3]), **flags))
    return [*chosen, *beside_another(small=True)]


def beside_another(small: bool) -> Iterator[Selection]:
    """Yield each conditioner in one network of a variant, beside another one in the other network, where it fits.

    The variant is ``dcgan``, or ``r3gan`` for conditioners of a logit without weights of its own, or ``pose`` for those
    of what stands beside an image.
    """
    for name in installed().names("conditioner"):
        needs = needs_condition(installed().component("conditioner", name))
        for slots in (("generator", "discriminator"), ("discriminator", "generator")):
            for variant, usual in (("dcgan", "concat"), ("r3gan", "concat"), ("pose", "planes")):
                other = usual if needs else "none"
                conditioners = dict(zip((f"{slot}_conditioner" for slot in slots), (name, other), strict=True))
                networks = [select(installed(), variant).parts[slot].component.name for slot in slots]
                widths = (
                    {flag: width for pair in zip(slots, networks, strict=True) for flag, width in narrow(*pair).items()}
                    if small
                    else {}
                )
                short = {"dataset_size": 16, "batch_size": 4, "steps": 3, "log_every": 1}
                selection = selections.choose(variant, **conditioners, **widths, **short)
                if not is_refused_by_names(selection):
                    yield selection
                    break


@pytest.mark.parametrize("every", [2, pytest.param(1, marks=pytest.mark.long)])
def test_every_conditioner_fits_a_network_beside_another(every: int) -> None:
    """In one network or, in the long form, in either."""
    fitting = list(beside_another(small=False))
    for selection in fitting[::every]:
        assert not refusal(selection)
    in_one = {part.component.name for one in fitting for part in one.parts.values() if part.slot.kind == "conditioner"}
    assert in_one == set(installed().names("conditioner"))


def test_every_part_trains_with_some_others(fitting: list[Selection], tmp_path: Path) -> None:
    for number, selection in enumerate(covering(fitting)):
        trains(selection, tmp_path / str(number))


@pytest.mark.long
def test_every_pair_that_fits_trains(fitting: list[Selection], tmp_path: Path) -> None:
    for number, selection in enumerate(fitting):
        trains(selection, tmp_path / str(number))


@pytest.mark.long
@pytest.mark.parametrize("variant", variants_with("conditioner", "loss"))
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


def in_turn(variant: str, flags: dict[str, str], out: Path | None = None, **more: object) -> Selection:
    """Return the variant with these parts; a head that needs what another latent has goes with that latent."""
    selection = selections.choose(variant, out, **{**more, **flags})
    if is_refused_by_names(selection):
        return selections.choose(variant, out, **{**more, **flags, "head": "none"})
    return selection


def test_every_other_component_fits_its_slot() -> None:
    """In one variant; variants of other networks take turns."""
    variants = [name for name in one_of_each(*NETWORKS) if name in variants_with(*TURNS)]
    for number, flags in enumerate(turns()):
        variant = variants[number % len(variants)]
        assert not refusal(in_turn(variant, flags)), (variant, flags)


@pytest.mark.long
@pytest.mark.parametrize("variant", variants_with(*TURNS))
def test_every_other_component_fits_its_slot_in_every_variant(variant: str) -> None:
    for flags in turns():
        assert not refusal(in_turn(variant, flags)), flags


@pytest.mark.parametrize(
    "variant",
    [pytest.param(name, marks=[] if name == "cgan" else [pytest.mark.long]) for name in variants_with(*TURNS)],
)
def test_every_other_component_trains_in_its_slot(variant: str, tmp_path: Path) -> None:
    for number, flags in enumerate(turns()):
        assert train(in_turn(variant, flags, tmp_path / str(number), batch_size=4, steps=2)).finished
