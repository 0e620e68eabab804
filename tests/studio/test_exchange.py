"""What processes exchange is counted without data, and is what the collectives of a training then send."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch.distributed as dist
from torch import Tensor

from ganzoo.catalogue import installed, select
from ganzoo.cli import main
from ganzoo.studio.exchange import Exchange, exchange_of
from ganzoo.testing.command_lines import document, ganzoo
from ganzoo.testing.processes import forked_group
from ganzoo.testing.selections import choose
from ganzoo.testing.trainers import trainer_of

FLOAT = 4  # bytes


def test_a_phase_exchanges_its_gradients_and_the_numbers_that_are_checked() -> None:
    found = exchange_of(choose("cgan", None, dataset_size=None))
    with trainer_of("cgan") as trainer:
        for phase in trainer.train_step.phase_optimizers:
            gradients = sum(parameter.numel() for parameter in phase.parameters)
            first, second = found[phase.name].messages
            assert first == FLOAT * gradients
            assert 1 <= second / FLOAT - len(phase.parameters) <= 4  # loss terms, and perhaps the spread


def test_an_exchange_adds_up_its_messages() -> None:
    assert (Exchange(16, (100, 8, 100)).calls, Exchange(16, (100, 8, 100)).bytes) == (3, 208)
    assert (Exchange(1).calls, Exchange(1).bytes) == (0, 0)


@pytest.mark.parametrize("changed", [{"batch_size": 64}, {"accumulate": 4}, {"execution": "eager"}])
def test_gradients_are_exchanged_once_whatever_the_batch(changed: dict[str, Any]) -> None:
    usual, other = exchange_of(choose("cgan", None)), exchange_of(choose("cgan", None, **changed))
    assert {phase: (each.calls, each.messages[0]) for phase, each in usual.items()} == {
        phase: (each.calls, each.messages[0]) for phase, each in other.items()
    }


def test_every_update_of_a_phase_counts() -> None:
    once, often = (exchange_of(choose("gan-minimal", None, recipe_discriminator_updates=updates)) for updates in (1, 3))
    assert often["discriminator"].messages == 3 * once["discriminator"].messages


def counted(words: Sequence[str]) -> None:
    """Run a command, and write into the file of the last word the bytes of each sum that the first process sends."""
    sent: list[int] = []
    all_reduce = dist.all_reduce

    def noted(values: Tensor, operation: Any = dist.ReduceOp.SUM, **how: Any) -> Any:
        if operation == dist.ReduceOp.SUM:
            sent.append(values.nbytes)
        return all_reduce(values, operation, **how)

    dist.all_reduce = noted
    try:
        main(list(words[:-1]))
    finally:
        if os.environ["RANK"] == "0":
            Path(words[-1]).write_text(json.dumps(sent), encoding="utf-8")


STEPS = 3


@pytest.mark.parametrize(
    ("variant", "flags"),
    [
        ("gan-minimal", {"recipe_discriminator_updates": 2}),
        ("cgan", {"penalty": "r1", "penalty_every": 2}),
        ("began", {"accumulate": 2}),
    ],
)
def test_two_processes_send_what_was_counted(variant: str, flags: dict[str, Any], tmp_path: Path) -> None:
    # Without the spread of examples, whose reference is exchanged once, amid the first step.
    selection = choose(variant, None, steps=STEPS, on_collapse="off", **flags)
    given = {"steps": STEPS, "batch-size": 8, "dataset-size": 8, "device": "cpu", "on-collapse": "off", **flags}
    words = [word for flag, value in given.items() for word in (f"--{flag.replace('_', '-')}", str(value))]
    line = ["train", variant, *words, "--out", str(tmp_path / "run"), str(tmp_path / "sent")]
    log = tmp_path / "log"
    assert [process.wait() for process in forked_group(line, log, 2, counted)] == [0, 0], log.read_text()
    sent = json.loads((tmp_path / "sent").read_text(encoding="utf-8"))
    expected = [
        size
        for step in range(STEPS)
        for each in exchange_of(selection).values()
        if step % each.every == 0
        for size in each.messages
    ]
    assert sent[: len(expected)] == expected
    assert all(size < 1000 for size in sent[len(expected) :]), "only the means of the report"


def test_the_command_shows_it() -> None:
    expected = exchange_of(select(installed(), "gan-minimal", {}))
    assert document("info", "gan-minimal", "--exchange") == {
        phase: {"every": each.every, "messages": list(each.messages)} for phase, each in expected.items()
    }
    shown = ganzoo("info", "gan-minimal", "--exchange").out
    assert all(phase in shown and f"{each.bytes:,}" in shown for phase, each in expected.items())
