"""Images that are not square, through every network, to pictures and figures."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import ganzoo
from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Variant, installed, select
from ganzoo.errors import UserError

VARIANTS = [
    entry.item.name for entry in installed() if isinstance(entry.item, Variant) and entry.provider.package == "ganzoo"
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of pictures that are wide, and dark on the left."""
    root = tmp_path_factory.mktemp("wide")
    for name, value in (("day", 200), ("night", 90)):
        (root / name).mkdir()
        for number in range(30):
            image = Image.new("RGB", (24, 16), (value + number, value, 0))
            image.paste(0, (0, 0, 4, 16))
            image.save(root / name / f"{number}.png")
    return root


@pytest.mark.parametrize("size", ["24x16", "16x24", "23x16"])
@pytest.mark.parametrize("channels", ["rgb", "grey", "rgba"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_takes_them_or_says_what_to_do(variant: str, size: str, channels: str, folder: Path) -> None:
    flags = {"dataset": "folder", "dataset-size": size, "dataset-channels": channels, "data-root": str(folder)}
    selection = select(installed(), variant, {**flags, "steps": "1"})
    width, height = map(int, size.split("x"))
    if width % 4 and selection.parts["generator"].component.name in ("upsampling", "dcgan"):
        with pytest.raises(UserError, match=f"not {height} high and {width} wide: set the dataset's size"):
            assemble(selection)
        return
    assert assemble(selection)["dataset"].target_field.shape[1:] == (height, width)


def test_they_are_trained_on_drawn_and_measured(folder: Path, tmp_path: Path) -> None:
    small = {"steps": 2, "batch_size": 8, "device": "cpu", "progress": False, "generator_width": 4}
    data = {"dataset": "folder", "dataset_size": "24x16", "data_root": folder}
    run = ganzoo.train("dcgan", conditioner="concat", discriminator_width=4, out=tmp_path / "run", **small, **data)
    model = ganzoo.load(run)
    assert model.sample(3, label="night").shape == (3, 3, 16, 24)
    with Image.open(next((tmp_path / "run" / "samples").glob("*.png"))) as picture:
        assert picture.width > 2 * 24
    found = ganzoo.evaluate(run, samples=60, judge="plain", metrics=["manifold"])
    assert found.figures
    with pytest.raises(UserError, match="set --dataset-size"):
        ganzoo.evaluate(run, dataset="folder", dataset_size="16x24", data_root=folder, metrics=["manifold"], samples=60)
