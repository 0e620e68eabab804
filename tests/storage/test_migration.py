"""Files that an older ganzoo wrote are read, or migrated: nobody is told to train again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import ganzoo
from ganzoo.catalogue import installed, select
from ganzoo.catalogue.formats import MODEL_KEY
from ganzoo.errors import UserError
from ganzoo.storage.migration import migrate_model
from ganzoo.storage.older_models import older_model
from ganzoo.storage.resume_compatibility import changed_choices
from ganzoo.storage.sealed import read_sealed
from ganzoo.testing import command_lines
from ganzoo.testing.older_files import model_in_format_1

# A training of 8 steps, with a checkpoint after 4, that ganzoo 0.1.0 wrote (format 2) before its modules moved.
RUN = Path(__file__).with_name("run-of-0.1.0")
LINE = ("--config", str(RUN / "config.json"), "--device", "cpu")


@pytest.fixture
def older(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes the model in format 1: without a seal, its checksum over the tensors alone."""

    def write(payload: Callable[[bytes], bytes] = bytes, **changed: Any) -> Path:
        path = tmp_path / "old.safetensors"
        path.write_bytes(payload(model_in_format_1(RUN / "model.safetensors", **changed)))
        return path

    return write


def test_a_model_of_before_is_read_and_samples() -> None:
    made = ganzoo.load(RUN).sample(4, label=[0, 1, 2, 3])
    assert tuple(made.shape) == (4, 2)
    assert made.isfinite().all()


def test_a_run_of_before_goes_on_to_the_weights_that_it_had(tmp_path: Path) -> None:
    shutil.copytree(RUN, tmp_path / "run")
    (tmp_path / "run" / "model.safetensors").unlink()
    found = command_lines.ganzoo("train", *LINE, "--out", str(tmp_path / "run"), "--resume")
    assert found.status == 0, found.err
    assert "step 4" in found.err
    now, then = (read_sealed(run / "model.safetensors", MODEL_KEY, "model")[0] for run in (tmp_path / "run", RUN))
    assert now.keys() == then.keys()
    # To the bit on the machine that wrote it; processors round in their own ways.
    assert all(torch.allclose(now[name].double(), then[name].double(), atol=1e-5) for name in now)


def test_an_older_model_says_how_it_is_migrated(older: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match=r"format 1; .*`ganzoo convert MODEL --out NEW.safetensors`"):
        ganzoo.load(older())


def test_an_older_model_is_migrated_by_one_command(older: Callable[..., Path], tmp_path: Path) -> None:
    new = tmp_path / "new.safetensors"
    found = command_lines.ganzoo("convert", str(older()), "--out", str(new))
    assert found.status == 0, found.err
    assert f"model: {new}" in found.err
    assert torch.equal(ganzoo.load(new).sample(4, seed=3), ganzoo.load(RUN).sample(4, seed=3))
    assert older_model(new) is None
    again = command_lines.ganzoo("convert", str(older()), "--out", str(new))
    assert (again.status, "--force" in again.err) == (2, True)
    assert command_lines.ganzoo("convert", str(older()), "--out", str(new), "--force").status == 0


def test_an_older_config_file_is_read(tmp_path: Path) -> None:
    config = json.loads((RUN / "config.json").read_text(encoding="utf-8"))
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**config, "format": 1}), encoding="utf-8")
    assert command_lines.ganzoo("train", "--config", str(path), "--dry-run").status == 0


@pytest.mark.parametrize(
    ("payload", "changed", "said"),
    [
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), {}, "does not match the checksum"),
        (lambda content: content[:-9], {}, "does not match the checksum"),
        (bytes, {"parts": {}}, "cannot be converted"),
        (bytes, {"variant": 7}, "cannot be converted"),
        (bytes, {"sha256": None}, "does not match the checksum"),
    ],
    ids=["a bit", "cut", "no parts", "no variant", "no checksum"],
)
def test_a_damaged_older_model_becomes_no_model(
    payload: Callable[[bytes], bytes], changed: dict[str, Any], said: str, older: Callable[..., Path], tmp_path: Path
) -> None:
    new = tmp_path / "new.safetensors"
    with pytest.raises(UserError, match=said):
        migrate_model(older(payload, **changed), new, installed())
    assert not new.exists()


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 7, b"\xff" * 64, (2**40).to_bytes(8, "little"), b"\2" + b"\0" * 7 + b"[]"]
)
def test_what_is_no_model_is_no_older_one(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert older_model(path) is None
    assert older_model(tmp_path) is None
    assert older_model(tmp_path / "nothing") is None


def test_a_run_goes_on_though_its_components_have_got_more_options(tmp_path: Path) -> None:
    """What the file lacks is the default; another value is refused."""
    selection = select(installed(), "gan", {"dataset": "ring"})
    then = json.loads(json.dumps(selection.to_json()))
    del then["parts"]["dataset"]["config"]["radius"]
    assert changed_choices(then, selection) == []
    other = select(installed(), "gan", {"dataset": "ring", "dataset-radius": 3})
    with pytest.raises(UserError, match="another dataset"):
        changed_choices(then, other)
