"""Plugins in one file, as a user writes them."""

from __future__ import annotations

from pathlib import Path

HEAD = """
from dataclasses import dataclass
from ganzoo.plugin import *
"""

LOSS = (
    HEAD
    + """
from torch.nn.functional import softplus

@dataclass(frozen=True)
class SoftConfig(Config):
    scale: float = option(1.0, "a factor of the loss", low=0)

class Soft(Loss):
    def __init__(self, config):
        self._scale = config.scale
    def discriminator(self, real, fake):
        return self._scale * (softplus(-real) + softplus(fake))
    def generator(self, fake, real):
        return self._scale * softplus(-fake)

@hookimpl
def ganzoo_components():
    yield Component(kind="loss", name="soft", summary="softplus", target=Soft, config=SoftConfig)
"""
)

VARIANT = (
    LOSS
    + """
@hookimpl
def ganzoo_variants():
    yield Variant(name="mine", summary="a GAN of mine", recipe="adversarial", parts={"loss": "soft"})
"""
)

DATASET = (
    HEAD
    + """
import torch

@dataclass(frozen=True)
class NoiseConfig(DataConfig):
    count: int = option(64, "the number of examples", low=1)
    def spec(self, root):
        return DataSpec({"image": Field("image", (1, 8, 8))}, target="image")

class Noise(Dataset):
    def __init__(self, config, root):
        self._count = config.count
    def __len__(self):
        return self._count
    def read(self, indices):
        return {"image": (indices[:, None, None, None] * torch.ones(1, 8, 8) % 256).to(torch.uint8)}

@hookimpl
def ganzoo_components():
    yield Component(kind="dataset", name="noise", summary="grey squares", target=Noise, config=NoiseConfig)
"""
)

OBSERVER = (
    HEAD
    + """
from pathlib import Path

@dataclass(frozen=True)
class NotesConfig(Config):
    file: Path = option(Path("notes.txt"), "where to write")
    fail: str = option("", "the event that fails")

class Notes(Observer):
    def __init__(self, config):
        self.config = config
        self.note("built")
    def note(self, text):
        with self.config.file.open("a") as notes:
            notes.write(text + "\\n")
        if self.config.fail and self.config.fail in text:
            raise LookupError("no pencil")
    def began(self, start):
        self.note(f"began {start.step}")
    def reported(self, report):
        self.note(f"reported {report.step}")
    def pictured(self, picture):
        self.note(f"pictured {picture.step}")
    def ended(self):
        self.note("ended")

@hookimpl
def ganzoo_observers():
    yield Component(kind="observer", name="notes", summary="takes notes", target=Notes, config=NotesConfig)
"""
)

COMMAND = """
import signal, sys
import click
from ganzoo.plugin import Command, UserError, hookimpl

@click.command()
@click.argument("how", default="")
def hello(how):
    \"\"\"Say hello.\"\"\"
    if how == "input":
        raise UserError("the moon is full")
    if how == "bug":
        raise LookupError("no moon")
    if how == "exit 0":
        sys.exit()
    if how == "exit 3":
        sys.exit(3)
    if how == "context 7":
        click.get_current_context().exit(7)
    if how == "interrupt":
        signal.raise_signal(signal.SIGINT)
    if how == "returns 9":
        return 9
    if how == "returns text":
        return "text"
    click.echo("hello")

@hookimpl
def ganzoo_commands():
    yield Command(name="hello", summary="Say hello.", target=hello)
"""


def write_plugin(path: Path, code: str) -> Path:
    """Write a plugin file and return its path."""
    path.write_text(code, encoding="utf-8")
    return path
