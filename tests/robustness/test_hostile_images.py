"""Files that people have among their images: shown upright, or left out and counted; none hurts, none hangs."""

from __future__ import annotations

import io
import itertools
import json
import os
import random
import stat
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.catalogue.options import make
from ganzoo.cli import run as command
from ganzoo.errors import UserError
from ganzoo.testing.processes import Forked
from ganzoo_datasets.folder import FolderDataset
from ganzoo_datasets.images import FORMATS, Canvas, pixels
from ganzoo_datasets.trees import FolderConfig

# Pictures of which every format makes a file


def picture(mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (30, 20), (255, 0, 0))
    image.paste((0, 0, 255), (15, 0, 30, 20))
    return image.convert(mode)


def noise(size: int = 48) -> Image.Image:
    """A picture that no format makes small, so that a file which lacks its end lacks pixels."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8))


def file(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes, depth: int = 8, colour: int = 2, data: bytes = bytes(10)) -> bytes:
    """A PNG file by hand; ``more`` are chunks before the pixels."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = [chunk(b"IHDR", head), *more, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def deflated(size: int) -> bytes:
    """Few bytes that unpack to many zeros: one block again and again, an empty last block, and their checksum."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x78\xda" + block * (size // 2**20) + b"\x03\x00" + struct.pack(">I", size % 65521 << 16 | 1)


def oriented(turn: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = turn
    return exif


def edited(content: bytes, *changes: tuple[int, bytes]) -> bytes:
    """Return ``content`` with other bytes at some places."""
    changed = bytearray(content)
    for place, new in changes:
        changed[place : place + len(new)] = new
    return bytes(changed)


def patched(content: bytes, mark: bytes, beyond: int, new: bytes) -> bytes:
    """Return ``content`` with ``new`` some bytes beyond where ``mark`` is."""
    return edited(content, (content.index(mark) + beyond, new))


def tags(*fields: tuple[int, int, int, int], after: int = 0) -> bytes:
    """A TIFF file by hand: number, type, count and value of each field, and where the next page is."""
    body = b"".join(struct.pack("<HHII", *each) for each in fields)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + body + struct.pack("<I", after)


def ycck() -> bytes:
    """A JPEG file of CMYK whose marker says that the first three of the four channels are YCbCr."""
    content = file(picture("CMYK"), "JPEG", quality=98)
    return patched(content, b"Adobe", 11, b"\x02")


def tiff(mode: str, **options: Any) -> bytes:
    return file(picture("RGB").convert(mode), "TIFF", **options)


def lab() -> bytes:
    return file(Image.new("LAB", (30, 20), (128, 100, 100)), "TIFF")


def animated(format: str) -> bytes:
    return file(picture(), format, save_all=True, append_images=[Image.new("RGB", (30, 20), "white")] * 3)


def ico(format: str) -> bytes:
    return file(picture("RGBA").resize((32, 32)), format)


RANDOM = random.Random(0)
DEEP = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (64, 1))
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%s) (w) file\nshowpage\n"

# What a file holds, and why it is left out; or nothing where it is shown. The name says the ending.
SHOWN: dict[str, bytes] = {
    "plain.png": file(picture(), "PNG"),
    "plain.jpg": file(picture(), "JPEG"),
    "plain.bmp": file(picture(), "BMP"),
    "plain.gif": file(picture(), "GIF"),
    "plain.webp": file(picture(), "WEBP"),
    "plain.tiff": file(picture(), "TIFF"),
    "plain.ppm": file(picture(), "PPM"),
    "plain.pgm": file(picture("L"), "PPM"),
    "plain.jp2": file(picture(), "JPEG2000"),
    "a stream.j2k.jp2": file(picture(), "JPEG2000", no_jp2=True),
    "plain.avif": file(picture(), "AVIF"),
    "animated.avif": animated("AVIF"),
    "colour with alpha.avif": file(picture("RGBA"), "AVIF"),
    "16 bit.jp2": file(Image.fromarray(DEEP), "JPEG2000"),
    "huge but honest.avif": file(Image.new("L", (7000, 7000)), "AVIF", speed=10),
    "a bomb of a tile around a small image.jp2": patched(
        file(picture(), "JPEG2000", no_jp2=True), b"\xff\x51", 22, struct.pack(">2I", 2**31, 2**31)
    ),
    "huge but honest.jp2": file(Image.new("L", (5000, 5000)), "JPEG2000"),
    "animated.gif": animated("GIF"),
    "animated.webp": animated("WEBP"),
    "animated.png": animated("PNG"),
    "two pages.tif": animated("TIFF"),
    "several photos, MPO.jpg": animated("MPO"),
    "cmyk.jpg": file(picture("CMYK"), "JPEG"),
    "cmyk.tif": tiff("CMYK"),
    "ycck.jpg": ycck(),
    "ycbcr.tif": tiff("YCbCr"),
    "grey.jpg": file(picture("L"), "JPEG"),
    "grey.png": file(picture("L"), "PNG"),
    "lab.tif": lab(),
    "1 bit.png": file(picture("1"), "PNG"),
    "1 bit.tif": tiff("1"),
    "1 bit, packed as a fax.tif": tiff("1", compression="group4"),
    "palette.png": file(picture("P"), "PNG"),
    "palette with a transparent colour.png": file(picture("P"), "PNG", transparency=0),
    "palette with transparencies.png": file(picture("P"), "PNG", transparency=bytes(range(256))),
    "transparent colour.png": file(picture(), "PNG", transparency=(255, 0, 0)),
    "grey with alpha.png": file(picture("LA"), "PNG"),
    "colour with alpha.png": file(picture("RGBA"), "PNG"),
    "colour with alpha.webp": file(picture("RGBA"), "WEBP"),
    "colour with alpha.tif": tiff("RGBA"),
    "16 bit.png": file(Image.fromarray(DEEP), "PNG"),
    "16 bit.tif": file(Image.fromarray(DEEP), "TIFF"),
    "16 bit.pgm": file(Image.fromarray(DEEP), "PPM"),
    "16 bit colour.png": png(4, 4, depth=16, data=bytes(4 * (1 + 4 * 6))),
    "float.tif": file(Image.fromarray(DEEP.astype(np.float32)), "TIFF"),
    "32 bit.tif": file(Image.fromarray(DEEP.astype(np.int32)), "TIFF"),
    "progressive.jpg": file(picture(), "JPEG", progressive=True),
    "interlaced.gif": file(picture("P"), "GIF", interlace=1),
    "lzw.tif": tiff("RGB", compression="tiff_lzw"),
    "1 pixel.png": file(Image.new("RGB", (1, 1)), "PNG"),
    "1 pixel.jpg": file(Image.new("RGB", (1, 1)), "JPEG"),
    "a thread.png": file(Image.new("L", (1, 60_000), 9), "PNG"),
    "a long thread.png": file(Image.new("L", (60_000, 1), 9), "PNG"),
    "huge but honest.png": file(Image.new("1", (7000, 7000)), "PNG"),
    "huge but honest.jpg": file(Image.new("L", (9000, 9000)), "JPEG"),
    "a png, called.jpg": file(picture(), "PNG"),
    "a jpeg, called.gif": file(picture(), "JPEG"),
    "exif garbage.png": file(picture(), "PNG", exif=b"Exif\0\0garbage"),
    "exif garbage.webp": file(picture(), "WEBP", exif=b"Exif\0\0" + bytes(1000)),
    "exif that ends.jpg": file(picture(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"),
    "exif that claims much.jpg": file(
        picture(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff\x10\0\0\0"
    ),
    "exif with an orientation of 99.jpg": file(picture(), "JPEG", exif=oriented(99)),
    "text after the end.jpg": file(picture(), "JPEG") + b"more" * 1000,
    "a damaged colour profile.png": png(
        4, 4, chunk(b"iCCP", b"name\0\0nonsense"), data=bytes(4 * (1 + 4 * 3))
    ),
}  # fmt: skip
LEFT_OUT: dict[str, tuple[bytes, str]] = {
    "bomb.png": (png(50_000, 50_000), "exceeds limit"),
    "smaller bomb.png": (png(10_000, 10_000), "10000×10000 pixels are too many"),
    "bomb.jpg": (patched(file(picture(), "JPEG"), b"\xff\xc0", 5, b"\xff\xdc\xff\xdc"), "exceeds limit"),
    "bomb.gif": (edited(file(picture("P"), "GIF"), (6, b"\xff\xff\xff\xff")), "exceeds limit"),
    "bomb.bmp": (edited(file(picture(), "BMP"), (18, struct.pack("<ii", 2**30, 2**30))), "exceeds limit"),
    "bomb.ppm": (b"P6 100000 100000 255\n" + bytes(100), "exceeds limit"),
    "bomb.webp": (patched(file(picture(), "WEBP"), b"\x9d\x01\x2a", 3, b"\xff\x3f\xff\x3f"), ""),
    "bomb.jp2": (
        patched(file(picture(), "JPEG2000"), b"ihdr", 4, b"\0\1\0\0\0\1\0\0"), "exceeds limit"
    ),
    "bomb in the stream.jp2": (
        patched(file(picture(), "JPEG2000"), b"\xff\x51", 6, struct.pack(">4I", 2**16, 2**16, 0, 0)), ""
    ),
    "bomb.avif": (patched(file(picture(), "AVIF"), b"ispe", 8, struct.pack(">2I", 2**14, 2**14)), ""),
    "text bomb.png": (png(4, 4, chunk(b"zTXt", b"key\0\0" + deflated(2**28))), "too large"),
    "many texts.png": (png(4, 4, *[chunk(b"zTXt", b"key%d\0\0" % n + deflated(2**20)) for n in range(80)]), "memory"),
    "profile bomb.png": (png(4, 4, chunk(b"iCCP", b"name\0\0" + deflated(2**28))), ""),
    "no pixels.png": (png(4, 4, data=b""), "truncated"),
    "too few pixels.png": (png(400, 400), "truncated"),
    "no size.png": (png(0, 0), ""),
    "wrong checksum of the header.png": (edited(file(picture(), "PNG"), (29, b"\0\0\0\0")), ""),
    "wrong checksum of the pixels.png": (patched(file(noise(), "PNG"), b"IDAT", 500, b"junk"), ""),
    "a tiff of many strips.tif": (tags((256, 4, 1, 5000), (257, 4, 1, 5000), (258, 3, 1, 8), (273, 4, 2**31, 8)), ""),
    "a tiff in a circle.tif": (tags((254, 4, 1, 0), after=8), ""),
    "float without numbers.tif": (file(Image.new("F", (9, 9), float("nan")), "TIFF"), "not finite numbers"),
    "empty.png": (b"", "empty"),
    "empty.jpg": (b"", "empty"),
    "text.jpg": (b"dear diary", "not an image"),
    "page.jpg": (b"<!DOCTYPE html><html><body>404</body></html>", "not an image"),
    "zeros.png": (bytes(100_000), "not an image"),
    "random.png": (RANDOM.randbytes(10_000), "not an image"),
    "postscript.png": (EPS, "not an image"),
    "postscript.tif": (b"\xc5\xd0\xd3\xc6" + struct.pack("<6I", 30, len(EPS), 0, 0, 0, 0) + EPS, "not an image"),
    "document.png": (b"%PDF-1.7\n1 0 obj\n<< /OpenAction << /S /Launch >> >>\n", "not an image"),
    "drawing.png": (b"<svg xmlns='http://www.w3.org/2000/svg'><image href='/etc/passwd'/></svg>", "not an image"),
    "metafile.png": (b"\xd7\xcd\xc6\x9a" + bytes(100), "not an image"),
    "icon.png": (ico("ICO"), "not an image"),
    "apple icon.png": (ico("ICNS"), "not an image"),
    "photoshop.png": (b"8BPS\0\1" + bytes(200), "not an image"),
    "film strip.gif": (b"\x11\xaf\0\0" + bytes(200), "not an image"),
    "archive.png": (b"PK\3\4" + bytes(200), "not an image"),
    "pickle.png": (b"\x80\x04cos\nsystem\n(S'true'\ntR.", "not an image"),
    "program.png": (b"#!/bin/sh\ntouch /tmp/evil\n", "not an image"),
}  # fmt: skip
FULL = {"png": file(noise(), "PNG"), "jpg": file(noise(), "JPEG"), "gif": file(noise().convert("P"), "GIF"),
        "webp": file(noise(), "WEBP"), "tif": file(noise(), "TIFF"), "bmp": file(noise(), "BMP"),
        "ppm": file(noise(), "PPM"), "jp2": file(noise(), "JPEG2000"), "avif": file(noise(), "AVIF")}  # fmt: skip
for ending, share in itertools.product(FULL, (0.02, 0.3, 0.6, 0.9)):
    LEFT_OUT[f"cut at {share}.{ending}"] = (FULL[ending][: int(len(FULL[ending]) * share)], "")

# What a file is where it is no plain file of bytes; how it is made, and why it is left out.
Make = Callable[[Path], Any]
STRANGE: dict[str, tuple[Make, str]] = {
    "knot.png": (lambda path: path.symlink_to(path), "symbolic links"),
    "dangling.png": (lambda path: path.symlink_to(path.with_name("nothing")), "No such file"),
    "device.png": (lambda path: path.symlink_to("/dev/zero"), "not a file"),
    "null.png": (lambda path: path.symlink_to("/dev/null"), "not a file"),
    "made up.png": (lambda path: path.symlink_to("/proc/kmsg"), "empty|Permission|No such"),
    "pipe.jpg": (os.mkfifo, "not a file"),
    "socket.jpg": (lambda path: os.mknod(path, stat.S_IFSOCK | 0o600), "not a file"),
    "secret.png": (lambda path: path.symlink_to("/etc/passwd"), "not an image"),
}
NAMES = {
    "two\nlines": "two\nlines.png",
    "commands a terminal": "\x1b[31m\x1b]0;gotcha\x07red.png",
    "is no text": os.fsdecode(b"caf\xe9.png"),
    "begins with dashes": "--help.png",
    "255 bytes": "x" * 251 + ".png",
    "spaces and signs": " %s {x} [red] $(touch evil) ;.png",
    "all in capitals": "PHOTO.PNG",
    "written from right to left": "\u202egpj.png",
}


@dataclass(frozen=True)
class Odd:
    """One file: how it is made below a path, and why it is left out, or nothing where it is shown."""

    name: str
    make: Make
    why: str | None = None


def writes(content: bytes) -> Make:
    return lambda path: path.write_bytes(content)


ODD = [
    *(Odd(name, writes(content)) for name, content in SHOWN.items()),
    *(Odd(name, writes(content), why) for name, (content, why) in LEFT_OUT.items()),
    *(Odd(name, make, why) for name, (make, why) in STRANGE.items()),
    *(Odd(name, writes(file(picture(), "PNG"))) for name in NAMES.values()),
    *(Odd(f"no {name[3:]}", writes(b"no image"), "not an image") for name in NAMES.values()),
]


def folder_of(root: Path, **options: Any) -> FolderDataset:
    return FolderDataset(make(FolderConfig, {"size": 16, **options}, "folder"), root)


def test_there_are_many_kinds(record: Callable[..., None]) -> None:
    assert len(ODD) == len({odd.name for odd in ODD}) >= 100
    left_out = sum(odd.why is not None for odd in ODD)
    assert left_out >= 30
    record(promise="untrusted images", kinds=len(ODD), left_out=left_out, shown=len(ODD) - left_out)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: ascii(odd.name)[:40])
def test_an_odd_file_is_shown_or_left_out_with_its_reason(
    odd: Odd, tmp_path: Path, capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    (tmp_path / "sound.png").write_bytes(file(picture(), "PNG"))
    odd.make(tmp_path / odd.name)
    began = time.perf_counter()
    dataset = folder_of(tmp_path)
    images = dataset.read(torch.arange(len(dataset)))["image"]
    assert time.perf_counter() - began < 20
    said = capsys.readouterr().err
    assert len(recwarn) == 0
    assert images.shape == (1 + (odd.why is None), 3, 16, 16)
    if odd.why is None:
        assert said == ""
    else:
        assert said.startswith("ganzoo: left out 1 of 2 files in")
        assert said.count("\n") == 1
        assert said.rstrip("\n").isprintable()
        assert_says(said, odd.why)


def assert_says(said: str, why: str) -> None:
    assert any(word in said for word in why.split("|")), said


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_orientation_is_shown_upright(turn: int, format: str, tmp_path: Path) -> None:
    """Told by four corners of four colours, which no turn and no mirror leaves alone."""
    upright = np.zeros((32, 32, 3), np.uint8)
    upright[:16, :16], upright[:16, 16:], upright[16:, :16] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
    flips = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
             5: lambda a: a.transpose(1, 0, 2), 6: lambda a: np.rot90(a, 1),
             7: lambda a: np.rot90(a, 2).transpose(1, 0, 2), 8: lambda a: np.rot90(a, -1)}  # fmt: skip
    stored = Image.fromarray(np.ascontiguousarray(flips[turn](upright)))
    lossless = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95, "subsampling": 0}}.get(format, {})
    path = tmp_path / "turned.png"
    path.write_bytes(file(stored, format, exif=oriented(turn), **lossless))
    shown = pixels(path, Canvas(32, 32, "RGB")).transpose(1, 2, 0).astype(int)
    assert np.abs(shown - upright).mean() < 3


# All at once, in a process that says which other programs it starts and what it unpickles

FAMILIES = ("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "pickle.")


def watched(words: list[str]) -> None:
    """Run ``ganzoo WORDS``, and print its status and what it did of these families, as JSON in the last line."""
    seen: list[str] = []
    sys.addaudithook(lambda event, given: seen.append(f"{event} {given[0]}") if event.startswith(FAMILIES) else None)
    status = command(words)
    print(json.dumps([status, seen]), flush=True)


CLASS = "two\nlines $x$ \x1b[31mred"


def many(root: Path) -> Path:
    """A folder with every odd file there is in one class and sound ones in both."""
    for name in ("odd", CLASS):
        (root / name).mkdir(parents=True)
        for number in range(8):
            (root / name / f"sound-{number}.png").write_bytes(file(picture(), "PNG"))
    for odd in ODD:
        odd.make(root / "odd" / odd.name)
    (root / "odd" / "folder.png").mkdir()
    (root / "odd" / ".hidden.png").write_bytes(b"hidden")
    (root / "odd" / "notes.txt").write_text("no image, and not called one")
    (root / "odd" / "back").symlink_to(root)
    return root


def python(code: str, *words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        cwd=folder,
        timeout=120,
        env={**os.environ, **environment},
    )


def test_a_folder_of_everything_is_trained_on(tmp_path: Path) -> None:
    """The command line, with as much memory as it takes without odd files and a little more than one large image."""
    root = many(tmp_path / "images")
    line = ["train", "gan", "--dataset", "folder", "--data-root", str(root), "--steps", "2", "--batch-size", "4"]
    more = ["--dataset-size", "16", "--checkpoint-every", "0", "--out", str(tmp_path / "run")]
    log = tmp_path / "log"
    assert Forked(watched, [*line, *more], log=log).wait() == 0, log.read_text(encoding="utf-8")
    *lines, last = log.read_text(encoding="utf-8").splitlines()
    said = "\n".join(lines)
    assert json.loads(last) == [0, []], said
    shown = sum(odd.why is None for odd in ODD) + 8
    assert f"left out {len(ODD) - (shown - 8)} of {len(ODD) + 16} files in {root}: " in said
    assert f"folder: {shown + 8:,} 3×16×16 images, 2 classes, from memory" in said
    assert "Traceback" not in said and "Warning" not in said
    assert all(line.isprintable() for line in lines)
    assert not list(tmp_path.glob("evil*"))


def test_a_folder_of_everything_is_checked(tmp_path: Path) -> None:
    """Each file that is left out is counted, no program is started, nothing is unpickled or written."""
    root = many(tmp_path / "images")
    before = sorted(tmp_path.rglob("*"))
    log = tmp_path / "log"
    words = ["check-data", "folder", "--data-root", str(root), "--dataset-size", "16"]
    assert Forked(watched, words, log=log).wait() == 0, log.read_text(encoding="utf-8")
    *lines, last = log.read_text(encoding="utf-8").splitlines()
    said = "\n".join(lines)
    assert json.loads(last) == [0, []], said
    assert f"  - {sum(odd.why is not None for odd in ODD):,} files cannot be used, and are left out: " in said
    assert "are copies of others" in said
    assert "Traceback" not in said and "Warning" not in said
    assert all(line.isprintable() for line in lines)
    assert sorted(path for path in tmp_path.rglob("*") if path != log) == before


# Memory


WORDS = ("bomb", "honest", "texts", "strips", "thread")
WORST = [name for name in (*SHOWN, *LEFT_OUT) if any(word in name for word in WORDS)]
ROOM = 2**30


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts a process's memory as this test does")
def test_the_worst_take_no_more_memory_than_one_large_image(tmp_path: Path) -> None:
    for number, name in enumerate(WORST * 2):
        (tmp_path / f"{number}-{name}").write_bytes(SHOWN.get(name) or LEFT_OUT[name][0])
    code = f"""
