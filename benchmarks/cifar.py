"""Benchmark: a class-conditional GAN on CIFAR-10 in minutes, from the start of the process to the last sample."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import common
from quality import figures, judge

import ganzoo
from ganzoo.step.device import choose_device

MINUTES = 8.0
HELD_OUT = 10  # of so many images of a class, one is only for judging
SAMPLING = 12.0  # seconds that are left for the process that draws the samples
DRAWN = 100
# The published networks of SNGAN at a pace for minutes: fewer updates of the discriminator, and an average.
TRAINING = (
    "sngan", "--dataset", "folder", "--dataset-path", "images", "--dataset-size", "32", "--latent-size", "128",
    "--generator-widths", "256,256,256", "--discriminator-widths", "128,128,128,128", "--recipe-discriminator-updates",
    "2", "--batch-size", "128", "--ema", "0.9995", "--augmentation", "mirror",
)  # fmt: skip
QUIET = ("--checkpoint-every", "0", "--sample-every", "1000000", "--on-collapse", "off")
JUDGED: Mapping[str, Any] = {"judge": "cnn", "metrics": ["frechet", "accuracy", "manifold"]}


def unpack(archive: Path, folder: Path) -> dict[str, int]:
    """Write the images of an archive of ``train/CLASS/NAME``, some of each class as ``test``; return how many."""
    seen: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    with zipfile.ZipFile(archive) as images:
        for name in sorted(images.namelist()):
            _, kind, file = (*name.split("/"), "", "")[:3]
            if not file:
                continue
            part = "test" if seen[kind] % HELD_OUT == 0 else "train"
            seen[kind] += 1
            counts[part] += 1
            target = folder / part / Path(kind).name / Path(file).name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(images.read(name))
    return dict(counts)


def command(*words: str) -> None:
    """Run a command of ganzoo in a process of its own; raises ``ClickException`` where it fails."""
    done = subprocess.run([sys.executable, "-m", "ganzoo", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"ganzoo {words[0]} failed: {done.stderr.strip()[-2000:]}")


def record(archive: Path, minutes: float, steps: int | None, device: str, folder: Path) -> dict[str, Any]:
    """Train with nothing but the archive, draw samples, and return the seconds; the run stays in ``folder``."""
    began = time.monotonic()
    counts = unpack(archive, folder / "images")
    unpacked = time.monotonic() - began
    left = max(1.0, 60 * minutes - unpacked - SAMPLING)
    length = ("--time", f"{left:.0f}s") if steps is None else ("--steps", str(steps))
    placed = ("--data-root", str(folder), "--device", device, "--out", str(folder / "run"))
    command("train", *TRAINING, *QUIET, *length, *placed)
    trained = time.monotonic() - began
    picture = str(folder / "samples.png")
    command("sample", str(folder / "run"), "--count", str(DRAWN), "--device", device, "--out", picture)
    return {"images": counts, "unpacked": unpacked, "trained": trained, "seconds": time.monotonic() - began}


@click.command()
@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--minutes", multiple=True, type=float, default=(MINUTES,), help="Of a training; give it again for more.")
@click.option("--steps", type=int, help="Make so many steps instead, for a rehearsal.")
@click.option("--samples", default=10_000, help="Samples that are judged, after the time.")
@common.device
@common.pictures
@common.out
def main(
    archive: Path,
    minutes: tuple[float, ...],
    steps: int | None,
    samples: int,
    device: str,
    pictures: Path | None,
    out: Path | None,
) -> None:
    """Train on the images of ARCHIVE for some minutes in all, and then judge what was learnt, for each length anew."""
    results = []
    for limit in minutes:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            taken = record(archive, limit, steps, device, folder)
            found = ganzoo.evaluate(folder / "run", samples=samples, device=device, data_root=folder, **JUDGED)
            about = {"training": " ".join(TRAINING), "held_out": found.real, "samples": found.samples}
            results.append({"minutes": limit, **about, **taken, "figures": figures(found), "judge": judge(found)})
            if pictures is not None:
                pictures.mkdir(parents=True, exist_ok=True)
                shutil.copy(folder / "samples.png", pictures / f"cifar-{limit:g}-minutes.png")
    common.publish(results, choose_device(device), out)


if __name__ == "__main__":
    common.run(main)
