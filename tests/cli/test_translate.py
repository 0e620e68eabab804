"""``ganzoo translate``: pictures of any size, files that are none, both directions, variations, alpha."""

from __future__ import annotations

import errno
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganzoo.storage import files
from ganzoo.studio import translation
from ganzoo.testing.command_lines import ganzoo, problem
from ganzoo.testing.selections import choose
from ganzoo.training.run import train

SMALL: dict[str, Any] = {"generator_width": 2, "discriminator_width": 2, "steps": 1, "batch_size": 2}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models that make images from images: with noise, in both directions, larger ones, and what was in a hole."""
    folder = tmp_path_factory.mktemp("translators")
    made: dict[str, dict[str, Any]] = {
        "pix2pix": {},
        "cyclegan": {"generator_blocks": 1},
        "srgan": {"dataset_of": "shapes", "dataset_size": 16},
        "context-encoder": {},
    }
    for name, flags in made.items():
        train(choose(name, folder / name, **{**SMALL, **flags}))
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "given" / "a.png"
    path.parent.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (21, 30, 3), dtype=np.uint8)).save(path)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("model", "size", "mode"), [("pix2pix", (30, 21), "L"), ("cyclegan", (30, 21), "RGB"), ("srgan", (60, 42), "RGB")]
)
def test_a_picture_keeps_its_size_or_grows(
    model: str, size: tuple[int, int], mode: str, models: Path, picture: Path, tmp_path: Path
) -> None:
    for flags in ([], ["--resize"]):
        out = tmp_path / f"{model}{len(flags)}.png"
        assert ganzoo("translate", models / model, picture, "--out", out, *flags).status == 0
        with Image.open(out) as made:
            assert (made.size, made.mode) == (size, mode)


def test_both_directions(models: Path, picture: Path, tmp_path: Path) -> None:
    made = []
    for name in ("a-to-b", "b-to-a"):
        out = tmp_path / f"{name}.png"
        assert ganzoo("translate", models / "cyclegan", picture, "--output", name, "--out", out).status == 0
        made.append(out.read_bytes())
    assert made[0] != made[1]
    said = problem("translate", models / "cyclegan", picture, "--output", "c", "--out", tmp_path / "c.png")
    assert said.startswith("this model has no output 'c'")


def test_variations_differ_and_follow_from_the_seed(models: Path, picture: Path, tmp_path: Path) -> None:
    for out, seed in (("one", 0), ("again", 0), ("other", 1)):
        words = ("translate", models / "pix2pix", picture, "--count", 3, "--seed", seed, "--out", tmp_path / out)
        assert ganzoo(*words).status == 0
    assert names(tmp_path / "one") == ["a-1.png", "a-2.png", "a-3.png"]
    made = {
        out: [(tmp_path / out / name).read_bytes() for name in names(tmp_path / out)]
        for out in ("one", "again", "other")
    }
    assert made["one"] == made["again"]
    assert len({*made["one"], *made["other"]}) == 6


def test_what_was_transparent_stays_so(models: Path, tmp_path: Path) -> None:
    alpha = np.random.default_rng(1).integers(0, 256, (20, 12), dtype=np.uint8)
    picture = Image.new("RGB", (12, 20), "red")
    picture.putalpha(Image.fromarray(alpha))
    picture.save(tmp_path / "clear.png")
    for model, mode in (("cyclegan", "RGBA"), ("pix2pix", "LA")):
        out = tmp_path / f"{model}.png"
        assert ganzoo("translate", models / model, tmp_path / "clear.png", "--out", out).status == 0
        with Image.open(out) as made:
            assert made.mode == mode
            assert np.array_equal(np.asarray(made.getchannel("A")), alpha)


def test_a_folder_gives_a_folder_and_what_cannot_be_used_is_named(models: Path, picture: Path, tmp_path: Path) -> None:
    folder = picture.parent
    Image.new("L", (3, 2)).save(folder / "a.bmp")
    (folder / "broken.png").write_bytes(picture.read_bytes()[:60])
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_text("no picture")
    answer = ganzoo("translate", models / "srgan", folder, "--out", tmp_path / "made")
    assert answer.status == 0
    assert names(tmp_path / "made") == ["a.bmp.png", "a.png.png"]
    assert [name in answer.err for name in ("broken.png", "empty.jpg", "notes.txt")] == [True, True, False]
    assert "2 pictures" in answer.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{models}/context-encoder", "{picture}"], "only whole pictures are translated"),
        (["{models}/srgan", "nowhere.png"], "nowhere.png cannot be read"),
        (["{models}/srgan", "/dev/zero"], "/dev/zero cannot be read"),
        (["{models}/srgan", "{picture}", "{picture}", "--out", "{here}/x.png"], "one picture fits into"),
        (["{models}/srgan", "{picture}", "--out", "{here}/x.jpg"], "cannot be written as .jpg"),
        (["{models}/srgan", "{picture}", "--out", "{here}/given"], "is not empty"),
        (["nowhere", "{picture}"], "model nowhere does not exist"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    words: list[str], said: str, models: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [word.format(models=models, picture=picture, here=tmp_path) for word in words]
    assert said in problem("translate", *given)
    assert names(tmp_path) == ["given"]


def test_a_model_that_takes_no_images_is_refused(trained_models: dict[str, Path], picture: Path) -> None:
    assert "makes no images from images" in problem("translate", trained_models["cgan"], picture)


def test_a_picture_of_too_many_pixels_is_refused(
    models: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(translation, "MOST_PIXELS", 1000)
    assert "pixels would be made" in problem("translate", models / "srgan", picture, "--out", tmp_path / "x.png")


def failing(monkeypatch: pytest.MonkeyPatch, problem: BaseException) -> None:
    """Let the second picture that is written fail."""
    plain, written = files.write_atomically, list[Path]()

    def write(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) == 2:
            raise problem
        plain(path, content)

    monkeypatch.setattr(translation, "write_atomically", write)


def test_a_full_disk_leaves_nothing_behind(
    models: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "made"
    with monkeypatch.context() as patch:
        failing(patch, files.WriteFailed(errno.ENOSPC, "No space left on device", str(out / "a-2.png")))
        said = problem("translate", models / "srgan", picture, "--count", 3, "--out", out)
    assert "No space left on device" in said
    assert not out.exists()
    assert ganzoo("translate", models / "srgan", picture, "--count", 3, "--out", out).status == 0


def test_an_interrupt_leaves_nothing_behind(
    models: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    answer = ganzoo("translate", models / "srgan", picture, "--count", 3, "--out", tmp_path / "made")
    assert answer.status == 128 + signal.SIGINT
    assert not (tmp_path / "made").exists()
