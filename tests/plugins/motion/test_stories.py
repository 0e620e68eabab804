"""Stories of a shape: the truth of every frame, and what is held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.catalogue import Config
from ganzoo.contract.field_values import values_of
from ganzoo.errors import UserError
from ganzoo.plugin import Examples
from ganzoo.testing.metric_context import SimpleMetricContext
from ganzoo_editing import reader
from ganzoo_motion.stories import Stories
from ganzoo_motion.story_metrics import GROUPS, StoryTruth, chosen, said
from ganzoo_motion.story_options import SEEN, UNSEEN, StoriesConfig, held_out

NOWHERE = Path("nowhere")
WORDS = sum(len(words) for words in GROUPS.values())


def read(count: int = 60, **options: Any) -> dict[str, Tensor]:
    return Stories(StoriesConfig(count=count, **options), NOWHERE).read(torch.arange(count))


@pytest.mark.parametrize("options", [{}, {"frames": 5, "size": 17}])
@pytest.mark.parametrize("split", ["train", "test"])
def test_it_delivers_what_the_spec_says(options: dict[str, Any], split: str) -> None:
    config = StoriesConfig(count=4, split=split, **options)  # type: ignore[arg-type]
    fields, spec = Stories(config, NOWHERE).read(torch.arange(4)), config.spec(NOWHERE)
    assert {name: tuple(values.shape[1:]) for name, values in fields.items()} == {
        name: field.shape for name, field in spec.fields.items()
    }
    alone = Stories(config, NOWHERE).read(torch.tensor([2]))
    assert all(torch.equal(alone[name], values[2:3]) for name, values in fields.items())


def test_every_frame_shows_what_its_sentence_says() -> None:
    fields = read(120, size=48)
    light = (fields["video"].float() - fields["video"][..., :1, :1].float()).abs().sum(2)
    places = (torch.arange(48.0) + 0.5) / 48 - 0.5
    across, down = (light.sum(axis) @ places / light.sum((2, 3)) for axis in (2, 3))
    truth = chosen(said(Examples(fields["video"], None, fields["story"]))).unflatten(0, (120, 4))
    # The light of a triangle and of a crescent is beside their centre.
    centres = {"left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1), "centre": (0, 0)}
    for number, (x, y) in enumerate(centres.values()):
        here = (truth[..., 3] == number) & (truth[..., 0] != 2) & (truth[..., 0] != 7)
        assert (across[here] - 0.16 * x).abs().max() < 0.06
        assert (down[here] - 0.16 * y).abs().max() < 0.06
    lit = (light > 60).float().mean((2, 3))
    large, small = (lit[truth[..., 2] == number] for number in (1, 0))
    assert large.mean() > 2 * small.mean()


def test_shape_and_colour_stay_and_the_label_is_the_shape() -> None:
    fields = read()
    truth = chosen(said(Examples(fields["video"], None, fields["story"]))).unflatten(0, (60, 4))
    assert torch.equal(truth[..., :2], truth[:, :1, :2].expand(-1, 4, 2))
    assert torch.equal(truth[:, 0, 0], fields["label"])


def test_a_story_is_read_from_the_words_that_it_is_written_in() -> None:
    values, fields = values_of(StoriesConfig().spec(NOWHERE).fields["story"]), read()
    for row in range(20):
        assert torch.equal(values.read(values.word(fields["story"][row])), fields["story"][row])


def test_no_pair_of_the_test_is_in_the_training() -> None:
    found = {}
    for split in ("train", "test"):
        fields = read(900, split=split, size=8, frames=2)
        truth = chosen(said(Examples(fields["video"], None, fields["story"])))
        found[split] = {*map(tuple, truth[:, :2].tolist())}
    assert found == {"train": {*SEEN}, "test": {*UNSEEN}}
    assert not any(held_out(*pair) for pair in SEEN)


class TestTruth:
    @pytest.fixture(autouse=True)
    def perfect(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The first numbers of a frame are what is read off it."""
        monkeypatch.setattr(
            reader, "_learnt", lambda images, attributes, context: lambda one: one.flatten(1)[:, :WORDS]
        )

    def clips(self, story: Tensor) -> Tensor:
        frames = torch.zeros(4 * len(story), 3 * 8 * 8)
        frames[:, :WORDS] = said(Examples(torch.zeros(len(story), 4, 3, 8, 8), None, story))
        return frames.view(-1, 4, 3, 8, 8)

    def test_real_stories_are_right(self) -> None:
        story = read()["story"]
        real = Examples(self.clips(story), None, story)
        context = SimpleMetricContext(StoriesConfig().spec(NOWHERE).target_field, train=real)
        floor = StoryTruth(Config()).floor(real, context)
        assert {name: value for name, value in floor.items() if name != "guess"} == dict.fromkeys(
            ("all", *GROUPS, "constancy"), 1.0
        )
        assert floor["guess"] == pytest.approx(1 / 640)

    def test_a_frame_of_another_shape_costs_constancy_and_a_moved_one_does_not(self) -> None:
        story = read(2)["story"]
        clips = self.clips(story)
        numbers = clips.flatten(2)
        numbers[0, 1, :8] = numbers[0, 1, :8].roll(1)  # another shape
        numbers[1, 2, 18:23] = numbers[1, 2, 18:23].roll(1)  # another place
        real = Examples(clips, None, story)
        context = SimpleMetricContext(StoriesConfig().spec(NOWHERE).target_field, train=real)
        found = StoryTruth(Config()).measure(real, real, context)
        assert found == pytest.approx(
            {"all": 6 / 8, "shape": 7 / 8, "colour": 1, "size": 1, "place": 7 / 8, "constancy": 0.5, "guess": 1 / 640}
        )

    def test_captions_of_other_data_are_refused(self) -> None:
        with pytest.raises(UserError, match="needs a sentence for each frame"):
            said(Examples(torch.zeros(2, 4, 1, 8, 8), None, torch.zeros(2, 4, dtype=torch.int64)))
