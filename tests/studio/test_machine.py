"""The machine: its rates, its two limits, and peak memory."""

from __future__ import annotations

import os
import time

import pytest
import torch

from ganzoo.catalogue import installed, select
from ganzoo.catalogue.check import check
from ganzoo.step.precision import Precision
from ganzoo.studio import benchmark as module
from ganzoo.studio import machine
from ganzoo.studio.benchmark import Benchmark, Roofline, benchmark, roofline
from ganzoo.studio.cost import Cost
from ganzoo.studio.machine import Machine, copy_rate, matrix_rate, measure_machine, median_seconds
from ganzoo.testing.trainers import CPU

# The machine, and the two limits


def test_the_rates_are_work_through_time() -> None:
    seconds = median_seconds(lambda: time.sleep(0.01), CPU)
    assert 0.01 <= seconds < 1
    assert matrix_rate(Precision("fp32", CPU), 64) > 0
    assert matrix_rate(Precision("bf16", CPU, casts=True), 64) > 0
    assert copy_rate(CPU, 2**16) > 0


def test_a_machine_is_measured_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "REPETITIONS", (1, 1))
    before = torch.get_float32_matmul_precision(), torch.get_rng_state()
    measure_machine(CPU)
    assert torch.get_float32_matmul_precision() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


def test_a_benchmark_leaves_the_random_state_alone() -> None:
    chosen = select(installed(), "cgan", {"batch_size": 8, "execution": "eager"})
    before = torch.get_rng_state()
    benchmark(chosen, check(chosen), Precision("fp32", CPU), 1, lambda text: None)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("cost", "bound"), [(Cost(100, 30), "matrix"), (Cost(30, 100), "memory")])
def test_the_larger_share_of_the_two_limits_bounds(cost: Cost, bound: str) -> None:
    rates = Machine("a processor", 1, 1, "torch", "cpu", {"fp32": 1000.0, "bf16": 1.0}, 500.0)
    found = Benchmark("v", {}, 8, "cpu", "fp32", "eager", 1, 2.0, 16.0, {}, "eager", cost, 0)
    reached = roofline(found, rates)
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
