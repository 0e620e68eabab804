"""Every pair of variant, conditioner, loss and dataset trains, or is refused before anything is built or written."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Selection, installed, select
from ganzoo.catalogue.check import check
from ganzoo.errors import Refused
from ganzoo.testing import selections
from ganzoo.training.run import train

Root = Callable[[str], Path]
FACTORS = ("variant", "conditioner", "loss", "dataset")


def all_pairs(values: list[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Rows in which every pair of values of any two factors stands at least once; greedy, in a fixed order."""
    columns = list(itertools.combinations(range(len(values)), 2))
    missing = {(i, a, j, b) for i, j in columns for a in values[i] for b in values[j]}
    while missing:
        row = max(
            itertools.product(*values),
            key=lambda row: sum((i, row[i], j, row[j]) in missing for i, j in columns),
        )
        missing -= {(i, row[i], j, row[j]) for i, j in columns}
        yield row


ROWS = list(all_pairs([installed().names(factor) for factor in FACTORS]))


def chosen(row: tuple[str, ...], root: Path, **more: object) -> Selection:
    variant, conditioner, loss, dataset = row
    flags = {"conditioner": conditioner, "loss": loss, "dataset": dataset, "dataset_size": None, "data_root": root}
    return selections.choose(variant, **{**flags, "batch_size": 4, **more})


def refusal(selection: Selection) -> tuple[str, ...]:
    try:
        assemble(selection)
    except Refused as refused:
        return refused.problems
    return ()


@pytest.mark.parametrize("row", ROWS, ids="-".join)
def test_every_pair_trains_or_is_refused_beforehand(row: tuple[str, ...], stand_in_root: Root, tmp_path: Path) -> None:
    out = tmp_path / "run"
    selection = chosen(row, stand_in_root(row[3]), steps=3, out=out, log_every=1)
    problems = refusal(selection)
    if problems:
        assert all("--" in problem for problem in problems), "a refusal says what to do instead"
        with pytest.raises(Refused):
            train(selection)
        assert not out.exists()
        return
    run = train(selection)
    rows = [json.loads(line) for line in run.folder.metrics.read_text().splitlines()]
    assert run.finished
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert run.folder.model.exists()


TRIPLES = list(itertools.product(*(installed().names(factor) for factor in ("variant", "conditioner", "dataset"))))


@pytest.mark.parametrize("dataset", installed().names("dataset"))
def test_what_the_declarations_allow_also_runs(dataset: str, stand_in_root: Root) -> None:
    """Names tell what fits: whatever passes the first check passes the second, so none is left to a forward pass."""
    allowed = 0
    for variant, conditioner, name in TRIPLES:
        if name != dataset:
            continue
        selection = chosen((variant, conditioner, "bce", dataset), stand_in_root(dataset))
        try:
            check(selection)
        except Refused:
            continue
        assemble(selection)
        allowed += 1
    assert allowed


def test_all_pairs_are_there() -> None:
    values = [installed().names(factor) for factor in FACTORS]
    for (i, first), (j, second) in itertools.combinations(enumerate(values), 2):
        assert {(row[i], row[j]) for row in ROWS} == set(itertools.product(first, second))


@pytest.mark.parametrize("variant", installed().names("variant"))
def test_every_other_component_fits_its_slot(variant: str, stand_in_root: Root, tmp_path: Path) -> None:
    """Penalties, latents, initialisers, optimizers and schedules take turns in every variant."""
    registry = installed()
    kinds = ("penalty", "latent", "initialiser", "optimizer", "schedule")
    for number in range(max(len(registry.names(kind)) for kind in kinds)):
        flags = {kind: registry.names(kind)[number % len(registry.names(kind))] for kind in kinds}
        settings = {"steps": 2, "batch_size": 4, "out": tmp_path / str(number)}
        assert train(select(registry, variant, {**flags, **settings})).finished
