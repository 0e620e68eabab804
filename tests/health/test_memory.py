"""Running out of memory: one sentence with the batch, the device and the checkpoint."""

from __future__ import annotations

import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.cli import main
from ganzoo.cli import run as command
from ganzoo.contract.recipe import PhaseOutput
from ganzoo.errors import TrainingFailed
from ganzoo.testing import selections
from ganzoo.testing.observers import At
from ganzoo.testing.processes import Forked
from ganzoo.training.run import train
from ganzoo.training.trainer import Trainer

choose = partial(selections.choose, steps=8, dataset_size=16, precision="fp32")


def run_out(kind: type[Exception], text: str) -> Callable[[Trainer], None]:
    def spoil(trainer: Trainer) -> None:
        def loss(*given: Any) -> PhaseOutput:
            raise kind(text)

        trainer.train_step.losses["generator"] = loss

    return spoil


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (torch.OutOfMemoryError, "CUDA out of memory. Tried to allocate 20.00 MiB."),
        (MemoryError, ""),
        (RuntimeError, "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        (RuntimeError, "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        (RuntimeError, "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
    ids=["cuda", "python", "cublas", "cudnn", "cpu"],
)
def test_running_out_of_memory_names_the_batch_the_device_and_the_save(
    kind: type[Exception], text: str, tmp_path: Path, caught: list[Trainer]
) -> None:
    out = tmp_path / "run"
    with pytest.raises(
        TrainingFailed,
        match=r"out of memory on cpu with batches of 8 .*--accumulate 2.* the newest checkpoint is that of step 2",
    ):
        train(choose("gan-minimal", checkpoint_every=2, out=out), [At({3: run_out(kind, text)}, caught)])
    assert train(choose("gan-minimal", checkpoint_every=2, out=out), resume=True).finished


def test_too_many_samples_for_the_memory_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An evaluation of a training is left out then, and the training goes on."""

    def run_out(*given: Any, **named: Any) -> Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    monkeypatch.setattr("ganzoo.evaluation.evaluator.generate_examples", run_out)
    words = ["train", "gan", "--dataset", "ring", "--batch-size", "8", "--steps", "2", "--out", str(tmp_path / "run")]
    assert command([*words, "--evaluate-every", "1", "--evaluate-samples", "80", "--metric", "modes"]) == 0
    said = "not evaluated at step 1: out of memory on cpu with 80 samples"
    assert said in capsys.readouterr().err
    monkeypatch.setattr("ganzoo.studio.model.generate_chunks", run_out)
    assert command(["sample", str(tmp_path / "run"), "--count", "9", "--out", str(tmp_path / "made.npz")]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("ganzoo: out of memory on cpu with 9 samples (DefaultCPUAllocator: can't allocate")
    assert last.endswith("use fewer")
    assert not (tmp_path / "made.npz").exists()


def limited(words: list[str]) -> None:
    """Run ``ganzoo WORDS`` with little more memory than this process has already."""
    torch.set_num_threads(1)
    used = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 100 * 2**20,) * 2)
    main(words)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="what a process holds is read from /proc")
def test_a_system_without_memory_is_told_of(tmp_path: Path) -> None:
    """With what a process may take limited for real."""
    words = ["train", "gan", "--dataset", "ring", "--dataset-count", "400000", "--batch-size", "200000"]
    log = tmp_path / "log"
    status = Forked(limited, [*words, "--steps", "3", "--out", str(tmp_path / "run")], log=log).wait()
    said = log.read_text(encoding="utf-8")
    assert status == 1, said
    last = said.splitlines()[-1]
    assert "out of memory on cpu with batches of 200000" in last
    assert "there is no checkpoint yet" in last
    assert "Traceback" not in said
