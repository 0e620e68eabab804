"""The page of more processes: its formulas against numbers by hand, and what it says against the results."""

from __future__ import annotations

import json
import math
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))

import exchange_model  # noqa: E402
import overlap  # noqa: E402
import page  # noqa: E402
import scale  # noqa: E402
import scale_page  # noqa: E402
from exchange_model import Link, Measured  # noqa: E402
from together import together  # noqa: E402

LINK = Link(latency=1e-3, bandwidth=1e6)


@pytest.mark.parametrize(
    ("processes", "seconds"),
    [
        (1, 0.0),
        (2, 2e-3 + 1.0),  # each sends half a message twice
        (4, 6e-3 + 1.5),
        (1000, 1.998 + 1.998),
    ],
)
def test_a_ring_sends_a_part_of_each_message_in_each_round(processes: int, seconds: float) -> None:
    assert exchange_model.ring([10**6], processes, LINK) == pytest.approx(seconds)


@pytest.mark.parametrize(("processes", "levels"), [(1, 0), (2, 1), (3, 2), (4, 2), (1024, 10), (1025, 11)])
def test_a_tree_has_a_level_for_each_doubling(processes: int, levels: int) -> None:
    expected = 2 * levels * 1e-3 + (2.0 if processes > 1 else 0.0)
    assert exchange_model.tree([10**6], processes, LINK) == pytest.approx(expected)


def test_messages_add_up() -> None:
    for way in (exchange_model.ring, exchange_model.tree, exchange_model.fastest):
        both = way([10**6, 40], 8, LINK)
        assert both == pytest.approx(way([10**6], 8, LINK) + way([40], 8, LINK))


def test_small_messages_of_many_take_a_tree_and_large_ones_of_few_a_ring() -> None:
    for size, processes, way in ((40, 1024, exchange_model.tree), (10**8, 8, exchange_model.ring)):
        assert exchange_model.fastest([size], processes, LINK) == way([size], processes, LINK)


@pytest.mark.parametrize("processes", [2, 8])
def test_the_link_of_exact_times_is_found(processes: int) -> None:
    sizes = (2**12, 2**16, 2**20, 2**24)
    exact = [Measured(size, exchange_model.ring([size], processes, LINK)) for size in sizes]
    assert exchange_model.fitted(exact, processes) == pytest.approx(LINK)


def test_the_fit_weighs_small_messages_as_much_as_large_ones() -> None:
    off = [
        Measured(size, exchange_model.ring([size], 2, LINK) * factor)
        for size, factor in ((4, 1.1), (400, 0.9), (10**7, 1.1), (10**8, 0.9))
    ]
    found = exchange_model.fitted(off, 2)
    assert found.latency == pytest.approx(LINK.latency, rel=0.1)
    assert found.bandwidth == pytest.approx(LINK.bandwidth, rel=0.1)


@pytest.mark.parametrize(
    ("exchanging", "hidden", "seconds"), [(3.0, 0.0, 13.0), (3.0, 0.5, 10.0), (5.0, 0.5, 10.0), (8.0, 0.5, 13.0)]
)
def test_what_does_not_fit_behind_the_backward_pass_remains(exchanging: float, hidden: float, seconds: float) -> None:
    assert exchange_model.step(10.0, exchanging, hidden) == seconds


def test_predictions_are_judged_by_medians_of_what_was_held_out() -> None:
    given = {str(size): (size,) for size in (*scale.FITTED, 2**18)} | {"two": (2**20, 80)}
    seconds = {name: [9e9, *[exchange_model.ring(messages, 2, LINK)] * 2] for name, messages in given.items()}
    found = scale.judged(given, seconds, 0.5)
    assert (found["latency"], found["bandwidth"]) == pytest.approx(LINK)
    assert [row["payload"] for row in found["rows"] if not row["fitted"]] == [str(2**18), "two"]
    assert all(abs(scale_page.wrong(row)) < 1e-3 for row in found["rows"])


def test_rounds_that_were_measured_count_if_they_are_of_the_same_payloads(tmp_path: Path) -> None:
    out, given = tmp_path / "scale.json", {"4": (4,), "8": (8,)}
    assert scale.known_seconds(out, given) == {"4": [], "8": []}
    out.write_text(json.dumps({"results": [{"seconds": {"4": [1.0], "8": [2.0]}}]}), encoding="utf-8")
    assert scale.known_seconds(out, given) == {"4": [1.0], "8": [2.0]}
    assert scale.known_seconds(out, {"4": (4,)}) == {"4": []}


