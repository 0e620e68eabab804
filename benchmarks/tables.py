"""The tables of the page, each made of one result file."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

Result = Mapping[str, Any]
"""The content of one result file."""

MISSING = "not measured yet"


def about(machine: Mapping[str, Any]) -> str:
    """Return a machine in words."""
    words = [
        machine["processor"],
        f"{machine['cores']} cores",
        f"{machine['threads']} {'thread' if machine['threads'] == 1 else 'threads'}",
        f"torch {machine['torch'].split('+')[0]}",
    ]
    return ", ".join([machine["device"], *words] if on_gpu(machine) else words)


def on_gpu(machine: Mapping[str, Any]) -> bool:
    """Return whether a GPU computed."""
    return bool(machine["device"] != "cpu")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield f"| {' | '.join(headings)} |"
    yield "|---" * len(headings) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def spread(values: Sequence[float], show: Callable[[float], str]) -> str:
    """Return the median of ``values``, and between what the middle half of them lies."""
    if len(values) < 2:
        return show(values[0])
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{show(middle)} ({show(low)} to {show(high)})"


def judged(reached: bool, target: str) -> str:
    """Return a target and whether it was reached, in words."""
    return f"{target}: {'reached' if reached else '**missed**'}"


def misses(found: Sequence[str]) -> Iterator[str]:
    """Yield a line that names what was missed, or nothing."""
    if found:
        yield f"Missed: {'; '.join(found)}."


def apart(blocks: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of all blocks, with an empty line between two; blocks without lines are left out."""
    between = False
    for block in map(list, blocks):
        if block and between:
            yield ""
        yield from block
        between = between or bool(block)


def ms(seconds: float) -> str:
    """Return seconds as milliseconds."""
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{1000 * seconds:.0f} ms"


def rate(seconds: float) -> str:
    """Return how many steps of so many seconds a second has."""
    return f"{1 / seconds:.3g}" if seconds > 0.01 else f"{1 / seconds:.0f}"


def times(value: float) -> str:
    """Return a factor."""
    return f"{value:.2f}×"


def percent(value: float) -> str:
    """Return a share."""
    return f"{value:.1%}".replace("-", "−")


def against_tutorial(result: Result) -> Iterator[str]:
    """Yield the table of how much faster than a tutorial's loop ganzoo is."""
    rows, missed = [], []
    for case in result["results"]:
        name = f"`{case['training']}` {case['size']}×{case['size']}, batch {case['batch']}"
        rows.append((name, "tutorial, fp32", ms(case["seconds"]), "1", ""))
        for contender in case["contenders"]:
            manner = contender["name"] if contender["name"] == contender["manner"] else _with_manner(contender)
            factor, target = statistics.median(contender["times"]), contender["target"]
            verdict = judged(factor >= target, times(target)) if target else ""
            rows.append(
                (name, f"ganzoo, {manner}", ms(contender["seconds"]), spread(contender["times"], times), verdict)
            )
            if target and factor < target:
                missed.append(f"`{case['training']}` with {manner} is {times(factor)} as fast, not {times(target)}")
    headings = ("training", "loop", "a step", "times as fast (middle half of the rounds)", "target")
    yield from apart([table(headings, rows), misses(missed)])


def _with_manner(contender: Mapping[str, Any]) -> str:
    return f"{contender['name']} ({contender['manner']})"


def tutorial(result: Result) -> Iterator[str]:
    """Yield the table of where the time of a tutorial's step goes."""
    rows = [
        (
            f"`{loop['training']}` {loop['size']}×{loop['size']}, batch {loop['batch']}",
            ms(loop["step"]),
            ms(loop["reading"]),
            percent(loop["reading"] / loop["step"]),
        )
        for loop in result["results"]
    ]
    yield from table(("tutorial's loop", "a step", "of it reading images", "share"), rows)


def precision(result: Result) -> Iterator[str]:
    """Yield the table of what is made in float32 and in bfloat16."""
    judge, *trained = result["results"]
    rows = [
        (
            f"`{row['variant']}`, {row['steps']:,} steps",
            row["precision"],
            ", ".join(percent(value) for value in row["accuracy"]),
            ", ".join(f"{value:.1f}" for value in row["distance"]),
            rate(1 / row["steps_per_second"]),
        )
        for row in trained
    ]
    sentence = (
        f"The classifier takes {percent(judge['judge'])} of the test images for their labels; two halves of these are "
        f"{judge['floor']:.1f} apart. {judge['samples']:,} samples of each model were judged."
    )
    headings = (
        "training",
        "precision",
        "taken for their labels, by seed",
        "distance to test images, by seed",
        "steps/s",
    )
    yield from apart([table(headings, rows), [sentence]])


