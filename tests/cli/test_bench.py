"""`ganzoo bench`: the document, the lines, and invalid requests."""

from __future__ import annotations

import functools
import json
import math
import subprocess
import sys
from typing import Any

import pytest
import torch

from ganzoo.catalogue import Selection, installed, select
from ganzoo.contract.recipe import Phase
from ganzoo.errors import UserError
from ganzoo.studio.machine import Machine
from ganzoo.testing.command_lines import Answer, ganzoo
from ganzoo.testing.trainers import make_trainer

VARIANTS = installed().names("variant")
# One of each kind in the quick suite: an update of each network, a condition, five updates, images from images.
SOME = ("gan-minimal", "cgan", "wgan", "pix2pix")
EACH = [name if name in SOME else pytest.param(name, marks=pytest.mark.long) for name in VARIANTS]
QUICK = ("--steps", "2", "--batch-size", "8", "--device", "cpu")


# Every variant


@functools.cache
def told(*variants: str) -> Answer:
    """Return the answer about some variants, or about all, of one measurement each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganzoo.studio.machine.REPETITIONS", (1, 1))
        for repeated in ("WARM_UP", "LAPS"):
            patch.setattr(f"ganzoo.studio.benchmark.{repeated}", 1)
        return ganzoo("bench", *variants, *QUICK, "--json")


def document_of(answer: Answer) -> Any:
    assert answer.status == 0, answer.err
    return json.loads(answer.out)


def result_of(variant: str) -> Any:
    results = document_of(told(*SOME) if variant in SOME else told())["results"]
    (found,) = [result for result in results if result["variant"] == variant]
    return found


@functools.cache
def phases_of(variant: str) -> tuple[Phase, ...]:
    trainer = make_trainer(select(installed(), variant, {"batch-size": 8}))
    return tuple(phase.phase for phase in trainer.train_step.phase_optimizers)


@pytest.fixture(scope="module")
def document() -> Any:
    return document_of(told(*SOME))


@pytest.mark.parametrize("asked", [SOME, pytest.param((), marks=pytest.mark.long)], ids=["some", "all"])
def test_the_document_holds_every_variant_and_progress_goes_elsewhere(asked: tuple[str, ...]) -> None:
    answer, expected = told(*asked), asked or VARIANTS
    assert [result["variant"] for result in document_of(answer)["results"]] == list(expected)
    assert all(f"{name} (" in answer.err for name in expected)


def test_the_document_describes_the_machine(document: Any) -> None:
    machine = document["machine"]
    assert set(machine["matrix_rates"]) == {"fp32", "bf16"}
    assert all(rate > 0 for rate in (*machine["matrix_rates"].values(), machine["copy_rate"]))
    assert (machine["torch"], machine["threads"]) == (torch.__version__, torch.get_num_threads())
    assert machine["processor"] and machine["cores"] >= 1 and machine["device"] == "cpu"


@pytest.mark.parametrize("variant", EACH)
def test_every_variant_has_figures(variant: str) -> None:
    found, phases = result_of(variant), phases_of(variant)
    figures = [
        *(found[name] for name in ("steps_per_second", "images_per_second", "matrix_share", "memory_share")),
        *(found[name] for name in ("steps", "peak_memory", "batch_size")),
        *found["cost"].values(),
    ]
    assert all(math.isfinite(figure) and figure > 0 for figure in figures), found
    batches = max((phase.updates for phase in phases if phase.fresh_data), default=1)
    assert found["images_per_second"] == pytest.approx(batches * 8 * found["steps_per_second"])
    assert all(math.isfinite(seconds) and seconds >= 0 for seconds in found["split"].values())
    assert found["bound"] == ("matrix" if found["matrix_share"] >= found["memory_share"] else "memory")
    period = math.lcm(*(phase.every for phase in phases))
    assert (found["steps"], found["split_execution"]) == (math.ceil(2 / period) * period, "eager")
    parts = select(installed(), variant).parts
    assert found["data"] == {slot: part.component.name for slot, part in parts.items() if part.slot.kind == "dataset"}


@pytest.mark.parametrize("variant", EACH)
def test_a_split_names_every_phase_and_its_optimizer(variant: str) -> None:
    phases = {phase.name for phase in phases_of(variant)}
    assert phases >= set(select(installed(), variant).recipe.phases)
    parts = {name for phase in phases for name in (phase, f"{phase}-optimizer")}
    assert set(result_of(variant)["split"]) == parts | {"data", "averages", "other", "logging"}


def test_piped_answers_are_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = Machine("a processor", 1, 1, "torch", "cpu", {"fp32": 1e10, "bf16": 1e10}, 1e9)
    monkeypatch.setattr("ganzoo.studio.machine.measure_machine", lambda device: fast)
    answer = ganzoo("bench", "gan-minimal", "cgan", *QUICK)
    assert answer.status == 0
    machine, *lines = answer.out.splitlines()
    assert "GFLOP/s" in machine and "GB/s" in machine
    assert [line.split("\t")[0] for line in lines] == ["gan-minimal", "cgan"] * 2
    assert [len(line.split("\t")) for line in lines] == [8, 8, 3, 3]


def test_presets_and_options_of_parts_are_those_of_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Selection] = []

    def benchmark(selection: Selection, *rest: object) -> None:
        seen.append(selection)
        raise UserError("seen")

    monkeypatch.setattr("ganzoo.studio.benchmark.benchmark", benchmark)
    monkeypatch.setattr("ganzoo.studio.machine.REPETITIONS", (1, 1))
    words = ("--generator-widths", "8,8", "--no-generator-norm", "--loss=hinge", "--ema", "0.5")
    answer = ganzoo("bench", *words, "--preset", "published", "cgan", *QUICK)
    assert answer.status == 2 and "seen" in answer.err
    given = {"generator-widths": "8,8", "generator-norm": False, "loss": "hinge", "ema": "0.5", "batch-size": 8}
    assert seen == [select(installed(), "cgan", {**given, "device": "cpu"}, "published")]


# What was asked wrongly


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["cgann"], ["no variant is called 'cgann'", "did you mean 'cgan'?"]),
        (["cgan", "dcgann"], ["no variant is called 'dcgann'"]),
        (["cgan", "--dataset", "digit"], ["no dataset is called 'digit'", "did you mean 'digits'?"]),
        (["cgan", "--precision", "tf32", "--device", "cpu"], ["precision 'tf32'"]),
        (["cgan", "--execution", "fast"], ["execution"]),
        (["cgan", "--batch-size", "no"], ["batch-size", "'no'"]),
        (["cgan", "--steps", "0"], ["0"]),
        (["cgan", "--dataset", "ring", "--conditioner", "nobody"], ["nobody"]),
        (["cgan", "dcgan", "--dataset", "ring"], ["dcgan: "]),
        (["--nothing"], ["--nothing"]),
        (["cgan", "--generator-width", "8"], ["--generator-width", "did you mean"]),
        (["cgan", "dcgan", "--critic-lr", "1"], ["--critic-lr"]),
        (["cgan", "--preset", "publishd"], ["publishd"]),
        (["cgan", "--out", "here"], ["--out changes nothing that is measured"]),
    ],
    ids=" ".join,
)
def test_what_cannot_be_measured_is_refused(words: list[str], told: list[str]) -> None:
    answer = ganzoo("bench", *words)
    assert (answer.status, answer.out) == (2, "")
    assert all(text in answer.err for text in told), answer.err
    assert "Traceback" not in answer.err and "measuring" not in answer.err


def test_an_unknown_name_gets_the_answer_of_train() -> None:
    assert ganzoo("bench", "cgann").err == ganzoo("train", "cgann").err


@pytest.mark.skipif(torch.cuda.is_available(), reason="the device is there")
def test_a_device_that_is_not_there() -> None:
    answer = ganzoo("bench", "cgan", "--device", "cuda")
    assert answer.status == 2
    assert "torch finds no device 'cuda' on this machine" in answer.err


@pytest.mark.parametrize("words", [["bench", "--help"], ["bench", "cgann"], ["bench", "cgan", "--precision", "fp8"]])
def test_what_can_be_told_from_names_imports_no_torch(words: list[str]) -> None:
    code = f"import sys; from ganzoo.cli import run; run({words!r}); print('torch' in sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "False"
