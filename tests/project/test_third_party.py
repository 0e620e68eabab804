"""Somebody else's distribution installs beside ganzoo, mixes with what is built in, and is missed by name when gone."""

from __future__ import annotations

import ast
import importlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.catalogue import KINDS, Field

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "ganzoo-spirals"
GUIDE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")

PACKAGE = "ganzoo-spirals"
OFFERED = {("dataset", "spirals"), ("conditioner", "gate"), ("variant", "spiral-gan")}
QUICK = ("--batch-size", "8", "--dataset-count", "200", "--data-root", "data")
OFFLINE = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check")

Done = subprocess.CompletedProcess[str]

# Of ganzoo and its plugins it knows nothing: each child finds what is installed by then.
SERVER = """
import gc, json, os, sys, torch._dynamo, matplotlib.figure
gc.freeze()
for line in sys.stdin:
    code, sys.argv, variables = json.loads(line)
    child = os.fork()
    if not child:
        for stream, file in enumerate((os.devnull, "stdout", "stderr")):
            os.dup2(os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC), stream)
        os.environ.update(variables)
        status = 0
        try:
            exec(code, {"__name__": "__main__"})
        except SystemExit as ended:
            status = ended.code or 0
        sys.stdout.flush()
        os._exit(status)  # to tidy up torch would take longer than most commands
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
PROGRAM = "import sys; from ganzoo.__main__ import main; sys.exit(main())"


@dataclass(frozen=True)
class Installation:
    """An environment of its own, with ganzoo from its wheel and the example, and a folder to work in."""

    wheel: Path
    environment: Path
    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """What somebody who has only that environment would have."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GANZOO"))}
        return {**inherited, "OMP_NUM_THREADS": "1"}

    def program(self, name: str, *words: str | Path, **variables: str) -> Done:
        """Run a program of the environment."""
        return subprocess.run(
            [self.environment / "bin" / name, *words],
            cwd=self.folder,
            env={**self.variables, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    @cached_property
    def server(self) -> subprocess.Popen[str]:
        """A process of the environment that has imported torch and forks for each request."""
        return subprocess.Popen(
            [self.environment / "bin" / "python", "-c", SERVER],
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def python(self, code: str, *words: str | Path, **variables: str) -> Done:
        """Run Python code in a process that has imported torch."""
        assert self.server.stdin is not None and self.server.stdout is not None
        print(json.dumps([code, ["ganzoo", *map(str, words)], variables]), file=self.server.stdin, flush=True)
        status = int(self.server.stdout.readline())
        said = [(self.folder / stream).read_text(encoding="utf-8") for stream in ("stdout", "stderr")]
        return Done(words, status, *said)

    def ganzoo(self, *words: str | Path, **variables: str) -> Done:
        """Run ``ganzoo WORDS`` in a process that has imported torch."""
        return self.python(PROGRAM, *words, **variables)

    def did(self, *words: str | Path, code: str = PROGRAM) -> str:
        """Run a command that must succeed and return what it printed."""
        return succeeded(self.python(code, *words))

    def pip(self, *words: str | Path) -> None:
        """Let the pip of the environment that runs the tests work on this one."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GANZOO"))}
        python = self.environment / "bin" / "python"
        subprocess.run([sys.executable, "-m", "pip", "--python", python, *words], cwd=self.folder, env=mine, check=True)

    def install(self, *what: str | Path) -> None:
        self.pip("install", *OFFLINE, *what)


def succeeded(done: Done) -> str:
    assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Install the wheel and the example; torch and the like are lent by the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("third_party")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "wheels")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (folder / "wheels").glob("ganzoo-*.whl")
    venv.create(folder / "venv")
    found = Installation(wheel, folder / "venv", folder / "desk")
    found.folder.mkdir()
    # Before anything is lent: pip would take a ganzoo that is lent for one that is installed.
    found.install(wheel)
    (home,) = (folder / "venv").glob("lib/python*/site-packages")
    lent = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    (home / "lent.pth").write_text("\n".join(lent), encoding="utf-8")
    found.install(EXAMPLE)
    yield found
    found.server.communicate()


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def listed(answer: str) -> set[tuple[str, str]]:
    return {(entry["kind"], entry["name"]) for entry in json.loads(answer) if entry["package"] == PACKAGE}


# What is installed


def test_the_wheel_holds_ganzoo_and_its_plugins_and_nothing_else(place: Installation) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    plugins = set(project["project"]["entry-points"]["ganzoo"].values())
    names = zipfile.ZipFile(place.wheel).namelist()
    assert plugins == {path.name for path in (ROOT / "plugins").iterdir() if (path / "__init__.py").exists()}
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"ganzoo", *plugins}
    assert {f"{package}/__init__.py" for package in plugins} <= set(names)


def test_the_wheel_holds_the_modules_of_the_source_byte_for_byte(place: Installation) -> None:
    """Every module and every file of data of ``ganzoo`` and the plugins, and no other."""
    packed = {name: content for name, content in contents(place.wheel).items() if ".dist-info/" not in name}
    source = {
        path.relative_to(top).as_posix(): path.read_bytes()
        for top, folder in ((ROOT, ROOT / "ganzoo"), (ROOT / "plugins", ROOT / "plugins"))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed.keys() == source.keys()
    assert {name for name, content in packed.items() if content != source[name]} == set()


def test_ganzoo_comes_from_the_wheel_and_not_from_the_checkout(place: Installation) -> None:
    code = "import ganzoo, ganzoo_cgan, ganzoo_spirals as s; print(ganzoo.__file__, ganzoo_cgan.__file__, s.__file__)"
    files = succeeded(place.program("python", "-c", code)).split()
    assert all(Path(file).is_relative_to(place.environment) for file in files), files


def test_declaring_imports_no_torch(place: Installation) -> None:
    code = "import sys; from ganzoo.catalogue import installed; installed().find('gate'); print('torch' in sys.modules)"
    assert succeeded(place.program("python", "-c", code)).strip() == "False"


def test_the_example_uses_public_names_alone() -> None:
    public = {"ganzoo.plugin"}
    for file in EXAMPLE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            named += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            own = [name for name in named if name.startswith("ganzoo") and name.split(".")[0] != "ganzoo_spirals"]
            assert set(own) <= public, file


# The command line


def test_list_shows_what_it_offers_and_whose_it_is(place: Installation) -> None:
    assert listed(succeeded(place.program("ganzoo", "list", "--json"))) == OFFERED


def test_plugins_shows_it(place: Installation) -> None:
    found = {entry["package"]: entry for entry in json.loads(place.did("plugins", "--json"))}
    assert set(found) == {"ganzoo", PACKAGE}
    assert set(found[PACKAGE]["provides"]) == {f"{kind} {name}" for kind, name in OFFERED}
    assert found[PACKAGE]["cause"] == ""


@pytest.mark.parametrize(("name", "options"), [("spirals", ("arms", "turn")), ("gate", ("ceiling", "deviation"))])
def test_info_shows_its_options(place: Installation, name: str, options: tuple[str, ...]) -> None:
    shown = place.did("info", name)
    assert PACKAGE in shown
    assert all(f"    {option} " in shown for option in options)


def test_help_groups_its_options_under_its_name(place: Installation) -> None:
    shown = place.did("train", "spiral-gan", "--help")
    for title, flags in (("dataset spirals", ("size", "arms", "rings")), ("conditioner gate", ("ceiling",))):
        (group,) = re.findall(rf"^{title} \({PACKAGE} .+\):\n((?:  .*\n)+)", shown, re.MULTILINE)
        assert all(f"--{title.split()[0]}-{flag} " in group for flag in flags)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("spiral-gna",), "spiral-gan"),
        (("cgan", "--dataset", "spiral"), "spirals"),
        (("cgan", "--conditioner", "gaet"), "gate"),
        (("spiral-gan", "--dataset-amrs", "2"), "--dataset-arms"),
        (("spiral-gan", "--conditioner-cieling", "2"), "--conditioner-ceiling"),
    ],
)
def test_a_typo_suggests_the_nearest(place: Installation, words: tuple[str, ...], meant: str) -> None:
    done = place.ganzoo("train", *words)
    assert done.returncode == 2
    assert f"did you mean {meant!r}?" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--dataset-arms", "2,2"), "must name each number once"),
        (("--conditioner-ceiling", "1"), "must be at least 1.1"),
        (("--dataset-turn", "left"), "must be one of clockwise, anticlockwise, both"),
        (("--dataset", "shapes", "--dataset-condition", "none"), "needs a condition in the data"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_runs(
    place: Installation, words: tuple[str, ...], reason: str
) -> None:
    done = place.ganzoo("train", "spiral-gan", *words)
    assert done.returncode == 2
    assert reason in done.stderr
    assert not (place.folder / "runs").exists()


# Training and sampling


TRAINED = ["train", "spiral-gan", "--steps", "20", "--out", "spirals"]
MIXED = ["train", "cgan", "--conditioner", "gate", "--dataset", "spirals", "--steps", "2", "--out", "mixed-cgan"]


@pytest.fixture(scope="module")
def runs(place: Installation) -> Path:
    """The folder of two short trainings: all parts of the example, and some of them in a variant of ganzoo."""
    code = "import ganzoo.cli, sys; sys.exit(any(ganzoo.cli.run(line.split()) for line in sys.argv[1:]))"
    place.did(*(" ".join([*line, *QUICK]) for line in (TRAINED, MIXED)), code=code)
    return place.folder


@pytest.fixture(scope="module")
def trained(runs: Path) -> Path:
    """The model of a training, alone in a folder elsewhere."""
    elsewhere = runs / "elsewhere"
    elsewhere.mkdir()
    return Path(shutil.copy(runs / "spirals" / "model.safetensors", elsewhere / "mine.safetensors"))


def assert_mixed(config: Path) -> None:
    header = json.loads(config.read_text(encoding="utf-8"))
    assert header["parts"]["generator-conditioner"]["package"] == PACKAGE
    assert header["parts"]["generator"]["package"] == "ganzoo"


def test_its_parts_mix_with_those_built_in(runs: Path) -> None:
    assert_mixed(runs / "mixed-cgan" / "config.json")


@pytest.mark.long
def test_its_parts_mix_with_those_of_dcgan(place: Installation) -> None:
    words = ("train", "dcgan", "--conditioner", "gate", "--steps", "2", "--out", "mixed-dcgan", *QUICK[:2])
    place.did(*words)
    assert_mixed(place.folder / "mixed-dcgan" / "config.json")


def test_its_model_samples_elsewhere(place: Installation, trained: Path) -> None:
    place.did("sample", trained, "--label", "5-arm", "--count", "3", "--out", "five.png")
    assert (place.folder / "five.png").stat().st_size > 0


@pytest.fixture
def uninstalled(place: Installation, trained: Path) -> Iterator[Installation]:
    place.pip("uninstall", "--yes", "--quiet", PACKAGE)
    yield place
    place.install(EXAMPLE)


def test_without_it_its_model_names_what_is_missing(uninstalled: Installation, trained: Path) -> None:
    assert_missed(uninstalled.ganzoo("sample", trained))
    assert listed(uninstalled.did("list", "--json")) == set()


def test_where_it_is_not_allowed_its_model_names_what_is_missing(place: Installation, trained: Path) -> None:
    assert_missed(place.ganzoo("sample", trained, GANZOO_PLUGINS="ganzoo"))
    assert listed(place.ganzoo("list", "--json", GANZOO_PLUGINS="ganzoo").stdout) == set()


def assert_missed(done: Done) -> None:
    assert done.returncode == 2
    assert f"'{PACKAGE}'" in done.stderr
    assert "needed and not installed" in done.stderr
    assert len(done.stderr.splitlines()) == 1


# The guide


def marked(mark: str) -> list[tuple[str, str]]:
    """The blocks of the guide under a comment ``<!-- mark: name -->``, with the name."""
    return re.findall(rf"<!-- {mark}: ([^\n]+) -->\n```\w+\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("name", "block"), marked("from"))
def test_the_guide_quotes_the_example(name: str, block: str) -> None:
    file = EXAMPLE / name if (EXAMPLE / name).exists() else ROOT / name
    assert block in file.read_text(encoding="utf-8")


def test_the_plugin_in_the_guide_is_whole(place: Installation) -> None:
    folder = place.folder / "ganzoo-margin"
    for name, block in marked("file"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(block, encoding="utf-8")
    # Beside the other two on a path of its own, so that it is gone for the tests that follow.
    place.install(folder, "--target", "margin")
    words = ("train", "cgan", "--loss", "margin", "--loss-margin", "2", "--dry-run")
    done = place.python(f"import sys; sys.path.insert(0, 'margin'); {PROGRAM}", *words)
    assert (done.returncode, done.stderr.splitlines()[0]) == (0, "everything fits")


def test_the_other_examples_in_the_guide_run(place: Installation) -> None:
    plain = re.findall(r"(?<!-->\n)^```python\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    assert plain
    # One after the other in one process, each with names of its own.
    place.did(*plain, code="import sys\nfor block in sys.argv[1:]: exec(block, {})")


def test_the_guide_shows_what_a_broken_plugin_looks_like(place: Installation) -> None:
    about = place.folder / "broken" / "ganzoo_broken-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: ganzoo-broken\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("[ganzoo]\nbroken = ganzoo_broken\n", encoding="utf-8")
    ((command, shown),) = marked("output")
    done = place.program(*command.split(), PYTHONPATH="broken")
    assert shown.strip() in done.stdout.splitlines()


def test_the_guide_names_every_kind() -> None:
    assert [kind for kind in KINDS if f"`{kind}`" not in GUIDE and kind != "variant"] == []


# The parts themselves


@pytest.fixture
def spirals(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example's module of the dataset; its options are there too."""
    monkeypatch.syspath_prepend(EXAMPLE)
    return importlib.import_module("ganzoo_spirals.spirals")


def arms_seen(images: Tensor, among: tuple[int, ...], rings: float) -> Tensor:
    """Return which of ``among`` best explains each picture (B, 1, S, S): the index, by correlation with ideal waves."""
    line = torch.linspace(-0.5, 0.5, images.shape[-1])
    distance = torch.hypot(line, line[:, None])
    angle = torch.atan2(line[:, None], line)
    disc = (distance > 0.1) & (distance < 0.43)
    waves = [torch.exp(1j * (2 * math.pi * rings * distance / 0.435 - arms * angle)) * disc for arms in among]
    return torch.stack([(images[:, 0] * wave).sum((1, 2)).abs() for wave in waves]).argmax(0)


@pytest.mark.parametrize("size", [16, 32, 65])
def test_a_spiral_has_as_many_arms_as_its_label_says(spirals: Any, size: int) -> None:
    config = spirals.SpiralsConfig(size=size, count=300)
    fields = spirals.SpiralsDataset(config, Path()).read(torch.arange(300))
    spec = config.spec(Path())
    assert fields["image"].dtype == torch.uint8
    assert fields["image"].shape == (300, *spec.fields["image"].shape)
    assert fields["label"].bincount().tolist() == [75] * 4
    seen = arms_seen(fields["image"].float() - 64, config.arms, config.rings)
    assert (seen == fields["label"]).float().mean() > 0.99


def test_seed_and_index_alone_determine_a_spiral(spirals: Any) -> None:
    def read(indices: list[int], seed: int = 0) -> Tensor:
        config = spirals.SpiralsConfig(turn="both", seed=seed)
        image: Tensor = spirals.SpiralsDataset(config, Path()).read(torch.tensor(indices))["image"]
        return image

    some = [1500, 3, 3, 19_999]
    assert torch.equal(read(list(range(20_000)))[some], read(some))
    assert not torch.equal(read(some), read(some, seed=1))
    assert len(read(list(range(1000))).flatten(1).unique(dim=0)) == 1000


def test_a_spiral_turns_as_it_is_told(spirals: Any) -> None:
    shares = {}
    for turn in ("clockwise", "anticlockwise", "both"):
        config = spirals.SpiralsConfig(arms=(3,), turn=turn, count=1000)
        images = spirals.SpiralsDataset(config, Path()).read(torch.arange(1000))["image"].float()
        # Seen in a mirror an arm turns the other way: a wave of -3 arms.
        shares[turn] = float((arms_seen(images, (3, -3), config.rings) == 0).float().mean())
    assert shares["clockwise"] == 1
    assert shares["anticlockwise"] == 0
    assert 0.45 < shares["both"] < 0.55


@pytest.mark.parametrize("shape", [(6,), (6, 4, 4)])
@pytest.mark.parametrize("condition", [Field("class", classes=3), Field("vector", (5,))], ids=lambda field: field.kind)
@pytest.mark.parametrize("ceiling", [1.5, 2.0, 8.0])
def test_a_gate_multiplies_by_up_to_its_ceiling(
    spirals: Any, shape: tuple[int, ...], condition: Field, ceiling: float
) -> None:
    module = importlib.import_module("ganzoo_spirals.gate")
    asked = torch.arange(2) if condition.kind == "class" else torch.randn(2, 5)
    x = torch.randn(2, *shape)
    wild = module.Gate(module.GateConfig(ceiling=ceiling, deviation=100.0), shape, condition)
    assert wild.out_shape == shape
    gain = wild(x, asked) / x
    assert gain.min() >= 0
    assert ceiling / 2 < gain.max() <= ceiling * 1.001
    even = module.Gate(module.GateConfig(ceiling=ceiling, deviation=0.0), shape, condition)
    torch.testing.assert_close(even(x, asked), x)


@pytest.mark.long
def test_spiral_gan_draws_as_many_arms_as_it_is_told(place: Installation, spirals: Any) -> None:
    place.did("train", "spiral-gan", "--out", "whole")
    place.did("sample", "whole", "--count", "400", "--out", "whole.npz")
    import numpy as np

    made = np.load(place.folder / "whole.npz")
    config = spirals.SpiralsConfig()
    seen = arms_seen(torch.from_numpy(made["images"])[:, None].float(), config.arms, config.rings)
    assert (seen == torch.from_numpy(made["labels"])).float().mean() > 0.9
