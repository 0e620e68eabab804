"""Compiled steps give the training of eager steps, and what cannot be compiled is reported."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo.catalogue import installed
from ganzoo.errors import UserError
from ganzoo.testing import selections
from ganzoo.testing.small_systems.systems import SYSTEMS, with_small_systems
from ganzoo.training.run import train

VARIANTS = installed().names("variant")
SMALL = {"generator_widths": (8,), "discriminator_widths": (8,)}
choose = partial(selections.choose, steps=8, dataset_size=16, precision="fp32")


def test_what_cannot_be_compiled_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*arguments: object, **options: object) -> object:
        def compiled(*batch: object) -> object:
            raise RuntimeError("no C++ compiler found")

        return compiled

    monkeypatch.setattr(torch, "compile", cannot)
    with pytest.raises(UserError, match=r"phase .discriminator. cannot be compiled: no C\+\+ compiler found; use"):
        train(choose("gan", execution="compile", out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_what_a_killed_compiler_left_is_compiled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its library is in the compiler's cache, half-written, and would be taken for whole for ever."""
    half = tmp_path / "cache" / "half.so"
    half.parent.mkdir()
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(half.parent))

    def compile_with_cache(loss: Any, **options: object) -> Any:
        def compiled(*given: object) -> object:
            if half.exists():
                raise RuntimeError("no backend") from ImportError("file too short", path=str(half))
            return loss(*given)

        return compiled

    monkeypatch.setattr(torch, "compile", compile_with_cache)
    half.touch()
    assert train(choose("gan", execution="compile", steps=1, out=tmp_path / "run")).finished
    monkeypatch.setattr(Path, "unlink", lambda path, missing_ok: None)
    half.touch()
    with pytest.raises(UserError, match="cannot be compiled: no backend"):
        train(choose("gan", execution="compile", steps=1, out=tmp_path / "again"))


def test_graphs_are_refused_where_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--execution graph records graphs of an NVIDIA GPU.*use --execution eager"):
        train(choose("gan", execution="graph", device="cpu", out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]


# The compiler takes most of a minute for each.
COMPILED = [
    ("gan", {"penalty": "wgan-gp", "loss": "wasserstein", "dataset_size": 8, **SMALL}),
    ("cgan-conv", {"penalty": "r1", "dataset_size": 8}),
    ("gan", {"penalty": "r1", "augmentation": "ada", "augmentation_p": 0.5, "dataset_size": 8, **SMALL}),
]
ALL_COMPILED = [(variant, {}) for variant in VARIANTS] + [
    ("cgan", {"penalty": name}) for name in installed().names("penalty")
]


def assert_compiled_is_the_same(variant: str, flags: dict[str, Any], folder: Path) -> None:
    fixed = {"steps": 4, "log_every": 1, **flags}
    for execution in ("eager", "compile"):
        train(choose(variant, execution=execution, out=folder / execution, **fixed))
    for step, (expected, found) in enumerate(zip(rows(folder / "eager"), rows(folder / "compile"), strict=True)):
        # Adam makes whole steps of gradients that are nothing but rounding, so that trainings part slowly.
        tolerance = 1e-2 if step else 1e-4
        for phase, terms in expected["terms"].items():
            assert found["terms"][phase] == pytest.approx(terms, rel=tolerance, abs=1e-5)
    torch._dynamo.reset()


LAZY = {
    "penalty": "r1,lecam",
    "penalty_r1_every": 2,
    "generator_penalty": "path-length",
    "generator_penalty_every": 2,
    "discriminator_weights": "spectral",
    "generator_weights": "equalised",
}


@pytest.mark.parametrize(
    ("system", "phases"),
    [
        (COMPILED[0], 2),
        pytest.param(
            ("gan", {"dataset_size": 8, **SMALL, **LAZY}), 4, id="lazy, spectral, equalised", marks=pytest.mark.long
        ),
    ],
)
def test_traced_steps_give_the_same_training(
    system: tuple[str, dict[str, Any]], phases: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that comes before machine code: the phase becomes one graph, with second derivatives as the hard case."""
    real = torch.compile
    calls = []

    def traced(loss: Any, *, dynamic: bool, options: object) -> Any:
        calls.append(options)
        return real(loss, backend="aot_eager", dynamic=dynamic, fullgraph=False)

    monkeypatch.setattr(torch, "compile", traced)
    assert_compiled_is_the_same(*system, tmp_path)
    assert len(calls) == phases


@pytest.mark.long
@pytest.mark.parametrize(("variant", "flags"), COMPILED)
def test_compiled_steps_give_the_same_training(variant: str, flags: dict[str, Any], tmp_path: Path) -> None:
    assert_compiled_is_the_same(variant, flags, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize(("variant", "flags"), ALL_COMPILED)
def test_every_variant_and_penalty_compiles(variant: str, flags: dict[str, Any], tmp_path: Path) -> None:
    assert_compiled_is_the_same(variant, flags, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("system", [name for name, system in SYSTEMS.items() if not system.uncompiled])
def test_every_system_of_the_contract_compiles(system: str, tmp_path: Path) -> None:
    flags = {**SYSTEMS[system].flags, "registry": with_small_systems()}
    assert_compiled_is_the_same(SYSTEMS[system].variant, flags, tmp_path)
