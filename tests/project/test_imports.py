"""Who may import whom, what never is imported, and what is nowhere written: read from the source, and tried."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import ganzoo.plugin
from ganzoo.catalogue import Component, installed
from ganzoo.testing.sources import Source, name_of, sources

ROOT = Path(__file__).parents[2]
CORE, PLUGINS = ROOT / "ganzoo", ROOT / "plugins"
HEAVY = {"torch", "torchvision", "numpy", "sklearn", "matplotlib", "PIL", "scipy", "safetensors", "tensorboard"}
CORE_SOURCES = sources(CORE, ROOT)
PLUGIN_SOURCES = sources(PLUGINS, PLUGINS)
EVERY_SOURCE = [*CORE_SOURCES, *PLUGIN_SOURCES]


def found_in(sources: Iterable[Source], find: Callable[[Source], set[str]]) -> dict[str, set[str]]:
    """Return what ``find`` finds in each source, by the name of the source; sources without findings are left out."""
    return {source.name: found for source in sources if (found := find(source))}


def imported_from(source: Source, *packages: str) -> set[str]:
    return {name for name in source.imports() if any(within(name, package) for package in packages)}


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def test_the_reader_sees_every_way_to_import(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "import a.b as c\nfrom d import e\nfrom . import f\nfrom ..g import h\nfrom .. import i\n"
        "def j():\n    import k\n    importlib.import_module('l.m')\n    __import__('n')\n"
    )
    inside = set(Source("top.room.module", path, package=False).imports())
    assert inside == {"a.b", "d", "d.e", "top.room", "top.room.f", "top.g", "top.g.h", "top", "top.i", "k", "l.m", "n"}
    assert set(Source("top.room", path, package=True).imports()) == inside


def test_there_is_something_to_read() -> None:
    assert len(CORE_SOURCES) > 20
    assert {source.name.split(".")[0] for source in PLUGIN_SOURCES} >= {"ganzoo_gan", "ganzoo_cgan", "ganzoo_dcgan"}
    assert sum(len(list(source.imports())) for source in EVERY_SOURCE) > 200


# The rooms

# Data flows from the first room to the last: a room may know those before it, and none after it. Modules that stand
# beside the rooms have a place among them.
ROOMS = (
    "ganzoo.errors",
    "ganzoo.text",
    "ganzoo.cards",
    "ganzoo.durations",
    "ganzoo.paths",
    "ganzoo.signals",
    "ganzoo.waiting",
    "ganzoo.catalogue",
    "ganzoo.randomness",
    "ganzoo.layers",
    "ganzoo.weighted_layers",
    "ganzoo.lettering",
    "ganzoo.depth",
    "ganzoo.drawing",
    "ganzoo.contract",
    "ganzoo.fields",
    "ganzoo.assembly",
    "ganzoo.own",
    "ganzoo.batches",
    "ganzoo.health",
    "ganzoo.step",
    "ganzoo.storage",
    "ganzoo.pictures",
    "ganzoo.evaluation",
    "ganzoo.report",
    "ganzoo.training",
    "ganzoo.studio",
    "ganzoo.explore",
    "ganzoo.new_plugin",
    "ganzoo.plugin",
    "ganzoo.api",
    "ganzoo.tested",
    "ganzoo.cli",
    "ganzoo.testing",
    "ganzoo.__main__",
)
TESTING = "ganzoo.testing"
FRONT_DOOR = "ganzoo"  # its ``__init__``: whoever has the version or the public names from there imports no room


def level_of(name: str) -> int | None:
    """Return the place of a module's room from the left, or ``None`` for what is no room of the core."""
    return next((place for place, room in enumerate(ROOMS) if within(name, room)), None)


def test_every_module_of_the_core_is_in_a_room() -> None:
    assert {source.name for source in CORE_SOURCES if level_of(source.name) is None} == {FRONT_DOOR}