WATCHED = {"lines": "plain lines", "bar": "live bar on a terminal"}


def trainer_overhead(result: Result) -> Iterator[str]:
    """Yield the table of what the trainer adds to a step."""
    rows, missed = [], []
    for case in result["results"]:
        name = f"`{case['training']}` on `{case['data']}`, batch {case['batch']}, {case['manner']}"
        rows.append((name, "bare loop", ms(case["seconds"]), "", ""))
        for contender in case["contenders"]:
            watched, target = WATCHED[contender["name"]], contender["target"]
            extra = statistics.median(contender["extra"])
            verdict = judged(extra <= target, f"at most {percent(target)}")
            rows.append(
                (name, f"trainer, {watched}", ms(contender["seconds"]), spread(contender["extra"], percent), verdict)
            )
            if extra > target:
                missed.append(f"`{case['training']}` with {watched} takes {percent(extra)} more than bare")
    headings = ("training", "loop", "a step", "more than bare (middle half of the rounds)", "target")
    yield from apart([table(headings, rows), misses(missed)])


def scaling(result: Result) -> Iterator[str]:
    """Yield the tables of speed against batch and width, and what the first of them shows."""
    blocks: list[Iterable[str]] = []
    for series in result["results"]:
        by_batch = series["against"] == "batch"
        rows = [
            (
                row["choice"] if by_batch else f"{row['choice']}, {row['parameters']:,} parameters",
                ms(row["seconds"]),
                rate(row["seconds"]),
                f"{row['batch'] / row['seconds']:,.0f}",
            )
            for row in series["rows"]
        ]
        against = "batch" if by_batch else WIDTHS[series["training"]].format(**series["rows"][0])
        blocks.append(table((f"`{series['training']}`: {against}", "a step", "steps/s", "images/s"), rows))
        blocks.append([_knee_in_words(series)] if by_batch else [])
    yield from apart(blocks)


WIDTHS = {"cgan": "factor of all widths (batch {batch})", "dcgan": "width (batch {batch}, 32×32)"}


def _knee_in_words(series: Mapping[str, Any]) -> str:
    seconds = {row["batch"]: row["seconds"] for row in series["rows"]}
    small, large = min(seconds), max(seconds)
    rule = f"the first batch whose double gives less than {series['gain']:g} times the images a second"
    knee = f"The knee, {rule}, is {series['knee']}." if series["knee"] else f"There is no knee, {rule}, up to {large}."
    return (
        f"{knee} A step of {small} images takes {ms(seconds[small])} and one of {4 * small}, four times as many, "
        f"{seconds[4 * small] / seconds[small]:.1f} times as long: what a small step pays for is the same whatever its "
        "batch, which is to start its operations, and to read and write all weights, gradients and moments of Adam. "
        f"Far beyond the knee time grows with the images: the last doubling, to {large}, takes "
        f"{seconds[large] / seconds[large // 2]:.1f} times as long."
    )


def memory(result: Result) -> Iterator[str]:
    """Yield what trainings held."""
    yield from apart(_streamed(part) if part["what"] == "stream" else _lasting(part) for part in result["results"])


def _streamed(part: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        (
            f"{folder['images']:,} ({folder['decoded']:.0f} MiB as bytes)",
            f"{folder['memory']:.0f} MiB",
            f"{folder['peak']:.0f} MiB",
        )
        for folder in part["folders"]
    ]
    headings = (f"images streamed, budget {part['budget']} MiB", "memory (median)", "peak")
    small, large = part["folders"]
    constant = part["extra"] <= part["target"]
    verdict = judged(constant, f"at most {percent(part['target'])}")
    sentence = (
        f"For {large['decoded'] - small['decoded']:.0f} MiB more of images it holds "
        f"{large['memory'] - small['memory']:.0f} MiB more, {percent(part['extra'])} of them ({verdict})."
    )
    missed = [] if constant else ["memory grows with a folder that is streamed"]
    yield from apart([table(headings, rows), [sentence], misses(missed)])


