"""Every kind of plugin that `ganzoo new-plugin` writes is sound, tidy, installs, passes its tests and trains."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo.catalogue import KINDS as ALL_KINDS
from ganzoo.cli import run
from ganzoo.errors import UserError
from ganzoo.new_plugin import KINDS, Draft, file_of, package_of

QUICK = ("variant", "conditioner", "observer")


def slow_unless_quick(kind: str) -> object:
    return pytest.param(kind, marks=[] if kind in QUICK else pytest.mark.long)


def draft_of(kind: str) -> Draft:
    return Draft(kind, f"drafted-{kind}")


def write_package(draft: Draft, folder: Path) -> Path:
    for path, text in package_of(draft).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def test_the_kinds_are_kinds() -> None:
    assert len(KINDS) >= 12
    assert set(KINDS) <= {*ALL_KINDS}


@pytest.mark.parametrize("name", ["", "My-GAN", "my gan", "9lives", "-x", "x-", "a--b", "../x", "x" * 41, "naïve"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="such as my-gan"):
        Draft("variant", name)


def test_other_kinds_are_refused() -> None:
    with pytest.raises(UserError, match="there is no template of kind 'recipes'"):
        Draft("recipes", "mine")


def test_what_is_written_is_tidy(tmp_path: Path) -> None:
    for kind in KINDS:
        write_package(draft_of(kind), tmp_path / kind)
        (tmp_path / f"{kind}_file.py").write_text(file_of(draft_of(kind)), encoding="utf-8")
    base = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--line-length", "120", str(tmp_path)]
    for words in (["check", "--select", "E,F,W,I,UP,B,SIM"], ["format", "--check"]):
        done = subprocess.run([*base, *words, *options], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", [slow_unless_quick(kind) for kind in KINDS])
def test_one_file_trains(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    draft = draft_of(kind)
    assert run(["new-plugin", draft.name, "--kind", kind, "--one-file"]) == 0
    _, *words = shlex.split(draft.command)
    more = ["--steps", "2", "--batch-size", "8", "--plugin", f"{draft.words}.py", "--out", "run"]
    assert run([*words, *more]) == 0
    assert (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.long) for kind in KINDS])
def test_a_package_installs_and_passes_its_tests(kind: str, tmp_path: Path) -> None:
    folder, site = write_package(draft_of(kind), tmp_path / "package"), tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(folder)], check=True)
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder / "tests")]
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_nothing_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["new-plugin", "mine"]) == 0
    shown = capsys.readouterr().out
    assert "install it: pip install --editable 'ganzoo-mine[test]'" in shown
    assert "try it: ganzoo train mine --steps 200" in shown
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert set(before) == {tmp_path / "ganzoo-mine" / path for path in package_of(Draft("variant", "mine"))}
    assert run(["new-plugin", "mine", "--kind", "loss"]) == 2
    assert "ganzoo-mine exists already" in capsys.readouterr().err
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == before
