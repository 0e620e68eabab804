"""How many trainings of a study are made at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganzoo.contract.read_only import NotAtHand
from ganzoo.studio.study import at_once, runner
from ganzoo.studio.study.journal import Journal
from ganzoo.studio.study.places import opened
from ganzoo.studio.study.plan import Plan
from ganzoo.studio.study.workers import Workers

PLAN = Plan(("gan-minimal",), {"loss": ("bce", "hinge")}, 2, {"dataset": "ring", "device": "cpu"}, metrics=("modes",))


@pytest.mark.parametrize(
    ("cores", "trainings", "each", "free", "count"),
    [
        (8, 30, 10**9, 10**11, 8),
        (8, 3, 10**9, 10**11, 3),
        (8, 30, 2 * 10**9, 10**10, 4),
        (8, 30, 10**11, 10**10, 1),
        (8, 30, 0, 10**10, 8),
        (1, 0, 0, 0, 1),
    ],
    ids=["cores", "trainings", "memory", "too little memory", "unknown memory", "nothing"],
)
def test_the_scarcest_decides(cores: int, trainings: int, each: int, free: int, count: int) -> None:
    assert at_once.fitting(cores, trainings, each, free)[0] == count


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path, PLAN)


def test_the_first_training_is_measured(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_once, "SECONDS", 0.01)
    monkeypatch.setattr(at_once, "free_memory", lambda device: 10**12)
    monkeypatch.setattr(at_once, "cores", lambda: 3)
    trainings, said = runner.check(journal, print), list[str]()
    with opened("local", journal, trainings, "auto", None, said.append) as executor:
        assert isinstance(executor, Workers)
    (line,) = said
    assert line.startswith("--jobs auto: 3 at a time: 3 cores, 4 trainings, and 1.0 TB of free memory, of which one ")
    assert not any(journal.folder.iterdir())


def test_data_that_is_to_be_downloaded_is_not_measured(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*given: object) -> object:
        raise NotAtHand("MNIST is downloaded when a training begins")

    monkeypatch.setattr(at_once, "estimate", absent)
    count, why = at_once.most_at_once(journal, runner.check(journal, print))
    assert count == 1
    assert "MNIST is downloaded" in why