def _lasting(part: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        ("memory", *(f"{memory:.0f} MiB" for memory in part["memory"])),
        ("open files", *map(str, part["descriptors"])),
        ("threads", *map(str, part["threads"])),
    ]
    flat = part["slope"] <= part["target"]
    verdict = judged(flat, f"at most {part['target']:g} MiB")
    sentence = f"A straight line through its memory rises by {part['slope']:.1f} MiB in 100,000 steps ({verdict})."
    missed = [] if flat else ["memory grows with the steps"]
    counted = {"descriptors": "open files", "threads": "threads"}
    missed += [f"the number of {words} changes" for name, words in counted.items() if len(set(part[name])) > 1]
    headings = (f"second half of {part['steps']:,} steps", "from", "to")
    yield from apart([table(headings, rows), [sentence], misses(missed)])


def startup(result: Result) -> Iterator[str]:
    """Yield the table of how long it takes to begin."""
    for part in result["results"]:
        soon = part["extra"] <= part["target"]
        verdict = judged(soon, f"at most {part['target']:g} s more")
        rows = [
            ("`import torch`", f"{part['import']:.2f} s", ""),
            ("`import torch`, and an optimizer is built", f"{part['optimizer']:.2f} s", ""),
            (f"command to first step of `{part['training']}`", f"{part['first step']:.2f} s", verdict),
        ]
        late = f"the first step comes {part['extra']:.2f} s after the import, not {part['target']:g} s"
        headings = ("a process", "takes", "target, beyond the import")
        yield from apart([table(headings, rows), misses([] if soon else [late])])


def busy(result: Result) -> Iterator[str]:
    """Yield the table of how fast trainings are on a busy machine, by how their threads wait."""
    rows = [
        (part["company"], part["manner"], spread(part["speeds"], lambda speed: f"{speed:.2f}"))
        for part in result["results"]
    ]
    headings = ("a training", "its threads wait", "steps/s of the slowest (middle half of the rounds)")
    load = f"{result['results'][0]['load']:.1f}"
    others = f"Others used the machine all the while, beside what is named here: its load was {load}."
    yield from apart([table(headings, rows), [others]])


def cifar(result: Result) -> Iterator[str]:
    """Yield the table of what was learnt in how much time."""
    rows = [
        (
            f"{part['minutes']:g} minutes",
            f"{part['seconds']:.0f} s",
            f"{part['figures']['FD']:.2f}",
            percent(part["figures"]["accuracy"]),
        )
        for part in result["results"]
    ]
    first = result["results"][0]
    seen = f"Judge: `{first['judge']['name']}`, on {first['held_out']:,} images that were held out."
    headings = ("asked for", "from the start to the last sample", "Fréchet distance", "accuracy")
    yield from apart([table(headings, rows), [seen], [f"`ganzoo train {first['training']}`"]])


def interface(result: Result) -> Iterator[str]:
    """Yield the table of how soon a person sees something, and of a report of many runs."""
    for part in result["results"]:
        count = part["count"]
        found = (
            ("first word of `ganzoo train`", part["first word"], 0.5, "s"),
            (f"`ganzoo explore` shows {count} runs", part["runs"], 3.0, "s"),
            ("`ganzoo explore` shows a model, beyond the import of torch", part["extra"], 3.0, "s"),
            (f"`ganzoo report` of {count} runs", part["report"], 10.0, "s"),
            ("its size", part["megabytes"], 5.0, "MB"),
        )
        rows = [
            (what, f"{value:.2f} {unit}", judged(value <= most, f"at most {most:g} {unit}"))
            for what, value, most, unit in found
        ]
        missed = [f"{what}: {value:.2f} {unit}, not {most:g}" for what, value, most, unit in found if value > most]
        yield from apart([table(("what", "measured", "target"), rows), misses(missed)])


def fine_tuning(result: Result) -> Iterator[str]:
    """Yield the table of how soon the distance of a new model is reached from a model of other digits."""
    _, *seeds = result["results"]
    missed = []
    rows = []
    for seed in seeds:
        for row in seed["compared"]:
            reached = row["reached"]
            rows.append(
                (str(seed["seed"]), f"{row['steps']:,}", f"{row['FD']:.1f}", f"{reached:,}" if reached else "-")
            )
        longest = seed["compared"][-1]
        if not longest["reached"] or longest["reached"] > longest["steps"] / 3:
            missed.append(f"seed {seed['seed']}: the distance after {longest['steps']:,} steps, in a third of them")
    headings = ("seed", "steps from new weights", "distance", "steps from the other model, to no more")
    yield from apart([table(headings, rows), misses(missed)])


