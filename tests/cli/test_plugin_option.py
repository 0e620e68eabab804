"""``--plugin FILE.py``: anywhere on the line of every command, for that line alone, and named when it is missing."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from ganzoo.catalogue import installed
from ganzoo.cli import main
from ganzoo.cli.plugin_option import without_plugins
from ganzoo.testing.command_lines import document, ganzoo, lacks, problem, problems
from ganzoo.testing.plugin_files import COMMAND, DATASET, LOSS, OBSERVER, VARIANT, write_plugin

SMALL = ("--steps", "2", "--batch-size", "8", "--dataset-size", "8", "--device", "cpu")


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a plugin file in the working folder, with a loss and a variant."""
    monkeypatch.chdir(tmp_path)
    return write_plugin(tmp_path / "my_gan.py", VARIANT).name


# Where it stands

LINES = (
    "list loss",
    "list --json",
    "info soft",
    "info mine --json",
    "plugins",
    "train mine --dry-run",
    "train gan --loss soft --loss-scale 2 --dry-run",
    "train gan --loss soft --help",
    "convert x --variant mine --loss-scale 2 --help",
    "bench --help",
    "doctor --help",
    "evaluate --help",
    "--help",
)


@pytest.mark.parametrize("line", LINES)
def test_every_command_takes_it_anywhere(line: str, mine: str) -> None:
    words = line.split()
    answers = [
        ganzoo(*words[:place], *option, *words[place:])
        for place in {0, 1, len(words)}
        for option in (("--plugin", mine), (f"--plugin={mine}",))
    ]
    assert {answer.status for answer in answers} == {0}, answers
    assert len({answer.out for answer in answers}) == 1
    assert "soft" not in installed().names("loss")


def test_it_may_be_repeated(mine: str, tmp_path: Path) -> None:
    write_plugin(tmp_path / "noise.py", DATASET)
    words = ("--plugin", mine, "train", "mine", "--plugin=noise.py", "--dataset", "noise", "--plugin", mine)
    assert ganzoo(*words, "--dry-run").status == 0


def test_it_holds_for_one_line_alone(mine: str) -> None:
    assert ganzoo("info", "soft", "--plugin", mine).status == 0
    assert "nothing is called 'soft'" in problem("info", "soft")


def test_a_sound_line_changes_no_other_plugin(mine: str) -> None:
    told = [plugin for plugin in document("plugins", "--plugin", mine) if not plugin["file"]]
    assert told == document("plugins")


@pytest.mark.parametrize("words", [("list", "--plugin"), ("--plugin", "--json", "list"), ("list", "--plugin=")])
def test_a_missing_file_name_is_told(words: tuple[str, ...]) -> None:
    assert lacks(problem(*words), ("'--plugin' needs", "FILE.py")) == []


def test_after_two_dashes_it_is_a_plain_word() -> None:
    assert "nothing is called '--plugin'" in problem("info", "--", "--plugin")


def test_words_by_chance_lose_the_option_and_nothing_else() -> None:
    chance = random.Random(0)
    for _ in range(500):
        words = [chance.choice(["train", "--loss", "x", "--out=a", "-h", "é", ""]) for _ in range(chance.randrange(6))]
        files = [chance.choice(["a.py", "b c.py", "é.py"]) for _ in range(chance.randrange(3))]
        line = [[word] for word in words]
        for file in files:
            line.insert(chance.randrange(len(line) + 1), chance.choice([["--plugin", file], [f"--plugin={file}"]]))
        rest, found = without_plugins([word for piece in line for word in piece])
        assert (rest, sorted(found)) == (words, sorted(files))


# What goes wrong


@pytest.mark.parametrize("line", ["list --plugn my_gan.py", "train gan --plugn my_gan.py", "--plug my_gan.py list"])
def test_a_misspelt_option_suggests_it(line: str) -> None:
    assert "did you mean '--plugin'?" in problem(*line.split())


def test_a_broken_file_ends_every_command(mine: str, tmp_path: Path) -> None:
    write_plugin(tmp_path / "broken.py", "x = 1\nx.y\n")
    for words in (("list",), ("--help",), ("train", "gan"), ("sample", "nowhere"), (), ("nonsense",)):
        said = problem(*words, "--plugin", "broken.py")
        assert lacks(said, ("the plugin file broken.py", "line 2: AttributeError")) == []


