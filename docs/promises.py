"""What users may rely on: each promise, its limits, and the tests that prove it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
PAGE = Path(__file__).with_name("trust.md")
NOT_YET = "not recorded yet"


@dataclass(frozen=True)
class Promise:
    """A promise in a sentence or two, its limits, and the tests that prove it, quick and ``long``."""

    title: str
    text: str
    limits: str
    quick: str
    long: str = ""

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that prove it."""
        quick = (f"pytest {self.quick}",)
        return (*quick, f"pytest -m long {self.long}") if self.long else quick


PROMISES: tuple[Promise, ...] = (
    Promise(
        "A kill at any moment",
        "A training that is killed, at any moment, loses at most the steps since its last save; gone on with, it "
        "ends with the same weights as one that was never killed, to the bit: for every variant, optimizer, way to "
        "carry out a step and source of data.",
        "On one kind of machine and one version of torch; on an accelerator with `--deterministic`, which has not "
        "been measured yet. What a power cut takes depends on the disk keeping what it says it has.",
        "tests/robustness/test_kills.py tests/training/test_resume.py tests/robustness/test_state_machine.py",
        "tests/robustness/test_kills.py tests/training/test_resume.py tests/robustness/test_state_machine.py",
    ),
    Promise(
        "Several processes",
        "Processes under `torchrun` have the gradient of one with the whole batch, up to the order of additions. Where "
        "one is killed, all are started again at the newest save, and end with the weights of a run in which none was. "
        "A signal stops all of them after the same step, with a save.",
        "Proved for processes of one machine, on CPUs. Batch norm and dropout look at what a process has. A process "
        "that cannot save ends itself, and `torchrun` the others.",
        "tests/step/test_processes.py",
        "tests/step/test_processes.py",
    ),
    Promise(
        "Signals",
        "SIGINT, SIGTERM and SIGUSR1 end a training after its step, with a save and the command that goes on: exit "
        "status 130, 143 or 138. A second SIGINT ends it at once. Before the first step, and while data is read or "
        "downloaded, the first signal ends it at once, and leaves nothing half made.",
        "While a compiled library works, Python hears a signal only when it returns. A training whose last step is "
        "done ends with status 0 all the same.",
        "tests/robustness/test_signals.py",
        "tests/robustness/test_signals.py",
    ),
    Promise(
        "One run a folder",
        "Of several processes that want one run folder one gets it, and the others exit with status 2, naming its "
        "process and host. The claim of a process that died holds nobody up.",
        "On disks whose locks work between the machines that share them.",
        "tests/robustness/test_locks.py tests/storage/test_folder_lock.py",
        "tests/robustness/test_locks.py",
    ),
    Promise(
        "Durable saves",
        "A file is written beside its place, synced, renamed into place, and the folder synced: at every moment "
        "there is the old file or the new one, whole. On a full, broken or read-only disk the old files stay, the "
        "training ends with a sentence that names the file and the save that stands, and goes on when there is "
        "room.",
        "The order of calls is proved, not what a disk does with them. Pictures and curves that cannot be written "
        "are told of, and the training goes on.",
        "tests/robustness/test_write_order.py tests/robustness/test_disks.py tests/storage/test_files.py "
        "tests/training/observers/test_metrics_file.py",
        "tests/robustness/test_write_order.py tests/robustness/test_disks.py",
    ),
    Promise(
        "Damaged and hostile files",
        "Any damage to a model file or a save is noticed, in the header as well as in the weights, and told in one "
        "line; a run goes on from the save before. A file that was made to do harm, checksums and all, is refused "
        "in one line or is a model like any other, with finite weights of its own size: it is never executed, and "
        "builds nothing larger than itself.",
        "The checksums are no signature: whoever can write a file can make a valid one.",
        "tests/robustness/test_damage.py tests/storage/test_sealed.py",
        "tests/robustness/test_damage.py",
    ),
    Promise(
        "Nothing is executed",
        "No default path unpickles, imports or executes what a file, a name or a download says, starts a program, "
        "or connects anywhere but to the mirrors of a dataset that was asked for. Names are looked up in the "
        "registry alone; what comes from outside reaches a terminal without its control characters.",
        "Plugins are code, and run. Processes that read streamed data exchange messages with their parent. "
        "`--execution compile` starts a compiler, whose cache torch trusts; `fid`, `kid` and `inception-score`, where "
        "they are asked for by name, load a file of weights through torch-fidelity, which looks at its hash.",
        "tests/robustness/test_audit.py tests/robustness/test_names.py tests/project/test_names.py",
        "tests/robustness/test_audit.py tests/robustness/test_names.py",
    ),
    Promise(
        "Old checkpoints",
        "`ganzoo convert` takes tensors out of pickled checkpoints of PyTorch and nothing else: what asks to be "
        "run is refused by its name, damage ends in one sentence, and bombs do not go off. What it converts gives "
        "the outputs of its own network, to the bit.",
        "Old files carry no checksum: a flipped bit of a weight that stays finite is not seen. What shapes do not "
        "tell, such as slopes and the order of what is joined, is yours to know: docs/convert.md lists it.",
        "tests/studio/conversion/test_convert.py tests/studio/conversion/test_matching.py "
        "tests/robustness/test_hostile_checkpoints.py",
        "tests/robustness/test_hostile_checkpoints.py",
    ),
    Promise(
        "Not a number, and collapse",
        "An update with a term or a gradient that is not finite is never made: weights, optimizers and running "
        "statistics stay as they were, to the bit, and the message names phase, term or weight, step, and what to "
        "change. `--on-non-finite` stops (as it does by default), skips the update, or rolls back to a save; a "
        "generator whose examples have become all alike is told of in that step, and `--on-collapse` may stop or "
        "roll back as well. Nothing that is not finite is ever saved.",
        "Where steps are recorded as a graph of a GPU, the host hears of it one step later (proved with recorded "
        "steps on a CPU; no GPU has been measured yet). Collapse to a few kinds of examples is not noticed: "
        "evaluate for that. It cannot be skipped: a generator that is not updated stays as it is.",
        "tests/health/test_anomaly.py tests/health/test_policies.py tests/health/test_collapse.py",
    ),
    Promise(
        "Too little memory",
        "Running out of memory ends a training with the size of the batch, the device, what to change, and the "
        "save that stands. Memory, open files and threads stay the same over 100,000 steps.",
        "A system that kills processes instead of refusing them memory leaves no time for words; the save stands.",
        "tests/health/test_memory.py tests/robustness/test_leaks.py",
        "tests/robustness/test_leaks.py",
    ),
    Promise(
        "Images and archives of any kind",
        "Images of a folder that are broken, bombs, pipes or no images at all are left out before training begins, "
        "and counted; the rest is upright, in the right colours, and fits.",
        "An image that changes while it trains ends the training with its name.",
        "tests/robustness/test_hostile_images.py tests/robustness/test_hostile_archives.py "
        "tests/plugins/datasets/test_folder.py",
        "tests/robustness/test_hostile_images.py tests/robustness/test_hostile_archives.py",
    ),
    Promise(
        "Downloads",
        "Only what was published gets the file's name. A transfer that was cut, or whose process was killed, goes "
        "on where it was; mirrors are tried in turn, endless and dripping ones left; no redirect leads to a local "
        "file or away from encryption; eight processes make one transfer. Without a network, a sentence names the "
        "files and the folder.",
        "Files that are in place already are not hashed again. The proxies of the environment are trusted.",
        "tests/plugins/datasets/test_download.py tests/plugins/datasets/test_sources.py "
        "tests/robustness/test_downloads.py",
        "tests/robustness/test_downloads.py",
    ),
    Promise(
        "Broken plugins",
        "A plugin that is broken, in whatever way, is set aside with its cause; everything else works, and "
        "`--json` still parses. One that breaks when it is used ends that training with its name and package.",
        "One that hangs while it is imported, ends the process, or changes Python or torch for all of it, such as the "
        "default type of numbers, can only be left out: by `GANZOO_PLUGINS`.",
        "tests/catalogue/test_discovery.py tests/robustness/test_broken_parts.py tests/project/test_third_party.py",
        "tests/robustness/test_broken_parts.py",
    ),
    Promise(
        "Any command line",
        "Whatever is typed, the exit status is 0, 1, 2 or 130, and no traceback is shown.",
        "A signal other than SIGINT has the status of its own.",
        "tests/robustness/test_command_lines.py",
        "tests/robustness/test_command_lines.py",
    ),
)

