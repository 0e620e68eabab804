"""Write docs/benchmarks.md and docs/gallery.md from the files in benchmarks/results: they cannot say anything else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import gallery_page
import quality_tables
import tables
from tables import MISSING, Result

from ganzoo.catalogue import installed

RESULTS = Path(__file__).with_name("results")
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
GALLERY = PAGE.with_name("gallery.md")
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
    own = installed().of_package(OWN).names("variant")
    measured = [result for result in found if result["benchmark"] == "bench"]
    lines += ["", "## Every variant", "", VARIANTS, "", *tables.every_variant(own, measured)]
    return "\n".join(lines) + "\n"


def gallery(found: Sequence[Result]) -> str:
    """Return the text of docs/gallery.md."""
    return gallery_page.page(
        [result for result in found if result["benchmark"] == "gallery"], installed().of_package(OWN)
    )


def read(folder: Path = RESULTS) -> list[Result]:
    """Return the results in ``folder``, in the order of their files; what `ganzoo bench` printed has no name."""
    files = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return [{"benchmark": "bench", "command": BENCH, **content} for content in files]


INTRODUCTION = """# Benchmarks

This page shows how fast ganzoo trains, how much memory it needs, and how good its models are.
`python benchmarks/page.py` generates it from the files in `benchmarks/results/`. The commands below wrote these files
with `--out`, and a test checks that the page agrees with them. `DIR` is a folder with MNIST.

- Training loops whose speeds are compared take turns in one process. The first step of each turn does not count.
- The time of a step is the median of all rounds. A ratio is the median of the ratios of the rounds.
- The figures of the Xeon come from an earlier commit. At that commit, `cgan` and `cgan-conv` trained as
  `--preset published --dataset-size 28 --ema 0.999` does now.

[Results](results.md) shows samples from the trained models."""

SECTIONS = (
    Section(
        "Against a tutorial's loop",
        "against_tutorial",
        " --data-root DIR",
        """The plain loop has the same networks, data and batch, as they were published, and is written as tutorials
write it: the training process decodes images one by one with torchvision; float32, contiguous tensors, torch's own
dropout, unfused Adam; nothing is frozen, and every value is read at every step. `fp32` is ganzoo with the same
arithmetic; `auto` is what a user gets by default. Both include metrics and progress as usual. ganzoo does more in a
step than that loop: it averages the generator and draws random numbers from seeded streams. Both generate the same
number of fake examples: one batch for both networks of `cgan`, one for each network of `dcgan`.""",
        tables.against_tutorial,
    ),
    Section(
        "What a tutorial's loop reads",
        "tutorial",
        " --data-root DIR",
        """How much of a step the tutorial's loop spends on reading images. ganzoo keeps images as bytes in the memory
of the device. It saves time elsewhere too: it computes no gradient that nobody uses, dropout and Adam are few
operations instead of many, convolutions use the memory format in which they are fastest, and `auto` multiplies in
bfloat16 if the processor does.""",
        tables.tutorial,
    ),
    Section(
        "What bfloat16 costs",
        "precision",
        " --data-root DIR",
        """The same trainings in float32 and bfloat16, evaluated by one classifier of MNIST. The table has the share of
