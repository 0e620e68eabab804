"""Parts that break only when they are used: one sentence names the part and its package, and nobody else is harmed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

HEAD = """
import os, sys, threading, time
import torch
from torch import nn
from ganzoo.plugin import *
class Wild(BaseException):
    pass
class Mute(Exception):
    def __str__(self):
        raise RuntimeError
def real(x):
    return x.device.type != "meta"
"""
PENALTY = """
class Odd(Penalty):
    def __init__(self, config):
        {init}
    def forward(self, critic, real_, fake, draws):
        {call}
"""
GENERATOR = """
class Odd(Generator):
    def __init__(self, config, in_shape, out, sites):
        super().__init__()
        {init}
        self.out, self.layer = out, nn.Linear(in_shape[0], out.size)
    def forward(self, z, condition):
        made = self.layer(z).tanh().reshape(-1, *self.out.shape)
        {forward}
        return made
"""
DISCRIMINATOR = """
class Odd(Discriminator):
    def __init__(self, config, in_shape, sites):
        super().__init__()
        self.layer = nn.Linear(in_shape[0] * in_shape[1] * in_shape[2], 1)
    def forward(self, x, condition):
        {forward}
        return DiscriminatorOutput(self.layer(x.flatten(1)), x.flatten(1))
"""
LOSS = """
class Odd(Loss):
    def discriminator(self, real_, fake):
        {discriminator}
    def generator(self, fake, real_):
        {generator}
"""
SCHEDULE = """
class Odd(Schedule):
    def __init__(self, config):
        pass
    def factor(self, progress):
        {factor}
"""
LATENT = """
class Odd(Latent):
    {shape}
    def __init__(self, config):
        pass
    def draw(self, count, draws):
        return None
"""
INITIALISER = """
class Odd(Initialiser):
    def __init__(self, config):
        pass
    def __call__(self, network):
        {call}
"""
OPTIMIZER = """
class Odd(torch.optim.SGD):
    def __init__(self, config, parameters):
        super().__init__(parameters, 1.)
    def step(self):
        raise ValueError('boo')
"""
DATASET = """
class Odd(Dataset):
    def __init__(self, config, root):
        {init}
    def __len__(self):
        {length}
    def read(self, indices):
        {read}
