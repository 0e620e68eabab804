"""Every output of a model is compared with its own real examples, and with the truth where the data has pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import installed
from ganzoo.contract.sampling import SampleRequest
from ganzoo.errors import Refused
from ganzoo.plugin import InnerDataset
from ganzoo.studio.evaluation import evaluate
from ganzoo.studio.model import Model
from ganzoo.testing.models import untrained
from ganzoo.testing.selections import choose
from ganzoo.testing.trainers import make_trainer
from ganzoo.training.preview import Preview

SMALL: dict[str, Any] = {"generator_width": 2, "generator_blocks": 0, "discriminator_width": 2}
SAMPLES = 40


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return untrained(tmp_path / "model.safetensors", "cyclegan", dataset_count=30, **SMALL)


def outlines() -> dict[str, Tensor]:
    """The pairs that models of :func:`model` are compared with."""
    dataset = InnerDataset.named("outlines", {"size": 8, "count": 30, "split": "test"}).open(Path())
    fields: dict[str, Tensor] = dataset.read(torch.arange(len(dataset)))
    return fields


@pytest.mark.parametrize(("output", "given", "made"), [("a-to-b", "input", "target"), ("b-to-a", "target", "input")])
def test_a_direction_gets_inputs_of_its_own_domain(
    output: str, given: str, made: str, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []

    def sample(recipe: Any, request: SampleRequest) -> Tensor:
        assert request.condition is not None
        seen.append(request.condition)
        return request.condition

    monkeypatch.setattr(type(model.recipe), "sample", sample)
    found = evaluate(model.for_output(output), installed(), metrics=["paired"], samples=SAMPLES)
    fields = outlines()
    stored = ((torch.cat(seen) + 1) * 127.5).round().byte()
    places = [(fields[given] == one).flatten(1).all(1).nonzero()[0, 0] for one in stored]
    true = fields[made][torch.stack(places)].float()
    (l1,) = (figure.value for figure in found.figures if figure.name == "l1")
    assert l1 == pytest.approx(float((stored.float() - true).abs().mean()) / 255, abs=1e-4)


def test_a_preview_shows_a_truth_only_where_the_data_has_pairs(stand_in_root: Callable[[str], Path]) -> None:
    paired = choose("cyclegan", dataset_count=30, **SMALL)
    unpaired = choose("cyclegan", dataset="unpaired", data_root=stand_in_root("unpaired"), **SMALL)
    for selection, shown in ((paired, True), (unpaired, False)):
        trainer = make_trainer(selection)
        preview = Preview(trainer.train_step.recipe, trainer.train_step.batches, 0, torch.device("cpu"))
        assert [panel._truth is not None for panel in preview._panels] == [shown, shown]


def test_what_needs_pairs_is_refused_without_them(stand_in_root: Callable[[str], Path]) -> None:
    with pytest.raises(Refused, match="use --dataset pairs, or the variant cyclegan"):
        assemble(choose("pix2pix", dataset="unpaired", data_root=stand_in_root("unpaired")))


def test_images_without_pairs_are_evaluated_by_other_metrics(
    stand_in_root: Callable[[str], Path], tmp_path: Path
) -> None:
    root = stand_in_root("unpaired")
    model = untrained(tmp_path / "model.safetensors", "cyclegan", dataset="unpaired", data_root=root, **SMALL)
    for output in model.outputs:
        with pytest.raises(Refused, match="'paired' needs"):
            evaluate(model.for_output(output), installed(), metrics=["paired"], samples=4, data_root=root)
