"""`ganzoo convert`: what was taken from where."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganzoo.cli import run as command
from ganzoo.testing.foreign_checkpoints import (
    SMALL,
    Conversions,
    TutorialGenerator,
    lived,
    same_numbers,
    saved,
    trained_checkpoint,
)


@pytest.fixture
def conversions(tmp_path: Path) -> Conversions:
    return Conversions(tmp_path)


# The command


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = command(["convert", *words])
    out, err = capsys.readouterr()
    assert out == ""
    return status, err


FLAGS = [word for name, value in SMALL.items() for word in (f"--{name}", str(value))]


def test_the_command_tells_what_it_took_from_where(
    conversions: Conversions, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, checkpoint = trained_checkpoint()
    checkpoint["g_model_state_dict"] = {
        name: value.half() if value.dim() else value for name, value in checkpoint["g_model_state_dict"].items()
    }
    del checkpoint["d_model_state_dict"]
    conversions.old.write_bytes(saved(checkpoint, False))
    line = [str(conversions.old), "--variant", "dcgan", *FLAGS, "--out", str(conversions.out)]
    status, told = typed(capsys, *line)
    assert status == 0
    assert told.splitlines() == [
        "generator: 19 tensors of 'g_model_state_dict.module.main', in the order of the layers, from float16",
        "  layers.0.0  '0'  (20, 16, 4, 4)",
        "  layers.0.1  '1'  (16,)",
        "  layers.1.0  '3'  (16, 8, 4, 4)",
        "  layers.1.1  '4'  (8,)",
        "  layers.2.0  '6'  (8, 4, 4, 4)",
        "  layers.2.1  '7'  (4,)",
        "  output.0    '9'  (4, 3, 4, 4)",
        "discriminator: not in the checkpoint; it keeps its initial weights",
        "left out: 'epoch', 'g_optimizer_state_dict', 'losses', 'device'",
        "not read, for these are not tensors: 'numpy._core.multiarray.scalar', 'numpy.dtype', '_codecs.encode', "
        "'torch.device'",
        f"model: {conversions.out}",
        f"sample it: ganzoo sample {conversions.out} --out samples.png",
    ]
    assert (
        command(["sample", str(conversions.out), "--out", str(conversions.out.with_suffix(".png")), "--count", "4"])
        == 0
    )
    before = conversions.out.read_bytes()
    status, told = typed(capsys, *line)
    assert (status, "give --force" in told) == (2, True)
    assert typed(capsys, *line, "--force", "--seed", "3")[0] == 0
    assert conversions.out.read_bytes() != before


def test_the_command_takes_parts_by_name(conversions: Conversions, capsys: pytest.CaptureFixture[str]) -> None:
    one = lived(TutorialGenerator())
    conversions.old.write_bytes(saved({"ema": one.state_dict(), "live": TutorialGenerator().state_dict()}))
    line = [str(conversions.old), "--variant=dcgan", *FLAGS, "--out", str(conversions.out)]
    status, told = typed(capsys, *line)
    assert (status, len(told.splitlines())) == (2, 1)
    assert "--take generator=" in told
    assert typed(capsys, *line, "--take", "generator=ema", "--take", "discriminator=none")[0] == 0
    assert same_numbers(conversions, one)


def test_the_help_shows_the_options_of_the_variant(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["convert", "old.pt", "--variant", "dcgan", "--help"]) == 0
    shown = capsys.readouterr().out
    for flag in ("--take", "--generator-width", "--dataset-size", "--latent-size", "--seed", "--data-root"):
        assert flag in shown
    for flag in ("--steps", "--batch-size", "--tensorboard", "--resume"):
        assert flag not in shown