def test_a_room_knows_only_rooms_to_its_left() -> None:
    def to_the_right(source: Source) -> set[str]:
        here = len(ROOMS) if source.name == FRONT_DOOR else level_of(source.name)
        assert here is not None, source.name
        return {name for name in source.imports() if (level_of(name) or 0) > here}

    assert found_in(CORE_SOURCES, to_the_right) == {}


def test_what_tests_share_is_imported_by_tests_alone() -> None:
    others = [source for source in EVERY_SOURCE if not within(source.name, TESTING)]
    assert found_in(others, lambda source: imported_from(source, TESTING)) == {}


def test_what_tests_share_needs_no_pytest() -> None:
    shared = [source for source in CORE_SOURCES if within(source.name, TESTING)]
    assert len(shared) > 10
    found = {source.name for source in shared for name in source.imports() if within(name, "pytest")}
    assert found <= {"ganzoo.testing.selections"}, "only functions that make parameters of tests import it"
    loaded = imported_by("-c", f"import {', '.join(source.name for source in shared)}")
    assert not any(within(name, "pytest") for name in loaded)


def test_no_test_imports_another_test() -> None:
    tests = sources(ROOT / "tests", ROOT)
    imported = {(source.name, name) for source in tests for name in source.imports() if "test_" in name}
    assert len(tests) > 100
    assert {
        (source, name) for source, name in imported if name.split(".")[0] == "tests" or name[:5] == "test_"
    } == set()


def test_only_the_rightmost_rooms_use_the_public_functions() -> None:
    """``import ganzoo; ganzoo.train(…)`` in a room would be a way round their order."""
    public = {f"ganzoo.{name}" for name in ("train", "load", "sample", "evaluate", "list")}
    rightmost = (FRONT_DOOR, "ganzoo.api")
    others = [
        source
        for source in CORE_SOURCES
        if source.name not in rightmost and not within(source.name, "ganzoo.cli") and not within(source.name, TESTING)
    ]

    def used(source: Source) -> set[str]:
        written = {name_of(node) for node in ast.walk(source.tree) if isinstance(node, ast.Attribute)}
        return (written | set(source.imports())) & public

    assert found_in(others, used) == {}


def test_the_core_imports_no_plugin() -> None:
    assert found_in(CORE_SOURCES, lambda source: {name for name in source.imports() if name[:7] == "ganzoo_"}) == {}


def test_the_core_names_no_module_of_a_plugin() -> None:
    plugins = re.compile(rf"\b({'|'.join(sorted({plugin.name.split('.')[0] for plugin in PLUGIN_SOURCES}))})\b")
    assert found_in(CORE_SOURCES, lambda source: set(filter(plugins.search, texts_in([source.tree])))) == {}


def test_a_plugin_imports_from_the_core_what_every_author_gets() -> None:
    """First-party plugins have no privileges: all that they use is in ``ganzoo.plugin``."""
    offered = {"ganzoo.plugin"} | public_names()
    assert found_in(PLUGIN_SOURCES, lambda source: imported_from(source, "ganzoo") - offered) == {}


def public_names() -> set[str]:
    return {f"ganzoo.plugin.{name}" for name in ganzoo.plugin.__all__}


def test_the_catalogue_imports_nothing_heavy() -> None:
    light = (FRONT_DOOR, "ganzoo.errors", "ganzoo.text", "ganzoo.plugin")
    catalogue = [source for source in CORE_SOURCES if within(source.name, "ganzoo.catalogue") or source.name in light]
    assert found_in(catalogue, lambda source: imported_from(source, *HEAVY)) == {}


@pytest.mark.parametrize("plugin", sorted({source.name.split(".")[0] for source in PLUGIN_SOURCES}))
def test_a_plugin_stands_in_the_entry_points(plugin: str) -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[project.entry-points.ganzoo]")[1].split("[")[0]
    assert f'"{plugin}"' in text


# What is nowhere written

PICKLES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
UNSAFE_CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "torch.load",
    "torch.save",
    "torch.hub.load",
    "torch.package.PackageImporter",
    "torch.jit.load",
    "yaml.load",
    "os.system",
}


