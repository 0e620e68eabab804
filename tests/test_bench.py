"""What `ganzoo bench` measures: against counts by hand, and against what time may do."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, final

import pytest
import torch
from torch import Tensor

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import installed, select
from ganzoo.cli import run
from ganzoo.step.execution import Execution
from ganzoo.step.phase_optimizer import PhaseOptimizer
from ganzoo.step.precision import Precision, choose_precision
from ganzoo.step.processes import SingleProcess
from ganzoo.step.train_step import Feeds, TrainStep
from ganzoo.studio import benchmark as module
from ganzoo.studio.benchmark import Benchmark, Roofline, benchmark, cost_of_step, roofline, split
from ganzoo.studio.cost import Cost, cost_of
from ganzoo.studio.machine import Machine, copy_rate, matrix_rate, measure_machine, median_seconds
from ganzoo.training.setup import build_trainer
from ganzoo.training.trainer import Trainer

CPU = torch.device("cpu")
VARIANTS = installed().names("variant")
QUICK = ("--steps", "2", "--batch-size", "8", "--device", "cpu")


class Answer(NamedTuple):
    """What one command line gave."""

    status: int
    out: str
    err: str


def ganzoo(*words: str) -> Answer:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(words)
    return Answer(status, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def trainer_of(variant: str, **flags: Any) -> Iterator[Trainer]:
    """A trainer that has made one step."""
    chosen = select(installed(), variant, {"device": "cpu", "precision": "fp32", "batch_size": 8, **flags})
    data, precision = assemble(chosen), choose_precision(chosen.run.precision, CPU)
    with torch.random.fork_rng(devices=[]), precision.set():
        trainer = build_trainer(chosen, data, precision, SingleProcess(), lambda text: None)
        trainer.train_step.recipe.train()
        trainer.advance()
        yield trainer


# Every variant


@pytest.fixture(scope="module")
def told() -> Answer:
    return ganzoo("bench", *QUICK, "--json")


@pytest.fixture(scope="module")
def document(told: Answer) -> Any:
    assert told.status == 0, told.err
    return json.loads(told.out)


def test_the_document_holds_every_variant_and_progress_goes_elsewhere(told: Answer, document: Any) -> None:
    assert [result["variant"] for result in document["results"]] == list(VARIANTS)
    assert all(f"{name} (" in told.err for name in VARIANTS)


def test_the_document_describes_the_machine(document: Any) -> None:
    machine = document["machine"]
    assert set(machine["matrix_rates"]) == {"fp32", "bf16"}
    assert all(rate > 0 for rate in (*machine["matrix_rates"].values(), machine["copy_rate"]))
    assert (machine["torch"], machine["threads"]) == (torch.__version__, torch.get_num_threads())
    assert machine["processor"] and machine["cores"] >= 1 and machine["device"] == "cpu"


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_has_figures(document: Any, variant: str) -> None:
    (found,) = [result for result in document["results"] if result["variant"] == variant]
    figures = [
        *(found[name] for name in ("steps_per_second", "images_per_second", "matrix_share", "memory_share")),
        *(found[name] for name in ("steps", "peak_memory", "batch_size")),
        *found["cost"].values(),
    ]
    assert all(math.isfinite(figure) and figure > 0 for figure in figures), found
    assert found["images_per_second"] == pytest.approx(8 * found["steps_per_second"])
    assert all(math.isfinite(seconds) and seconds >= 0 for seconds in found["split"].values())
    assert found["bound"] == ("matrix" if found["matrix_share"] >= found["memory_share"] else "memory")
    assert (found["steps"], found["split_execution"], found["data"]) == (2, "eager", {"dataset": "digits"})


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_split_names_every_phase_and_its_optimizer(document: Any, variant: str) -> None:
    (found,) = [result for result in document["results"] if result["variant"] == variant]
    phases = select(installed(), variant).recipe.phases
    parts = {name for phase in phases for name in (phase, f"{phase}-optimizer")}
    assert set(found["split"]) == parts | {"data", "averages", "other", "logging"}


def test_piped_answers_are_plain_lines() -> None:
    answer = ganzoo("bench", "gan-minimal", "cgan", *QUICK)
    assert answer.status == 0
    machine, *lines = answer.out.splitlines()
    assert "GFLOP/s" in machine and "GB/s" in machine
    assert [line.split("\t")[0] for line in lines] == ["gan-minimal", "cgan"] * 2
    assert [len(line.split("\t")) for line in lines] == [8, 8, 3, 3]


# The split


@pytest.mark.parametrize("variant", ["gan-minimal", "cgan"])
def test_the_parts_of_a_step_add_up_to_it(variant: str) -> None:
    with trainer_of(variant) as trainer:
        began = time.perf_counter()
        parts = split(trainer, 5, log_every=1)
        step = (time.perf_counter() - began) / 5
    assert min(parts.values()) >= 0
    assert 0.5 * step <= sum(parts.values()) <= 1.5 * step
    assert all(parts[name] > 0 for name in ("data", "discriminator", "generator", "generator-optimizer", "averages"))


def test_time_is_put_down_to_the_part_that_took_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with trainer_of("gan-minimal") as trainer:
        train_step, pause = trainer.train_step, 0.05
        optimizer = train_step.phase_optimizers[0].optimizer

        def slowly(work: Callable[..., Any]) -> Callable[..., Any]:
            def done(*args: Any, **kwargs: Any) -> Any:
                time.sleep(pause)
                return work(*args, **kwargs)

            return done

        monkeypatch.setattr(optimizer, "step", slowly(optimizer.step))
        monkeypatch.setitem(train_step.losses, "generator", slowly(train_step.losses["generator"]))
        parts = split(trainer, 2, log_every=1)
    name = train_step.phase_optimizers[0].phase.name
    assert parts[f"{name}-optimizer"] >= pause
    assert parts["generator"] >= 2 * pause, "it has two updates a step"
    assert parts["data"] + parts["averages"] + parts["generator-optimizer"] < pause


def test_what_was_followed_is_left_as_it_was() -> None:
    with trainer_of("gan-minimal") as trainer:
        train_step = trainer.train_step
        owners = [
            train_step,
            train_step.ema,
            *train_step.batches.values(),
            *(phase_optimizer.optimizer for phase_optimizer in train_step.phase_optimizers),
        ]
        before = [set(vars(owner)) for owner in owners]
        split(trainer, 1, log_every=1)
        assert [set(vars(owner)) for owner in owners] == before


@final
class Odd(Execution):
    """Another way to carry out steps, in name only."""

    name = "odd"

    def __init__(self, train_step: TrainStep):
        self._game = train_step

    def prepare(self, read: Callable[[], Feeds]) -> None:
        (feeds,) = read()
        assert set(feeds) == set(self._game.batches)

    def run(self, due: Sequence[PhaseOptimizer], feeds: Feeds, step: int) -> None:
        self._game(due, feeds, step)


def test_another_execution_is_timed_as_it_is_and_split_as_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def build(chosen: Any, *others: Any) -> Trainer:
        trainer = build_trainer(
            dataclasses.replace(chosen, run=dataclasses.replace(chosen.run, execution="eager")), *others
        )
        if chosen.run.execution != "eager":
            trainer.execution = Odd(trainer.train_step)
        built.append(trainer.execution.name)
        return trainer

    monkeypatch.setattr(module, "build_trainer", build)
    chosen = select(installed(), "gan-minimal", {"batch_size": 8, "execution": "compile"})
    found = benchmark(chosen, assemble(chosen), Precision("fp32", CPU), 1, lambda text: None)
    assert built == ["odd", "eager"]
    assert (found.execution, found.split_execution) == ("odd", "eager")


# FLOPs and bytes


def test_the_flops_of_a_step_are_those_counted_by_hand() -> None:
    """A generator 3 → 5 → 64 and a discriminator 64 → 7 → 1, whose generator moves twice a step."""
    widths = {"latent_size": 3, "generator_widths": "5", "discriminator_widths": "7", "dataset_size": 8}
    batch, generator, discriminator = 8, (3 * 5, 5 * 64), (64 * 7, 7 * 1)
    product = 2 * batch  # a multiplication and an addition for each weight and example

    # Two batches are judged. The weights' gradients need one product each; the inputs' none in the first layer.
    learns = product * sum(generator) + 2 * product * (2 * sum(discriminator) + sum(discriminator[1:]))
    # The frozen discriminator passes gradients through every layer, and gets none itself.
    makes = product * (2 * sum(generator) + sum(generator[1:])) + product * 2 * sum(discriminator)
    with trainer_of("gan-minimal", batch_size=batch, **widths) as trainer:
        assert cost_of_step(trainer).flops == learns + 2 * makes


def test_a_penalty_with_second_derivatives_is_counted() -> None:
    with trainer_of("gan") as plain, trainer_of("gan", penalty="r1") as penalised:
        assert cost_of_step(penalised).flops > 1.2 * cost_of_step(plain).flops


def test_a_phase_that_is_due_every_second_step_costs_half() -> None:
    with trainer_of("gan-minimal") as trainer:
        always = cost_of_step(trainer)
        for phase_optimizer in trainer.train_step.phase_optimizers:
            phase_optimizer.every = 2
        seldom = cost_of_step(trainer)
    assert seldom.flops == always.flops / 2
    assert always.bytes / 2 < seldom.bytes < always.bytes


A, B, C = 3, 5, 7
LEFT, RIGHT, SAME = torch.rand(A, B), torch.rand(B, C), torch.rand(A, B)
HALF = LEFT.bfloat16()
ROWS = torch.tensor([0, 2])
WORK: dict[str, tuple[Callable[[], Any], int]] = {
    "a product": (lambda: torch.mm(LEFT, RIGHT), 4 * (A * B + B * C + A * C)),
    "a cast": (lambda: LEFT.to(torch.bfloat16), 6 * A * B),
    "a product in bfloat16": (lambda: torch.mm(HALF, HALF.t()), 2 * (2 * A * B + A * A)),
    "a sum": (lambda: LEFT + SAME, 4 * 3 * A * B),
    "a sum in place": (lambda: SAME.add_(LEFT), 4 * 3 * A * B),
    "a sum into a given place": (lambda: torch.add(LEFT, LEFT, out=SAME), 4 * 3 * A * B),
    "sums of lists": (lambda: torch._foreach_add_([SAME, SAME], [LEFT, LEFT]), 2 * 4 * 3 * A * B),
    "a copy": (lambda: SAME.copy_(LEFT), 4 * 2 * A * B),
    "a fill": (lambda: SAME.fill_(1), 4 * A * B),
    "new zeros": (lambda: torch.zeros_like(LEFT), 4 * A * B),
    "memory that nobody touched": (lambda: torch.empty_like(LEFT), 0),
    "views": (lambda: LEFT.t().reshape(B, A).unsqueeze(0).expand(9, B, A).detach()[2:4], 0),
    "a part": (lambda: -LEFT[:2], 4 * 2 * 2 * B),
    "what was expanded": (lambda: LEFT[:1].expand(A, B) * SAME, 4 * (B + 2 * A * B)),
    "some rows": (lambda: LEFT[ROWS], 8 * 2 + 2 * 4 * 2 * B),
}  # fmt: skip


@pytest.mark.parametrize(("work", "expected"), WORK.values(), ids=WORK)
def test_the_bytes_of_an_operation_are_those_counted_by_hand(work: Callable[[], Any], expected: int) -> None:
    assert cost_of(work).bytes == expected


def test_the_bytes_of_a_backward_pass_count_too() -> None:
    weight: Tensor = torch.rand(A, B, requires_grad=True)
    forward = cost_of(lambda: weight.square().sum())
    both = cost_of(lambda: weight.square().sum().backward())
    assert both.bytes >= forward.bytes + 4 * 3 * A * B


def test_only_products_and_convolutions_have_flops() -> None:
    assert cost_of(lambda: torch.mm(LEFT, RIGHT)).flops == 2 * A * B * C
    images, kernel = torch.rand(2, 3, 6, 6), torch.rand(4, 3, 3, 3)
    assert cost_of(lambda: torch.conv2d(images, kernel)).flops == 2 * (2 * 4 * 4 * 4) * (3 * 3 * 3)
    assert cost_of(lambda: LEFT.exp() + LEFT).flops == 0


# The machine, and the two limits


def test_the_rates_are_work_through_time() -> None:
    seconds = median_seconds(lambda: time.sleep(0.01), CPU)
    assert 0.01 <= seconds < 1
    assert matrix_rate(Precision("fp32", CPU), 64) > 0
    assert matrix_rate(Precision("bf16", CPU, casts=True), 64) > 0
    assert copy_rate(CPU, 2**16) > 0


def test_a_machine_is_measured_without_a_trace() -> None:
    before = torch.get_float32_matmul_precision(), torch.get_rng_state()
    measure_machine(CPU)
    assert torch.get_float32_matmul_precision() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


def test_a_benchmark_leaves_the_random_state_alone() -> None:
    chosen = select(installed(), "cgan", {"batch_size": 8, "execution": "eager"})
    before = torch.get_rng_state()
    benchmark(chosen, assemble(chosen), Precision("fp32", CPU), 1, lambda text: None)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("cost", "bound"), [(Cost(100, 30), "matrix"), (Cost(30, 100), "memory")])
def test_the_larger_share_of_the_two_limits_bounds(cost: Cost, bound: str) -> None:
    machine = Machine("a processor", 1, 1, "torch", "cpu", {"fp32": 1000.0, "bf16": 1.0}, 500.0)
    found = Benchmark("v", {}, 8, "cpu", "fp32", "eager", 1, 2.0, 16.0, {}, "eager", cost, 0)
    reached = roofline(found, machine)
    assert reached == Roofline(matrix=2 * cost.flops / 1000, memory=2 * cost.bytes / 500)
    assert reached.bound == bound


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="the mark cannot begin anew here")
def test_the_peak_is_that_of_a_variant_and_not_of_those_before() -> None:
    module.begin_peak_memory(CPU)
    before = module.peak_memory(CPU)
    held = torch.ones(2**26)  # far more than a system takes back meanwhile
    peak = module.peak_memory(CPU)
    assert peak >= before + held.nbytes // 2
    del held
    assert module.peak_memory(CPU) >= peak
    module.begin_peak_memory(CPU)
    assert module.peak_memory(CPU) <= peak - 2**25


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
    assert "device 'cuda' was asked for and this torch finds none here" in answer.err


@pytest.mark.parametrize("words", [["bench", "--help"], ["bench", "cgann"], ["bench", "cgan", "--precision", "fp8"]])
def test_what_can_be_told_from_names_imports_no_torch(words: list[str]) -> None:
    code = f"import sys; from ganzoo.cli import run; run({words!r}); print('torch' in sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "False"
