"""The trainer knows no GAN: recipes of any shape train through it unchanged."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch
from PIL import Image

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Registry, Selection, installed, select
from ganzoo.catalogue.discovery import discover
from ganzoo.contract.sampling import SampleRequest
from ganzoo.errors import Refused, UserError
from ganzoo.studio.model import Model
from ganzoo.training.run import train


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The installed registry with the CycleGAN skeleton in it."""
    point = EntryPoint("cycle", "ganzoo.testing.skeleton_cyclegan", "ganzoo")
    plugins = discover([point], environment={})
    assert not plugins[0].cause
    return Registry([*installed().plugins, *plugins])


@pytest.fixture
def two_domains(tmp_path: Path) -> Path:
    """Two flat folders of different sizes: red pictures and blue ones."""
    for name, colour, count in (("a", (220, 40, 30), 9), ("b", (20, 60, 210), 13)):
        (tmp_path / name).mkdir()
        for number in range(count):
            shade = tuple(max(0, value - 8 * number) for value in colour)
            Image.new("RGB", (20, 24), shade).save(tmp_path / name / f"{number}.png")
    return tmp_path


def chosen(registry: Registry, root: Path, **more: object) -> Selection:
    flags = {"data_root": root, "domain-a-path": "a", "domain-b-path": "b", "dataset-size": 16, "out": root / "run"}
    return select(registry, "cycle-skeleton", {**flags, **more})


def test_four_networks_two_phases_two_domains(registry: Registry, two_domains: Path) -> None:
    selection = chosen(registry, two_domains, steps=60, log_every=10, ema=0.5)
    run = train(selection)
    rows = [json.loads(line) for line in run.folder.metrics.read_text().splitlines()]
    assert set(rows[-1]["terms"]) == {"generators", "discriminators"}
    assert rows[-1]["terms"]["generators"]["cycle"] < rows[0]["terms"]["generators"]["cycle"]

    model = Model.read(run.folder.path, registry)
    red = torch.zeros(3, 3, 16, 16) + torch.tensor([0.8, -0.7, -0.7]).view(3, 1, 1)
    made = model.sample(3, label=red)
    assert made.shape == (3, 3, 16, 16)
    assert torch.equal(made, model.sample(3, input=red))
    with pytest.raises(UserError, match="needs an image: --input FILE or FOLDER"):
        model.sample(1)
    with pytest.raises(UserError, match="label and input are two names of the condition"):
        model.sample(1, label=red, input=red)


def test_a_recipe_has_several_outputs(registry: Registry, two_domains: Path) -> None:
    run = train(chosen(registry, two_domains, steps=2, sample_every=2, ema=0))
    model = Model.read(run.folder.path, registry)
    assert (model.outputs, model.output_name) == (("there", "back"), "there")
    back = model.for_output("back")
    assert (back.generates.values, back.generates.condition) == (("domain-a", "image"), ("domain-b", "image"))
    image = torch.rand(3, 16, 16)
    with torch.no_grad():
        assert torch.equal(back.sample(1, label=image), model.recipe.get_submodule("back")(image[None], None))
    assert not torch.equal(back.sample(1, label=image), model.sample(1, label=image))
    with pytest.raises(UserError, match=r"no output 'bak'; did you mean 'back'.* Outputs: there, back"):
        model.for_output("bak")
    # The picture shows both directions: each has two rows, of 3 pairs of input and output and of 1, and headings.
    with Image.open(next(run.folder.samples.glob("*2.png"))) as picture:
        assert picture.height == 2 * (2 * (48 + 3) + 3 + 17)


def test_every_output_is_tried_before_anything_is_trained(
    registry: Registry, two_domains: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ganzoo.testing import skeleton_cyclegan

    def sample(self: skeleton_cyclegan.Cycle, request: SampleRequest) -> torch.Tensor:
        made: torch.Tensor = self.there(request.condition, None)
        return made[:, :1] if request.output == "back" else made

    monkeypatch.setattr(skeleton_cyclegan.Cycle, "sample", sample)
    with pytest.raises(Refused, match=r"for output 'back' have shape \(4, 1, 16, 16\), not \(4, 3, 16, 16\)"):
        assemble(chosen(registry, two_domains))


def test_each_slot_has_its_own_options(registry: Registry, two_domains: Path) -> None:
    selection = chosen(registry, two_domains, **{"generators-optimizer-lr": 0.01, "optimizer-lr": 0.001})
    rates = {name: part.config.lr for name, part in selection.parts.items() if name.endswith("-optimizer")}
    assert rates == {"generators-optimizer": 0.01, "discriminators-optimizer": 0.001}


def test_a_model_comes_back_as_it_was_written(registry: Registry, two_domains: Path) -> None:
    run = train(chosen(registry, two_domains, steps=3, ema=0))
    image = torch.zeros(3, 16, 16)
    first, second = (Model.read(run.folder.model, registry).sample(1, label=image) for _ in range(2))
    assert torch.equal(first, second)


def test_a_recipe_whose_network_cannot_learn_is_refused(
    registry: Registry, two_domains: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ganzoo.testing import skeleton_cyclegan

    def blind(self: skeleton_cyclegan.Cycle, batch: object, context: object) -> object:
        a = batch["domain-a"]["image"]  # type: ignore[index]
        return skeleton_cyclegan.PhaseOutput({"adversarial": self.there(a, None).mean()})

    monkeypatch.setattr(skeleton_cyclegan.Cycle, "translate", blind)
    with pytest.raises(Refused, match=r"phase 'generators' gives no gradient to back\."):
        assemble(chosen(registry, two_domains))
