"""The benchmarks measure what they say, and the page says what they measured; how fast anything is, is not tested."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from ganzoo.layers import Dropout
from ganzoo.studio.machine import Machine

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "benchmarks"))

import common  # noqa: E402
import memory  # noqa: E402
import page  # noqa: E402
import scaling  # noqa: E402
import tables  # noqa: E402
import trainer_overhead  # noqa: E402
import tutorial  # noqa: E402
from training import Training, choose  # noqa: E402

SMALL = {
    "cgan": {"generator_widths": (16, 32), "discriminator_widths": (32, 32), "batch_size": 16},
    "dcgan": {"generator_width": 4, "discriminator_width": 4, "batch_size": 16},
    "cgan-conv": {"batch_size": 8},
}
MACHINE = {"processor": "Some Processor", "cores": 2, "threads": 2, "torch": "2.15.0+cpu", "device": "cpu"}


# The tutorial's loops


@pytest.mark.parametrize("variant", list(tutorial.LOOPS))
def test_a_tutorials_loop_trains(variant: str, stand_in_root: Callable[[str], Path]) -> None:
    pytest.importorskip("torchvision", reason="the tutorial's loops read images with torchvision")
    make, flags = tutorial.LOOPS[variant]
    loop = make(choose(variant, **flags, **SMALL[variant], data_root=stand_in_root("mnist")))
    before = [
        parameter.detach().clone() for parameter in (*loop.generator.parameters(), *loop.discriminator.parameters())
    ]
    losses = [loop.step() for _ in range(12)]
    after = [*loop.generator.parameters(), *loop.discriminator.parameters()]
    assert all(math.isfinite(value) for step in losses for value in step.values())
    assert losses[-1]["D loss"] < losses[0]["D loss"]
    assert all(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_a_tutorial_has_torchs_dropout() -> None:
    network = tutorial.with_usual_dropout(nn.Sequential(nn.Linear(2, 2), nn.Sequential(Dropout(0.4))))
    (layer,) = (layer for layer in network.modules() if "Dropout" in type(layer).__name__)
    assert isinstance(layer, nn.Dropout)
    assert layer.p == 0.4


def test_without_torchvision_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, stand_in_root: Callable[[str], Path]
) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    shown = CliRunner().invoke(tutorial.main, ["--data-root", str(stand_in_root("mnist"))])
    assert shown.exit_code == 1
    assert shown.output.strip().splitlines() == [
        "Error: the tutorial's loop needs torchvision, which is not installed: pip install 'ganzoo[benchmarks]'"
    ]


# What is compared is the same


@pytest.mark.parametrize("variant", ["gan-minimal", "cgan"])
def test_the_bare_loop_makes_the_training_that_the_trainer_makes(variant: str) -> None:
    selection = choose(variant, dataset="digits", batch_size=8, execution="eager")
    bare, training = trainer_overhead.BareLoop(selection), Training(selection)
    bare.turn(2)
    training.turn(2)
    game = training.trainer.game
    expected, found = game.recipe.state_dict(), bare.recipe.state_dict()
    assert all(torch.equal(values, found[name]) for name, values in expected.items())
    average = game.averages.networks["generator"].parameters()
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(bare.averaged, average, strict=False))


def test_a_training_reports_as_usual(tmp_path: Path) -> None:
    training = Training(choose("gan-minimal", dataset="digits", batch_size=8), terminal=True)
    assert training.turn(50) > 0
    assert training.trainer.step == 51
    rows = training.folder.metrics.read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["step"] for row in rows] == [50]


def test_turns_are_taken_in_turns() -> None:
    taken: list[tuple[str, int]] = []

    def turn(name: str) -> common.Turn:
        def make(steps: int) -> float:
            taken.append((name, steps))
            return float(len(taken))

        return make

    found = common.interleaved({"a": turn("a"), "b": turn("b")}, {"a": 5, "b": 7}, rounds=2)
    assert taken == [("a", 5), ("b", 5), ("a", 5), ("b", 7), ("b", 7), ("a", 5)]
    assert found == {"a": [3.0, 6.0], "b": [4.0, 5.0]}
    assert common.ratios(found, "a", "b") == [0.75, 1.2]


# Rules


def test_the_knee_is_the_first_batch_that_is_not_worth_doubling() -> None:
    batches = [16, 32, 64, 128]
    assert scaling.knee(batches, [100, 200, 390, 500]) == 64
    assert scaling.knee(batches, [100, 120, 240, 480]) == 16
    assert scaling.knee(batches, [100, 131, 172, 226]) is None


def test_a_slope_is_that_of_the_second_half() -> None:
    grown = [memory.Sample(step, 400 if step < 500 else step / 100, 5, 1) for step in range(0, 1000, 10)]
    assert memory.slope(grown) == pytest.approx(1000)
    assert memory.slope([memory.Sample(step, 400, 5, 1) for step in range(10)]) == 0


def test_the_last_step_of_metrics_may_be_cut_off(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    assert memory.last_step(metrics) == 0
    metrics.write_text('{"step": 50}\n{"step": 100}\n{"ste')
    assert memory.last_step(metrics) == 100


# The page


def made(benchmark: str, results: list[dict[str, Any]]) -> dict[str, Any]:
    command = f"python benchmarks/{benchmark}.py"
    return {"benchmark": benchmark, "command": command, "machine": MACHINE, "results": results}


def test_what_is_missing_is_said_to_be() -> None:
    empty = page.page([])
    assert empty.count(f": {tables.MISSING}.") == len(page.SECTIONS)
    assert f"| `cgan` | CPU | {tables.MISSING} |" in empty
    assert f"| `cgan` | GPU | {tables.MISSING} |" in empty


def test_what_was_measured_is_shown_with_its_machine_and_targets() -> None:
    contender = {"name": "auto", "manner": "bf16, eager", "seconds": 0.01, "times": [1.9, 2.0, 2.1], "target": 2.4}
    case = {"training": "cgan", "size": 28, "batch": 64, "seconds": 0.02, "contenders": [contender]}
    shown = page.page([made("against_tutorial", [case])])
    assert "Some Processor, 2 cores, 2 threads, torch 2.15.0; `python benchmarks/against_tutorial.py`" in shown
    assert "| 10 ms | 2.00× (1.95× to 2.05×) | 2.40×: **missed** |" in shown
    assert "Missed: `cgan` with auto (bf16, eager) is 2.00× as fast, not 2.40×." in shown
    contender["target"] = 2.0
    assert "Missed" not in page.page([made("against_tutorial", [case])])


def test_the_knee_is_explained() -> None:
    rows = [
        {"choice": str(batch), "batch": batch, "parameters": 1, "manner": "fp32, eager", "seconds": seconds}
        for batch, seconds in ((16, 0.01), (32, 0.011), (64, 0.013), (128, 0.026))
    ]
    series = {"training": "cgan", "against": "batch", "rows": rows, "knee": 64, "gain": 1.3}
    shown = page.page([made("scaling", [series])])
    assert "is 64." in shown
    assert "| 128 | 26 ms | 38.5 | 4,923 |" in shown
    assert "There is no knee" in page.page([made("scaling", [{**series, "knee": None}])])


def test_a_measured_variant_takes_the_place_of_the_missing_row(tmp_path: Path) -> None:
    machine = {**MACHINE, "device": "Some GPU", "matrix_rates": {"bf16": 1e14}, "copy_rate": 1e12}
    row = {
        "variant": "cgan",
        "data": {"dataset": "digits"},
        "batch_size": 64,
        "precision": "bf16",
        "execution": "graph",
        "steps_per_second": 1000.0,
        "images_per_second": 64000.0,
        "split": {"data": 1.0, "generator": 3.0},
        "split_execution": "eager",
        "cost": {"flops": 1e9, "bytes": 1e8},
        "peak_memory": 2e9,
        "matrix_share": 0.01,
        "memory_share": 0.1,
    }
    (tmp_path / "gpu.json").write_text(json.dumps({"machine": machine, "results": [row]}))
    shown = page.page(page.read(tmp_path))
    assert "- GPU: Some GPU, Some Processor" in shown
    assert "| `cgan` | GPU | digits, batch 64, bf16, graph | 1,000.0 | 64,000 |" in shown
    assert f"| `cgan` | CPU | {tables.MISSING} |" in shown
    assert "| `cgan` | GPU | eager | data 25%, generator 75% |" in shown


MEASURED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "tutorial": (
        [{"training": "cgan", "size": 28, "batch": 64, "step": 0.04, "reading": 0.004}],
        "| `cgan` 28×28, batch 64 | 40 ms | 4 ms | 10.0% |",
    ),
    "precision": (
        [
            {"judge": 0.99, "floor": 0.25, "samples": 10000},
            {
                "variant": "cgan",
                "precision": "bf16",
                "steps": 5000,
                "accuracy": [0.95, 0.96],
                "distance": [20.0, 21.0],
                "steps_per_second": 60.0,
            },
        ],
        "| `cgan`, 5,000 steps | bf16 | 95.0%, 96.0% | 20.0, 21.0 | 60 |",
    ),
    "trainer_overhead": (
        [
            {
                "training": "gan-minimal",
                "data": "digits",
                "batch": 64,
                "manner": "fp32, eager",
                "seconds": 0.004,
                "contenders": [{"name": "bar", "seconds": 0.0042, "extra": [0.05, -0.01, 0.07], "target": 0.03}],
            }
        ],
        "Missed: `gan-minimal` with live bar on a terminal takes 5.0% more than bare.",
    ),
    "memory": (
        [
            {
                "what": "stream",
                "budget": 31,
                "folders": [
                    {"images": 10, "decoded": 30.0, "memory": 400.0, "peak": 410.0},
                    {"images": 100, "decoded": 300.0, "memory": 535.0, "peak": 540.0},
                ],
                "extra": 0.5,
                "target": 0.1,
            },
            {
                "what": "long",
                "steps": 1000,
                "memory": [389.0, 389.4],
                "slope": 0.4,
                "descriptors": [5, 6],
                "threads": [3, 3],
                "target": 8.0,
            },
        ],
        "For 270 MiB more of images it holds 135 MiB more, 50.0% of them (at most 10.0%: **missed**).\n\n"
        "Missed: memory grows with a folder that is streamed.\n\n"
        "| second half of 1,000 steps | from | to |\n",
    ),
    "startup": (
        [{"training": "cgan", "first step": 2.5, "import": 1.25, "optimizer": 2.25, "extra": 1.25, "target": 1.0}],
        "| command to first step of `cgan` | 2.50 s | at most 1 s more: **missed** |",
    ),
}


@pytest.mark.parametrize("benchmark", list(MEASURED))
def test_every_result_has_its_table(benchmark: str) -> None:
    results, expected = MEASURED[benchmark]
    shown = page.page([made(benchmark, results)])
    assert expected in shown
    assert "\n\n\n" not in shown


def test_the_page_is_what_the_results_say() -> None:
    found = page.read()
    if not found:
        pytest.skip("nothing has been measured yet")
    assert page.PAGE.read_text(encoding="utf-8") == page.page(found), "run `python benchmarks/page.py`"


def test_a_result_tells_its_command_without_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "stream", lambda *given: {"memory": 1.0, "decoded": float(given[1])})
    monkeypatch.setattr(memory, "last_long", lambda *given: {})
    monkeypatch.setattr(common, "measure_machine", lambda device: Machine(**MACHINE, matrix_rates={}, copy_rate=0.0))
    out = tmp_path / "found.json"
    shown = CliRunner().invoke(memory.main, ["--steps", "7", "--out", str(out)], prog_name="benchmarks/memory.py")
    assert shown.exit_code == 0, shown.output
    assert json.loads(out.read_text())["command"] == "python benchmarks/memory.py --steps 7"
    assert str(tmp_path) not in out.read_text()
