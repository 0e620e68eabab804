"""Pairs with exact truth: what the input shows of the target, and which pairs are held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.catalogue import DataSpec
from ganzoo.errors import UserError
from ganzoo.plugin import InnerDataset

NOWHERE = Path("nowhere")


def read(name: str, root: Path = NOWHERE, **options: Any) -> dict[str, Tensor]:
    """The whole dataset."""
    dataset = InnerDataset.named(name, options).open(root)
    fields: dict[str, Tensor] = dataset.read(torch.arange(len(dataset)))
    return fields


def spec(name: str, root: Path = NOWHERE, **options: Any) -> DataSpec:
    return InnerDataset.named(name, options).config.spec(root)


def same(images: Tensor, others: Tensor) -> Tensor:
    """Return which of ``images`` are among ``others``."""
    return (images.flatten(1)[:, None] == others.flatten(1)[None]).all(dim=2).any(dim=1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("glyphs", {}),
        ("glyphs", {"characters": "capitals", "size": 8}),
        ("glyphs", {"condition": "letter+style"}),
        ("glyph-pairs", {"to": "oblique", "characters": "european"}),
        ("edges", {"size": "16"}),
        ("edges", {"of": "shapes", "options": "count=20; condition=none", "size": "24"}),
        ("low-resolution", {"factor": 2}),
        ("holes", {"place": "random", "deliver": "image"}),
        ("holes", {"of": "shapes", "options": "count=20", "size": "32", "overlap": 2}),
        ("outlines", {"count": 20}),
    ],
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_examples_have_the_shapes_that_the_spec_says(name: str, options: dict[str, Any], split: str) -> None:
    dataset = InnerDataset.named(name, {**options, "split": split}).open(NOWHERE)
    fields = dataset.read(torch.tensor([0, len(dataset) - 1]))
    described = spec(name, **options, split=split)
    assert {key: tuple(values.shape[1:]) for key, values in fields.items()} == {
        key: field.shape for key, field in described.fields.items()
    }
    for key, field in described.fields.items():
        assert fields[key].dtype == (torch.int64 if field.classes else torch.uint8)
        assert not field.classes or int(fields[key].max()) < field.classes
    assert torch.equal(dataset.read(torch.tensor([0]))[described.target], fields[described.target][:1])


@pytest.mark.parametrize("name", ["glyph-pairs", "edges", "low-resolution", "holes", "outlines"])
def test_pairs_are_called_input_and_target(name: str) -> None:
    described = spec(name)
    assert (described.condition, described.target) == ("input", "target")


class TestGlyphs:
    def test_a_letter_of_the_test_was_never_seen(self) -> None:
        trained, tested = (read("glyph-pairs", split=split)["letter"] for split in ("train", "test"))
        assert not {*trained.tolist()} & {*tested.tolist()}
        assert len({*trained.tolist(), *tested.tolist()}) == 52

    def test_every_letter_and_every_style_is_in_both_parts(self) -> None:
        for split in ("train", "test"):
            fields = read("glyphs", split=split, characters="capitals")
            assert {*fields["letter"].tolist()} == {*range(26)}
            assert {*fields["style"].tolist()} == {*range(16)}

    def test_a_letter_in_a_style_of_the_test_was_never_seen(self) -> None:
        described = spec("glyphs", condition="letter+style")
        assert described.condition_names == ("letter", "style")
        assert spec("glyphs", condition="none").condition == ""
        seen = {
            split: {*zip(*(read("glyphs", split=split)[name].tolist() for name in ("letter", "style")), strict=True)}
            for split in ("train", "test")
        }
        assert not seen["train"] & seen["test"]

    def test_bold_has_more_ink_and_oblique_leans_to_the_right(self) -> None:
        bold = read("glyph-pairs", size=48)
        more = bold["target"].float().mean((1, 2, 3)) > bold["input"].float().mean((1, 2, 3))
        assert more.float().mean() > 0.99
        fields = read("glyph-pairs", size=48, to="oblique")
        columns, half = torch.arange(48.0), 24

        def lean(images: Tensor) -> Tensor:
            """Return how far the ink of the upper half is to the right of that of the lower half."""
            halves = (images[:, 0, :half].float().sum(1), images[:, 0, half:].float().sum(1))
            upper, lower = ((ink * columns).sum(1) / ink.sum(1).clamp(min=1) for ink in halves)
            return upper - lower

        assert (lean(fields["target"]) > lean(fields["input"])).float().mean() > 0.9

    def test_no_two_letters_look_alike_and_none_touches_the_border(self) -> None:
        images = read("glyphs", size=48)["image"]
        assert len(images.flatten(1).unique(dim=0)) == len(images)
        border = torch.cat([images[:, 0, 0], images[:, 0, -1], images[:, 0, :, 0], images[:, 0, :, -1]], dim=1)
        assert (border == 0).float().mean() > 0.999

    def test_a_folder_of_fonts(self, tmp_path: Path) -> None:
        from ganzoo_images.glyph_options import installed_font

        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "Plain.ttf").write_bytes(installed_font("DejaVuSans").read_bytes())
        assert spec("glyphs", tmp_path, fonts="mine").fields["style"].names == ("Plain",)
        assert len(read("glyphs", tmp_path, fonts="mine")["image"]) == 42
        (tmp_path / "mine" / "bad.ttf").write_bytes(b"no font")
        with pytest.raises(UserError, match=r"bad.ttf cannot be used as a font"):
            read("glyphs", tmp_path, fonts="mine")
        with pytest.raises(UserError, match="no folder"):
            spec("glyphs", tmp_path, fonts="nowhere")
        (tmp_path / "empty").mkdir()
        with pytest.raises(UserError, match="no fonts"):
            spec("glyphs", tmp_path, fonts="empty")


class TestDerived:
    def test_a_dataset_without_parts_gives_every_tenth_example_to_the_test(self) -> None:
        trained, tested = (read("edges", size="8", split=split)["target"] for split in ("train", "test"))
        whole = InnerDataset.named("digits", {"size": "8"}).open(NOWHERE)
        images = whole.read(torch.arange(len(whole)))["image"]
        assert torch.equal(tested, images[9::10])
        assert len(trained) + len(tested) == len(images)

    def test_a_dataset_with_parts_keeps_them(self, stand_in_root: Any) -> None:
        root = stand_in_root("mnist")
        for split in ("train", "test"):
            pairs = read("edges", root, of="mnist", size="28", split=split)
            images = read("mnist", root, split=split)
            assert torch.equal(pairs["target"], images["image"])
            assert torch.equal(pairs["label"], images["label"])

    def test_count_is_of_training_pairs(self) -> None:
        assert len(read("edges", size="8", count=5)["target"]) == 5
        assert len(read("edges", size="8", count=5, split="test")["target"]) == 179

    def test_edges_are_where_a_channel_changes(self) -> None:
        fields = read("edges", of="shapes", options="count=20", size="32")
        image, edges = fields["target"].float(), fields["input"][:, 0] > 0
        assert {*fields["input"].unique().tolist()} == {0, 255}
        flat = torch.nn.functional.max_pool2d(image, 3, 1, 1) == -torch.nn.functional.max_pool2d(-image, 3, 1, 1)
        assert not (edges & flat.all(dim=1)).any()
        assert edges.flatten(1).any(dim=1).all()

    def test_a_lower_resolution_keeps_the_mean(self) -> None:
        fields = read("low-resolution", factor=4)
        assert fields["input"].shape[2:] == (8, 8)
        means = [fields[name].float().mean((1, 2, 3)) for name in ("input", "target")]
        assert (means[0] - means[1]).abs().max() < 6

    @pytest.mark.parametrize("overlap", [0, 3])
    def test_a_hole_hides_what_the_target_shows(self, overlap: int) -> None:
        fields = read("holes", size="32", overlap=overlap)
        whole = InnerDataset.named("digits", {"size": "32"}).open(NOWHERE)
        images = whole.read(torch.arange(len(whole)))["image"]
        images = images[torch.arange(len(images)) % 10 != 9]
        assert torch.equal(fields["target"], images[:, :, 8:24, 8:24])
        inside = torch.zeros(32, 32, dtype=torch.bool)
        inside[8 + overlap : 24 - overlap, 8 + overlap : 24 - overlap] = True
        assert torch.equal(fields["input"][..., ~inside], images[..., ~inside])
        assert len(fields["input"][..., inside].unique()) == 1

    def test_a_hole_at_random_has_one_place_for_each_example(self) -> None:
        options = {"place": "random", "deliver": "image", "size": "32"}
        fields, again = read("holes", **options), read("holes", **options)
        assert torch.equal(fields["input"], again["input"])
        changed = (fields["input"] != fields["target"])[:, 0]
        corners = {(int(rows[0]), int(columns[0])) for rows, columns in map(_nonzero, changed[:200])}
        assert len(corners) > 50

    def test_a_hole_has_the_mean_colour_of_imagenet_in_the_order_red_green_blue(self) -> None:
        """In circulating code it is permuted, as a file for the order blue, green, red was read."""
        fields = read("holes", of="shapes", options="count=3", size="32")
        assert fields["input"][0, :, 16, 16].tolist() == [123, 117, 104]
        assert read("holes", size="32")["input"][0, 0, 16, 16] == round(0.299 * 123 + 0.587 * 117 + 0.114 * 104)

    @pytest.mark.parametrize(
        ("name", "options", "said"),
        [
            ("edges", {"of": "nowhere"}, "no dataset is called 'nowhere'"),
            ("edges", {"of": "ring"}, "delivers points of 2, no images|no images"),
            ("edges", {"options": "nonsense"}, "must have the form NAME=VALUE"),
            ("edges", {"options": "colour=red"}, "has no option 'colour'"),
            ("edges", {"size": "96x64"}, "must be a whole number"),
            (
                "low-resolution",
                {"size": "30"},
                "^dataset 'low-resolution' makes images 4 times .*30×30 pixels of dataset 'digits'",
            ),
            ("holes", {"place": "random"}, "needs --dataset-deliver image"),
            ("holes", {"overlap": 8}, "^dataset 'holes' leaves nothing of the hole"),
            ("holes", {"fill": "1,2"}, "must be three numbers"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, name: str, options: dict[str, Any], said: str) -> None:
        with pytest.raises(UserError, match=said):
            spec(name, **options)


def _nonzero(mask: Tensor) -> tuple[Tensor, ...]:
    found = mask.nonzero(as_tuple=True)
    return found if len(found[0]) else (torch.zeros(1), torch.zeros(1))


class TestOutlines:
    def test_an_outline_lies_in_the_filled_shape(self) -> None:
        fields = read("outlines", count=50, size=64)
        background = fields["target"][:, :, :1, :1]
        filled, line = ((fields[name] != background).any(dim=1) for name in ("target", "input"))
        assert not (line & ~filled).any()
        assert (line.sum((1, 2)) < filled.sum((1, 2))).all()

    def test_the_test_has_other_pairs(self) -> None:
        trained, tested = read("outlines", count=30), read("outlines", count=30, split="test")
        assert len(tested["target"]) == 1000
        assert not same(trained["target"], tested["target"]).any()
