"""Who may import whom, what never is imported, and what is nowhere written: read from the source, and tried."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
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
each_core = pytest.mark.parametrize("source", CORE_SOURCES, ids=lambda source: source.name)
each_plugin = pytest.mark.parametrize("source", PLUGIN_SOURCES, ids=lambda source: source.name)
each_source = pytest.mark.parametrize("source", EVERY_SOURCE, ids=lambda source: source.name)


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
    "ganzoo.signals",
    "ganzoo.catalogue",
    "ganzoo.randomness",
    "ganzoo.layers",
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
    "ganzoo.training",
    "ganzoo.studio",
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


@each_core
def test_every_module_of_the_core_is_in_a_room(source: Source) -> None:
    assert source.name == FRONT_DOOR or level_of(source.name) is not None


@each_core
def test_a_room_knows_only_rooms_to_its_left(source: Source) -> None:
    here = len(ROOMS) if source.name == FRONT_DOOR else level_of(source.name)
    assert here is not None
    to_the_right = {name for name in source.imports() if (level_of(name) or 0) > here}
    assert to_the_right == set()


@each_source
def test_what_tests_share_is_imported_by_tests_alone(source: Source) -> None:
    if not within(source.name, TESTING):
        assert {name for name in source.imports() if within(name, TESTING)} == set()


def test_what_tests_share_needs_no_pytest() -> None:
    shared = [source for source in CORE_SOURCES if within(source.name, TESTING)]
    assert len(shared) > 10
    assert {name for source in shared for name in source.imports() if within(name, "pytest")} == set()


def test_no_test_imports_another_test() -> None:
    tests = sources(ROOT / "tests", ROOT)
    imported = {(source.name, name) for source in tests for name in source.imports() if "test_" in name}
    assert len(tests) > 100
    assert {
        (source, name) for source, name in imported if name.split(".")[0] == "tests" or name[:5] == "test_"
    } == set()


@each_core
def test_only_the_rightmost_rooms_use_the_public_functions(source: Source) -> None:
    """``import ganzoo; ganzoo.train(…)`` in a room would be a way round their order."""
    if source.name not in (FRONT_DOOR, "ganzoo.api") and not any(
        within(source.name, room) for room in ("ganzoo.cli", TESTING)
    ):
        written = {name_of(node) for node in ast.walk(source.tree) if isinstance(node, ast.Attribute)}
        public = {f"ganzoo.{name}" for name in ("train", "load", "sample", "evaluate", "list")}
        assert (written | set(source.imports())) & public == set()


@each_core
def test_the_core_imports_no_plugin(source: Source) -> None:
    assert {name for name in source.imports() if name.startswith("ganzoo_")} == set()


@each_core
def test_the_core_names_no_module_of_a_plugin(source: Source) -> None:
    plugins = "|".join(sorted({plugin.name.split(".")[0] for plugin in PLUGIN_SOURCES}))
    assert {text for text in texts_in([source.tree]) if re.search(rf"\b({plugins})\b", text)} == set()


@each_plugin
def test_a_plugin_imports_from_the_core_what_every_author_gets(source: Source) -> None:
    """First-party plugins have no privileges: all that they use is in ``ganzoo.plugin``."""
    assert {name for name in source.imports() if within(name, "ganzoo")} <= {"ganzoo.plugin"} | public_names()


def public_names() -> set[str]:
    return {f"ganzoo.plugin.{name}" for name in ganzoo.plugin.__all__}


@each_core
def test_the_catalogue_imports_nothing_heavy(source: Source) -> None:
    if within(source.name, "ganzoo.catalogue") or source.name in (
        FRONT_DOOR,
        "ganzoo.errors",
        "ganzoo.text",
        "ganzoo.plugin",
    ):
        assert {name for name in source.imports() if name.split(".")[0] in HEAVY} == set()


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


@each_source
def test_nothing_imports_a_pickle(source: Source) -> None:
    assert {name for name in source.imports() if name.split(".")[0] in PICKLES} == set()


@each_source
def test_nothing_runs_what_it_reads(source: Source) -> None:
    called = {name_of(node.func) for node in ast.walk(source.tree) if isinstance(node, ast.Call)}
    mentioned = {name_of(node) for node in ast.walk(source.tree) if isinstance(node, ast.Attribute)}
    # Tests convert checkpoints that PyTorch wrote; nothing reads them with its own loader.
    written = {"torch.save"} if source.name == "ganzoo.testing.foreign_checkpoints" else set()
    assert called & UNSAFE_CALLS <= written
    assert mentioned & {"torch.load", "torch.save"} <= written
    assert set(source.imports()) & {"torch.load", "torch.save"} == set()


@each_source
def test_numpy_reads_no_pickle(source: Source) -> None:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "shell"):
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False


BRANCHED_ON = ("variant", "recipe", "generator", "discriminator", "conditioner", "loss", "penalty", "dataset", "latent")


def first_party_names() -> set[str]:
    own = [entry for entry in installed() if entry.provider.package == "ganzoo"]
    return {entry.item.name for entry in own if entry.item.kind in BRANCHED_ON}


# "none" is also the word for None on a command line, and "normal" a style of fonts.
ALLOWED = {("ganzoo.catalogue.options", "none"), ("ganzoo.lettering", "normal")}


@pytest.mark.parametrize(
    "source",
    [source for source in CORE_SOURCES if not within(source.name, TESTING)],  # where tests name what they train
    ids=lambda source: source.name,
)
def test_the_core_branches_on_no_name(source: Source) -> None:
    compared: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Compare):
            compared |= texts_in([node.left, *node.comparators])
        elif isinstance(node, ast.Match):
            compared |= texts_in([case.pattern for case in node.cases])
        elif isinstance(node, ast.Dict):
            compared |= texts_in([key for key in node.keys if key is not None])
        elif isinstance(node, ast.Call) and name_of(node.func).split(".")[-1] in ("startswith", "endswith", "get"):
            compared |= texts_in(node.args[:1])
    found = {text for text in compared & first_party_names() if (source.name, text) not in ALLOWED}
    assert found == set()


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


LIGHT = {
    "import ganzoo": ("-c", "import ganzoo"),
    "import ganzoo.plugin": ("-c", "import ganzoo.plugin"),
    "import ganzoo.catalogue": ("-c", "import ganzoo.catalogue"),
    "import ganzoo.cli": ("-c", "import ganzoo.cli"),
    "ganzoo.list()": ("-c", "import ganzoo; ganzoo.list()"),
    "ganzoo.train of an unknown loss": ("-c", "import ganzoo; ganzoo.train('cgan', loss='hing')"),
    "ganzoo": ("-m", "ganzoo"),
    "ganzoo --help": ("-m", "ganzoo", "--help"),
    "ganzoo --version": ("-m", "ganzoo", "--version"),
    "ganzoo bench --help": ("-m", "ganzoo", "bench", "--help"),
    "ganzoo list": ("-m", "ganzoo", "list"),
    "ganzoo list dataset": ("-m", "ganzoo", "list", "dataset"),
    "ganzoo list --json": ("-m", "ganzoo", "list", "--json"),
    "ganzoo info cgan": ("-m", "ganzoo", "info", "cgan"),
    "ganzoo info mlp --json": ("-m", "ganzoo", "info", "mlp", "--json"),
    "ganzoo plugins": ("-m", "ganzoo", "plugins"),
    "ganzoo train --help": ("-m", "ganzoo", "train", "--help"),
    "ganzoo train cgan --help": ("-m", "ganzoo", "train", "cgan", "--help"),
    "ganzoo sample --help": ("-m", "ganzoo", "sample", "--help"),
    "ganzoo train cgann": ("-m", "ganzoo", "train", "cgann"),
    "ganzoo train cgan --loss hing": ("-m", "ganzoo", "train", "cgan", "--loss", "hing"),
    "ganzoo train cgan --optimzer-lr 1": ("-m", "ganzoo", "train", "cgan", "--optimzer-lr", "1"),
    "ganzoo train cgan --steps 0": ("-m", "ganzoo", "train", "cgan", "--steps", "0"),
    "ganzoo sample nowhere": ("-m", "ganzoo", "sample", "nowhere"),
    "ganzoo convert --help": ("-m", "ganzoo", "convert", "--help"),
    "ganzoo convert x --variant dcgan --help": ("-m", "ganzoo", "convert", "x", "--variant", "dcgan", "--help"),
    "ganzoo convert nowhere": ("-m", "ganzoo", "convert", "nowhere", "--variant", "dcgan"),
}


@pytest.mark.parametrize("words", LIGHT.values(), ids=LIGHT)
def test_torch_and_its_like_are_not_imported_by(words: tuple[str, ...]) -> None:
    imported = imported_by(*words)
    assert {name.split(".")[0] for name in imported} & HEAVY == set()
    assert [name for name in imported if within(name, "ganzoo.step") or within(name, "ganzoo.studio")] == []


def test_the_catalogue_imports_no_room_to_its_right() -> None:
    rooms = {name for name in imported_by("-c", "import ganzoo.catalogue") if name.startswith("ganzoo.")}
    assert {name for name in rooms if not within(name, "ganzoo.catalogue")} == {"ganzoo.errors", "ganzoo.text"}


def test_declaring_everything_imports_nothing_that_declares_nothing() -> None:
    """The plugins' own modules that hold networks stay unimported while names and options are looked at."""
    targets = {entry.item.target_name.split(":")[0] for entry in installed() if isinstance(entry.item, Component)}
    imported = imported_by("-m", "ganzoo", "info", "cgan")
    assert {name.split(".")[0] for name in imported} >= {"ganzoo_gan", "ganzoo_cgan"}
    assert targets & imported == set()


def test_the_training_imports_nothing_to_its_right_and_no_plugin_by_itself() -> None:
    """One process that does import torch, so that the tests above are known to be able to fail."""
    code = "import ganzoo.training.run, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = json.loads(done.stdout)
    assert "torch" in modules
    assert "ganzoo.training.trainer" in modules
    right = [name for name in modules if any(within(name, f"ganzoo.{room}") for room in ("studio", "cli", "api"))]
    assert right == []
    assert [name for name in modules if name.startswith("ganzoo_")] == []
