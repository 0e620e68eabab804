"""Paths on the command line, in config files and in Python: ``~``, dots, and folders that are left and come back to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ganzoo
from ganzoo.catalogue import installed
from ganzoo.catalogue.registry import install
from ganzoo.evaluation.judge_cache import CACHE, cache_folder
from ganzoo.paths import user_path
from ganzoo.storage.run_folder import RunFolder
from ganzoo.testing.command_lines import ganzoo as command

SMALL = ("--steps", "2", "--batch-size", "8", "--dataset-size", "8", "--device", "cpu")
PLUGIN = "from ganzoo.plugin import hookimpl\n@hookimpl\ndef ganzoo_components():\n    return []\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of a user, who works in another folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    (tmp_path / "desk").mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    monkeypatch.chdir(tmp_path / "desk")
    return folder


def test_a_leading_tilde_is_the_home_folder(home: Path) -> None:
    assert user_path("~/runs") == home / "runs"
    assert user_path("runs/~") == Path("runs/~")
    assert user_path("~nobody-of-this-name/runs") == Path("~nobody-of-this-name/runs")


def test_every_command_takes_the_home_folder(home: Path) -> None:
    (home / "plugin.py").write_text(PLUGIN, encoding="utf-8")
    words = (*SMALL, "--out=~/runs/v1.2", "--data-root=~/data", "--plugin=~/plugin.py")
    assert command("train", "gan-minimal", *words).status == 0
    run = RunFolder(home / "runs" / "v1.2")
    assert json.loads(run.config.read_text(encoding="utf-8"))["run"]["data_root"] == str(home / "data")
    for out in ("~/made/all.png", "~/made/v1.2", "~/made/all.npz"):
        assert command("sample", "~/runs/v1.2", "--count", "2", f"--out={out}").status == 0
        assert user_path(out).exists()
    assert len(list((home / "made" / "v1.2").glob("*.png"))) == 2
    (home / "my.toml").write_text('variant = "gan-minimal"\n[run]\nout = "x"\n', encoding="utf-8")
    assert "no file may set" in command("train", "--config", "~/my.toml").err
    start = command("train", "gan-minimal", "--generator-from=~/runs/v1.2", "--dry-run", *SMALL)
    assert (start.status, start.err.splitlines()[0]) == (0, "everything fits"), start.err
    assert "not a checkpoint" in command("convert", "~/my.toml", "--variant", "gan").err
    assert "not valid JSON" in command("evaluate", "~/runs/v1.2", "--against=~/my.toml").err


def test_python_takes_the_home_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ganzoo.train("gan-minimal", steps=2, batch_size=8, dataset_size=8, out="~/runs/a", progress=False)
    assert run.folder.path == home / "runs" / "a"
    assert len(ganzoo.sample("~/runs/a", 2)) == 2
    assert len(ganzoo.sample(Path("~/runs/a/model.safetensors"), 2)) == 2
    (home / "here.py").write_text(PLUGIN, encoding="utf-8")
    before = installed()
    try:
        ganzoo.use_plugin("~/here.py")
    finally:
        install(before)
    monkeypatch.setenv(CACHE, "~/cache")
    assert cache_folder() == home / "cache"
    monkeypatch.delenv(CACHE)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == home / ".cache" / "ganzoo"


@pytest.mark.parametrize("out", ["all.jpg", "v1.mp4"])
def test_a_suffix_that_is_none_of_a_version_is_refused(out: str, trained_models: dict[str, Path]) -> None:
    answer = command("sample", trained_models["gan"], "--out", out)
    assert (answer.status, "cannot be written as ." in answer.err) == (2, True)


def test_a_run_goes_on_from_another_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = home.parent / "desk"
    assert command("train", "gan-minimal", *SMALL, "--data-root", "data", "--out", "runs/v1.2").status == 0
    config = desk / "runs" / "v1.2" / "config.json"
    monkeypatch.chdir(home)
    # The newest run of the variant in this folder is another one.
    assert command("train", "gan-minimal", *SMALL, "--seed", "3").status == 0
    answer = command("train", "--config", config, "--resume")
    assert (answer.status, f"model: {config.with_name('model.safetensors')}" in answer.err) == (0, True), answer
    assert json.loads(config.read_text(encoding="utf-8"))["run"]["data_root"] == str(desk / "data")
    run = ganzoo.train("gan-minimal", config=config, resume=True, progress=False)
    assert run.folder.path == config.parent


def test_a_config_of_ones_own_is_no_run(home: Path) -> None:
    (home / "config.json").write_text("{}", encoding="utf-8")
    assert RunFolder.of_config(home / "config.json") is None


def test_only_a_run_is_said_to_go_on(home: Path) -> None:
    (home / "thesis.txt").write_text("years of work", encoding="utf-8")
    assert "--resume" not in command("train", "gan-minimal", *SMALL, "--out", home).err