def test_nothing_imports_a_pickle() -> None:
    assert found_in(EVERY_SOURCE, lambda source: imported_from(source, *PICKLES)) == {}


def test_nothing_runs_what_it_reads() -> None:
    def unsafe(source: Source) -> set[str]:
        called = {name_of(node.func) for node in ast.walk(source.tree) if isinstance(node, ast.Call)}
        mentioned = {name_of(node) for node in ast.walk(source.tree) if isinstance(node, ast.Attribute)}
        mentioned.update(source.imports())
        # Tests convert checkpoints that PyTorch wrote; nothing reads them with its own loader.
        written = {"torch.save"} if source.name == "ganzoo.testing.foreign_checkpoints" else set()
        return ((called & UNSAFE_CALLS) | (mentioned & {"torch.load", "torch.save"})) - written

    assert found_in(EVERY_SOURCE, unsafe) == {}


def test_numpy_reads_no_pickle() -> None:
    def allowed(source: Source) -> set[str]:
        words = (node for node in ast.walk(source.tree) if isinstance(node, ast.keyword))
        return {
            f"{word.arg}={ast.unparse(word.value)}"
            for word in words
            if word.arg in ("allow_pickle", "shell") and ast.unparse(word.value) != "False"
        }

    assert found_in(EVERY_SOURCE, allowed) == {}


BRANCHED_ON = ("variant", "recipe", "generator", "discriminator", "conditioner", "loss", "penalty", "dataset", "latent")


def first_party_names() -> set[str]:
    own = [entry for entry in installed() if entry.provider.package == "ganzoo"]
    return {entry.item.name for entry in own if entry.item.kind in BRANCHED_ON}


# "none" is also the word for None on a command line, "normal" a style of fonts, and "grid" what a study combines.
ALLOWED = {("ganzoo.catalogue.options", "none"), ("ganzoo.lettering", "normal"), ("ganzoo.cli.study_line", "grid")}


def test_the_core_branches_on_no_name() -> None:
    names = first_party_names()
    # What tests share may name what they train.
    others = [source for source in CORE_SOURCES if not within(source.name, TESTING)]

    def compared(source: Source) -> set[str]:
        found: set[str] = set()
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Compare):
                found |= texts_in([node.left, *node.comparators])
            elif isinstance(node, ast.Match):
                found |= texts_in([case.pattern for case in node.cases])
            elif isinstance(node, ast.Dict):
                found |= texts_in([key for key in node.keys if key is not None])
            elif isinstance(node, ast.Call) and name_of(node.func).split(".")[-1] in ("startswith", "endswith", "get"):
                found |= texts_in(node.args[:1])
        return {text for text in found & names if (source.name, text) not in ALLOWED}

    assert found_in(others, compared) == {}


def texts_in(nodes: list[ast.AST] | list[ast.expr] | list[ast.pattern]) -> set[str]:
    constants = (inner for node in nodes for inner in ast.walk(node) if isinstance(inner, ast.Constant))
    return {constant.value for constant in constants if isinstance(constant.value, str)}


# What a fresh process imports


def imported_by(*words: str) -> set[str]:
    """Return the names of all modules that ``python WORDS`` imports."""
    done = subprocess.run([sys.executable, "-X", "importtime", *words], capture_output=True, text=True, check=False)
    found = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert len(found) > 10, done.stderr
    return found


