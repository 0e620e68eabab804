"""A name from outside is looked up in the registry, and nowhere else: no file, line or variable names code to run."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ganzoo.catalogue import installed, select
from ganzoo.cli import run
from ganzoo.testing import forgery

# What happens

CANARY = "canary_of_the_names"
HOSTILE = (
    f"{CANARY}:Thing",
    CANARY,
    "os:system",
    "ganzoo_gan.mlp:Mlp",
    "torch.nn:Linear",
    "../../x",
    "/etc/passwd",
    "__class__",
    "__init__",
    "to_json",
    "",
    " hinge",
    "hinge\n",
    "HINGE",
    "x\0y",
    "%s%n",
    "{0.__class__}",
    "[red]x[/red]",
    "\x1b]0;gotcha\x07",
    "\u202eegnih",
    "\ud800",
    "x" * 100_000,
)
IN_ARGV = [value[:5000] for value in HOSTILE if "\0" not in value and "\ud800" not in value]
NO_TEXT = (None, 1, True, [], {}, ["hinge"], {"name": "hinge"})


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module in reach that nobody declared; whoever imports it is caught."""
    (tmp_path / f"{CANARY}.py").write_text("class Thing:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield
    assert CANARY not in sys.modules


def answer(*words: str) -> tuple[int, str]:
    """Return the exit status of a command line and what it says; whatever it is, it commands no terminal."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = run(list(words))
    assert status in (0, 2), said.getvalue()
    assert "Traceback" not in said.getvalue()
    assert all(line.isprintable() for line in said.getvalue().split("\n"))
    return status, said.getvalue()


def places(document: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the way to every text in a JSON document."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from places(value, (*path, name))
        elif isinstance(value, str):
            yield (*path, name)


def altered(document: Any, path: tuple[str, ...], value: Any, key: bool) -> Any:
    """Return a copy with ``value`` in a place, or in the place of the key that leads there."""
    copy = json.loads(json.dumps(document))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    if key:
        inner[str(value)] = inner.pop(path[-1])
    else:
        inner[path[-1]] = value
    return copy


CONFIG = select(installed(), "cgan").to_json()
NAMES = [path for path in places(CONFIG) if path[-1] in ("variant", "preset", "name", "judge", "device", "output")]


@pytest.mark.usefixtures("canary")
@pytest.mark.parametrize("key", [False, True], ids=["value", "key"])
@pytest.mark.parametrize("path", NAMES, ids=".".join)
def test_a_config_file_names_nothing_but_what_is_declared(path: tuple[str, ...], key: bool) -> None:
    for value in HOSTILE if key else (*HOSTILE, *NO_TEXT):
        Path("some.json").write_text(json.dumps(altered(CONFIG, path, value, key)), encoding="utf-8")
        status, said = answer("train", "--config", "some.json", "--dry-run")
        # What leaves a place to its default is no name.
        assert status == 2 or value in ("", None) or key, said


@pytest.mark.usefixtures("canary")
@pytest.mark.parametrize("value", IN_ARGV, ids=lambda value: ascii(value)[:30])
def test_a_command_line_names_nothing_but_what_is_declared(value: str) -> None:
    slots = installed().component("recipe", "adversarial").slots
    for slot in slots:
        assert answer("train", "cgan", "--dry-run", f"--{slot.name}", value)[0] == 2
    for words in (["info"], ["list"], ["train"], ["bench"], ["evaluate", "x", "--judge"]):
        assert answer(*words, value)[0] == 2


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    out = tmp_path_factory.mktemp("names") / "run"
    assert answer("train", "cgan", "--steps", "1", "--batch-size", "2", "--out", str(out))[0] == 0
    return (out / "model.safetensors").read_bytes()


def opened(content: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Return the header of a safetensors file, what ganzoo wrote there, and the rest."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    return header, json.loads(header["__metadata__"]["ganzoo"]), content[8 + length :]


def closed(header: dict[str, Any], about: Any, payload: bytes) -> bytes:
    """Return the file of an altered description."""
    return forgery.forged({**header, "__metadata__": {"ganzoo": about}}, payload)


@pytest.mark.usefixtures("canary")
@pytest.mark.parametrize("key", [False, True], ids=["value", "key"])
@pytest.mark.parametrize("every", [16, pytest.param(1, marks=pytest.mark.long)])
def test_a_model_names_nothing_but_what_is_declared(every: int, key: bool, model: bytes) -> None:
    header, about, payload = opened(model)
    Path("sound.safetensors").write_bytes(closed(header, about, payload))
    assert answer("sample", "sound.safetensors", "--count", "1")[0] == 0
    wanted = [path for path in places(about) if path[-1] in ("name", "kind", "target", "condition", "output")]
    assert len(wanted) > 10
    values = HOSTILE if key else (*HOSTILE, *NO_TEXT)
    for path, value in list(itertools.product(wanted, values))[::every]:
        Path("some.safetensors").write_bytes(closed(header, altered(about, path, value, key), payload))
        answer("sample", "some.safetensors", "--count", "1")
    for value in values:
        hostile = altered(about, ("parts", "recipe", "name"), value, key)
        Path("some.safetensors").write_bytes(closed(header, hostile, payload))
        assert answer("sample", "some.safetensors")[0] == 2


@pytest.mark.parametrize("value", IN_ARGV, ids=lambda value: ascii(value)[:30])
def test_the_allow_list_imports_nothing_that_it_names(value: str, tmp_path: Path) -> None:
    from ganzoo.catalogue.discovery import discover

    (tmp_path / f"{CANARY}.py").write_text("class Thing:\n    pass\n")
    found = discover(environment={"GANZOO_PLUGINS": value})
    assert CANARY not in sys.modules
    kept = [plugin for plugin in found if not plugin.cause]
    assert bool(kept) == (not value.strip())


# What a terminal gets

EVIL = "\x1b]0;gotcha\x07\x1b[31m\u202e[blink]"
PLUGIN = f"""
from dataclasses import dataclass
from typing import Literal
from ganzoo.catalogue import Component, Config, Need, Variant, hookimpl, option
EVIL = {EVIL!r}
@dataclass(frozen=True)
class Odd(Config):
    word: Literal["a", "b"] = option("a", "a word " + EVIL)
    text: str = option(EVIL, "a text " + EVIL)
@hookimpl
def ganzoo_components():
    print("said by itself")
    need = Need(("data:" + EVIL,), EVIL)
    return [Component(kind="penalty", name="odd", summary="a summary " + EVIL, target="evil_plugin:Odd", config=Odd,
                      source=EVIL),
            Component(kind="loss", name="needy", summary="a summary " + EVIL, target="evil_plugin:Odd", config=Odd,
                      requires=(need,), provides=(EVIL,))]
@hookimpl
def ganzoo_variants():
    return [Variant(name="evil", summary="a summary " + EVIL, recipe="adversarial", parts={{"penalty": "odd"}},
                    source=EVIL, figures=EVIL, published={{"run.steps": EVIL}})]
"""


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """A folder with packages whose every text commands a terminal, and files that do."""
    (tmp_path / "evil_plugin.py").write_text(PLUGIN)
    (tmp_path / "worse_plugin.py").write_text(f"raise RuntimeError({EVIL!r})")
    (tmp_path / "wild_plugin.py").write_text(f"class {'W'}(BaseException):\n    pass\nraise W({EVIL!r})")
    for name in ("evil", "worse", "wild"):
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\x1b[31m\nVersion: 1\x1b]0;gotcha\x07\n")
        (info / "entry_points.txt").write_text(f"[ganzoo]\n{name}\x1b[31m = {name}_plugin\n")
    (tmp_path / "config.json").write_text(
        json.dumps({"variant": "evil", "parts": {"penalty": {"name": "odd", "config": {"text": EVIL}}}})
    )
    return tmp_path


LINES = (
    "list",
    "list penalty",
    "list --json",
    "plugins",
    "plugins --json",
    "info odd",
    "info needy",
    "info evil",
    "info evil --json",
    "train evil --help",
    "train --config config.json --help",
    "train gan --loss needy --dry-run",
    f"train gan --out {EVIL} --steps 1 --batch-size 2 --penalty nothing",
    f"info {EVIL}",
    f"sample {EVIL}",
    f"train {EVIL}",
    f"--debug train {EVIL}",
)
HEAVY = (  # with torch
    "doctor",
    "train --config config.json --dry-run",
    "train gan --penalty odd --dry-run",
    "--debug train gan --penalty odd --dry-run",
)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
@pytest.mark.parametrize("lines", [LINES, pytest.param(LINES + HEAVY, marks=pytest.mark.long)], ids=["light", "all"])
def test_nothing_from_outside_commands_a_terminal(
    lines: tuple[str, ...], evil: Path, record: Callable[..., None]
) -> None:
    """All in one process whose output is a terminal; rich's own colours are allowed, and nothing else is."""
    import pty

    leader, follower = pty.openpty()
    code = "import json, sys\nfrom ganzoo.cli import run\nfor debug, *words in json.load(sys.stdin): run(words, debug)"
    words = [[line.startswith("--debug"), *line.removeprefix("--debug ").split(" ")] for line in lines]
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=follower,
        stderr=follower,
        cwd=evil,
        env={**os.environ, "PYTHONPATH": f"{evil}{os.pathsep}{os.environ.get('PYTHONPATH', '')}", "TERM": "xterm"},
    )
    os.close(follower)
    assert process.stdin is not None
    process.stdin.write(json.dumps(words).encode())
    process.stdin.close()
    said = b""
    with contextlib.suppress(OSError):  # what a terminal says when the other side is gone
        while part := os.read(leader, 2**16):
            said += part
    assert process.wait() == 0
    text = said.decode("utf-8", "replace")
    assert text.count("a summary") >= 5 and "failed" not in text, text[-3000:]
    assert [sign for sign in ("\x1b]", "\x07", "\x1b[31m", "\u202e") if sign in text] == []
    record(promise="nothing from outside commands a terminal", lines=len(lines))