def test_debug_shows_the_traceback(mine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_plugin(tmp_path / "broken.py", "x = 1\nx.y\n")
    with pytest.raises(SystemExit) as caught:
        main(["list", "--plugin", "broken.py", "--debug"])
    assert caught.value.code == 2
    assert lacks(capsys.readouterr().err, ("Traceback", 'broken.py", line 2', "x.y")) == []


@pytest.mark.parametrize(
    "code",
    [
        "print('\\x1b[31m')\nraise SystemExit('\\x1b[31m')",
        "import sys\nsys.exit(0)",
        "import sys\nsys.argv.clear()\nsys.stdout = None\nraise KeyboardInterrupt",
        "import os\nos.chdir('/')\nraise OSError",
        "def f():\n    f()\nf()",
        LOSS
        + "@hookimpl\ndef ganzoo_variants():\n"
        + "    while True:\n        yield Variant(name='v', summary='s', recipe='r')",
    ],
)
def test_a_hostile_file_is_told_in_a_sentence(code: str, tmp_path: Path) -> None:
    here = Path.cwd()
    path = write_plugin(tmp_path / "hostile.py", code)
    done = subprocess.run(
        [sys.executable, "-m", "ganzoo", "list", "--plugin", path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert lacks(done.stderr.splitlines()[-1], ("ganzoo: the plugin file hostile.py cannot be used: ",)) == []
    assert Path.cwd() == here


def test_a_part_from_a_file_that_fails_is_named_by_its_file(mine: str, tmp_path: Path) -> None:
    write_plugin(tmp_path / "odd.py", LOSS.replace("softplus(-fake)", "fake.nonsense"))
    said = problem("train", "gan", "--loss", "soft", "--plugin", "odd.py", "--dry-run")
    assert lacks(said, ("loss 'soft'", "odd.py", "nonsense")) == []


def test_a_target_of_another_class_is_named(mine: str, tmp_path: Path) -> None:
    write_plugin(tmp_path / "odd.py", LOSS.replace("class Soft(Loss)", "class Soft"))
    said = problem("train", "gan", "--loss", "soft", "--plugin", "odd.py", "--dry-run")
    assert lacks(said, ("loss 'soft' of odd.py", "Soft is not a subclass of Loss")) == []


# What is shown


def test_plugins_shows_the_path_and_what_takes_long(tmp_path: Path) -> None:
    """In a process of its own, for this one has torch already."""
    light = write_plugin(tmp_path / "light.py", COMMAND)
    heavy = write_plugin(tmp_path / "heavy.py", "import torch\n" + LOSS)
    words = [sys.executable, "-m", "ganzoo", "plugins", "--plugin", light, "--plugin", heavy]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-2:] == [
        f"light\t{light}\tcommand 1",
        f"heavy\t{heavy}\tloss 1; imports torch: listing takes longer",
    ]


def test_plugins_tells_programs_the_same(mine: str, tmp_path: Path) -> None:
    (told,) = [plugin for plugin in document("plugins", "--plugin", mine) if plugin["plugin"] == "my_gan"]
    assert told["file"] == str(tmp_path / mine)
    assert (told["package"], told["provides"], told["cause"]) == ("local", ["loss soft", "variant mine"], "")


def test_the_allow_list_neither_loads_nor_forbids_a_file(tmp_path: Path) -> None:
    path = write_plugin(tmp_path / "my_gan.py", COMMAND)

    def ganzoo_allowing(allowed: str, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "GANZOO_PLUGINS": allowed}
        line = [sys.executable, "-m", "ganzoo", *words]
        return subprocess.run(line, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)

    assert ganzoo_allowing("ganzoo", "hello", "--plugin", str(path)).stdout == "hello\n"
    assert ganzoo_allowing("my_gan,my_gan.py,local", "hello").returncode == 2


def test_list_tells_programs_the_file(mine: str) -> None:
    (told,) = [entry for entry in document("list", "--plugin", mine) if entry["name"] == "soft"]
    assert (told["package"], told["file"]) == ("local", mine)
    (told,) = document("info", "soft", "--plugin", mine)
    assert told["file"] == mine


def test_help_groups_name_the_file(mine: str) -> None:
    shown = ganzoo("train", "mine", "--help", "--plugin", mine).out
    assert lacks(shown, ("soft (my_gan.py)", "loss soft (my_gan.py):", "--loss-scale")) == []


# What was trained with it


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, whose loss, variant and observer are from files, and with what it said."""
    folder = tmp_path_factory.mktemp("trained")
    write_plugin(folder / "my_gan.py", VARIANT)
    write_plugin(folder / "notes.py", OBSERVER)
    files = ("--plugin", "my_gan.py", "--plugin", "notes.py")
    with contextlib.chdir(folder):
        answer = ganzoo(*files, "train", "mine", *SMALL, "--out", "run", "--observer", "notes")
    assert answer.status == 0, answer
    (folder / "said").write_text(answer.err, encoding="utf-8")
    return folder


@pytest.fixture
def run(trained: Path, mine: str, tmp_path: Path) -> Path:
    """That run, of which a test may change all, beside the files in the working folder."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    return tmp_path / "run"


def test_the_command_that_samples_names_the_files(run: Path) -> None:
    lines = (run.parent / "said").read_text(encoding="utf-8").splitlines()
    sampled = next(line for line in lines if line.startswith("sample it: "))
    words = shlex.split(sampled.removeprefix("sample it: "))
    assert words[:3] == ["ganzoo", "sample", "run"]
    assert words.count("--plugin") == 2
    assert ganzoo(*words[1:]).status == 0


def test_a_run_records_the_name_of_the_file_and_not_its_place(run: Path, trained: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    assert config["variant_file"] == config["parts"]["loss"]["file"] == "my_gan.py"
    assert config["observers"]["notes"]["file"] == "notes.py"
    assert config["parts"]["loss"]["package"] == "local"
    assert "file" not in config["parts"]["generator"]
    place = str(trained / "my_gan.py")
    assert place not in (run / "config.json").read_text(encoding="utf-8")
    assert place.encode() not in (run / "model.safetensors").read_bytes()


def test_what_was_trained_works_with_the_file_and_asks_for_it(run: Path) -> None:
    config = str(run / "config.json")
    files = ("--plugin", "my_gan.py", "--plugin", "notes.py")
    asks = "came from the file my_gan.py: give it with --plugin FILE.py"
    lines: dict[tuple[str, ...], str] = {
        ("train", "--config", config, "--dry-run"): "variant 'mine'",
        ("train", "--config", config, "--out", "run", "--resume"): "variant 'mine'",
        ("sample", "run"): "loss 'soft'",
        ("evaluate", "run", "--metric", "kernel", "--judge", "plain", "--samples", "50"): "loss 'soft'",
    }
    for words, what in lines.items():
        assert f"{what} {asks}" in problem(*words)
        assert ganzoo(*words, *files).status == 0, words


def test_every_missing_part_is_told_at_once(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    del config["variant_file"]
    (run.parent / "gan.json").write_text(json.dumps(config | {"variant": "gan"}))
    assert problems(ganzoo("train", "--config", "gan.json", "--dry-run")) == [
        "loss 'soft' came from the file my_gan.py: give it with --plugin FILE.py",
        "observer 'notes' came from the file notes.py: give it with --plugin FILE.py",
    ]


@pytest.mark.parametrize("name", ["\x1b[31m", "a\nb.py", "x" * 5000, "$(touch evil).py", 7, None, ["a"]])
def test_the_name_in_a_config_is_text_and_no_more(name: object, run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    config["variant_file"] = name
    (run.parent / "odd.json").write_text(json.dumps(config))
    said = problem("train", "--config", "odd.json", "--dry-run")
    assert said.isprintable()
    assert len(said) < 600
    assert "'mine'" in said


def test_nothing_that_is_read_loads_a_file(run: Path, tmp_path: Path) -> None:
    """Even where the file stands in the working folder, and its module would be found by its name."""
    touch = f"from pathlib import Path\nPath({str(tmp_path / 'touched')!r}).touch()\n"
    write_plugin(tmp_path / "my_gan.py", touch + VARIANT)
    for words in (("sample", "run"), ("train", "--config", "run/config.json"), ("evaluate", "run")):
        assert ganzoo(*words).status == 2
    assert not (tmp_path / "touched").exists()


def test_a_stopped_training_says_how_to_go_on_with_the_file(
    mine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import signal\n" + OBSERVER.replace(
        'self.note(f"reported', 'signal.raise_signal(signal.SIGINT)\n        self.note(f"reported'
    )
    write_plugin(tmp_path / "notes.py", code)
    words = ("train", "mine", *SMALL, "--log-every", "1", "--out", "run", "--observer", "notes")
    answer = ganzoo(*words, "--plugin", mine, "--plugin", "notes.py")
    assert answer.status == 130
    (again,) = [line for line in answer.err.splitlines() if "--resume" in line]
    write_plugin(tmp_path / "notes.py", OBSERVER)
    done = ganzoo(*shlex.split(again)[1:])
    assert done.status == 0, done
    assert "continuing from the checkpoint of step 1" in done.err


# Other processes and the compiler


@pytest.mark.parametrize("method", [pytest.param("fork", marks=pytest.mark.long), "spawn"])
def test_workers_read_a_dataset_from_a_file(method: str, tmp_path: Path) -> None:
    write_plugin(tmp_path / "noise.py", DATASET)
    line = "train gan --plugin noise.py --dataset noise --steps 2 --batch-size 8 --data-budget 0 --workers 1 --out run"
    script = (
        "import multiprocessing, ganzoo.cli\n"
        "if __name__ == '__main__':\n"
        f"    multiprocessing.set_start_method({method!r})\n"
        f"    raise SystemExit(ganzoo.cli.run({line.split()!r}))\n"
    )
    (tmp_path / "start.py").write_text(script)
    done = subprocess.run([sys.executable, "start.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "from stream" in done.stderr


@pytest.mark.long
def test_a_loss_from_a_file_is_compiled(mine: str) -> None:
    answer = ganzoo("train", "mine", *SMALL, "--execution", "compile", "--plugin", mine, "--out", "run")
    assert answer.status == 0, answer


def test_several_processes_take_the_file(mine: str, tmp_path: Path) -> None:
    from ganzoo.testing.processes import forked_group

    words = ["train", "mine", *SMALL, "--plugin", str(tmp_path / mine), "--out", str(tmp_path / "run")]
    processes = forked_group(words, tmp_path / "log", 2)
    assert [process.wait() for process in processes] == [0, 0], (tmp_path / "log").read_text()


def test_the_option_stands_in_the_help_text() -> None:
    assert lacks(ganzoo("--help").out, ("--plugin FILE.py", "anywhere on the line")) == []


def test_a_target_may_be_a_callable_without_a_name(mine: str, tmp_path: Path) -> None:
    code = """
import functools, torch
from ganzoo.plugin import *
def make(config, parameters, lr):
    return torch.optim.SGD(parameters, lr=lr)
def fail(config, parameters):
    raise LookupError("no slope")
@hookimpl
def ganzoo_components():
    for name, target in (("half", functools.partial(make, lr=0.5)), ("lost", functools.partial(fail))):
        yield Component(kind="optimizer", name=name, summary="partial", target=target)
"""
    write_plugin(tmp_path / "partial.py", code)
    words = ("train", "gan", "--plugin", "partial.py", *SMALL, "--optimizer")
    assert ganzoo(*words, "half", "--dry-run").status == 0
    assert "optimizer 'lost' (slot discriminator-optimizer) of partial.py fails: no slope" in problem(*words, "lost")


@pytest.mark.parametrize("file", sorted((Path(__file__).parents[2] / "examples").glob("*.py")), ids=lambda p: p.stem)
def test_the_examples_in_one_file_train(file: Path, tmp_path: Path) -> None:
    run, variant = str(tmp_path / "run"), re.findall(r"train (my-[\w-]+)", file.read_text(encoding="utf-8"))[0]
    small = ("--steps", "2", "--batch-size", "4", "--device", "cpu", "--out", run)
    answer = ganzoo("--plugin", str(file), "train", variant, *small)
    assert answer.status == 0
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_the_example_of_images_makes_them_from_pictures_of_the_user(tmp_path: Path) -> None:
    file = Path(__file__).parents[2] / "examples" / "image_to_image.py"
    run, pictures = str(tmp_path / "run"), tmp_path / "pictures"
    small = ("--steps", "1", "--batch-size", "4", "--device", "cpu", "--out", run)
    trained = ganzoo("--plugin", str(file), "train", "my-pix2pix", *small)
    assert "sample it with --input" in trained.err
    pictures.mkdir()
    Image.new("RGB", (20, 30), (250, 0, 0)).save(pictures / "photo.jpg")
    Image.new("RGBA", (16, 16), (0, 0, 0, 0)).save(pictures / "sprite.png")
    Image.new("I;16", (40, 16), 3000).save(pictures / "scan.tif")
    words = ("sample", run, "--plugin", str(file), "--out")
    answer = ganzoo(*words, tmp_path / "made", "--input", pictures)
    assert (answer.status, answer.err.splitlines()[-1]) == (0, f"3 samples: {tmp_path / 'made'}")
    assert {Image.open(made).size for made in (tmp_path / "made").glob("*.png")} == {(16, 16)}
    assert "give --input FILE or FOLDER instead of --label" in problem(*words, tmp_path / "a.png", "--label", "3")
    assert "needs an image: --input FILE or FOLDER" in problem(*words, tmp_path / "a.png")


def test_a_flag_of_several_parts_is_given_once(tmp_path: Path) -> None:
    answer = ganzoo("train", "gan", "--penalty", "r1", "--penalty", "r2", "--dry-run")
    assert answer.status == 2
    assert "--penalty is given 2 times: write --penalty r1,r2" in answer.err
