"""Broken plugins harm nobody: each is set aside whole, with a cause that names it, and all others stay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import pytest

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Registry, select
from ganzoo.catalogue.discovery import Plugin, Provider, discover
from ganzoo.cli import run
from ganzoo.errors import UserError
from ganzoo.testing.broken_plugins import BROKEN, GOOD, HEAD, commands, components, penalty, sound, variants


@dataclass(frozen=True)
class Shelf:
    """A folder of fake installed distributions, as pip would leave them."""

    folder: Path

    def install(
        self, package: str, plugins: Mapping[str, str], version: str = "1.0", requires: Iterable[str] = ()
    ) -> None:
        """Install ``package`` with plugins: name and the code of its module."""
        lines = []
        for plugin, code in plugins.items():
            module = self.module(package, plugin)
            (self.folder / f"{module}.py").write_text(HEAD + code)
            lines.append(f"{plugin} = {module}")
        self.describe(package, "\n".join(lines), version, requires)

    def describe(self, package: str, points: str, version: str = "1.0", requires: Iterable[str] = ()) -> None:
        """Write the metadata of ``package`` with these lines as its ganzoo entry points."""
        info = self.folder / f"{package.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: {text}\n" for text in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n{needs}")
        (info / "entry_points.txt").write_text(f"[ganzoo]\n{points}\n")

    @staticmethod
    def module(package: str, plugin: str) -> str:
        return f"shelf_{package}_{plugin}".replace("-", "_")

    def points(self) -> list[EntryPoint]:
        return [point for found in distributions(path=[str(self.folder)]) for point in found.entry_points]

    def discover(self, allowed: str = "") -> dict[str, Plugin]:
        """Return the plugins of this shelf alone, by package/plugin."""
        return by_name(discover(self.points(), {"GANZOO_PLUGINS": allowed}))

    def ganzoo(self, *words: str, allowed: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in a fresh process that sees this shelf beside the real environment."""
        path = os.pathsep.join(filter(None, (str(self.folder), os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, "PYTHONPATH": path, "GANZOO_PLUGINS": allowed, **more}
        return subprocess.run(
            [sys.executable, "-m", "ganzoo", *words], capture_output=True, text=True, env=environment, check=False
        )


def by_name(plugins: list[Plugin]) -> dict[str, Plugin]:
    return {f"{plugin.provider.package}/{plugin.provider.plugin}": plugin for plugin in plugins}


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.syspath_prepend(tmp_path)
    yield Shelf(tmp_path)
    for name in [name for name in sys.modules if name.startswith("shelf_")]:
        del sys.modules[name]


def lacks(text: str, words: Iterable[str]) -> list[str]:
    """Return the words that ``text`` should have and does not have."""
    return [word for word in words if word not in text]


# Faults of the entry point itself, which have no module of their own.
BAD_POINTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "points at no module": ("lost = shelf_nowhere", ("shelf_nowhere",)),
    "points at no attribute": ("lost = json:no_such_thing", ("no_such_thing",)),
    "points at what is no plugin": ("lost = json:dumps", ("no ganzoo hook",)),
    "points at what is no name": ("lost = 1+1", ("1+1",)),
}


def broken_packages(shelf: Shelf) -> set[str]:
    """Install every broken plugin there is; return the names of the packages."""
    packages = set()
    for number, (code, _) in enumerate(BROKEN.values()):
        packages.add(f"broken-{number}")
        shelf.install(f"broken-{number}", {f"plugin-{number}": code})
    for number, (point, _) in enumerate(BAD_POINTS.values()):
        packages.add(f"lost-{number}")
        shelf.describe(f"lost-{number}", point)
    return packages


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_set_aside_with_its_cause(shelf: Shelf, fault: str) -> None:
    code, words = BROKEN[fault]
    shelf.install("a-sound-one", {"first": sound("first")})
    shelf.install("broken-one", {"broken": code})
    shelf.install("z-sound-one", {"last": sound("last")})
    found = shelf.discover()
    broken = found["broken-one/broken"]
    assert broken.cause
    assert broken.declarations == ()
    assert lacks(broken.cause, words) == []
    assert "\n" not in broken.cause
    assert not broken.cause.rstrip().endswith(":")
    registry = Registry(found.values())
    assert registry.names("penalty") == ("first", "last")
    assert [plugin.provider.package for plugin in registry.broken] == ["broken-one"]


@pytest.mark.parametrize("fault", BAD_POINTS)
def test_a_broken_entry_point_is_set_aside_with_its_cause(shelf: Shelf, fault: str) -> None:
    point, words = BAD_POINTS[fault]
    shelf.describe("broken-one", point)
    shelf.install("sound-one", {"sound": sound("good")})
    found = shelf.discover()
    assert lacks(found["broken-one/lost"].cause, words) == []
    assert Registry(found.values()).names("penalty") == ("good",)


def test_a_sound_plugin_is_accepted_with_its_package_and_version(shelf: Shelf) -> None:
    code = components(penalty("good"), penalty("better")) + variants(
        "Variant(name='v', summary='s', recipe='adversarial')"
    )
    shelf.install("sound-one", {"sound": code}, version="2.5")
    (plugin,) = shelf.discover().values()
    assert plugin.cause == ""
    assert plugin.provider == Provider("sound", "sound-one", "2.5")
    assert [item.name for item in plugin.declarations] == ["good", "better", "v"]
    assert {str(entry.provider) for entry in Registry([plugin])} == {"sound-one 2.5"}


@pytest.mark.parametrize(
    ("requirement", "cause"),
    [
        ("ganzoo<0.1", "made for ganzoo<0.1, and this is ganzoo 0.1.0: install a version of it for this ganzoo"),
        ("ganzoo[video]>=1.0; python_version > '3'", "made for ganzoo>=1.0, and this"),
        ("ganzoo>=one", "requires 'ganzoo>=one', which cannot be read"),
        ("ganzoo>=0.1,<0.2", ""),
        ("ganzoo>=9; extra == 'late'", ""),
        ("ganzoo-others>=9", ""),
    ],
)
def test_a_plugin_for_another_version_is_set_aside_before_it_is_imported(
    shelf: Shelf, requirement: str, cause: str
) -> None:
    code = components(penalty("dated")) if not cause else "raise SystemExit('imported')"
    shelf.install("dated", {"dated": code}, requires=[requirement])
    (plugin,) = shelf.discover().values()
    assert cause in plugin.cause if cause else not plugin.cause


def test_a_plugin_may_be_an_object_of_a_module(shelf: Shelf) -> None:
    hooks = f"class Hooks:\n    @hookimpl\n    def ganzoo_components(self):\n        return [{GOOD}]\n"
    (shelf.folder / "shelf_object.py").write_text(f"{HEAD}\n{hooks}\nhooks = Hooks()\n")
    shelf.describe("sound-one", "sound = shelf_object:hooks")
    assert Registry(shelf.discover().values()).names("penalty") == ("good",)


def test_all_broken_plugins_at_once_leave_the_first_party_whole(shelf: Shelf) -> None:
    alone = {name: plugin for name, plugin in by_name(discover()).items() if plugin.provider.package == "ganzoo"}
    packages = broken_packages(shelf)
    found = by_name(discover(environment={}))
    assert {name: plugin for name, plugin in found.items() if plugin.provider.package == "ganzoo"} == alone
    assert packages <= {plugin.provider.package for plugin in found.values() if plugin.cause}


@pytest.mark.parametrize(
    "fault",
    [
        "Component(kind='gizmo', name='g', summary='s', target='a:B')",
        "Component(kind='penalty', name='Bad Name', summary='s', target='a:B')",
        "Component(kind='penalty', name='p', summary='s', target='no target')",
        "Component(kind='penalty', name='p', summary='s', target='a:B', config=int)",
        "'no component'",
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_plugin_is_accepted_whole_or_not_at_all(shelf: Shelf, fault: str, place: int) -> None:
    items = [penalty("good"), penalty("better")]
    items.insert(place, fault)
    shelf.install(
        "half", {"half": components(*items) + variants("Variant(name='v', summary='s', recipe='adversarial')")}
    )
    (plugin,) = shelf.discover().values()
    assert plugin.cause
    assert (plugin.components, plugin.variants) == ((), ())
    assert list(Registry([plugin])) == []


def test_every_fault_of_a_plugin_is_told_at_once(shelf: Shelf) -> None:
    gizmo = "Component(kind='gizmo', name='g', summary='', target='nowhere', config=dict)"
    shelf.install("bad", {"bad": components(penalty("Bad"), gizmo)})
    cause = shelf.discover()["bad/bad"].cause
    assert lacks(cause, ("'Bad'", "summary", "'nowhere'", "Config")) == []


# Two of one name


@pytest.mark.parametrize("first_installed", ["alpha", "beta"])
def test_two_packages_with_one_component_name_are_both_named(shelf: Shelf, first_installed: str) -> None:
    second = {"alpha": "beta", "beta": "alpha"}[first_installed]
    shelf.install(first_installed, {first_installed: components(penalty("same"), penalty(f"of-{first_installed}"))})
    shelf.install(second, {second: components(penalty("same"), penalty(f"of-{second}"))})
    found = shelf.discover()
    assert found["alpha/alpha"].cause == ""
    cause = found["beta/beta"].cause
    assert lacks(cause, ("alpha", "beta", "penalty", "'same'")) == []
    assert Registry(found.values()).names("penalty") == ("of-alpha", "same"), "the other is set aside whole"


def test_two_packages_with_one_variant_name_are_both_named(shelf: Shelf) -> None:
    for package in ("alpha", "beta"):
        shelf.install(package, {package: variants("Variant(name='same', summary='s', recipe='adversarial')")})
    cause = shelf.discover()["beta/beta"].cause
    assert lacks(cause, ("alpha", "beta", "variant", "'same'")) == []


def test_two_packages_with_one_command_name_are_both_named(shelf: Shelf) -> None:
    for package in ("alpha", "beta"):
        shelf.install(package, {package: commands("same") + sound(f"of-{package}")})
    found = shelf.discover()
    assert lacks(found["beta/beta"].cause, ("alpha", "beta", "command", "'same'")) == []
    registry = Registry(found.values())
    assert registry.commands["same"].provider.package == "alpha"
    assert registry.names("penalty") == ("of-alpha",)


def test_two_plugins_of_one_package_with_one_component_name(shelf: Shelf) -> None:
    shelf.install("alpha", {"one": sound("same"), "two": sound("same")})
    found = shelf.discover()
    assert found["alpha/one"].cause == ""
    assert "'same'" in found["alpha/two"].cause


def test_two_plugins_of_one_name_are_an_error_that_names_both_packages(shelf: Shelf) -> None:
    shelf.install("alpha", {"same": sound("of-alpha")})
    shelf.install("beta", {"same": sound("of-beta")})
    found = shelf.discover()
    assert found["alpha/same"].cause == ""
    cause = found["beta/same"].cause
    assert lacks(cause, ("alpha", "beta", "'same'")) == []
    assert Registry(found.values()).names("penalty") == ("of-alpha",)


def test_nobody_can_replace_what_ganzoo_itself_offers(shelf: Shelf) -> None:
    shelf.install(
        "aaa-evil", {"aaa": variants("Variant(name='cgan', summary='not what you think', recipe='adversarial')")}
    )
    registry = Registry(discover(environment={}))
    assert registry.entry("variant", "cgan").provider.package == "ganzoo"
    (cause,) = [plugin.cause for plugin in registry.broken if plugin.provider.package == "aaa-evil"]
    assert lacks(cause, ("aaa-evil", "package ganzoo", "'cgan'")) == []


def test_one_name_for_two_kinds_is_no_clash(shelf: Shelf) -> None:
    shelf.install("alpha", {"alpha": sound("same")})
    shelf.install("beta", {"beta": components("Component(kind='loss', name='same', summary='s', target='a:B')")})
    assert [plugin.cause for plugin in shelf.discover().values()] == ["", ""]


def test_a_broken_plugin_takes_no_name_from_a_sound_one(shelf: Shelf) -> None:
    shelf.install("alpha", {"same": components(penalty("wanted"), "7")})
    shelf.install("beta", {"same": sound("wanted")})
    found = shelf.discover()
    assert found["alpha/same"].cause
    assert found["beta/same"].cause == ""


# The allow-list


@pytest.mark.parametrize(
    ("allowed", "kept"),
    [
        ("", {"one", "two", "three"}),
        ("one", {"one"}),
        ("one,three", {"one", "three"}),
        (" one , three ,", {"one", "three"}),
        ("alpha", {"one", "two"}),
        ("beta,one", {"one", "three"}),
        ("On", set()),
        (" , ", {"one", "two", "three"}),
    ],
)
def test_the_allow_list_names_plugins_or_packages(shelf: Shelf, allowed: str, kept: set[str]) -> None:
    shelf.install("alpha", {"one": sound("one"), "two": sound("two")})
    shelf.install("beta", {"three": sound("three")})
    found = shelf.discover(allowed)
    assert {plugin.provider.plugin for plugin in found.values() if not plugin.cause} == kept
    assert all("GANZOO_PLUGINS" in plugin.cause for plugin in found.values() if plugin.cause)


def test_what_is_not_allowed_is_not_even_imported(shelf: Shelf) -> None:
    shelf.install("alpha", {"one": f"import pathlib; pathlib.Path({str(shelf.folder / 'touched')!r}).touch()"})
    shelf.install("beta", {"two": sound("two")})
    shelf.discover("two")
    assert not (shelf.folder / "touched").exists()
    shelf.discover()
    assert (shelf.folder / "touched").exists()


def test_what_is_not_allowed_takes_no_name_from_others(shelf: Shelf) -> None:
    shelf.install("alpha", {"one": sound("same")})
    shelf.install("beta", {"two": sound("same")})
    assert shelf.discover("two")["beta/two"].cause == ""


def test_the_allow_list_is_read_from_the_environment(shelf: Shelf) -> None:
    done = shelf.ganzoo("list", "variant", allowed="gan")
    assert done.returncode == 0
    assert [line.split("\t")[1] for line in done.stdout.splitlines()] == ["began", "ebgan", "gan", "gan-minimal"]


def test_an_unconditional_gan_needs_no_plugin_of_conditioners() -> None:
    allowed = {"GANZOO_PLUGINS": "gan,losses,training,datasets,metrics"}
    registry = Registry(discover(environment=allowed))
    assert "concat" not in registry.names("conditioner")
    assemble(select(registry, "gan"))


# What people and scripts see of it


def test_list_survives_every_broken_plugin_at_once(shelf: Shelf) -> None:
    packages = broken_packages(shelf)
    shelf.install("sound-one", {"sound": sound("quite-good")}, version="3.1")
    plain, as_json = shelf.ganzoo("list"), shelf.ganzoo("list", "--json")
    assert (plain.returncode, as_json.returncode) == (0, 0)
    entries = json.loads(as_json.stdout)
    ours = {(entry["kind"], entry["name"]) for entry in entries if entry["package"] == "ganzoo"}
    assert ours == {(entry.item.kind, entry.item.name) for entry in Registry(discover()) if _own(entry.provider)}
    assert {
        "kind": "penalty",
        "name": "quite-good",
        "summary": "a penalty",
        "package": "sound-one",
        "version": "3.1",
    } in entries
    assert "quite-good" in plain.stdout
    for package in packages:
        assert f"{package} 1.0" in plain.stderr
    assert "Traceback" not in plain.stderr


def _own(provider: Provider) -> bool:
    return provider.package == "ganzoo"


def test_plugins_shows_every_broken_one_with_its_cause(shelf: Shelf) -> None:
    packages = broken_packages(shelf)
    done = shelf.ganzoo("plugins", "--json")
    assert done.returncode == 0
    causes = {plugin["package"]: plugin["cause"] for plugin in json.loads(done.stdout)}
    assert causes["ganzoo"] == ""
    assert [package for package in sorted(packages) if not causes[package]] == []
    plain = shelf.ganzoo("plugins")
    assert plain.returncode == 0
    assert all(any(package in line for line in plain.stdout.splitlines()) for package in packages)


@pytest.mark.parametrize("words", [("info", "cgan"), ("train", "cgan", "--help"), ("--help",)])
def test_other_commands_survive_broken_plugins(shelf: Shelf, words: tuple[str, ...]) -> None:
    broken_packages(shelf)
    done = shelf.ganzoo(*words)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_a_name_error_says_that_a_plugin_was_set_aside(shelf: Shelf) -> None:
    shelf.install("broken-one", {"broken": "raise RuntimeError"})
    shelf.install("broken-two", {"broken-too": "raise RuntimeError"})
    with pytest.raises(UserError, match=r"broken-one.*broken-two.*ganzoo plugins"):
        Registry(shelf.discover().values()).entry("penalty", "wanted")


def test_a_name_error_names_a_broken_package_once(shelf: Shelf) -> None:
    shelf.install("broken-one", {"one": "raise RuntimeError", "two": "raise RuntimeError"})
    with pytest.raises(UserError) as caught:
        Registry(shelf.discover().values()).entry("penalty", "wanted")
    assert str(caught.value).count("broken-one") == 1


def test_a_name_error_does_not_call_broken_what_is_only_not_allowed(shelf: Shelf) -> None:
    shelf.install("sound-one", {"one": sound("one")})
    with pytest.raises(UserError) as caught:
        Registry(shelf.discover("other").values()).entry("penalty", "one")
    assert "broken" not in str(caught.value)


def test_a_plugin_that_prints_does_not_spoil_the_json(shelf: Shelf) -> None:
    shelf.install("chatty", {"chatty": "print('hello from chatty')\n" + sound("good")})
    done = shelf.ganzoo("list", "penalty", "--json")
    assert done.returncode == 0
    assert "good" in {entry["name"] for entry in json.loads(done.stdout)}


def test_a_plugin_that_prints_breaks_sys_path_and_paints_spoils_nothing(shelf: Shelf) -> None:
    code = "import sys\nprint('{\\x1b[31m')\nsys.path.reverse()\nsys.stdout = None\nsys.argv[:] = []\n" + sound("good")
    shelf.install("rude", {"rude": code})
    done = shelf.ganzoo("list", "--json")
    assert done.returncode == 0, done.stderr
    assert {"good", "cgan"} <= {entry["name"] for entry in json.loads(done.stdout)}


def test_what_is_written_past_python_does_not_spoil_the_json(shelf: Shelf) -> None:
    """A library of C writes to the file of standard output, and so does a program that is started."""
    code = "import os, subprocess, sys\nos.write(1, b'raw')\nsubprocess.run([sys.executable, '-c', 'print(1)'])\n"
    shelf.install("loud", {"loud": code + "print('dunder', file=sys.__stdout__, flush=True)\n" + sound("good")})
    done = shelf.ganzoo("list", "penalty", "--json")
    assert done.returncode == 0, done.stderr
    assert "good" in {entry["name"] for entry in json.loads(done.stdout)}


def test_a_plugin_that_goes_to_another_folder_goes_alone(shelf: Shelf) -> None:
    shelf.install("mover", {"mover": "import os\nos.chdir('/')\n" + sound("good")})
    shelf.install("broken-mover", {"broken": "import os\nos.chdir('/')\nraise RuntimeError"})
    here = Path.cwd()
    assert [plugin.cause for plugin in shelf.discover().values()] == ["RuntimeError", ""]
    assert Path.cwd() == here


def test_where_one_cannot_come_back_to_nobody_is_blamed(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """One may work in a folder that one may not enter by its name."""
    shelf.install("mover", {"mover": "import os\nos.chdir('/')\n" + sound("good")})
    monkeypatch.chdir(Path.cwd())  # and back, when all is done
    enter = os.chdir

    def refuse(folder: str) -> None:
        if folder != "/":
            raise PermissionError(folder)
        enter(folder)

    monkeypatch.setattr(os, "chdir", refuse)
    assert [plugin.cause for plugin in shelf.discover().values()] == [""]
    monkeypatch.setattr(os, "chdir", enter)


def test_what_ends_the_process_can_only_be_left_out(shelf: Shelf) -> None:
    """A plugin is code in this process: what leaves it at once, or never returns, is not held back but barred."""
    shelf.install("deadly", {"deadly": "import os\nos._exit(7)"})
    assert shelf.ganzoo("list").returncode == 7
    assert shelf.ganzoo("list", allowed="ganzoo").returncode == 0


def test_a_sound_generator_of_components_is_accepted(shelf: Shelf) -> None:
    shelf.install("lazy", {"lazy": f"@hookimpl\ndef ganzoo_components():\n    yield {GOOD}\n"})
    assert Registry(shelf.discover().values()).names("penalty") == ("good",)


def test_there_are_many_kinds_of_broken_plugins(record: Callable[..., None]) -> None:
    assert len(BROKEN) + len(BAD_POINTS) >= 60
    record(promise="a broken plugin harms nobody", kinds=len(BROKEN) + len(BAD_POINTS))


def test_a_distribution_without_metadata_harms_nobody(shelf: Shelf) -> None:
    shelf.install("bare", {"bare": sound("good")})
    (shelf.folder / "bare-1.0.dist-info" / "METADATA").unlink()
    done = shelf.ganzoo("list", "penalty", "--json")
    assert done.returncode == 0
    assert "good" in {entry["name"] for entry in json.loads(done.stdout)}


@pytest.mark.parametrize("text", ["[ganzoo]\nno equals sign\n", "[ganzoo\nx = y\n", "\x00", "x = y\n"])
def test_damaged_entry_points_of_one_distribution_harm_nobody(shelf: Shelf, text: str) -> None:
    shelf.describe("damaged", "")
    (shelf.folder / "damaged-1.0.dist-info" / "entry_points.txt").write_text(text)
    done = shelf.ganzoo("list", "--json")
    assert done.returncode == 0, done.stderr
    assert "cgan" in {entry["name"] for entry in json.loads(done.stdout)}


def test_a_plugin_whose_target_is_not_there_is_told_by_name_when_it_is_used(shelf: Shelf) -> None:
    shelf.install(
        "hollow",
        {"hollow": components("Component(kind='penalty', name='hollow', summary='s', target='shelf_gone:Class')")},
    )
    done = shelf.ganzoo("train", "gan", "--penalty", "hollow", "--dry-run")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert lacks(done.stderr, ("penalty 'hollow'", "shelf_gone")) == []


def test_a_variant_of_what_is_not_installed_is_told_by_name_when_it_is_used(shelf: Shelf) -> None:
    lost = "Variant(name='lost', summary='s', recipe='no-such-recipe')"
    strange = (
        "Variant(name='strange', summary='s', recipe='adversarial', "
        "parts={'loss': 'hing', 'lose': 'hinge'}, overrides={'loss.x': 1})"
    )
    shelf.install("dreamer", {"dreamer": variants(lost, strange)})
    for words in (("info", "lost"), ("train", "lost", "--dry-run"), ("train", "lost", "--help")):
        done = shelf.ganzoo(*words)
        assert done.returncode == 2
        assert "no recipe is called 'no-such-recipe'" in done.stderr
    done = shelf.ganzoo("train", "strange", "--dry-run")
    assert done.returncode == 2
    assert lacks(done.stderr, ("'hing'", "did you mean 'hinge'", "slot 'lose'")) == []


def test_doctor_says_what_to_do_about_a_broken_plugin(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.install("broken-one", {"broken": "raise RuntimeError('the moon is full')"})
    registry = Registry(shelf.discover().values())
    # The command of that name hides the module.
    monkeypatch.setattr(sys.modules["ganzoo.cli.doctor"], "installed", lambda: registry)
    assert run(["doctor"]) == 1
    out = capsys.readouterr().out
    assert lacks(out, ("the moon is full", "uninstall broken-one")) == []


def test_doctor_finds_nothing_to_mend_where_the_allow_list_leaves_a_plugin_out(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.install("sound-one", {"sound": sound("good")})
    registry = Registry(shelf.discover("other").values())
    # The command of that name hides the module.
    monkeypatch.setattr(sys.modules["ganzoo.cli.doctor"], "installed", lambda: registry)
    run(["doctor"])
    assert "uninstall sound-one" not in capsys.readouterr().out