def gpu(result: Result) -> Iterator[str]:
    """Yield the tables of the checks on a GPU and of the speeds there."""
    checks = [found for found in result["results"] if "manners" not in found["found"]]
    passed = [found["check"] for found in checks if found["state"] == "passed"]
    others = [(found["check"], found["state"], found["problem"].partition("\n")[0]) for found in checks]
    rows = [
        (row["check"].removeprefix("speed: "), name, *_on_gpu(figures))
        for row in result["results"]
        for name, figures in row["found"].get("manners", {}).items()
    ]
    sentence = f"{len(passed)} of {len(checks)} checks passed: {', '.join(passed)}."
    note = f"Note: {result['note']}." if "note" in result else ""
    failures = [row for row in others if row[1] != "passed"]
    failed = table(("check", "state", "why"), failures) if failures else []
    goals = [
        f"{row['check'].removeprefix('speed: ')}: {goal} {seen:,.4g} ({judged(reached, f'at least {wanted:,g}')})"
        for row in result["results"]
        for goal, (wanted, seen, reached) in row["found"].get("targets", {}).items()
    ]
    targets = [f"Targets, of `auto`: {'; '.join(goals)}."] if goals else []
    yield from apart([[sentence], [note] if note else [], failed, table(GPU_HEADINGS, rows), targets])


GPU_HEADINGS = ("training", "as", "how", "steps/s", "times the tutorial", "kernels a step", "kernels' time", "of limit")


def _on_gpu(figures: Mapping[str, Any]) -> list[str]:
    return [
        figures["manner"],
        f"{figures['steps/s']:,.0f}",
        f"{figures['times the tutorial']:.1f}" if "times the tutorial" in figures else "",
        str(figures.get("kernels", "")),
        f"{figures['busy'] * 1e3:.2f} ms" if "busy" in figures else "",
        percent(figures["limit"]),
    ]


def every_variant(names: Sequence[str], found: Sequence[Result]) -> Iterator[str]:
    """Yield the table of all variants on all machines that were measured, and where the time of a step goes."""
    places: dict[str, Mapping[str, Any]] = {}
    legend = []
    for kind, wanted in (("CPU", False), ("GPU", True)):
        results = [result for result in found if on_gpu(result["machine"]) == wanted]
        for number, result in enumerate(results, start=1):
            place = f"{kind} {number}" if len(results) > 1 else kind
            places[place] = {row["variant"]: row for row in result["results"]}
            machine = result["machine"]
            legend.append(f"- {place}: {about(machine)}; {_rates(machine)}; `{result['command']}`")
        if not results:
            places[kind] = {}
            legend.append(f"- {kind}: {MISSING}")
    pairs = [(name, place, rows.get(name)) for name in names for place, rows in places.items()]
    blank = [""] * (len(VARIANT_HEADINGS) - 3)
    rows = [(f"`{name}`", place, *(_measured(row) if row else [MISSING, *blank])) for name, place, row in pairs]
    split = [(f"`{name}`", place, row["split_execution"], _split(row["split"])) for name, place, row in pairs if row]
    parts = table(("variant", "on", "how", "where the time of a step goes"), split) if split else []
    yield from apart([legend, table(VARIANT_HEADINGS, rows), parts])


VARIANT_HEADINGS = (
    "variant",
    "on",
    "how",
    "steps/s",
    "images/s",
    "GFLOP a step",
    "MB a step",
    "of matrix rate",
    "of copy rate",
    "peak memory",
)


def _rates(machine: Mapping[str, Any]) -> str:
    rates = [f"{name} {rate / 1e9:,.0f} GFLOP/s" for name, rate in machine["matrix_rates"].items()]
    return f"matrix products {', '.join(rates)}, copies {machine['copy_rate'] / 1e9:.1f} GB/s"


def _measured(row: Mapping[str, Any]) -> list[str]:
    return [
        f"{', '.join(row['data'].values())}, batch {row['batch_size']}, {row['precision']}, {row['execution']}",
        f"{row['steps_per_second']:,.1f}",
        f"{row['images_per_second']:,.0f}",
        f"{row['cost']['flops'] / 1e9:,.3f}",
        f"{row['cost']['bytes'] / 1e6:,.1f}",
        percent(row["matrix_share"]),
        percent(row["memory_share"]),
        f"{row['peak_memory'] / 1e6:,.0f} MB" if row["peak_memory"] else "",
    ]


def _split(split: Mapping[str, float]) -> str:
    total = sum(split.values())
    return ", ".join(f"{part} {seconds / total:.0%}" for part, seconds in split.items())
