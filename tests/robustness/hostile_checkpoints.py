"""Checkpoints that somebody wrote to do harm, or that were damaged: bytes by name, and how each must end."""

from __future__ import annotations

import builtins
import functools
import importlib
import io
import operator
import os
import pickle
import random
import struct
import subprocess
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganzoo.contract.networks import Generator
from ganzoo.errors import UserError
from ganzoo.studio.conversion.assignment import assign
from ganzoo.studio.conversion.candidates import networks_in
from ganzoo.studio.conversion.checkpoints import read_checkpoint
from ganzoo.studio.conversion.matching import mapped_state
from ganzoo.studio.conversion.pickles import Unreadable
from ganzoo.studio.conversion.torch_files import MAGIC
from ganzoo.testing.keras_checkpoints import Layer, Layers, weights_file

CANARY = "ganzoo_canary"  # a file that a hostile checkpoint would make, and a module that it would import


class Tiny(Generator):
    """The smallest network with all that one has: weights, biases, running statistics, a counter."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.norm = nn.Linear(2, 3), nn.BatchNorm1d(3)

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        made: Tensor = self.norm(self.dense(z))
        return made


NETWORKS = {"generator": Tiny()}


def attempt(content: bytes) -> str:
    """Take the tiny network from a checkpoint as a conversion does; return the sentence that refuses it, or nothing."""
    note = ""
    try:
        checkpoint = read_checkpoint(content)
        note = checkpoint.note
        made = assign(NETWORKS, networks_in(checkpoint.value), {})
        for name, taken in made.assigned.items():
            mapped_state(NETWORKS[name].state_dict(), taken.mapping, taken.candidate.tensors)
        return made.misfits["generator"][1] + note if made.misfits else ""
    except (Unreadable, UserError) as problem:
        return f"{problem}{note}"


def saved(value: Any, zipped: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def sound(zipped: bool) -> bytes:
    return saved({"epoch": 3, "generator": Tiny().state_dict()}, zipped)


# Containers around any pickle


def legacy(body: bytes, keys: bytes = b"].", numbers: bytes = b"") -> bytes:
    head = [pickle.dumps(value, 2) for value in (MAGIC, 1001, {"little_endian": True})]
    return b"".join(head) + body + keys + numbers


def archive(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as into:
        for name, raw in entries.items():
            into.writestr(name, raw)
    return made.getvalue()


def zipped_pickle(body: bytes, **data: bytes) -> bytes:
    return archive({"archive/data.pkl": body, **{f"archive/data/{key[1:]}": raw for key, raw in data.items()}})


# Programs: what each asks for, by import path

CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "posix.system": (os.system, (f"touch {CANARY}",)),
    "builtins.eval": (eval, (f"open({CANARY!r}, 'w')",)),
    "builtins.exec": (exec, (f"open({CANARY!r}, 'w')",)),
    "builtins.compile": (compile, ("1", "x", "eval")),
    "builtins.open": (open, (CANARY, "w")),
    "io.open_code": (io.open_code, (CANARY,)),
    "builtins.__import__": (builtins.__import__, (CANARY,)),
    "importlib.import_module": (importlib.import_module, (CANARY,)),
    "builtins.getattr": (getattr, (os, "system")),
    "operator.attrgetter": (operator.attrgetter, ("system",)),
    "functools.partial": (functools.partial, (print,)),
    "subprocess.Popen": (subprocess.Popen, (("touch", CANARY),)),
    "_pickle.loads": (pickle.loads, (b"cos\nsystem\n(S'true'\ntR.",)),
    "torch.serialization.load": (torch.load, (CANARY,)),
    "torch.hub.load": (torch.hub.load, ("somebody/something", "model")),
    "torch.storage._load_from_bytes": (torch.storage._load_from_bytes, (b"",)),
    "torch.jit._serialization.load": (torch.jit.load, (CANARY,)),
    "numpy.fromfile": (np.fromfile, (CANARY,)),
    "builtins.bytearray": (bytearray, (2**40,)),
}


class Asks:
    """Something whose pickle is a call."""

    def __init__(self, call: Callable[..., Any], arguments: tuple[Any, ...]):
        self._call, self._arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._call, self._arguments


class Own(OrderedDict[str, Tensor]):
    """A class of the one who saved."""


def programs_beside(zipped: bool) -> Iterator[tuple[str, bytes]]:
    """Yield checkpoints with the weights of the tiny network, and with something beside them that wants to run.

    Each comes with the end of the import path that it asks for.
    """
    state = Tiny().state_dict()
    for path, (call, arguments) in CALLS.items():
        if call is getattr:
            continue
        yield path.rpartition(".")[2], saved({"generator": state, "more": Asks(call, arguments)}, zipped)
        yield (
            path.rpartition(".")[2],
            saved([Asks(call, arguments), {"generator": state, Asks(call, arguments): 1}], zipped),
        )
    yield "Tiny", saved(Tiny(), zipped)
    yield "Own", saved(Own(state), zipped)


def programs(zipped: bool) -> Iterator[tuple[str, bytes]]:
    """Yield checkpoints that want something run and lack the weights, and the word that the refusal must hold."""
    state = Tiny().state_dict()
    for path, (call, arguments) in CALLS.items():
        if call is getattr:
            continue
        yield path.rpartition(".")[2], saved({"more": Asks(call, arguments)}, zipped)
        yield path.rpartition(".")[2], saved({**state, "dense.weight": Asks(call, arguments)}, zipped)
    yield "Linear", saved({"generator": nn.Linear(2, 3)}, zipped)
    yield "sparse", saved({"weight": torch.eye(3).to_sparse()}, zipped)
    yield "qtensor", saved({"weight": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)}, zipped)
    wrap: Callable[[bytes], bytes] = zipped_pickle if zipped else legacy
    for name, body in {
        "os.system": b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.",
        "builtins.getattr": b"\x80\x02cbuiltins\ngetattr\ncos\nsystem\nX\x01\x00\x00\x00a\x86R)R.",
        "posix.system": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
        "posix.popen": b"\x80\x04\x8c\x05posix\x8c\x05popen\x93\x8c\x04true\x85}\x8c\x01aK\x01s\x92.",
        f"{CANARY}.x": f"\x80\x02c{CANARY}\nx\n)R}}X\x01\x00\x00\x00aK\x01sb.".encode("latin-1"),
        "collections.OrderedDict.__class__": b"\x80\x04\x8c\x0bcollections\x8c\x15OrderedDict.__class__\x93.",
        "torch._utils.__builtins__": b"\x80\x02ctorch._utils\n__builtins__\n.",
        "collections.namedtuple": b"\x80\x02ccollections\nnamedtuple\n.",
        "an object without a name": b"\x80\x04K\x01K\x02\x93.",
    }.items():
        yield name, wrap(body)
    yield "opcode 0x69", wrap(b"\x80\x02(ios\nsystem\n.")
    yield "opcode 0x6f", wrap(b"\x80\x02(o.")
    yield "opcode 0x82", wrap(b"\x80\x02\x82\x01.")
    yield "opcode 0x50", wrap(b"\x80\x02P0\n.")


# Pickles that lie, or that want everything


def told(kind: bytes, key: bytes = b"X\x01\x00\x00\x000", count: bytes = b"K\x06", more: bytes = b"") -> bytes:
    """A persistent id: what is in the storage."""
    return b"(X\x07\x00\x00\x00storage" + kind + key + b"X\x03\x00\x00\x00cpu" + count + more + b"tQ"


FLOATS = b"ctorch\nFloatStorage\n"
WEIGHT = b"X\x06\x00\x00\x00weight"


def view(offset: bytes = b"K\x00", size: bytes = b"K\x03K\x02\x86", stride: bytes = b"K\x02K\x01\x86") -> bytes:
    """A tensor of six numbers, in a dict."""
    made = b"ctorch._utils\n_rebuild_tensor_v2\n(" + told(FLOATS) + offset + size + stride + b"\x89}tR"
    return b"\x80\x02}" + WEIGHT + made + b"s."


LIES: dict[str, bytes] = {
    "an offset below zero": view(offset=b"J\xff\xff\xff\xff"),
    "an offset beyond the end": view(offset=b"K\x01"),
    "an offset beyond everything": view(offset=b"\x8a\x09" + b"\xff" * 8 + b"\x00"),
    "an offset that is a word": view(offset=b"X\x01\x00\x00\x000"),
    "a size below zero": view(size=b"J\xff\xff\xff\xffK\x02\x86"),
    "sizes below zero": view(size=b"J\xff\xff\xff\xffJ\xff\xff\xff\xff\x86"),
    "a size too large": view(size=b"K\x04K\x02\x86"),
    "a size that overflows": view(size=b"\x8a\x08" + b"\x00" * 7 + b"\x40K\x02\x86", stride=b"K\x00K\x00\x86"),
    "sizes that overflow together": view(size=b"\x8a\x05\x00\x00\x00\x00\x40" * 2 + b"\x86", stride=b"K\x00K\x00\x86"),
    "a size that is none": view(size=b"NN\x86"),
    "a size that is yes": view(size=b"\x88\x88\x86"),
    "a stride below zero": view(stride=b"J\xff\xff\xff\xffK\x01\x86"),
    "a stride too large": view(stride=b"K\x03K\x01\x86"),
    "a stride that overflows": view(stride=b"\x8a\x08" + b"\xff" * 7 + b"\x7fK\x01\x86"),
    "more sizes than strides": view(stride=b"K\x01\x85"),
    "a list of sizes": view(size=b"]"),
    "an import path too long": b"\x80\x04\x8c\x01aX\xd0\x07\x00\x00" + b"a" * 2000 + b"\x93.",
    "arguments with names that are none": b"\x80\x04)}\x92.",
    "a thousand sizes": view(size=b"(" + b"K\x01" * 1000 + b"t", stride=b"(" + b"K\x01" * 1000 + b"t"),
    "a tensor of no storage": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\x00K\x00))\x89}tR.",
    "a parameter that is none": b"\x80\x02ctorch._utils\n_rebuild_parameter\nK\x01\x88}\x87R.",
    "a storage of another type": b"\x80\x02" + told(b"ccollections\nOrderedDict\n") + b".",
    "a storage without a type": b"\x80\x02" + told(b"N") + b".",
    "a storage with a number as key": b"\x80\x02" + told(FLOATS, key=b"K\x00") + b".",
    "a storage of less than nothing": b"\x80\x02" + told(FLOATS, count=b"J\xff\xff\xff\xff") + b".",
    "a storage of yes": b"\x80\x02" + told(FLOATS, count=b"\x88") + b".",
    "a storage of everything": b"\x80\x02" + told(FLOATS, count=b"\x8a\x09" + b"\xff" * 8 + b"\x00") + b".",
    "a storage that is elsewhere": b"\x80\x02" + told(FLOATS, key=b"X\x09\x00\x00\x00../../etc") + b".",
    "a part that is none": b"\x80\x02" + told(FLOATS, more=b"K\x01") + b".",
    "a part beyond the end": b"\x80\x02" + told(FLOATS, more=b"X\x01\x00\x00\x001K\x05K\x05\x87") + b".",
    "a persistent id that is a word": b"\x80\x02X\x01\x00\x00\x000Q.",
    "a persistent id that is empty": b"\x80\x02)Q.",
    "a persistent id of a module": b"\x80\x02(X\x06\x00\x00\x00moduleNNNNtQ.",
    "a persistent id of lists": b"\x80\x02(]]]]]tQ.",
    "a call of a word": b"\x80\x02X\x01\x00\x00\x00a)R.",
    "a call without arguments": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
    "a call with a list": b"\x80\x02ccollections\nOrderedDict\n]R.",
    "pairs that are none": b"\x80\x02ccollections\nOrderedDict\n](K\x01K\x02e\x85R.",
    "attributes of a function": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}b.",
    "attributes of a list": b"\x80\x02]}b.",
    "an item of a word": b"\x80\x02X\x01\x00\x00\x00aK\x01K\x02s.",
    "a value for a word": b"\x80\x02X\x01\x00\x00\x00aK\x01a.",
    "a key without value": b"\x80\x02}(K\x01u.",
    "a key that is a list": b"\x80\x02}]K\x01s.",
    "a key that is a dict": b"\x80\x02}}K\x01s.",
    "nothing on the stack": b"\x80\x02.",
    "nothing above the mark": b"\x80\x02](a.",
    "no mark": b"\x80\x02t.",
    "a memory of nothing": b"\x80\x02h\x07.",
    "letters that are none": b"\x80\x02X\x02\x00\x00\x00\xff\xfe.",
    "a path that is none": b"\x80\x02c\xff\n\xfe\n.",
    "a path without end": b"\x80\x02c" + b"a" * 5000 + b"\n\n.",
    "a word without end": b"\x80\x04\x8d" + b"\xff" * 8 + b".",
    "bytes without end": b"\x80\x04B\xff\xff\xff\xff.",
    "digits that are none": b"\x80\x02I0x10\n.",
    "digits without number": b"\x80\x02I-\n.",
    "digits of another alphabet": b"\x80\x02I\xc2\xb2\n.",
    "too many digits": b"\x80\x02I" + b"9" * 900 + b"\n.",
}

LARGE = 50_000

BOMBS: dict[str, bytes] = {
    "lists in lists": b"\x80\x02" + b"]" * LARGE + b"a" * (LARGE - 1) + b".",
    "tuples in tuples": b"\x80\x02)" + b"\x85" * LARGE + b".",
    "tuples in tuples as a key": b"\x80\x02})" + b"\x85" * LARGE + b"K\x01s.",
    "tuples in tuples as a persistent id": b"\x80\x02)" + b"\x85" * LARGE + b"Q.",
    "tuples in tuples as arguments": b"\x80\x02ccollections\nOrderedDict\n)" + b"\x85" * LARGE + b"R.",
    "dicts in dicts": b"\x80\x02" + b"}" * LARGE + b"K\x01N" + b"s" + b"0" * (LARGE - 1) + b".",
    "marks": b"\x80\x02" + b"(" * LARGE + b".",
    "a far place to remember": b"\x80\x02Nr\xff\xff\xff\xff.",
    "many far places": b"\x80\x02N" + b"".join(b"r" + struct.pack("<I", -n % 2**32) for n in range(1, 70_000)) + b".",
    "a million laughs": b"\x80\x02]q\x00" + b"".join(
        b"](" + b"h" + bytes([n]) + (b"h" + bytes([n])) * 9 + b"eq" + bytes([n + 1]) for n in range(60)
    ) + b".",
    "objects in objects": b"\x80\x02ca\nb\nq\x00)" + b"R\x85q\x01h\x00h\x01" * (LARGE // 3) + b"R.",
    "an object in itself": b"\x80\x02ca\nb\n)Rq\x00h\x00b.",
    "one state of many objects":
        b"\x80\x02ca\nb\nq\x00](" + b"N" * LARGE + b"eq\x01](" + b"h\x00)Rh\x01b" * LARGE + b"e.",
    "a long import path of many objects":
        b"\x80\x04](X\xf0\x01\x00\x00" + b"a" * 496 + b"q\x00" + b"h\x00h\x00\x93" * LARGE + b"e.",
    "a list in itself": b"\x80\x02]q\x00h\x00a.",
    "a dict in itself": b"\x80\x02}q\x00K\x01h\x00s.",
    "a number of 255 bytes": b"\x80\x02\x8a\xff" + b"\x7f" * 255 + b".",
    "a number of many bytes": b"\x80\x02\x8b\xff\xff\xff\x7f" + b"\x7f" * 255 + b".",
    "numbers of 255 bytes as a name": b"\x80\x02}\x8a\xff" + b"\x7f" * 255 + b"]s.",
    "keys that collide": b"\x80\x02}(" + b"".join(
        b"\x8a\x10" + (n * (2**61 - 1)).to_bytes(16, "little", signed=True) + b"N" for n in range(LARGE // 20)
    ) + b"u.",
    "one long name": b"\x80\x02}X" + struct.pack("<I", 2 * LARGE) + b"a." * LARGE + b"]s.",
    "a name of many names": view().replace(WEIGHT, b"X" + struct.pack("<I", 2 * LARGE) + b"a." * LARGE),
}  # fmt: skip


def modules(count: int) -> bytes:
    """Modules in modules: each holds the next one twice, and the last one has a weight."""

    def module(inside: bytes) -> bytes:
        made = b"cnet\nNet\n)\x81}(" + word("_parameters") + b"}" + word("_buffers") + b"}"
        return made + word("_modules") + b"}(" + inside + b"uub"

    def word(letters: str) -> bytes:
        return b"X" + struct.pack("<I", len(letters)) + letters.encode()

    body = b"\x80\x02" + view()[2:-1] + b"q\x00"
    body += (
        b"cnet\nNet\n)\x81}("
        + word("_parameters")
        + b"h\x00"
        + word("_buffers")
        + b"}"
        + word("_modules")
        + b"}ubq\x01"
    )
    for number in range(1, count):
        recall, put = b"h" + bytes([number]), b"q" + bytes([number + 1])
        body += module(word("a") + recall + word("b") + recall) + put
    return body + b"."


def nest() -> bytes:
    """A hundred thousand dicts at the end of a path of long names."""
    root: dict[object, Any] = {}
    inner, name = root, "a" * 10**6
    for _ in range(14):
        inner[name] = inner = {}
    inner.update({number: {0: []} for number in range(100_000)})
    return pickle.dumps(root, 2)


def crowd(count: int) -> bytes:
    """One tensor under many names, each of a layer of its own."""
    first = view()[:-2] + b"q\x00s("
    names = (f"layer{number}.a.b.c.weight".encode() for number in range(count))
    pairs = (b"X" + struct.pack("<I", len(name)) + name + b"h\x00" for name in names)
    return first + b"".join(pairs) + b"u."


BOMBS |= {
    "names at the end of a long path": nest(),
    "a crowd of tensors": crowd(100_000),
    "modules in modules": modules(100),
}

# A little more than any checkpoint needs, with a word of what must be said of each
ABSURD: dict[str, tuple[bytes, str]] = {
    "fifty thousand lists": (
        b"\x80\x02" + view()[2:-1] + b"q\x00" + b"0](" + b"](h\x00e" * 50_000 + b"e.",
        "more nested content",
    ),
    "modules that share one module": (modules(16), "more modules"),
    "twenty thousand tensors and one": (crowd(20_000), "20,000 tensors"),
    "two million steps": (b"\x80\x02" + b"N0" * 1_000_000 + b"N.", "2,000,000 opcodes"),
}


def entries(zipped: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(zipped)) as made:
        return {name: made.read(name) for name in made.namelist()}


def patched(content: bytes, signature: bytes, place: int, value: bytes) -> bytes:
    """Return a zip with some bytes of the first header with ``signature`` changed."""
    at = content.index(signature) + place
    return content[:at] + value + content[at + len(value) :]


def doubled() -> bytes:
    made = io.BytesIO(sound(True))
    with zipfile.ZipFile(made, "a") as into:
        into.writestr("archive/data/0", b"other")
    return made.getvalue()


def overlapping() -> bytes:
    """A zip with one entry, listed two hundred times under other names."""
    raw = bytes(100_000)
    plain = archive({"archive/data.pkl": raw})
    begin, end = plain.index(CENTRAL), plain.index(END)
    local, directory = plain[:begin], plain[begin:end]
    listed = b"".join(directory.replace(b"data.pkl", f"{n:08d}".encode()) for n in range(200)) + directory
    return local + listed + struct.pack("<4s4H2LH", END, 0, 0, 201, 201, len(listed), len(local), 0)


CENTRAL, LOCAL, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"


def zips() -> dict[str, tuple[bytes, str]]:
    """Zips that no torch.save wrote, with a word of what must be said of each."""
    whole = sound(True)
    inside = entries(whole)
    renamed = {name.replace("archive/", "/etc/"): raw for name, raw in inside.items()}
    above = {name.replace("archive/", "../"): raw for name, raw in inside.items()}
    short = archive({**inside, "archive/data.pkl": view(), "archive/data/0": b"1234"})
    small = archive({"archive/data.pkl": b"N."})
    headless = whole[:4] + whole[4:].replace(LOCAL, b"XX\x03\x04", 1)
    script = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(2, 3)), script)
    return {
        "empty": (archive({}), "not a checkpoint"),
        "of something else": (archive({"word/document.xml": b"<w/>"}), "did not write"),
        "with absolute names": (archive(renamed), "did not write"),
        "with names above": (archive(above), "did not write"),
        "with two folders": (archive({**inside, "other/data.pkl": b"N."}), "did not write"),
        "without pickle": (archive({k: v for k, v in inside.items() if "pkl" not in k}), "did not write"),
        "without numbers": (archive({k: v for k, v in inside.items() if "/data/" not in k}), "is not in it"),
        "without numbers that nobody needs": (short, "ends too early"),
        "with short numbers": (
            archive({**inside, "archive/data/0": b"1234"}),
            "ends too early",
        ),
        "with another order of bytes": (archive({**inside, "archive/byteorder": b"middle"}), "byte order"),
        "a program of TorchScript": (script.getvalue(), "TorchScript"),
        "compressed": (archive(inside, zipfile.ZIP_DEFLATED), "compressed"),
        "a bomb": (archive({**inside, "archive/data/0": bytes(10**8)}, zipfile.ZIP_DEFLATED), "larger than the file"),
        "encrypted": (patched(whole, CENTRAL, 8, b"\x01\x00"), "encrypted"),
        "with two entries of one name": (doubled(), "two entries"),
        "with a size beyond everything": (
            patched(whole, CENTRAL, 20, b"\xf0\xff\xff\xff" * 2),
            "larger than the file",
        ),
        "with a size beyond the end": (patched(small, CENTRAL, 20, struct.pack("<L", len(small) - 1) * 2), "outside"),
        "without the header of an entry": (headless, "outside"),
        "with a place beyond everything": (patched(whole, CENTRAL, 42, b"\xf0\xff\xff\x7f"), "damaged"),
        "with a longer name before an entry": (patched(whole, LOCAL, 26, b"\xff\xff"), "damaged"),
        "with another checksum": (patched(whole, CENTRAL, 16, b"\x00\x00\x00\x00"), "checksum"),
        "with entries on each other": (overlapping(), "larger than the file"),
        "with a directory elsewhere": (patched(archive(inside), END, 16, b"\x00\x00\x00\x00"), "damaged"),
    }


def legacies() -> dict[str, tuple[bytes, str]]:
    """Files in the form before torch 1.6 that do not hold what they say, with a word of what must be said of each."""
    storage = b"\x80\x02" + told(FLOATS, more=b"N") + b"."
    key = b"\x80\x02](X\x01\x00\x00\x000e."
    return {
        "of another format": (pickle.dumps(MAGIC, 2) + pickle.dumps(1002, 2), "format"),
        "of another machine": (
            pickle.dumps(MAGIC, 2) + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": False}, 2),
            "byte order",
        ),
        "a pickle of numbers": (pickle.dumps({"a": [1, 2.5, "x", None, (True, b"y")]}, 4), "torch.save did not write"),
        "a pickle of arrays": (pickle.dumps({"a": np.ones(3)}, 2), "torch.save did not write"),
        "without numbers": (legacy(storage, key), "ends too early"),
        "with too few numbers": (legacy(storage, key, struct.pack("<q", 5) + bytes(20)), "ends too early"),
        "with more numbers than there are": (legacy(storage, key, struct.pack("<q", 6) + bytes(20)), "ends too early"),
        "with a count below zero": (legacy(storage, key, struct.pack("<q", -1) + bytes(24)), "ends too early"),
        "with a count beyond everything": (legacy(storage, key, b"\xff" * 8 + bytes(24)), "ends too early"),
        "without the storage": (legacy(storage, b"\x80\x02]."), "is not in it"),
        "with another storage": (legacy(storage, b"\x80\x02](X\x01\x00\x00\x001e."), "without a tensor"),
        "with keys that are none": (legacy(storage, b"\x80\x02](K\x01e."), "list of storages"),
        "with no list of keys": (legacy(storage, b"\x80\x02}."), "list of storages"),
        "not even that": (b"hello", "not a checkpoint"),
        "nothing": (b"", "not a checkpoint"),
        "a safetensors file of nothing": (struct.pack("<Q", 2) + b"{}", "no network"),
        "a pickle of Python 1": (pickle.dumps({"a": 1}, 0), "not a checkpoint"),
    }


# Damage


OPERATIONS = b"\x00\x01\x7f\x80\xff().0]}NRQbcehjlqrstu\x81\x85\x86\x87\x88\x89\x8a\x8c\x93\x94"


def mutated(content: bytes, random_: random.Random) -> bytes:
    """Return ``content`` with one to four bytes or pieces changed, doubled, moved or lost."""
    made = bytearray(content)
    for _ in range(random_.randint(1, 4)):
        at, size = random_.randrange(len(made)), random_.choice((1, 1, 1, 2, 4, 8, 40))
        piece = bytes(made[at : at + size])
        change = random_.randrange(6)
        if change == 0:
            made[at] ^= 1 << random_.randrange(8)
        elif change == 1:
            made[at] = random_.choice(OPERATIONS)
        elif change == 2:
            made[at : at + size] = random_.randbytes(len(piece))
        elif change == 3:
            made[at:at] = piece
        elif change == 4:
            del made[at : at + size]
        else:
            to = random_.randrange(len(made))
            made[to : to + size] = piece
        if not made:
            return b""
    return bytes(made)


def damaged(random_: random.Random) -> bytes:
    """Return a damaged checkpoint of either form; in a zip, half of the damages have the checksums made right again."""
    form = random_.randrange(3)
    if form < 2:
        return mutated(SOUND[form], random_)
    inside = dict(INSIDE)
    name = "archive/data.pkl" if random_.random() < 0.8 else random_.choice(list(inside))
    inside[name] = mutated(inside[name] or b"\x00", random_)
    return archive(inside)


def damaged_keras(random_: random.Random) -> bytes:
    """Return a damaged model of Keras, as a file or in a zip with the right checksums."""
    content = mutated(KERAS, random_)
    return content if random_.random() < 0.5 else archive({"model.weights.h5": content, "config.json": b"{}"})


def keras_model() -> bytes:
    """Return the tiny network as Keras saves it."""
    make = Layers()
    return weights_file(Layer("Sequential", "model", {}, [make.dense(2, 3), make.norm(3)]))


KERAS = keras_model()
SOUND = (sound(True), sound(False))
INSIDE = entries(SOUND[0])


def every_hostile_checkpoint(bombs: bool) -> Iterator[tuple[str, bytes]]:
    """Yield all of them with their names, or all but the bombs, which take their time."""
    for zipped in (True, False):
        yield from programs(zipped)
        yield from programs_beside(zipped)
    for bodies in (LIES, BOMBS if bombs else {}):
        for name, body in bodies.items():
            yield name, legacy(body)
            yield name, zipped_pickle(body, _0=bytes(24))
    for files in (zips(), legacies()):
        yield from ((name, content) for name, (content, _) in files.items())
