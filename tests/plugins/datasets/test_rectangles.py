"""Images that are not square, through every network, to pictures and figures."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from PIL import Image

import ganzoo
from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Selection, Variant, installed, select
from ganzoo.catalogue.options import options_of
from ganzoo.errors import UserError
from ganzoo.testing.selections import NETWORKS, narrow, one_of_each

PICTURES, CLIPS = "pictures", "clips"
SIZES, CHANNELS = ["24x16", "16x24", "23x16"], ["rgb", "grey", "rgba"]
VARIANTS = [
    entry.item.name for entry in installed() if isinstance(entry.item, Variant) and entry.provider.package == "ganzoo"
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of pictures that are wide, and dark on the left, with a table; and two of clips of such pictures."""
    root = tmp_path_factory.mktemp("wide")
    rows = ["path,even,late,caption"]
    for name, value in (("day", 200), ("night", 90)):
        for kind in (PICTURES, CLIPS):
            (root / kind / name).mkdir(parents=True)
        for number in range(30):
            image = Image.new("RGB", (24, 16), (value + number, value, 0))
            image.paste(0, (0, 0, 4, 16))
            image.save(root / PICTURES / name / f"{number}.png")
            even, late = int(number % 2 == 0), int(number > 14)
            rows.append(f"{name}/{number}.png,{even},{late},a {('dark', 'bright')[late]} {name}")
        image.save(root / CLIPS / name / "0.gif", save_all=True, append_images=[image.rotate(180)] * 7)
    (root / PICTURES / "table.csv").write_text("\n".join(rows), encoding="utf-8")
    return root


def on(folder: Path, variant: str, size: str, channels: str) -> Selection:
    """The variant on the pictures of a folder, or on what its recipe needs and can be made of them."""
    registry = installed()
    recipe = registry.component("recipe", registry.variant(variant).recipe)
    needs = {capability for need in recipe.requires for capability in need.any_of}
    root, data = folder / PICTURES, {"dataset": "folder", "dataset-channels": channels}
    if "image-input" in recipe.provides:
        own = select(registry, variant).parts["dataset"].component
        makes_pairs = any(option.name == "of" for option in options_of(own.config))
        name = own.name if makes_pairs else "edges"
        data = {"dataset": name, "dataset-of": "folder", "dataset-options": f"channels={channels}"}
        if any(slot.kind == "conditioner" for slot in recipe.slots):
            data["conditioner"] = "none"  # nothing stands beside the image
    elif "data:video" in needs:
        root, data = folder / CLIPS, {"dataset": "clips", "dataset-channels": channels.removesuffix("a")}
        data["recipe-sentences"] = "1"  # a class is no story
    elif "condition:vector" in needs:
        data |= {"dataset": "table", "dataset-attributes": "even,late", "dataset-caption": "none"}
    elif "condition:tokens" in needs:
        data |= {"dataset": "table"}
    flags: dict[str, object] = {**data, "dataset-size": size, "data-root": str(root), "steps": "1"}
    parts = select(registry, variant, flags).parts
    for kind in ("generator", "discriminator"):
        if kind in parts:  # the networks of VEEGAN, for example, have other names
            flags |= narrow(kind, parts[kind].component.name)
    return select(registry, variant, flags)


# Each network takes even sides and an odd one in the quick suite; together they take all channels.
QUICK = {
    (variant, size, CHANNELS[(number + place) % 3])
    for number, variant in enumerate(one_of_each("recipe", *NETWORKS))
    for place, size in enumerate((SIZES[number % 2], SIZES[2]))
}
NEED_WHOLE_HALVINGS = ("upsampling", "dcgan", "unet", "residual-image", "super-resolution")
NEED_EVEN_TARGETS = ("encoder-decoder",)  # whatever their input


def odd_target(selection: Selection) -> bool:
    return any(side % 2 for side in selection.data()["dataset"].target_field.shape[1:])


@pytest.mark.parametrize(
    ("variant", "size", "channels"),
    [
        pytest.param(*case, marks=[] if case in QUICK else [pytest.mark.long])
        for case in itertools.product(VARIANTS, SIZES, CHANNELS)
    ],
)
def test_every_variant_takes_them_or_says_what_to_do(variant: str, size: str, channels: str, folder: Path) -> None:
    selection = on(folder, variant, size, channels)
    width, height = map(int, size.split("x"))
    generator = selection.parts["generator"].component.name
    if width % 4 and (generator in NEED_WHOLE_HALVINGS or (generator in NEED_EVEN_TARGETS and odd_target(selection))):
        said = (
            f"not {height} high and {width} wide: set the dataset's size|{height}×{width}.*: set --dataset-size"
            f"|{width}×{height} pixels .*: set --dataset-size"
        )
        with pytest.raises(UserError, match=said):
            assemble(selection)
        return
    fields = assemble(selection)["dataset"].fields.values()
    assert (height, width) in {field.shape[1:] for field in fields if field.kind == "image"}


def test_they_are_trained_on_drawn_and_measured(folder: Path, tmp_path: Path) -> None:
    small = {"steps": 2, "batch_size": 8, "device": "cpu", "progress": False, "generator_width": 4}
    data = {"dataset": "folder", "dataset_size": "24x16", "data_root": folder / PICTURES}
    run = ganzoo.train("dcgan", conditioner="concat", discriminator_width=4, out=tmp_path / "run", **small, **data)
    model = ganzoo.load(run)
    assert model.sample(3, label="night").shape == (3, 3, 16, 24)
    with Image.open(next((tmp_path / "run" / "samples").glob("*.png"))) as picture:
        assert picture.width > 2 * 24
    found = ganzoo.evaluate(run, samples=60, judge="plain", metrics=["manifold"])
    assert found.figures
    with pytest.raises(UserError, match="set --dataset-size"):
        ganzoo.evaluate(
            run, dataset="folder", dataset_size="16x24", data_root=folder / PICTURES, metrics=["manifold"], samples=60
        )
