"""Any command line at all is answered: with an answer, or with words about what is wrong; never with a traceback."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from ganzoo.catalogue import KINDS, Component, installed, select
from ganzoo.catalogue.options import Option, options_of
from ganzoo.cli import cli, run
from ganzoo.testing.plugin_files import OBSERVER, write_plugin
from ganzoo.testing.recorded_runs import recorded_run
from ganzoo_datasets import stand_ins

ENTRIES = list(installed())
VARIANTS = installed().names("variant")
SLOTS = {slot.name: slot.kind for slot in installed().component("recipe", "adversarial").slots}
SETTINGS = options_of(type(select(installed(), "cgan").run))
PARTS = [(e.item.kind, o) for e in ENTRIES if isinstance(e.item, Component) for o in options_of(e.item.config)]
FIXED = {name: [flag for param in command.params for flag in param.opts] for name, command in cli.commands.items()}

NUMBERS = ("0", "1", "2", "8", "16", "28", "32", "64", "100", "0.5", "0.9", "1e-3", "-1", "1.5")
HOSTILE = (
    *("", " ", "-", "--", "-x", "--nonsense", "=", "==", "-=", "--=", "---", "@file", "@some.json", "*", "~", "$HOME"),
    *("é", "日本語", "١٢", "Ⅷ", "\u202egnp.exe", "\u200b", "\udcff", "a b", "two\nlines", "tab\there", "\r", "\x07"),
    *("%s", "%d", "%n", "{x}", "{0}", "{", "}", "[red]", "[/red]", "[link=x]", "\x1b[31mred", "\x1b]0;title\x07"),
    *("\x9b31m", "x" * 300, "x/" * 3000, "/dev/zero/x", "١" * 300),
    *("nan", "inf", "-inf", "1e999", "-1e999", "1e-999", "0x10", "1_000", "1e3", "9" * 30, "9" * 5000, "-" + "9" * 400),
    *(".", "..", "/", "//", "/dev/null", "/proc/self/mem", "/etc/passwd", "nowhere", "nowhere/deep/x"),
    *("some.json", "junk.json", "list.json", "cgan.json", "broken.safetensors", "full", "empty"),
    *("none", "true", "yes", "auto", "default", "all", "None", "null", "[]", "{}", "()", "1,2", ",", ",,,", "8,", ",8"),
    *("os:system", "torch.nn:Linear", "ganzoo_gan.mlp:Mlp", "__class__", "__import__('os')", "../../x", "lambda: 0"),
    *("; rm -rf x", "$(touch evil)", "`touch evil`", "| cat", "<a>", "&", "'", '"', "\\", "\\x00", "#", "!", "?"),
)  # fmt: skip

WRITING = ("train", "sample", "report", "walk", "edit", "export", "translate")


@dataclass(frozen=True)
class Generator:
    """Makes command lines by chance: real words and damaged ones, in orders that are right and wrong."""

    chance: random.Random

    def line(self) -> list[str]:
        """Return the words of one command line that does not take long."""
        makers = (self._dry, self._dry, self._dry, self._dry, self._wet, self._small, self._small)
        words = self.chance.choice(
            (
                *makers,
                self._sample,
                self._translate,
                self._walk,
                self._edit,
                self._export,
                self._evaluate,
                self._bench,
                self._explore,
                self._study,
                self._check,
                self._of_runs,
                self._odd,
            )
        )()
        return self._with_plugin(words) if words and self.chance.random() < 0.15 else words

    def _with_plugin(self, words: list[str]) -> list[str]:
        """The same with a plugin file anywhere on the line, mostly one that is sound."""
        place = self.chance.randrange(len(words) + 1)
        file = self.chance.choice(("mine.py", "mine.py", "mine.py", "broken.py", self._value()))
        given = self.chance.choice((["--plugin", file], [f"--plugin={file}"]))
        return [*words[:place], *given, *words[place:]]

    def _dry(self) -> list[str]:
        """A training that is only checked, with whatever options."""
        words = self._mixed(self._choice, self._option, self._option, self._word, most=5)
        variant = [self.chance.choice(VARIANTS)] if self.chance.random() < 0.9 else []
        return ["train", "--dry-run", *self._shuffled(variant, words), *self._sometimes("--help")]

    def _wet(self) -> list[str]:
        """A training that may come to pass, of a step or two; only its places and a part are chosen by chance."""
        odd = [f"--{name}" for name in ("out", "data-root", "config", "preset", "seed", "precision", "ema", "metric")]
        chosen = [word for _ in range(2) for word in (self.chance.choice(odd), self._value())]
        bounds = ["--steps", "1", "--batch-size", "2", "--sample-every", "9", "--checkpoint-every", "9"]
        return ["train", self.chance.choice(("gan-minimal", "cgan")), *chosen, *bounds, *self._sometimes("--resume")]

    def _small(self) -> list[str]:
        command = self.chance.choice(("list", "info", "plugins", "doctor"))
        return [
            command,
            *self._mixed(self._word, self._word, lambda: [self.chance.choice(("--json", *FIXED[command]))], most=2),
        ]

    def _sample(self) -> list[str]:
        model = self.chance.choice(("run", "run/model.safetensors", self._value()))
        return ["sample", model, *self._mixed(lambda: self._fixed("sample"), self._word, most=3)]

    def _walk(self) -> list[str]:
        model = self.chance.choice(("run", "run/model.safetensors", self._value()))
        path = self.chance.choice(([], ["--dimension", "3"], ["--labels", "1", self._value()], ["--direction", "0"]))
        words = self._mixed(lambda: self._fixed("walk"), self._word, most=2)
        return ["walk", model, *path, *words, "--frames", "2", "--count", "2"]

    def _edit(self) -> list[str]:
        model = self.chance.choice(("run", "run/model.safetensors", self._value()))
        words = self._mixed(lambda: self._fixed("edit"), self._word, most=2)
        return ["edit", model, self.chance.choice(("image.png", self._value())), *words, "--iterations", "1"]

    def _export(self) -> list[str]:
        """An export that is asked wrongly, or of a folder, which is quick."""
        model = self.chance.choice(("run", "run/model.safetensors", self._value()))
        words = self._mixed(lambda: self._fixed("export"), self._word, most=2)
        return ["export", model, *words, "--format", self.chance.choice(("hf", "pt3"))]

    def _translate(self) -> list[str]:
        """Mostly with a model that makes images from images, of a picture that may be none."""
        model = self.chance.choice(("translator", "translator", "run", self._value()))
        given = self.chance.choice(("picture.png", "picture.png", "full", self._value()))
        words = self._mixed(lambda: self._fixed("translate"), self._word, most=3)
        return ["translate", model, given, *words, "--count", "1"]

    def _evaluate(self) -> list[str]:
        model = self.chance.choice(("run", "run/model.safetensors", self._value()))
        words = self._mixed(lambda: self._fixed("evaluate"), self._option, self._word, most=3)
        return ["evaluate", model, *words, "--samples", "50", "--metric", "kernel", "--judge", "plain"]

    def _of_runs(self) -> list[str]:
        """A page or a table of runs, which are whole, damaged and none."""
        command = self.chance.choice(("report", "compare"))
        runs = [
            self.chance.choice(("run", "damaged", "damaged", self._value())) for _ in range(self.chance.randint(0, 3))
        ]
        return [command, *runs, *self._mixed(lambda: self._fixed(command), self._word, most=2)]

    def _bench(self) -> list[str]:
        """What is asked of a measurement, which takes too long to come to pass."""
        words = self._mixed(lambda: self._fixed("bench"), self._word, most=3)
        return ["bench", *words, "--device", self.chance.choice(("nowhere", "cuda", "mps"))]

    def _study(self) -> list[str]:
        """A study of whatever is on data that does not exist, so that it never comes to pass."""
        words = self._mixed(lambda: self._fixed("study"), self._choice, self._option, self._word, most=4)
        return ["study", self.chance.choice(VARIANTS), *words, "--dataset", "nowhere"]

    def _explore(self) -> list[str]:
        """A page of whatever holds no model and no run, as a page would be served without end."""
        path = self.chance.choice(("nowhere", "empty", "full", "junk.json", "broken.safetensors"))
        words = self._mixed(lambda: self._fixed("explore"), lambda: ["--help"], most=2)
        return ["explore", path, *words]

    def _check(self) -> list[str]:
        """A check of data that is there, or of whatever is named."""
        name = self.chance.choice(("mnist", "digits", "ring", "folder", self._value()))
        options = self._mixed(lambda: self._fixed("check-data"), self._option, self._word, most=2)
        return ["check-data", name, *options, *self._sometimes("--json")]

    def _odd(self) -> list[str]:
        line = self._mixed(self._word, most=3)
        return line if not {"train", "study", "bench", "evaluate", "explore"} & set(line) else ["--help", *line]

    def _choice(self) -> list[str]:
        """A part for a slot or a kind, mostly one that there is."""
        slot, kind = self.chance.choice([*SLOTS.items(), *((kind, kind) for kind in SLOTS.values())])
        name = self.chance.choice(installed().names(kind)) if self.chance.random() < 0.85 else self._value()
        return self._given(f"--{slot}", name)

    def _option(self) -> list[str]:
        if self.chance.random() < 0.05:
            return self._given(self.chance.choice(("--observer", "--observer-notes-fail")), self._observers())
        if self.chance.random() < 0.5:
            option = self.chance.choice(SETTINGS)
            return self._typed(f"--{option.flag}", option)
        kind, option = self.chance.choice(PARTS)
        return self._typed(f"--{kind}-{option.flag}", option)

    def _observers(self) -> str:
        return self.chance.choice(("tensorboard", "notes", "tensorboard,notes", "none", self._value()))

    def _typed(self, flag: str, option: Option) -> list[str]:
        if option.type is bool:
            return [self.chance.choice((flag, flag.replace("--", "--no-", 1)))]
        sound = self.chance.random() < 0.6
        values = option.choices or NUMBERS
        value = self.chance.choice(values) if sound else self._value()
        return self._given(flag, f"{value},{value}" if sound and "," in option.metavar else value)

    def _fixed(self, command: str) -> list[str]:
        return self._given(self.chance.choice(FIXED[command]), self._value())

    def _given(self, flag: str, value: str) -> list[str]:
        flag = self._damaged(flag) if self.chance.random() < 0.08 else flag
        return [f"{flag}={value}"] if self.chance.random() < 0.3 else [flag, value]

    def _damaged(self, word: str) -> str:
        place = self.chance.randrange(len(word))
        return word[:place] + self.chance.choice(("", "x", "-", "\x1b", "=", word[place] * 2)) + word[place + 1 :]

    def _value(self) -> str:
        if self.chance.random() < 0.2:
            return "".join(chr(self.chance.choice((self.chance.randrange(1, 128), self.chance.randrange(1, 0xD800))))
                           for _ in range(self.chance.randrange(12)))  # fmt: skip
        return self.chance.choice((*NUMBERS, *HOSTILE, *HOSTILE))

    def _word(self) -> list[str]:
        names = (*KINDS, *cli.commands, *(entry.item.name for entry in ENTRIES), "--json", "--help", "--version")
        return [self.chance.choice((self.chance.choice(names), self._value()))]

    def _mixed(self, *makers: Callable[[], list[str]], most: int) -> list[str]:
        return [word for _ in range(self.chance.randint(0, most)) for word in self.chance.choice(makers)()]

    def _shuffled(self, variant: list[str], words: list[str]) -> list[str]:
        return [*words, *variant] if self.chance.random() < 0.2 else [*variant, *words]

    def _sometimes(self, word: str) -> list[str]:
        return [word] if self.chance.random() < 0.05 else []


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with a trained model, and files that are sound, damaged and none at all."""
    folder = tmp_path_factory.mktemp("lines")
    (folder / "some.json").write_text("{}")
    (folder / "list.json").write_text("[1, 2]")
    (folder / "junk.json").write_bytes(b"\xff\xfe{")
    (folder / "cgan.json").write_text(json.dumps(select(installed(), "cgan").to_json()))
    (folder / "broken.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    (folder / "empty").mkdir()
    (folder / "full").mkdir()
    (folder / "full" / "thesis.txt").write_text("years of work")
    Image.new("L", (8, 8), 100).save(folder / "image.png")
    write_plugin(folder / "mine.py", OBSERVER)
    write_plugin(folder / "broken.py", "raise SystemExit")
    stand_ins.mnist(folder / "data")
    with contextlib.chdir(folder), contextlib.redirect_stderr(io.StringIO()):
        assert run(["train", "cgan", "--steps", "1", "--batch-size", "2", "--out", "run"]) == 0
        damaged = recorded_run(folder / "damaged")
        (damaged / "config.json").write_bytes(b"{")
        (damaged / "samples" / "step-00000000.png").write_bytes(b"no picture at all")
        small = ["--generator-width", "2", "--discriminator-width", "2", "--dataset-size", "8"]
        assert run(["train", "pix2pix", *small, "--steps", "1", "--batch-size", "2", "--out", "translator"]) == 0
        Image.new("RGB", (12, 9), "red").save("picture.png")
        yield folder


def times(folder: Path) -> dict[Path, int]:
    """Return everything below ``folder`` with the time of its last change."""
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}


