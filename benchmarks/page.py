"""Write docs/benchmarks.md from the files in benchmarks/results, so that it cannot say anything else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import quality_tables
import tables
from tables import MISSING, Result

from ganzoo.catalogue import installed

RESULTS = Path(__file__).with_name("results")
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
OWN = "ganzoo"
BENCH = "ganzoo bench --json"


class Section(NamedTuple):
    """One part of the page: what is said of a benchmark, and the tables made of one result of it."""

    title: str
    benchmark: str
    options: str
    prose: str
    tables: Callable[[Result], Iterator[str]]


def page(found: Sequence[Result]) -> str:
    """Return the text of docs/benchmarks.md."""
    lines = [INTRODUCTION]
    for section in SECTIONS:
        lines += ["", f"## {section.title}", "", section.prose]
        results = [result for result in found if result["benchmark"] == section.benchmark]
        for result in results:
            lines += ["", f"{tables.about(result['machine'])}; `{result['command']}`", "", *section.tables(result)]
        if not results:
            lines += ["", f"`python benchmarks/{section.benchmark}.py{section.options}`: {MISSING}."]
    own = [entry.item.name for entry in installed() if entry.item.kind == "variant" and entry.provider.package == OWN]
    measured = [result for result in found if result["benchmark"] == "bench"]
    lines += ["", "## Every variant", "", VARIANTS, "", *tables.every_variant(own, measured)]
    return "\n".join(lines) + "\n"


def read(folder: Path = RESULTS) -> list[Result]:
    """Return the results in ``folder``, in the order of their files; what `ganzoo bench` printed has no name."""
    files = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return [{"benchmark": "bench", "command": BENCH, **content} for content in files]


INTRODUCTION = """# Benchmarks

How fast trainings are, what they hold, and how good their models are. This page is made by `python benchmarks/page.py`
from the files in `benchmarks/results/`, which the commands named here wrote with `--out`; a test keeps it equal to
them. `DIR` is a folder with MNIST. Loops whose speeds are compared take turns in one process, and the first step of a
turn does not count; a step's time is the median of all rounds, and a ratio the median of those of each round. What the
trainings learn is also shown in [results](results.md). Figures of the Xeon are of an earlier commit, when `cgan` and
`cgan-conv` trained as `--preset published --dataset-size 28 --ema 0.999` does now."""

SECTIONS = (
    Section(
        "Against a tutorial's loop",
        "against_tutorial",
        " --data-root DIR",
        """The same networks, data and batch, as they were published, in a plain loop as tutorials write it: images
decoded one by one with torchvision in the training process, float32, contiguous tensors, torch's own dropout, Adam
unfused, nothing frozen, and every value read at every step. `fp32` is ganzoo in the same arithmetic, `auto` what a user
gets without choosing, both with metrics and progress as usual. ganzoo does more in a step than that loop: it averages
the generator and draws from seeded streams. Both make as many fakes: one batch for both networks of `cgan`, one for
each of `dcgan`.""",
        tables.against_tutorial,
    ),
    Section(
        "What a tutorial's loop reads",
        "tutorial",
        " --data-root DIR",
        """The part of its step that goes into images. ganzoo keeps them as bytes in the device's memory. What it does
otherwise besides: no gradient is computed that nobody uses, dropout and Adam are few operations instead of many,
convolutions have the order of memory that they are fastest with, and `auto` multiplies in bfloat16 where the processor
does.""",
        tables.tutorial,
    ),
    Section(
        "What bfloat16 costs",
        "precision",
        " --data-root DIR",
        """The same trainings in float32 and bfloat16, judged by one classifier of MNIST: the share of samples that it
takes for the labels they were made for, and the Fréchet distance (arXiv 1706.08500, in the classifier's own features)
between samples and test images.""",
        tables.precision,
    ),
    Section(
        "What the trainer costs",
        "trainer_overhead",
        " --data-root DIR",
        """The trainer with its sums of losses, `metrics.jsonl` and progress at the usual intervals, against a loop of
its own that makes the same training to the bit: the same losses, frozen parameters, optimizers, averages and random
numbers. Both are eager. Pictures and saves are left out: their intervals decide what they cost. `gan-minimal` has the
smallest step of all, so that what is added weighs most.""",
        tables.trainer_overhead,
    ),
    Section(
        "Batch and width",
        "scaling",
        " --data-root DIR",
        "Speed against the batch and against the width of the networks, everything else as usual, on MNIST.",
        tables.scaling,
    ),
    Section(
        "Memory",
        "memory",
        "",
        """A folder of JPEGs that takes more than ten times the data budget, and a tenth of it, which does not fit
either, so that both are streamed; and many steps of the cheapest training, with pictures and saves. Memory is what the
process and its workers made for themselves, what they share counted once; files that are mapped, such as torch's
libraries, are left out.""",
        tables.memory,
    ),
    Section(
        "To the first step",
        "startup",
        " --data-root DIR",
        """From the command `ganzoo train cgan --dataset mnist` to the first row of its metrics, against what torch
takes by itself: the first optimizer of a process makes torch import its compiler, whether that is used or not.""",
        tables.startup,
    ),
    Section(
        "Against the published loop",
        "published",
        " --data-root DIR --pictures docs/pictures",
        """The published conditional GAN (fully connected, the label's embedding beside noise and image, 28×28, batch
64) in the loop that tutorials write, for ten epochs of MNIST, against what a user types. The loop's time is that of its
steps alone; that of a command is all it takes, from its start to its last picture and save. Both make their samples in
evaluation mode. Two classifiers of different shapes judge; where there are two values, they are those
of the two, and a target is reached where both say so. The last row is what [real images get](metrics.md).""",
        quality_tables.published,
    ),
    Section(
        "Conditioners",
        "conditioners",
        " --data-root DIR --pictures docs/pictures",
        """Every conditioner that fits, in every conditional variant, on MNIST, with the variant's defaults otherwise,
which were chosen with its own conditioner in place: mean ± standard deviation of trainings that differ in their seed. A
conditioner that fits the discriminator alone is tried there, and the generator then has `multiply`. `accuracy` is the
share of samples that a classifier takes for the class that was asked for; `FD` the distance between its features of
samples and of test images, which can be compared within a table; `CAS` the accuracy on test images of a classifier that
learnt from the samples alone; `recall` the share of test images that lie among samples, and `coverage` that of those
with a sample nearby. The last row is what [real images get](metrics.md). Trainings are short, for a thread each has to
do; `dcgan` makes 32×32 images with networks of half their usual width.

In `cgan` and `cgan-conv`, a label that is concatenated gives the right class soon and nearly always, but the noise may
be forgotten: recall and coverage stay low. One that is multiplied reaches the network through the noise alone: the
right class comes later, and variety with it; in `dcgan`, whose noise has no mean, neither is learnt in this time.""",
        quality_tables.conditioners,
    ),
)

VARIANTS = f"""`{BENCH}`: every variant with its default settings. The shares are those of the machine's own rates for
large matrix products, in the same precision, and for copies; the larger of them is what bounds a step. A share of the
copy rate above 100% says that caches answer. A step that is far from both waits for its many small operations to be
started one after the other: there a larger batch costs little."""


if __name__ == "__main__":
    PAGE.write_text(page(read()), encoding="utf-8")