# Statements and command lines, one after the other in one process: what imports too much is the first to import it.
LIGHT = (
    "import ganzoo",
    "import ganzoo.catalogue",
    "import ganzoo.plugin",
    "import ganzoo.cli",
    "ganzoo.list()",
    "ganzoo.train('cgan', loss='hing')",
    "ganzoo",
    "ganzoo --help",
    "ganzoo --version",
    "ganzoo bench --help",
    "ganzoo list",
    "ganzoo list dataset",
    "ganzoo list --json",
    "ganzoo info cgan",
    "ganzoo info mlp --json",
    "ganzoo plugins",
    "ganzoo train --help",
    "ganzoo train cgan --help",
    "ganzoo sample --help",
    "ganzoo train cgann",
    "ganzoo train cgan --loss hing",
    "ganzoo train cgan --optimzer-lr 1",
    "ganzoo train cgan --steps 0",
    "ganzoo sample nowhere",
    "ganzoo convert --help",
    "ganzoo convert x --variant dcgan --help",
    "ganzoo convert nowhere --variant dcgan",
    "ganzoo report nowhere",
    "ganzoo compare nowhere",
)
ONE_BY_ONE = """
import contextlib, json, sys
found = {}
for line in json.loads(sys.argv[1]):
    before = set(sys.modules)
    with contextlib.suppress(Exception):
        if line.split()[0] == "ganzoo":
            ganzoo.cli.run(line.split()[1:])
        else:
            exec(line)
    found[line] = sorted(set(sys.modules) - before)
open(sys.argv[2], "w").write(json.dumps(found))
"""


def imported_one_by_one(lines: Iterable[str], report: Path) -> dict[str, list[str]]:
    """Return the names of the modules that each line imports and none before it did."""
    words = [sys.executable, "-c", ONE_BY_ONE, json.dumps(list(lines)), str(report)]
    subprocess.run(words, capture_output=True, check=True)
    found: dict[str, list[str]] = json.loads(report.read_text(encoding="utf-8"))
    return found


def heavy(names: Iterable[str]) -> set[str]:
    return {
        name
        for name in names
        if name.split(".")[0] in HEAVY or within(name, "ganzoo.step") or within(name, "ganzoo.studio")
    }


def test_torch_and_its_like_are_not_imported_by_what_can_be_told_without(tmp_path: Path) -> None:
    found = imported_one_by_one(LIGHT, tmp_path / "report.json")
    assert len(found["import ganzoo.cli"]) > 10
    assert any(within(name, "ganzoo_gan") for names in found.values() for name in names), "plugins are looked at"
    assert {line: heavy(names) for line, names in found.items() if heavy(names)} == {}


@pytest.mark.parametrize("words", [("-m", "ganzoo"), ("-m", "ganzoo", "info", "cgan")], ids=" ".join)
def test_a_command_line_starts_without_torch_and_its_like(words: tuple[str, ...]) -> None:
    assert heavy(imported_by(*words)) == set()


def test_what_a_plugin_imports_reads_no_metadata_of_packages() -> None:
    """Every plugin imports it: it takes a tenth of a second at most, of which that would be a quarter."""
    slow = {"importlib.metadata", "email.message", "secrets", "hashlib", "zipfile", "click"}
    assert imported_by("-c", "import ganzoo.plugin") & slow == set()


def test_the_catalogue_imports_no_room_to_its_right() -> None:
    rooms = {name for name in imported_by("-c", "import ganzoo.catalogue") if name.startswith("ganzoo.")}
    assert {name for name in rooms if not within(name, "ganzoo.catalogue")} == {
        "ganzoo.errors",
        "ganzoo.text",
        "ganzoo.paths",
    }


def test_declaring_everything_imports_nothing_that_declares_nothing() -> None:
    """The plugins' own modules that hold networks stay unimported while names and options are looked at."""
    targets = {entry.item.target_name.split(":")[0] for entry in installed() if isinstance(entry.item, Component)}
    imported = imported_by("-m", "ganzoo", "info", "cgan")
    assert {name.split(".")[0] for name in imported} >= {"ganzoo_gan", "ganzoo_cgan"}
    assert targets & imported == set()


def test_the_training_imports_nothing_to_its_right_and_no_plugin_by_itself(tmp_path: Path) -> None:
    """One process that does import torch, so that the tests above are known to be able to fail."""
    line = "import ganzoo.training.run"
    modules = imported_one_by_one([line], tmp_path / "report.json")[line]
    assert "torch" in heavy(modules)
    assert "ganzoo.training.trainer" in modules
    right = [name for name in modules if any(within(name, f"ganzoo.{room}") for room in ("studio", "cli", "api"))]
    assert right == []
    assert [name for name in modules if name.startswith("ganzoo_")] == []