INTRODUCTION = """# What you may rely on

Each promise, its limits, and the command that proves it. `make test` proves the quick form of all of them, `make
test-long` the full one. This page is made by `make docs` from `docs/promises.py`; a test keeps the two equal, and looks
that every test named here is there. How to report a hole is said in [SECURITY.md](../SECURITY.md)."""


def page(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of docs/trust.md, given the results of full runs."""
    lines = [INTRODUCTION]
    for promise in PROMISES:
        lines += ["", f"## {promise.title}", "", promise.text, "", f"*Limits.* {promise.limits}", "", "```sh"]
        lines += [*promise.commands, "```"]
        for result in found:
            lines += _figures(promise, result)
    return "\n".join(lines) + "\n"


def read() -> list[Mapping[str, Any]]:
    """Return the results of full runs, in the order of their files."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*-trust*.json"))]


def _figures(promise: Promise, result: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a full run counted for a promise, a line each."""
    rows = [row for row in result["results"] if row["test"].split("::")[0] in f"{promise.quick} {promise.long}".split()]
    if rows:
        machine = result["machine"]
        yield ""
        yield f"Counted on {machine['processor']}, {machine['cores']} cores:"
        yield ""
        yield from (f"- {row['promise']}: {_told(row)}" for row in rows)


def _told(row: Mapping[str, Any]) -> str:
    figures = {name: value for name, value in row.items() if name not in ("test", "promise")}
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in figures.items())


def _number(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name} {_number(item)}" for name, item in value.items() if item) + ")"
    if isinstance(value, list):
        return (", " if isinstance(value[0], str) else " to ").join(map(_number, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
