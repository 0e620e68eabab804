"""Plugins in one file: accepted whole, or refused with the file, the line and the cause; and gone afterwards."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ganzoo
from ganzoo.catalogue import Slot, installed, select
from ganzoo.catalogue.discovery import LOCAL
from ganzoo.catalogue.plugin_files import PREFIX, ModulesOfFiles, files_in_use, plugins_from, use_plugin
from ganzoo.catalogue.registry import install, part_from_json
from ganzoo.errors import UserError
from ganzoo.testing.broken_plugins import BROKEN, GOOD, HEAD, components, penalty, sound
from ganzoo.testing.command_lines import lacks, listing
from ganzoo.testing.plugin_files import DATASET, LOSS, VARIANT, write_plugin


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    """Whatever a test loads is gone afterwards."""
    registry = installed()
    yield
    install(registry)
    for name in modules():
        del sys.modules[name]


def modules() -> list[str]:
    return [name for name in sys.modules if name.startswith(PREFIX)]


def refused(file: str | Path) -> str:
    """Return why a file is refused, and check that nothing has changed."""
    before, shown = installed(), modules()
    with pytest.raises(UserError) as caught:
        use_plugin(file)
    assert installed() is before
    assert modules() == shown
    assert "\n" not in str(caught.value)
    return str(caught.value)


# What is accepted


def test_a_file_adds_what_it_declares(tmp_path: Path) -> None:
    path = write_plugin(tmp_path / "my_gan.py", VARIANT)
    use_plugin(path)
    entry = installed().entry("loss", "soft")
    assert (entry.provider.plugin, entry.provider.package, entry.provider.file) == ("my_gan", LOCAL, path)
    assert entry.label_with_package == "loss 'soft' of my_gan.py"
    assert select(installed(), "mine").parts["loss"].component.name == "soft"
    assert files_in_use() == (path,)


def test_a_file_is_found_by_its_relative_path_and_by_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_plugin(tmp_path / "my_gan.py", LOSS)
    (tmp_path / "link.py").symlink_to(path)
    monkeypatch.chdir(tmp_path)
    for name in ("my_gan.py", "./my_gan.py", "link.py"):
        use_plugin(name)
    assert files_in_use() == (path,)


def test_to_load_a_file_again_is_harmless_and_takes_its_changes(tmp_path: Path) -> None:
    path = write_plugin(tmp_path / "my_gan.py", HEAD + sound("first"))
    for _ in range(3):
        ganzoo.use_plugin(path)
    first = installed().entry("penalty", "first").provider
    write_plugin(path, HEAD + sound("other"))
    ganzoo.use_plugin(str(path))
    assert "first" not in installed().names("penalty")
    assert installed().entry("penalty", "other").provider.version != first.version


def test_a_file_that_is_broken_the_second_time_leaves_what_was_there(tmp_path: Path) -> None:
    path = write_plugin(tmp_path / "my_gan.py", HEAD + sound("good"))
    use_plugin(path)
    module = sys.modules[f"{PREFIX}my_gan"]
    write_plugin(path, "1 / 0")
    assert "ZeroDivisionError" in refused(path)
    assert sys.modules[f"{PREFIX}my_gan"] is module
    assert "good" in installed().names("penalty")


@pytest.mark.parametrize("stem", ["torch", "ganzoo", "json", "my-gan", "my gan", "gan", "class", "ünï", "1"])
def test_a_file_may_have_any_name(stem: str, tmp_path: Path) -> None:
    """Neither a module of that name nor a plugin of that name is in its way."""
    before = sys.modules.get(stem)
    use_plugin(write_plugin(tmp_path / f"{stem}.py", LOSS))
    assert "soft" in installed().names("loss")
    assert sys.modules.get(stem) is before


def test_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    path = write_plugin(tmp_path / "my_gan.py", LOSS)
    before = listing(tmp_path)
    use_plugin(path)
    assert listing(tmp_path) == before


def test_the_allow_list_is_about_installed_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANZOO_PLUGINS", "ganzoo")
    use_plugin(write_plugin(tmp_path / "my_gan.py", LOSS))
    assert "soft" in installed().names("loss")


# What is refused


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_refused_with_its_cause(fault: str, tmp_path: Path) -> None:
    code, words = BROKEN[fault]
    said = refused(write_plugin(tmp_path / "broken.py", HEAD + code))
    assert lacks(said, ("the plugin file broken.py cannot be used", *words)) == []


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("x = 1\nimport no_such_module\n", 2),
        ("\n\ndef f(:\n    pass\n", 3),
        ("def f():\n    return 1 / 0\n\nf()\n", 2),
        ("import json\n\njson.loads('{')\n", 3),
        ("raise SystemExit(3)\n", 1),
        (HEAD + "@hookimpl\ndef ganzoo_components():\n    raise OSError('no licence file')\n", 6),
    ],
)
def test_the_line_of_the_fault_is_told(code: str, line: int, tmp_path: Path) -> None:
    assert f"cannot be used: line {line}: " in refused(write_plugin(tmp_path / "broken.py", code))


def test_a_file_is_accepted_whole_or_not_at_all(tmp_path: Path) -> None:
    refused(write_plugin(tmp_path / "half.py", HEAD + components(GOOD, penalty("Bad Name"))))
    assert "good" not in installed().names("penalty")


def test_what_is_no_file_with_python_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    write_plugin(tmp_path / "plugin.txt", LOSS)
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "large.py").touch()
    os.truncate(tmp_path / "large.py", 2**40)
    said = {name: refused(tmp_path / name) for name in ("folder.py", "plugin.txt", "loop.py", "pipe.py", "large.py")}
    assert lacks(said["folder.py"], ("is a folder",)) == []
    assert lacks(said["plugin.txt"], ("must end in .py",)) == []
    assert lacks(said["loop.py"], ("does not exist",)) == []
    assert lacks(said["pipe.py"], ("not a Python file",)) == []
    assert lacks(said["large.py"], ("MiB",)) == []
    for odd in ("nowhere.py", "", "\x00.py", "a\nb.py", "\udcff.py", "x/" * 3000 + "y.py"):
        assert "the plugin file" in refused(odd)


def test_a_file_that_holds_no_text_is_refused(tmp_path: Path) -> None:
    for content in (b"\x00", b"\xff\xfe", b"\x89PNG\r\n\x1a\n" + bytes(50), b"# coding: nonsense\n"):
        (tmp_path / "odd.py").write_bytes(content)
        assert "cannot be used" in refused(tmp_path / "odd.py")


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    first = write_plugin(tmp_path / "my_gan.py", HEAD + sound("one"))
    second = write_plugin(tmp_path / "other" / "my_gan.py", HEAD + sound("two"))
    use_plugin(first)
    assert lacks(refused(second), (str(first), str(second), "rename one of them")) == []


def test_a_name_that_is_taken_is_refused_with_its_owner(tmp_path: Path) -> None:
    taken = components("Component(kind='loss', name='hinge', summary='s', target='a:B')")
    said = refused(write_plugin(tmp_path / "my_gan.py", HEAD + taken))
    assert lacks(said, ("my_gan.py", "the loss 'hinge'", "package ganzoo", "choose another name")) == []
    use_plugin(write_plugin(tmp_path / "one.py", HEAD + sound("same")))
    said = refused(write_plugin(tmp_path / "two.py", HEAD + sound("same")))
    assert lacks(said, ("two.py", "the penalty 'same'", "one.py")) == []


# What a file does besides


def test_what_a_file_prints_is_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    use_plugin(write_plugin(tmp_path / "chatty.py", "print('hello')\n" + LOSS))
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hello\n")


def test_a_file_that_goes_to_another_folder_goes_alone(tmp_path: Path) -> None:
    here = Path.cwd()
    use_plugin(write_plugin(tmp_path / "mover.py", "import os\nos.chdir('/')\n" + LOSS))
    assert Path.cwd() == here


# What files of models say


@pytest.mark.parametrize("file", ["my_gan.py", "\x1b[31m", "a\nb.py", "x" * 5000, "../../$(touch evil).py"])
def test_a_missing_part_names_the_file_that_it_came_from(file: str) -> None:
    about = {"name": "soft", "package": LOCAL, "version": "0", "config": {}, "file": file}
    with pytest.raises(
        UserError, match=r"^loss 'soft' came from the file .*: give it with --plugin FILE\.py$"
    ) as caught:
        part_from_json(installed(), Slot("loss", "loss", "bce"), about)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("file", [7, None, ["a.py"], {}])
def test_what_is_no_name_of_a_file_is_not_repeated(file: object) -> None:
    about = {"name": "soft", "package": LOCAL, "file": file}
    with pytest.raises(UserError, match="is needed and not installed"):
        part_from_json(installed(), Slot("loss", "loss", "bce"), about)


# For a while


def test_the_plugins_of_a_block_are_gone_after_it(tmp_path: Path) -> None:
    before = installed()
    path = write_plugin(tmp_path / "my_gan.py", LOSS)
    with plugins_from([path, str(path)]):
        assert "soft" in installed().names("loss")
        assert modules() == [f"{PREFIX}my_gan"]
    assert installed() is before
    assert modules() == []


def test_a_block_whose_second_file_is_broken_leaves_nothing(tmp_path: Path) -> None:
    before = installed()
    files = [write_plugin(tmp_path / "sound.py", LOSS), write_plugin(tmp_path / "broken.py", "1 / 0")]
    with pytest.raises(UserError, match=r"broken\.py"), plugins_from(files):
        pass
    assert installed() is before
    assert modules() == []


def test_a_block_leaves_what_was_loaded_before_it(tmp_path: Path) -> None:
    use_plugin(write_plugin(tmp_path / "mine.py", HEAD + sound("mine")))
    module = sys.modules[f"{PREFIX}mine"]
    with plugins_from([write_plugin(tmp_path / "other.py", HEAD + sound("other"))]):
        assert {"mine", "other"} <= set(installed().names("penalty"))
    assert sys.modules[f"{PREFIX}mine"] is module
    assert installed().names("penalty").count("mine") == 1
    assert "other" not in installed().names("penalty")


# Other processes


def test_the_modules_come_with_what_is_sent_to_a_worker(tmp_path: Path) -> None:
    use_plugin(write_plugin(tmp_path / "noise.py", DATASET))
    target = installed().component("dataset", "noise").target
    sent = pickle.dumps((ModulesOfFiles(), target))
    del sys.modules[f"{PREFIX}noise"]
    _, received = pickle.loads(sent)
    assert received.__module__ == f"{PREFIX}noise"
    assert received.__name__ == "Noise"