samples that the classifier assigns to the label of the sample, and the Fréchet distance (arXiv 1706.08500, with the
classifier's own features) between samples and test images.""",
        tables.precision,
    ),
    Section(
        "What the trainer costs",
        "trainer_overhead",
        " --data-root DIR",
        """The trainer writes its sums of losses, `metrics.jsonl` and progress at the usual intervals. The bare loop
makes the same training, bit for bit: the same losses, frozen parameters, optimizers, averages and random numbers. Both
run eagerly. Pictures and checkpoints are left out, because their cost depends on their intervals. `gan-minimal` has the
smallest step of all variants, so the additional time is relatively largest there.""",
        tables.trainer_overhead,
    ),
    Section(
        "Batch and width",
        "scaling",
        " --data-root DIR",
        """Speed for different batch sizes and for different widths of the networks, with default settings otherwise, on
MNIST.""",
        tables.scaling,
    ),
    Section(
        "Memory",
        "memory",
        "",
        """The first table: a folder of JPEGs that is more than ten times as large as the data budget, and a tenth of
that folder, which does not fit into the budget either, so that both are streamed. The second table: many steps of the
cheapest training, with pictures and checkpoints. Memory is what the process and its workers allocated themselves;
shared memory counts once. Mapped files, such as torch's libraries, do not count.""",
        tables.memory,
    ),
    Section(
        "On a GPU",
        "gpu",
        "",
        """What only a GPU can show: that recorded steps, guards, resumption and messages are what they are on a CPU,
and how fast each variant trains, on data that needs no files. The limit is the machine's own rate of large matrix
products or of copies, whichever is nearer. One step waits for its many kernels, so fewer of them are faster.""",
        tables.gpu,
    ),
    Section(
        "To the first step",
        "startup",
        " --data-root DIR",
        """The time from the command `ganzoo train cgan --dataset mnist` to the first row of its metrics, compared with
the time that torch needs on its own: the first optimizer of a process makes torch import its compiler, even if the
compiler is not used.""",
        tables.startup,
    ),
    Section(
        "On a busy machine",
        "busy",
        " --data-root DIR",
        """`cgan --preset published`, 28×28, batch 64, float32, in three companies, by how its threads wait for one
another. What OpenMP does by itself is to let them spin; what `ganzoo` chooses depends on the load that it finds (see
[speed](speed.md#busy-machines)). All trainings take turns.""",
        tables.busy,
    ),
    Section(
        "CIFAR-10 in minutes",
        "cifar",
        " cifar10-train.zip --device cuda --minutes 1 --minutes 2 --minutes 4 --minutes 8",
        """A class-conditional GAN from nothing but an archive of the training images, of which a tenth is held out.
Everything counts: unpacking, imports, reading, training, and the samples at the end. Judging comes after it. The images
are CIFAR-10 encoded again as JPEG, and the distance is that of our own classifier's features, not FID: neither can be
compared with numbers of papers.""",
        tables.cifar,
    ),
    Section(
        "Until something is seen",
        "interface",
        "",
        """The time from a command to its first word and to its first page, each in a process of its own, and a report
of ten runs with 40 pictures each. The pictures are noise, which no format makes small.""",
        tables.interface,
    ),
    Section(
        "Fine-tuning",
        "fine_tuning",
        " --data-root DIR",
        """`cgan` learns the digits 5 to 9 of MNIST from 500 images: from new weights, and with `--from` a model of the
digits 0 to 4, with the same settings. Both are judged after the same numbers of steps, by the Fréchet distance to test
images of the digits 5 to 9 (features of one classifier). The target: what new weights reach in the longest training is
reached in a third of its steps. The row below was written from what a longer measurement printed before it was stopped
after its first seed, with the initial embeddings that `cgan` had then.""",
        tables.fine_tuning,
    ),
    Section(
        "Against the published loop",
        "published",
        " --data-root DIR --pictures docs/pictures",
        """The published conditional GAN (fully connected, the label's embedding concatenated with noise and image,
28×28, batch 64) in a loop as tutorials write it, for ten epochs of MNIST, compared with the commands that a user types.
The time of the loop is that of its steps only. The time of a command includes everything, from its start to its last
picture and checkpoint. Both generate their samples in evaluation mode. Two classifiers with different architectures
evaluate the samples. If a cell has two values, they come from these two; a target is reached if both say so. The last
row is [what real data gets](metrics.md#what-real-data-gets). The embeddings of `cgan`'s generator began larger when
this was measured (deviation 2 in place of 0.3).""",
        quality_tables.published,
    ),
    Section(
        "Conditioners",
        "conditioners",
        " --data-root DIR --pictures docs/pictures",
        """Every conditioner that fits, in every conditional variant, on MNIST. All other settings are the variant's
defaults, which were chosen with its own conditioner in place. Values are mean ± standard deviation of trainings with
different seeds. If a conditioner fits the discriminator only, it is used there, and the generator has `multiply`.

- `accuracy` is the share of samples that a classifier assigns to the requested class.
- `FD` is the distance between the classifier's features of samples and of test images. It can be compared within a
  table.
- `CAS` is the accuracy on test images of a classifier that was trained on the samples only.
- `recall` is the share of test images that lie among samples, `coverage` the share of test images with a sample nearby.
- The last row is [what real data gets](metrics.md#what-real-data-gets).

[Conditioners](conditioners.md) explains how the defaults came about. Times and rates are those of eight
trainings at a time on one GPU, beside others. Three trainings with `dcgan` and seed 2 were cut off, and the other
conditioners of `cgan` were measured with one seed.""",
        quality_tables.conditioners,
    ),
    Section(
        "What a first layer can read",
        "conditioning",
        "",
        """What a linear reader finds of the label in what a conditioner passes on to the first layer of a generator, at
its initial values, and which share of the variance there comes from the noise. Ten classes, 100 numbers of noise;
chance is 10%.""",
        quality_tables.conditioning,
    ),
    Section(
        "Settings of conditioners",
        "screening",
        " SETTINGS --data-root DIR --device cuda",
        """Settings that were tried on MNIST, with one seed each, before defaults were chosen. G's and D's are the
initial standard deviations of the embeddings in the generator and the discriminator. `dcgan` has images of
32×32 pixels and networks of half their usual width. Some of the rows were measured on an NVIDIA H100, and
all by the first form of this script, which trained and judged in the same way. SETTINGS is a JSON file,
such as the result itself.""",
        quality_tables.screening,
    ),
    Section(
        "Augmentations",
        "augmentation",
        " --data-root DIR",
        """What [augmentations](augmentation.md) gain with few images: trainings with the first images of each digit of
MNIST, compared with all test images by a classifier that was trained on all training images. Values are mean ± standard
deviation of trainings with different seeds. `FD` is the distance between the classifier's features of samples and of
test images; the last row is [what real data gets](metrics.md#what-real-data-gets).""",
        quality_tables.augmentations,
    ),
)

VARIANTS = f"""`{BENCH}`: every variant with its default settings. The shares are relative to the rates that the machine
itself reaches for large matrix products, in the same precision, and for copies. The larger share shows what limits the
step. A share of the copy rate above 100% means that caches serve the data. If both shares are small, the step waits for
its many small operations to start one after the other; then a larger batch costs little."""


if __name__ == "__main__":
    PAGE.write_text(page(read()), encoding="utf-8")
    GALLERY.write_text(gallery(read()), encoding="utf-8")
