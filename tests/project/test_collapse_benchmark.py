"""The benchmark of modes: what it measures is right, and what is measured is measured once."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))

import collapse  # noqa: E402
import optimal_discriminator as optimal  # noqa: E402

from ganzoo.assembly.dry_run import assemble  # noqa: E402
from ganzoo.catalogue import installed, select  # noqa: E402

GENERATOR = torch.Generator().manual_seed(0)
RING = [(math.cos(angle), math.sin(angle)) for angle in torch.arange(4).mul(math.pi / 2).tolist()]
DATA = optimal.Mixture(RING, 0.1)
FAKES = optimal.Mixture(RING[:2], 0.1)


def fakes(count: int = optimal.POINTS + optimal.CENTRES) -> torch.Tensor:
    return FAKES.draw(count, GENERATOR)


def test_a_mixture_has_the_density_of_its_gaussians() -> None:
    one = optimal.Mixture([(1.0, 2.0)], 0.5)
    point = torch.tensor([[1.5, 2.0]])
    assert one.log_density(point).item() == pytest.approx(-0.5 - math.log(2 * math.pi * 0.25))
    cell = torch.cartesian_prod(torch.linspace(-2, 2, 201), torch.linspace(-2, 2, 201))
    assert DATA.log_density(cell).exp().mean().item() * 16 == pytest.approx(1.0, abs=0.02)
    assert DATA.draw(5, GENERATOR).shape == (5, 2)


def test_the_best_discriminator_lacks_nothing() -> None:
    """With half of the modes, JS is 1.5 log 2 − 0.75 log 3; the estimate of q costs a little."""
    found = optimal.gap(lambda x: DATA.log_density(x) - FAKES.log_density(x), DATA, fakes())
    divergence = 1.5 * math.log(2) - 0.75 * math.log(3)
    assert found.best == pytest.approx(2 * divergence - 2 * math.log(2), abs=0.03)
    assert abs(found.nats) < 0.03
    assert found.error < 0.05


def test_a_discriminator_that_cannot_tell_lacks_the_divergence() -> None:
    found = optimal.gap(lambda x: torch.zeros(len(x), 1), DATA, fakes())
    assert found.reached == pytest.approx(-2 * math.log(2))
    assert found.nats == pytest.approx(2 * (1.5 * math.log(2) - 0.75 * math.log(3)), abs=0.03)


@pytest.mark.long
def test_every_row_can_be_trained() -> None:
    """Its options are options, and everything fits together."""
    for rows in collapse.TABLES.values():
        for row in rows:
            flags: dict[str, Any] = {**collapse.PLANE.get(row.data[0], {}), **row.options}
            assemble(select(installed(), row.variant, flags))


def test_rows_are_published_at_once_and_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = {"steps": 2, "batch_size": 8, "generator_widths": (4,), "latent_size": 2, "dataset_count": 500}
    rows = (collapse.Row("one", "gan", tiny, 2, ("ring",), 100), collapse.Row("two", "gan", tiny, 1, ("ring",), 100))
    monkeypatch.setattr(collapse.common, "described", lambda results, device: {"machine": "any"})
    monkeypatch.setitem(collapse.TABLES, "plane", rows)  # type: ignore[arg-type]
    trained: list[Any] = []
    measure = collapse.Job.measure
    monkeypatch.setattr(collapse.Job, "measure", lambda job, *given: trained.append(job.key) or measure(job, *given))
    out = tmp_path / "plane.json"

    def run(*more: str) -> None:
        words = ["plane", "--out", str(out), "--runs", str(tmp_path / "runs"), *more]
        shown = CliRunner().invoke(collapse.main, words, catch_exceptions=False)
        assert shown.exit_code == 0, shown.output

    run("--only", "one", "--seeds", "1")
    table = out.with_suffix(".md").read_text(encoding="utf-8")
    assert "| two | ring |  |  |" in table, "an empty cell says so"
    run()
    assert trained == [["one", "ring", 0], ["two", "ring", 0], ["one", "ring", 1]]
    results = json.loads(out.read_text(encoding="utf-8"))["results"]
    assert [result["key"] for result in results] == trained
    assert results[0]["discriminator"].keys() == {"reached", "best", "error", "nats"}
    assert results[0]["figures"].keys() == {"modes", "KL", "high quality"}
    run("--budget", "0")
    assert len(trained) == 3