"""
IMAGES = "return {'image': torch.zeros(len(indices), 1, 8, 8, dtype=torch.uint8)}"


def penalty(call: str = "return {'odd': fake.flatten(1).sum(1)}", init: str = "pass") -> str:
    return PENALTY.format(call=call, init=init)


def generator(forward: str = "pass", init: str = "pass") -> str:
    return GENERATOR.format(forward=forward, init=init)


def loss(discriminator: str = "return -real_ + fake", generator: str = "return -fake") -> str:
    return LOSS.format(discriminator=discriminator, generator=generator)


def dataset(read: str = IMAGES, length: str = "return 100", init: str = "pass") -> str:
    return DATASET.format(read=read, length=length, init=init)


@dataclass(frozen=True)
class Broken:
    """A part of a kind, the code of its module, words that must be told, and whether its name must be among them."""

    kind: str
    code: str
    words: tuple[str, ...] = ()
    named: bool = True


def only(words: str) -> tuple[str, ...]:
    return tuple(words.split(", "))


BROKEN: dict[str, Broken] = {
    "raises as it is imported": Broken("penalty", "raise RuntimeError('the moon is full')", only("the moon is full")),
    "exits as it is imported": Broken("penalty", "raise SystemExit(0)", only("0")),
    "raises what is no Exception as it is imported": Broken("penalty", "raise Wild('boo')", only("boo")),
    "is no Python": Broken("penalty", "def f(:\n    pass", only("invalid syntax")),
    "imports itself without end": Broken("penalty", "def f(): f()\nf()", only("recursion")),
    "is not in its module": Broken("penalty", "x = 1", only("Odd")),
    "is a function": Broken("penalty", "def Odd(config):\n    pass", only("not a subclass of Penalty")),
    "is of another kind": Broken("penalty", loss(), only("not a subclass of Penalty")),
    "is an object": Broken("penalty", penalty() + "Odd = Odd(None)", only("not a subclass of Penalty")),
    "lacks a method": Broken("penalty", "class Odd(Penalty):\n    pass", only("abstract method forward")),
    "takes other arguments": Broken("penalty", penalty().replace("config", "config, more"), only("more")),
    "raises as it is built": Broken("penalty", penalty(init="raise OSError('no licence')"), only("no licence")),
    "exits as it is built": Broken("penalty", penalty(init="sys.exit(0)"), only("0")),
    "raises what is no Exception as it is built": Broken("generator", generator(init="raise Wild('boo')"), only("boo")),
    "recurs without end as it is built": Broken("penalty", penalty(init="self.__init__(config)"), only("recursion")),
    "raises what cannot be told": Broken("penalty", penalty(init="raise Mute"), only("Mute")),
    "changes the default type of numbers as it is built": Broken(
        "generator", generator(init="torch.set_default_dtype(torch.float64)"), only("default dtype")
    ),
    "raises in the rehearsal": Broken("penalty", penalty("raise ValueError('boo')"), only("boo")),
    "raises in the rehearsal what is no Exception": Broken("penalty", penalty("raise Wild('boo')"), only("boo")),
    "exits in the rehearsal": Broken("penalty", penalty("sys.exit(0)"), only("0")),
    "returns nothing": Broken("penalty", penalty("pass"), only("must return terms by name")),
    "returns a number": Broken("penalty", penalty("return 1"), only("must return terms by name")),
    "returns text": Broken("penalty", penalty("return {'odd': 'much'}"), only("returns a str")),
    "returns a tensor": Broken("penalty", penalty("return fake.flatten(1).sum(1)"), only("must return terms by name")),
    "takes the mean itself": Broken("penalty", penalty("return {'odd': fake.sum()}"), only("one value for each")),
    "does not prepare a network": Broken(
        "generator", generator().replace("super().__init__()", "pass"), only("must begin with super().__init__()")
    ),
    "draws by itself": Broken(
        "penalty", penalty("return {'odd': (fake + torch.randn_like(fake)).flatten(1).sum(1)}"), only("draws.normal")
    ),
    "reads a number": Broken("penalty", penalty("return {'odd': fake.flatten(1).sum(1) * fake.mean().item()}"),
                             only("reads the value of a tensor")),
    "keeps a new tensor": Broken(
        "penalty",
        penalty("return {}", "self.register_buffer('k', torch.zeros(()))")
        + "    def after_update(self, means):\n        self.k = self.k + 1\n",
        only("replaces its buffer")
    ),
    "a loss takes the mean itself": Broken("loss", loss("return (fake - real_).mean()"), only("one value for each")),
    "a loss reads a number": Broken(
        "loss", loss("return fake - real_ if real_.mean() > 0 else fake"), only("reads the value of a tensor")
    ),
    "returns what is of another size": Broken("generator", generator("made = made[:, :, :2]"), only("shape")),
    "returns nothing of a network": Broken("generator", generator("return None"), only("returns a NoneType")),
    "gives no gradient": Broken("generator", generator("made = made.detach()"), only("cannot run")),
    "raises on real numbers": Broken(
        "penalty", penalty("if real(fake): raise ValueError('boo')\n        return {}"), only("failed in, boo")
    ),
    "exits on real numbers": Broken(
        "penalty", penalty("if real(fake): sys.exit(0)\n        return {}"), only("failed in, 0")
    ),
    "raises what is no Exception on real numbers": Broken(
        "generator", generator("if real(z): raise Wild('boo')"), only("failed in, boo")
    ),
    "raises what cannot be told on real numbers": Broken(
        "generator", generator("if real(z): raise Mute"), only("failed in, Mute")
    ),
    "recurs without end on real numbers": Broken(
        "generator", generator("if real(z): return self(z, condition)"), only("failed in, recursion")
    ),
    "returns another size of real numbers": Broken(
        "generator", generator("if real(z): made = made[..., :2]"), only("failed in"), named=False
    ),
    "is not a number": Broken("penalty", penalty("return {'odd': fake.flatten(1).sum(1) * float('nan')}"),
                              (), named=False),
    "makes no numbers": Broken("generator", generator("made = made * float('inf')"), (), named=False),
    "scores with no numbers": Broken(
        "discriminator", DISCRIMINATOR.format(forward="x = x / 0"), (), named=False
    ),
    "a loss returns nothing": Broken("loss", loss("return None"), only("returns a NoneType")),
    "a loss raises for one player": Broken("loss", loss(generator="raise ValueError('boo')"), only("boo")),
    "a schedule is not a number": Broken("schedule", SCHEDULE.format(factor="return float('nan')"), only("finite")),
    "a schedule returns text": Broken("schedule", SCHEDULE.format(factor="return 'slow'"), only("number")),
    "a schedule raises": Broken("schedule", SCHEDULE.format(factor="raise ValueError('boo')"), only("boo")),
    "an optimizer is none": Broken(
        "optimizer", "def Odd(config, parameters):\n    return None", only("not a torch Optimizer")
    ),
    "an optimizer raises": Broken(
        "optimizer", "def Odd(config, parameters):\n    raise ValueError('boo')", only("boo")
    ),
    "an optimizer raises as it steps": Broken("optimizer", OPTIMIZER, only("failed in, boo")),
    "a latent has no shape": Broken("latent", LATENT.format(shape="pass"), only("shape"), named=False),
    "a latent draws nothing": Broken("latent", LATENT.format(shape="shape = (3,)"), only("returns a NoneType")),
    "an initialiser raises": Broken("initialiser", INITIALISER.format(call="raise ValueError('boo')"), only("boo")),
    "an initialiser leaves no numbers": Broken(
        "initialiser",
        INITIALISER.format(call="[nn.init.constant_(p, float('nan')) for p in network.parameters()]"),
        (),
        named=False,
    ),
    "a dataset raises": Broken("dataset", dataset(init="raise ValueError('boo')"), only("boo")),
    "a dataset exits": Broken("dataset", dataset(init="sys.exit(0)"), only("0")),
    "a dataset has no length": Broken("dataset", dataset(length="return None"), only("cannot count its examples")),
    "a dataset is empty": Broken("dataset", dataset(length="return 0"), only("no examples")),
    "a dataset has less than nothing": Broken("dataset", dataset(length="return -1"), only("cannot count its")),
    "a dataset reads with an error": Broken("dataset", dataset("raise ValueError('boo')"), only("boo")),
    "a dataset reads nothing": Broken("dataset", dataset("return None"), only("cannot be read")),
    "a dataset reads other fields": Broken("dataset", dataset("return {}"), only("promised")),
    "a dataset reads other numbers": Broken(
        "dataset", dataset(IMAGES.replace("uint8", "float32")), only("promised")
    ),
}  # fmt: skip

# What harms only itself, if anything: it may train or be told of.
ODD: dict[str, Broken] = {
    "writes into its input": Broken("discriminator", DISCRIMINATOR.format(forward="x.detach().zero_()")),
    "sets the global random numbers": Broken("generator", generator("torch.manual_seed(0)")),
    "changes the default type of numbers at work": Broken(
        "generator", generator("torch.set_default_dtype(torch.float64) if real(z) else None")
    ),
    "leaves a thread behind": Broken(
        "generator", generator(init="threading.Thread(target=time.sleep, args=(999,), daemon=True).start()")
    ),
    "prints": Broken("generator", generator(init="print('hello')")),
    "asks for no gradients any more": Broken(
        "generator", generator("torch.set_grad_enabled(False) if real(z) else None")
    ),
    "warns much": Broken("generator", generator("import warnings; warnings.warn('odd')")),
}  # fmt: skip

PARTS = {**BROKEN, **ODD}
DECLARED = """
import json
from dataclasses import dataclass
from pathlib import Path
from ganzoo.plugin import Component, Config, DataConfig, DataSpec, Field, hookimpl
@dataclass(frozen=True)
class Images(DataConfig):
    def spec(self, root):
        return DataSpec({"image": Field("image", (1, 8, 8))}, "image")
