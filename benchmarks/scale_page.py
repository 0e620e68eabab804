"""Write docs/scale.md: what is computed follows from benchmarks/results and from the assumptions below."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tables
from exchange_model import Link, fastest, step
from page import read
from tables import Result

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
TEXT = Path(__file__).with_name("scale_text.md")
A_MACHINE = 8  # GPUs
NVLINK, INFINIBAND, ETHERNET = Link(3e-6, 300e9), Link(5e-6, 50e9), Link(30e-6, 3.1e9)
LINKS = {
    "NVLink": (NVLINK, "between the GPUs of one machine (two thirds of what an H100 has in each direction)"),
    "InfiniBand": (INFINIBAND, "one adapter of 400 Gb/s for each machine"),
    "Ethernet": (ETHERNET, "one adapter of 25 Gb/s for each machine"),
}
GPUS = (8, 16, 64, 256, 1024)
REACHED = 0.3  # of a GPU's own rate of matrix products, where no speed was measured
HIDDEN = 0.5  # of what is computed: an exchange may begin when the backward pass, two thirds of it, has first gradients
COMPRESSED = 1 / 3  # of the bytes of its pixels is an image in a file
OPENED, READ = 10_000, 1e9  # files a second that a file server opens, and bytes a second that it reads
# Measured speeds: the check of the result of gpu.py that trained the same, eagerly, as several processes do.
MEASURED = {"cgan": "speed: cgan, published, 28×28", "dcgan": "speed: dcgan, 64×64, batch 128"}


class Way(NamedTuple):
    """So many GPUs, connected by what is named; the slowest link of a ring or tree counts."""

    gpus: int
    link: str


WAYS = (Way(8, "NVLink"), *(Way(gpus, link) for link in ("InfiniBand", "Ethernet") for gpus in GPUS[1:]))


class Training(NamedTuple):
    """A training with the seconds that one process computes in a step, and where these are from."""

    about: Mapping[str, Any]
    computing: float
    origin: str

    @property
    def title(self) -> str:
        """The training in words."""
        preset = f" --preset {self.about['preset']}" if self.about["preset"] else ""
        return f"`{self.about['variant']}{preset}`, {self.about['size']}×{self.about['size']}"

    @property
    def messages(self) -> list[tuple[float, Sequence[int]]]:
        """The share of the steps in which a phase is due, and its messages."""
        return [(1 / phase["every"], phase["messages"]) for phase in self.about["phases"].values()]

    def exchanging(self, gpus: int, link: Link) -> float:
        """Return the mean seconds of the exchange of a step."""
        return sum(share * fastest(messages, gpus, link) for share, messages in self.messages)


def trainings(scale: Result, gpu: Result) -> list[Training]:
    """Return the trainings of a result of scale.py; ``gpu`` is one of gpu.py."""
    speeds = {row["check"]: row["found"] for row in gpu["results"]}
    rate = REACHED * gpu["machine"]["matrix_rates"]["bf16"]
    found = []
    for about in scale["results"][1:]:
        check = MEASURED.get(about["variant"])
        if check is None:
            found.append(Training(about, about["flops"] / rate, "computed"))
        else:
            found.append(Training(about, 1 / speeds[check]["manners"]["eager"]["steps/s"], "measured"))
    return found


def page(found: Sequence[Result]) -> str:
    """Return the text of docs/scale.md, made of results of scale.py, overlap.py and gpu.py."""
    scale, gpu = (next(each for each in found if each["benchmark"] == name) for name in ("scale", "gpu"))
    overlaps = [each for each in found if each["benchmark"] == "overlap"]
    known = trainings(scale, gpu)
    parts = {
        "EXCHANGED": exchanged(known),
        "MEASURED": measured(scale),
        "ASSUMED": assumed(gpu),
        "COMPUTED": computed(known),
        "OVERLAP": overlapped(overlaps),
        "READ": reading(known),
    }
    text = TEXT.read_text(encoding="utf-8")
    for name, lines in parts.items():
        text = text.replace(f"<!-- {name} -->", "\n".join(lines))
    return text


def exchanged(known: Sequence[Training]) -> Iterator[str]:
    """Yield the table of what each phase exchanges."""
    rows = [
        (
            training.title,
            phase,
            "each step" if about["every"] == 1 else f"every {about['every']} steps",
            str(len(about["messages"])),
            megabytes(sum(about["messages"])),
        )
        for training in known
        for phase, about in training.about["phases"].items()
    ]
    yield from tables.table(("training", "phase", "due", "messages", "MB"), rows)


def measured(scale: Result) -> Iterator[str]:
    """Yield what messages took and what was predicted, and how many predictions are right."""
    found = scale["results"][0]
    rounds = len(next(iter(found["seconds"].values())))
    yield f"{tables.about(scale['machine'])}; `{scale['command']}`; medians of {rounds} rounds:"
    yield ""
    medians, *others = found["fits"]
    rows = [
        (
            f"{row['bytes']:,} bytes" if row["payload"].isdigit() else row["payload"],
            str(row["calls"]),
            megabytes(row["bytes"]),
            tables.ms(row["seconds"]),
            tables.ms(row["predicted"]),
            "fitted" if row["fitted"] else signed(wrong(row)),
        )
        for row in medians["rows"]
    ]
    yield from tables.table(("payload", "messages", "MB", "measured", "predicted", "wrong by"), rows)
    yield ""
    yield f"Medians: {predicted(medians)}"
    for fit in others:
        yield ""
        yield (
            f"The machine was shared with other work. The fastest {fit['share']:.0%} of the rounds, which it disturbed "
            f"least: {predicted(fit)}"
        )


def predicted(fit: Mapping[str, Any]) -> str:
    """Return in words what was fitted, how many predictions are right, and which are not."""
    held_out = [row for row in fit["rows"] if not row["fitted"]]
    missed = [f"{row['payload']} ({signed(wrong(row))})" for row in held_out if abs(wrong(row)) > fit["target"]]
    return (
        f"a latency of {1e6 * fit['latency']:,.0f} µs and {fit['bandwidth'] / 1e9:.2f} GB/s; of {len(held_out)} "
        f"payloads that were held out, {len(held_out) - len(missed)} are predicted within {fit['target']:.0%}."
        + "".join(f" {line}" for line in tables.misses(missed))
    )


def wrong(row: Mapping[str, Any]) -> float:
    """Return by what share of the measured time a prediction is wrong."""
    return float(row["predicted"] / row["seconds"] - 1)


def assumed(gpu: Result) -> Iterator[str]:
    """Yield the assumptions."""
    rows = [
        (name, f"{1e6 * link.latency:.0f} µs", f"{link.bandwidth / 1e9:g} GB/s", what)
        for name, (link, what) in LINKS.items()
    ]
    yield from tables.table(("link", "latency", "bandwidth", "what"), rows)
    yield ""
    yield f"- A machine has {A_MACHINE} GPUs. With several machines, the link between machines counts, as the slowest."
    yield "- A message takes a ring or a tree, whichever is faster, as NCCL chooses."
    yield (
        f"- `measured` is the time of an eager step on one {gpu['machine']['device']} "
        "([benchmarks](benchmarks.md#on-a-gpu)); recorded steps are for one process. `computed` is the FLOPs of a "
        f"step with all phases at {REACHED:.0%} of the GPU's own rate of matrix products in bf16. It leaves out the "
        "time that the host needs to start operations, and so weighs the exchange rather too heavily."
    )
    yield f"- Overlapped, an exchange hides behind {HIDDEN:.0%} of what is computed, and the rest of it remains."
    yield "- Each GPU keeps its batch: with n GPUs, `--batch-size` is n times as large."


def computed(known: Sequence[Training]) -> Iterator[str]:
    """Yield a table for each training."""
    headings = ("GPUs", "link", "exchange", "step", "images/s", "efficiency", "overlapped: step", "efficiency")
    for training in known:
        yield (
            f"**{training.title}**: batches of {training.about['batch']} for each GPU, "
            f"{tables.ms(training.computing)} to compute a step ({training.origin}). Computed:"
        )
        yield ""
        yield from tables.table(headings, (computed_row(training, way) for way in WAYS))
        yield ""


def computed_row(training: Training, way: Way) -> list[str]:
    """Return what a training takes in one way."""
    exchanging = training.exchanging(way.gpus, LINKS[way.link][0])
    plain, overlapped = (step(training.computing, exchanging, hidden) for hidden in (0.0, HIDDEN))
    return [
        f"{way.gpus:,}",
        way.link,
        tables.ms(exchanging),
        tables.ms(plain),
        f"{way.gpus * training.about['images'] / plain:,.0f}",
        f"{training.computing / plain:.0%}",
        tables.ms(overlapped),
        f"{training.computing / overlapped:.0%}",
    ]


def overlapped(found: Sequence[Result]) -> Iterator[str]:
    """Yield what a step takes with the exchange after and during the backward pass, and without any."""
    if not found:
        yield f"`python benchmarks/overlap.py`: {tables.MISSING}."
        return
    (overlap,), rows = found, list[tuple[str, ...]]()
    for case in overlap["results"]:
        after, during, nothing = (case["seconds"][name] for name in ("after", "during", "nothing"))
        gains = [1 - one / other for one, other in zip(during, after, strict=True)]
        medians = (tables.ms(statistics.median(values)) for values in (after, during, nothing))
        rows.append(
            (f"`{case['variant']}`", *medians, tables.spread(gains, signed), "yes" if case["same"] else "**no**")
        )
    yield f"{tables.about(overlap['machine'])}; `{overlap['command']}`; two processes, medians of the rounds:"
    yield ""
    headings = ("training", "after", "during", "no exchange", "saved (middle half of the rounds)", "same weights")
    yield from tables.table(headings, rows)
    if "note" in overlap:
        yield ""
        yield f"Note: {overlap['note']}."


def reading(known: Sequence[Training]) -> Iterator[str]:
    """Yield the table of what is read from a file server."""
    rows = []
    for training in known:
        size = COMPRESSED * 3 * training.about["size"] ** 2
        rate = training.about["images"] / training.computing  # images a second of one GPU
        rows.append(
            (
                training.title,
                f"{rate:,.0f}",
                megabytes(rate * size),
                f"{OPENED / rate:,.1f}",
                f"{READ / (rate * size):,.1f}",
            )
        )
    headings = ("training", "images/s of a GPU", "MB/s of a GPU", "GPUs with single files", "GPUs with shards")
    yield from tables.table(headings, rows)


def megabytes(number: float) -> str:
    """Return bytes as megabytes."""
    return f"{number / 1e6:,.3g}" if number < 1e9 else f"{number / 1e6:,.0f}"


def signed(share: float) -> str:
    """Return a share with its sign."""
    return f"{share:+.0%}".replace("-", "−")


if __name__ == "__main__":
    PAGE.write_text(page(read()), encoding="utf-8")
