"""Model files: what they contain, and one sentence where they are damaged."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import ganzoo
from ganzoo.catalogue import Field
from ganzoo.cli import run as command
from ganzoo.errors import UserError
from ganzoo.testing.forgery import about_of, changed, forged, halves, tree_of
from ganzoo.testing.processes import Forked
from ganzoo.training.run import Run


def test_a_model_tells_what_it_is(trained: Run) -> None:
    header = ganzoo.load(trained.folder.path).header
    assert header.variant == "cgan"
    assert header.parts["loss"] == {
        "name": "bce",
        "package": "ganzoo",
        "version": ganzoo.__version__,
        "config": {"real_target": 1.0, "fake_target": 0.0},
    }
    assert header.data["dataset"].target_field == Field("image", (1, 8, 8))
    assert "ganzoo_" not in json.dumps(header.raw), "names, never import paths"


@pytest.fixture(scope="module")
def of_photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """The home folder of a user, and a run there on images that the user named by absolute paths."""
    home = tmp_path_factory.mktemp("home-of-anna")
    for number in range(60):
        path = home / "photos" / "holidays" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 4 * number).save(path)
    data = {"dataset": "folder", "dataset_size": 8, "dataset_channels": "grey", "data_root": home}
    data["dataset_path"] = str(home / "photos" / "holidays")
    evaluated = {"evaluate_every": 1, "evaluate_samples": 50, "judge": "plain", "metric": "manifold"}
    first = ganzoo.train("gan", out=home / "a", steps=1, batch_size=8, device="cpu", progress=False, **data)
    flags = {**data, **evaluated, "generator_from": first.folder.path}
    run = ganzoo.train("gan", out=home / "b", steps=2, batch_size=8, device="cpu", progress=False, **flags)
    return home, run


def test_a_model_that_is_given_away_names_no_folder_of_its_author(of_photos: tuple[Path, Run]) -> None:
    home, run = of_photos
    for file in (run.folder.model, run.folder.best):
        assert home.name.encode() not in file.read_bytes()
    about = ganzoo.load(run.folder.path).header.raw
    assert "data_root" not in about["run"]
    assert about["parts"]["dataset"]["config"]["path"] == "holidays"
    config = json.loads(run.folder.config.read_text(encoding="utf-8"))
    assert config["run"]["data_root"] == str(home), "the config of a run repeats it"


def test_a_run_still_knows_its_data(of_photos: tuple[Path, Run], tmp_path: Path, monkeypatch: Any) -> None:
    home, run = of_photos
    monkeypatch.chdir(tmp_path)
    asked: dict[str, Any] = {"judge": "plain", "metrics": "manifold", "samples": 50}
    for model in (run.folder.path, run.folder.model, run.folder.best):
        assert ganzoo.evaluate(model, **asked).real == 60
    resumed = ["train", "--config", str(run.folder.config), "--resume", "--steps", "2", "--generator-from", "none"]
    assert command(resumed) == 0
    alone = tmp_path / "model.safetensors"
    shutil.copy(run.folder.model, alone)
    with pytest.raises(UserError, match="name the folder of your images with --data-root"):
        ganzoo.evaluate(alone, **asked)
    for config in ("no JSON", "[]", '{"run": 3, "parts": []}', '{"run": {"data_root": 3}, "parts": {"dataset": 1}}'):
        (tmp_path / "config.json").write_text(config, encoding="utf-8")
        with pytest.raises(UserError, match="name the folder of your images with --data-root"):
            ganzoo.evaluate(alone, **asked)
    assert ganzoo.evaluate(alone, data_root=home / "photos", **asked).real == 60


def sampled_without_dataset(model: Path) -> None:
    sys.modules.update({"sklearn": None, "ganzoo_datasets.digits": None})  # type: ignore[dict-item]
    os.chdir(model.parent)
    print(tuple(ganzoo.load(model).sample(5, label=3).shape), flush=True)


def test_a_model_alone_samples_elsewhere_without_its_dataset(trained: Run, tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere" / "copy.safetensors"
    alone.parent.mkdir()
    shutil.copy(trained.folder.model, alone)
    log = tmp_path / "log"
    assert Forked(sampled_without_dataset, alone, log=log).wait() == 0, log.read_text(encoding="utf-8")
    assert log.read_text(encoding="utf-8").strip() == "(5, 1, 8, 8)"


def damaged(content: bytes) -> dict[str, bytes]:
    tree, payload = tree_of(content), halves(content)[1]
    about = about_of(tree)
    flipped = bytearray(content)
    flipped[-3] ^= 1
    other = {**about["parts"], "loss": {"name": "lost-loss", "package": "lost-package", "config": {}}}
    return {
        "empty": b"",
        "truncated": content[: len(content) // 2],
        "flipped": bytes(flipped),
        "text": b"this is no model" * 10,
        "undescribed": forged({name: value for name, value in tree.items() if name != "__metadata__"}, payload),
        "future": changed(content, format=99),
        "missing plugin": changed(content, parts=other),
        "no parts": changed(content, parts={}),
        "wrong parts": changed(content, parts=[1, 2]),
        "wrong data": changed(content, data={"dataset": {"fields": 3}}),
        "other shape": changed(
            content,
            data={"dataset": {**about["data"]["dataset"], "fields": {
                **about["data"]["dataset"]["fields"], "image": {"kind": "image", "shape": [1, 16, 16]}}}}
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    "how",
    ["empty", "truncated", "flipped", "text", "undescribed", "future", "missing plugin", "no parts", "wrong parts",
     "wrong data", "other shape"],
)  # fmt: skip
def test_damaged_models_are_one_sentence(
    trained: Run, how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(damaged(trained.folder.model.read_bytes())[how])
    assert command(["sample", str(path), "--out", str(tmp_path / "a.png")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "Traceback" not in error
    assert ("lost-package" in error) == (how == "missing plugin")
    assert not (tmp_path / "a.png").exists()