import resource, sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from ganzoo_datasets.images import Canvas, pixels
threading.stack_size(2**20)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + {ROOM}, used + {ROOM}))
def look(path):
    try:
        return "shown" if pixels(path, Canvas(64, 64, "RGB")).size else ""
    except MemoryError:
        return "out of memory"
    except Exception:
        return "left out"
with ThreadPoolExecutor(8) as pool:
    found = list(pool.map(look, sorted(Path().iterdir())))
print([found.count(what) for what in ("shown", "left out", "out of memory")])
"""
    # The limit is on addresses: without this, each thread reserves many that it does not use.
    done = python(code, folder=tmp_path, MALLOC_ARENA_MAX="2")
    shown = 2 * sum(name in SHOWN for name in WORST)
    assert done.stdout.strip() == str([shown, 2 * len(WORST) - shown, 0]), done.stderr


# Between listing and reading


def vanish(path: Path) -> None:
    path.unlink()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def swell(path: Path) -> None:
    path.write_bytes(png(10_000, 10_000))


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-400])


def turn_into_text(path: Path) -> None:
    path.write_text("no image any more", encoding="utf-8")


def turn_into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("check", ["decode", "open"])
@pytest.mark.parametrize(
    "change", [vanish, pipe, swell, shorten, turn_into_text, turn_into_a_folder], ids=lambda f: f.__name__
)
def test_a_file_that_changes_after_it_was_looked_at_is_named(
    change: Callable[[Path], None], check: str, tmp_path: Path
) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(file(noise(), "PNG"))
    dataset = folder_of(tmp_path, check=check)
    change(tmp_path / "b.png")
    with pytest.raises(UserError, match=r"b\.png cannot be decoded \(.+\): remove or replace it"):
        dataset.read(torch.tensor([0, 1]))
    assert dataset.read(torch.tensor([0]))["image"].shape == (1, 3, 16, 16)


def test_a_file_that_may_not_be_read_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(file(picture(), "PNG"))
    (tmp_path / "b.png").chmod(0)
    if os.access(tmp_path / "b.png", os.R_OK):
        pytest.skip("this user may read everything")
    assert len(folder_of(tmp_path)) == 1
    assert "b.png (Permission denied)" in capsys.readouterr().err


# Very many


@pytest.mark.parametrize("count", [500, pytest.param(50_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("check", ["decode", "open"])
def test_thousands_of_files_are_looked_at_quickly(
    check: str, count: int, tmp_path: Path, record: Callable[..., None]
) -> None:
    content = file(noise(32), "PNG")
    for number in range(count):
        (tmp_path / f"{number}.png").write_bytes(content)
    began = time.perf_counter()
    assert len(folder_of(tmp_path, check=check)) == count
    seconds = time.perf_counter() - began
    assert seconds < count / 200
    record(promise="untrusted images", check=check, files=count, seconds=round(seconds, 2))


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return ``content`` cut, or with some bytes changed, moved, doubled or taken away."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8, 40))):
        at, length = chance.randrange(len(data)), chance.choice((1, 1, 2, 4, 30))
        match chance.randrange(5):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at : at + length] = chance.choice((b"\xff", b"\0", b"\x7f")) * length
            case 2:
                data[at : at + length] = chance.randbytes(length)
            case 3:
                data[at:at] = data[:length]
            case _:
                del data[at : at + length]
        if not data:
            return b""
    return bytes(data[: chance.randrange(1, len(data) + 1)] if chance.random() < 0.2 else data)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("count", [400, pytest.param(100_000, marks=pytest.mark.long)])
def test_any_damage_to_an_image_shows_it_or_leaves_it_out(
    count: int, tmp_path: Path, record: Callable[..., None]
) -> None:
    seeds = [content for content in SHOWN.values() if len(content) < 20_000]
    chance, path, slowest = random.Random(1), tmp_path / "damaged.png", 0.0
    shown = 0
    for _ in range(count):
        path.write_bytes(damaged(chance.choice(seeds), chance))
        began = time.perf_counter()
        try:
            found = pixels(path, Canvas(16, 16, chance.choice(("RGB", "L"))))
        except Exception:  # whatever it is, the folder leaves the file out
            pass
        else:
            assert found.shape[1:] == (16, 16)
            shown += 1
        slowest = max(slowest, time.perf_counter() - began)
    assert slowest < 20
    assert 0 < shown < count
    record(promise="untrusted images", damaged=count, shown=shown, slowest_seconds=round(slowest, 2))


def test_only_formats_that_start_no_program_are_opened() -> None:
    assert set(FORMATS) == {"PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF"}
