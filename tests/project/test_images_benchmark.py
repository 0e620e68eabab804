"""The benchmark of images from images: its readers read what is there, and its cases fit."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))

import images as benchmark  # noqa: E402

from ganzoo.assembly.dry_run import assemble  # noqa: E402
from ganzoo.testing.models import untrained  # noqa: E402
from ganzoo.testing.selections import choose  # noqa: E402
from ganzoo_images.figure_options import PosesConfig  # noqa: E402
from ganzoo_images.figures import Poses  # noqa: E402


@pytest.mark.parametrize("case", [*benchmark.cases()], ids=lambda case: f"{case.table} {case.name}")
def test_every_case_fits(case: benchmark.Case) -> None:
    assemble(choose(case.variant, **case.options))


class TestPoses:
    fields = Poses(PosesConfig(size=64, count=40), Path()).read(torch.arange(40))
    true = fields["target"].float() / 127.5 - 1
    joints = fields["joints"].unflatten(1, (-1, 2))

    def test_the_true_figures_are_read_as_they_are(self) -> None:
        assert set(benchmark.poses_read(self.true, self.true, self.joints).values()) == {1.0}

    def test_figures_in_other_poses_or_clothes_are_not(self) -> None:
        in_pose = self.fields["input"].float() / 127.5 - 1
        assert benchmark.poses_read(in_pose, self.true, self.joints)["joints"] < 0.8
        strangers = benchmark.poses_read(self.true.roll(1, 0), self.true, self.joints)
        assert strangers["garment"] < 0.5 and strangers["trousers"] < 0.6

    def test_colours_of_garments_are_read_in_light_stripes_too(self) -> None:
        tops = len(benchmark.PALETTE)
        shown = benchmark.colours()[1 : 2 * tops + 1].T[None, :, None]
        places = (2 * torch.arange(2 * tops) + 1) / (2 * tops) - 1
        points = torch.stack([places, torch.zeros(2 * tops)], dim=1)[None]
        assert benchmark.seen_at(shown, points)[0].tolist() == [*range(1, tops + 1)] * 2

    def test_an_untrained_model_is_read(self, tmp_path: Path) -> None:
        model = untrained(tmp_path / "a.safetensors", "pose", dataset_count=9, generator_width=2, discriminator_width=2)
        assert set(benchmark.read_poses(model)) == {"joints", "garment", "sleeves", "trousers"}


class TestAlphabets:
    def test_letters_of_a_real_font_are_as_far_as_can_be(self) -> None:
        fonts = torch.rand(3, 4, 5, 5)
        assert benchmark.consistency(fonts[:2] + 0.1, fonts) == pytest.approx(0.0, abs=1e-3)

    def test_by_hand(self) -> None:
        fonts = torch.zeros(1, 2, 1, 1)
        alphabets = torch.tensor([[1.0, 3.0], [2.0, 2.0]])[..., None, None]
        assert benchmark.consistency(alphabets, fonts) == pytest.approx((0.5 + 0.0) / 2)

    def test_an_untrained_model_is_read(self, tmp_path: Path) -> None:
        model = untrained(
            tmp_path / "a.safetensors", "glyphgan", latent_size=4, generator_width=2, discriminator_width=2
        )
        assert set(benchmark.read_alphabets(model)) == {"consistency, one noise", "consistency, a noise each"}


def test_rows_that_were_measured_are_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def measure(case: benchmark.Case, share: float, *others: object) -> dict[str, object]:
        measured.append(case.name)
        if len(measured) == 2:
            raise KeyboardInterrupt
        return {"table": case.table, "case": case.name, "steps": 8, "figures": {}}

    monkeypatch.setattr(benchmark, "measure", measure)
    asked = ["identity", "--share", "0.01", "--out", str(tmp_path / "found.json")]
    assert CliRunner().invoke(benchmark.main, asked).exit_code != 0
    monkeypatch.setattr(benchmark.common, "described", lambda rows, device: {"results": rows})
    assert CliRunner().invoke(benchmark.main, asked).exit_code == 0
    assert measured == ["0", "0.5", "0.5"]
    assert (tmp_path / "found.json").exists() and not list(tmp_path.glob("*.jsonl"))
