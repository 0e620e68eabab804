"""Networks compute in the precision that was chosen; what is made of their answers keeps every bit."""

from __future__ import annotations

import itertools
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.catalogue import installed
from ganzoo.catalogue.check import check
from ganzoo.contract.networks import Generator
from ganzoo.errors import UserError
from ganzoo.step import precision as module
from ganzoo.step.precision import choose_precision, has_bf16
from ganzoo.step.processes import SingleProcess
from ganzoo.testing import selections
from ganzoo.testing.selections import diagonal, each_variant, narrowed, one_of_each
from ganzoo.training.run import train
from ganzoo.training.setup import build_trainer

CPU = torch.device("cpu")
PENALTIES = installed().names("penalty")
QUICK = diagonal(one_of_each("recipe", "generator", "discriminator"), PENALTIES)
PAIRS = [
    pytest.param(*pair, marks=[] if pair in QUICK else [pytest.mark.long])
    for pair in itertools.product(installed().names("variant"), PENALTIES)
]
choose = partial(selections.choose, steps=6, dataset_size=16)


@pytest.mark.parametrize(("variant", "penalty"), PAIRS)
def test_networks_take_bf16_and_everything_else_float32(variant: str, penalty: str) -> None:
    selection = choose(variant, penalty=penalty, precision="bf16", **narrowed(variant))
    precision = choose_precision("bf16", CPU)
    trainer = build_trainer(selection, check(selection), precision, SingleProcess(), print)
    train_step = trainer.train_step
    train_step.recipe.train()
    inside: set[torch.dtype] = set()
    answers: set[torch.dtype] = set()
    products = [m for m in train_step.recipe.modules() if isinstance(m, torch.nn.Linear | torch.nn.Conv2d)]
    for layer in products:
        layer.register_forward_hook(lambda _, __, out: inside.add(out.dtype))
    for generator in [m for m in train_step.recipe.modules() if isinstance(m, Generator)]:
        generator.register_forward_hook(lambda _, __, out: answers.add(out.dtype))
    found: list[Tensor] = []
    for name, loss in list(train_step.losses.items()):

        def watched(batch: Any, context: Any, loss: Any = loss) -> Any:
            outcome = loss(batch, context)
            found.extend([*outcome.terms.values(), *outcome.values.values()])
            return outcome

        train_step.losses[name] = watched
    trainer.advance()
    assert torch.bfloat16 in inside
    assert answers == {torch.float32}
    assert {value.dtype for value in found} == {torch.float32}
    assert all(value.isfinite() for value in found)
    kept = [*train_step.recipe.parameters(), *(p.grad for p in train_step.recipe.parameters() if p.grad is not None)]
    assert {value.dtype for value in kept} == {torch.float32}
    states = [
        v
        for p in train_step.phase_optimizers
        for s in p.optimizer.state.values()
        for v in s.values()
        if isinstance(v, Tensor)
    ]
    assert {value.dtype for value in states} == {torch.float32}


@pytest.mark.parametrize("variant", each_variant("recipe"))
def test_low_precision_trains_nearly_the_same(variant: str, tmp_path: Path) -> None:
    rows = {}
    for name in ("fp32", "bf16"):
        folder = train(choose(variant, precision=name, log_every=1, out=tmp_path / name)).folder
        rows[name] = [json.loads(line)["terms"] for line in folder.metrics.read_text().splitlines()]
    assert rows["fp32"] != rows["bf16"]
    for expected, found in zip(rows["fp32"], rows["bf16"], strict=True):
        for phase, terms in expected.items():
            for name, term in terms.items():
                # The batch norm of heads sees a few examples; that of icgan's discriminator three small batches.
                loosely = name != "adversarial" or variant == "icgan"
                assert found[phase][name] == pytest.approx(term, rel=0.1, abs=0.2 if loosely else 0.05)


def test_what_was_chosen_is_written_down(tmp_path: Path) -> None:
    run = train(choose("gan", out=tmp_path / "run"))
    written = json.loads(run.folder.config.read_text())["run"]["precision"]
    assert written == choose_precision("auto", CPU).name


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu sse2 avx512f avx512_bf16 amx_bf16", True),
        ("flags\t\t: fpu sse2 avx2", False),
        ("Features\t: fp asimd bf16 i8mm", True),
        ("model name\t: bf16 of somebody", False),
    ],
)
def test_the_processor_says_what_it_has(
    line: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "cpuinfo"
    told.write_text(f"processor\t: 0\n{line}\n")
    monkeypatch.setattr(module, "PROCESSOR", told)
    assert has_bf16(CPU) == expected
    assert choose_precision("auto", CPU).name == ("bf16" if expected else "fp32")


def test_a_processor_that_says_nothing_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROCESSOR", tmp_path / "nowhere")
    assert not has_bf16(CPU)


def test_tf32_is_of_gpus(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="precision 'tf32' needs an NVIDIA GPU, and this is cpu: use --precision fp32"):
        train(choose("gan", precision="tf32", device="cpu", out=tmp_path / "run"))


def test_settings_of_torch_are_put_back() -> None:
    before = torch.get_float32_matmul_precision()
    for name in ("fp32", "bf16"):
        with choose_precision(name, CPU).set():
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == before


def test_a_run_goes_on_in_its_own_precision(tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(choose("gan", precision="fp32", out=out))
    with pytest.raises(UserError, match="precision from fp32 to bf16"):
        train(choose("gan", precision="bf16", out=out), resume=True)