def test_a_lazy_phase_counts_by_its_share_of_the_steps() -> None:
    phases = {"often": {"every": 1, "messages": [10**6]}, "rarely": {"every": 16, "messages": [10**6]}}
    training = scale_page.Training({"phases": phases}, 1.0, "computed")
    once = exchange_model.fastest([10**6], 8, LINK)
    assert training.exchanging(8, LINK) == pytest.approx(once * 17 / 16)


def test_the_page_is_what_the_results_say() -> None:
    found = page.read()
    assert scale_page.PAGE.read_text(encoding="utf-8") == scale_page.page(found), (
        "run `python benchmarks/scale_page.py`"
    )


def test_the_trainings_of_the_page_are_those_that_were_counted() -> None:
    (found,) = (result for result in page.read() if result["benchmark"] == "scale")
    case, row = scale.CASES[0], found["results"][1]
    counted = scale.described(case)
    assert json.loads(json.dumps(counted["phases"])) == row["phases"]
    assert math.isclose(counted["flops"], row["flops"], rel_tol=0.01)


# What to type


def blocks(language: str) -> list[str]:
    _, *parts = scale_page.PAGE.read_text(encoding="utf-8").split(f"```{language}\n")
    return [part.partition("```")[0] for part in parts]


def stand_in(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def test_the_file_for_slurm_starts_torchrun_on_every_machine(tmp_path: Path) -> None:
    (script,) = blocks("bash")
    stand_in(tmp_path, "scontrol", "echo one; echo two")
    stand_in(tmp_path, "srun", '"$@"; "$@"')
    stand_in(tmp_path, "torchrun", 'echo "$@"')
    slurm = {"SLURM_JOB_NODELIST": "[one-two]", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_ID": "7"}
    environment = {**os.environ, **slurm, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-e", "-c", script], capture_output=True, text=True, check=True, env=environment)
    one, other = map(shlex.split, done.stdout.splitlines())
    assert one == other
    assert one[: one.index("-m")] == shlex.split(
        "--nnodes 2 --nproc-per-node 8 --rdzv-id 7 --rdzv-backend c10d --rdzv-endpoint one:29500"
    )


@pytest.mark.long
@pytest.mark.parametrize("machines", [1, 2])
def test_the_commands_for_one_and_several_machines_run(machines: int, tmp_path: Path) -> None:
    one, several = (block.replace("\\\n", " ") for block in blocks("sh"))
    words = shlex.split(one if machines == 1 else several)[1:]
    for given, here in {"8": "2" if machines == 1 else "1", "4": "2", "first-machine:29500": "127.0.0.1:29517"}.items():
        words = [here if word == given else word for word in words]
    quick = ["--batch-size", "8", "--dataset-size", "32", "--steps", "2", "--device", "cpu"]
    start = [sys.executable, "-m", "torch.distributed.run", *words, *quick]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(start, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment)
        for _ in range(machines)
    ]
    said = [process.communicate(timeout=240)[1] for process in started]
    assert [process.returncode for process in started] == [0] * machines, said[0][-3000:]
    assert (tmp_path / words[words.index("--out") + 1] / "model.safetensors").exists()


@pytest.mark.long
def test_processes_of_ray_train_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="the example of Ray needs ray: pip install ray")
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("python")
    names: dict[str, object] = {}
    exec(example, names)
    assert names["steps"] == [100, 100]


# Between processes


@pytest.mark.long
def test_payloads_are_exchanged_in_every_round() -> None:
    given = {"one": (4096,), "several": (40, 80)}
    found = list(together(scale.exchange, given, range(3), processes=2))
    assert [list(seconds) for seconds in found] == [["one", "several"], ["several", "one"], ["one", "several"]]
    assert all(seconds > 0 for each in found for seconds in each.values())


@pytest.mark.long
@pytest.mark.parametrize("flags", [{}, {"penalty": "r1", "penalty_every": 2}])
def test_an_exchange_during_the_backward_pass_gives_the_same_weights(flags: dict[str, Any]) -> None:
    small = {"dataset_size": 8, "batch_size": 8, **flags}
    (found,) = together(overlap.compare, "cgan", small, 2, processes=2)
    assert found["same"]
    assert {name: len(seconds) for name, seconds in found["seconds"].items()} == {"after": 2, "during": 2, "nothing": 2}