def refuse(words: list[str], status: int, out: str, err: str) -> None:
    """Fail where an answer is none."""
    told = ascii(words), status, err[-2000:]
    assert status in (0, 1, 2, 130), told
    assert "Traceback" not in out + err, told
    assert [line for line in (out + err).replace("\t", " ").split("\n") if not line.isprintable()] == [], told
    if status == 2 and {*words} - {"--plugin", "mine.py", "--plugin=mine.py"}:  # without a command, the help is shown
        assert err.strip(), told
        assert out == "", told
        assert err.splitlines()[-1].startswith(("ganzoo: ", "  - ")), told
    if status == 1 and words[0] != "doctor":
        assert err.splitlines()[-1].startswith("ganzoo: failed"), told


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("count", [150, pytest.param(5000, marks=pytest.mark.long)])
def test_any_command_line_is_answered(count: int, scratch: Path, record: Callable[..., None]) -> None:
    generator, statuses = Generator(random.Random(count)), dict.fromkeys((0, 1, 2, 130), 0)
    for _ in range(count):
        words = generator.line()
        out, err, before = io.StringIO(), io.StringIO(), times(scratch)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run(words)
        refuse(words, status, out.getvalue(), err.getvalue())
        statuses[status] += 1
        if "--dry-run" in words or not {"train", "sample", "report", "walk", "edit", "export", "translate"} & set(
            words[:3]
        ):
            assert times(scratch) == before, "something was written"
    assert statuses[0] > count / 20 and statuses[2] > count / 20, "neither all sound nor all damaged"
    assert not list(scratch.rglob("evil*"))
    record(promise="every argument", lines=count, statuses=statuses, tracebacks=0)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("count", [1, pytest.param(100, marks=pytest.mark.long)])
def test_any_command_line_is_answered_by_a_process(count: int, scratch: Path, record: Callable[..., None]) -> None:
    """The same through a shell's eyes: arguments as bytes, a real standard output, an exit status."""
    generator = Generator(random.Random(-count))
    for _ in range(count):
        words = generator.line()
        given = [os.fsencode(word) if word.isascii() else word.encode("utf-8", "surrogateescape") for word in words]
        done = subprocess.run([sys.executable, "-m", "ganzoo", *given], capture_output=True, check=False, timeout=300)
        out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
        refuse(words, done.returncode, out, err)
    record(promise="every argument", processes=count, tracebacks=0)