@hookimpl
def ganzoo_components():
    for n, kind in enumerate(json.loads(Path(__file__).with_name("kinds.json").read_text())):
        config = Images if kind == "dataset" else Config
        yield Component(kind=kind, name=f"odd-{n}", summary="an odd part", target=f"odd_{n}:Odd", config=config)
"""
# One process for all: each part in turn, and sound trainings before and after.
CODE = """
import contextlib, hashlib, io, json, sys, warnings
from pathlib import Path
from ganzoo.cli import run
every, kinds, odd = json.load(sys.stdin)
def answer(*words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            return [run(list(words)), out.getvalue(), err.getvalue()]
        except BaseException as problem:
            return [repr(problem), out.getvalue(), err.getvalue()]
def train(out, *words):
    line = ["--steps", "2", "--batch-size", "2", "--checkpoint-every", "0", "--log-every", "1", "--dataset-size", "8"]
    return answer("train", "gan", *line[: 6 if "--dataset" in words else 10], *words, "--out", out)
def sound(out):
    train(out)
    return hashlib.sha256(Path(out, "model.safetensors").read_bytes()).hexdigest()
told, before, harmed = [], sound("before"), []
for n, kind in enumerate(kinds):
    told.append(train(f"run-{n}", f"--{kind}", f"odd-{n}"))
    if n >= odd:
        import torch
        torch.set_default_dtype(torch.float32), torch.set_grad_enabled(True)
    elif (every or n == odd - 1) and sound(f"after-{n}") != before:
        harmed.append(n)
listed = json.loads(answer("list", "--json")[1])
json.dump([told, harmed, len(listed)], sys.__stdout__)
"""


def used(folder: Path, every: bool, names: Sequence[str]) -> tuple[dict[str, tuple[object, str, str]], list[int], int]:
    """Return what using each part gave, after which of them a sound training was another one, and what is listed.

    A sound training is made after ``every`` part, or after the last alone.
    """
    kinds = [PARTS[name].kind for name in names]
    (folder / "oddities.py").write_text(DECLARED)
    (folder / "kinds.json").write_text(json.dumps(kinds))
    for number, name in enumerate(names):
        (folder / f"odd_{number}.py").write_text(HEAD + PARTS[name].code)
    info = folder / "odd_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ganzoo]\noddities = oddities\n")
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        input=json.dumps([every, kinds, sum(name in BROKEN for name in names)]),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told, harmed, listed = json.loads(done.stdout.splitlines()[-1])
    return {name: tuple(answer) for name, answer in zip(names, told, strict=True)}, harmed, listed


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_part_that_breaks_when_it_is_used_harms_only_itself(
    every: bool, tmp_path: Path, record: Callable[..., None]
) -> None:
    names = list(PARTS)[:: 1 if every else 4]
    told, harmed, listed = used(tmp_path, every, names)
    broken = {f"odd-{n}": (BROKEN[name], *told[name]) for n, name in enumerate(names) if name in BROKEN}
    assert {name: (wrong, given) for name, given in broken.items() if (wrong := faults(name, *given))} == {}
    assert [name for name in names if told[name][0] not in (0, 1, 2) or "Traceback" in told[name][2]] == []
    assert harmed == []
    assert listed > len(names)
    named = sum(part.named for part, *_ in broken.values())
    record(promise="a broken plugin harms nobody", parts=len(names), named=named)


def faults(name: str, part: Broken, status: object, out: str, err: str) -> list[str]:
    """Return what is wrong with the answer about a broken part."""
    last = err.splitlines()[-1] if err else ""
    label = f"{part.kind} {name!r}"
    missing = [word for word in part.words if word not in last]
    if part.named:
        missing += [word for word in (label, "odd-package") if word not in last]
    form = [] if last.startswith(("ganzoo: ", "  - ")) and "Traceback" not in err and out == "" else ["form"]
    return [*missing, *form, *([] if status in (1, 2) else ["status"])]
