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
        "A training may be killed at any moment. It loses at most the steps since its last checkpoint. After it is "
        "resumed, it ends with the same weights as a training that was never killed, bit for bit. This holds for every "
        "variant, optimizer, execution and source of data.",
        "On one kind of machine and one version of torch. On an accelerator this needs `--deterministic`, and has not "
        "been measured yet. What is lost in a power cut depends on whether the disk keeps what it reports as written.",
        "tests/robustness/test_kills.py tests/training/test_resume.py tests/robustness/test_state_machine.py",
        "tests/robustness/test_kills.py tests/training/test_resume.py tests/robustness/test_state_machine.py",
    ),
    Promise(
        "A longer run",
        "A run of N steps that is resumed to M steps, finished or not, has the weights of a run of M steps, bit for "
        "bit. Where a schedule depends on the length, the training says so, and with which learning rate it continues. "
        "Learning rates, schedules and intervals may change too, and the training says what has changed. Whatever "
        "would change the meaning of a checkpoint is refused with the reason, and nothing is written.",
        "The limits of a kill hold here too. At step N there is a further row of metrics, picture and evaluation. Only "
        "schedules of the learning rate are compared, not parts of plugins that use the length in other ways.",
        "tests/training/test_longer.py",
    ),
    Promise(
        "The data of a run",
        "A run is not resumed on other data: renamed or reordered classes, other fields or sizes, or other examples "
        "are refused, and the message says what differs. If examples were added or removed, the training says so and "
        "continues. `ganzoo evaluate` says if a model was trained on other data. The same data is recognised in "
        "another folder and on another machine.",
        "Files are compared by name, size and their last bytes; data of plugins and programs by its first, middle and "
        "last examples, unless it says more. Examples that are random at each reading, as with random transforms, are "
        "not compared. Runs and models of earlier versions have no record of their data.",
        "tests/training/test_same_data.py tests/batches/test_fingerprint.py tests/plugins/datasets/test_folder.py",
    ),
    Promise(
        "The images of a seed",
        "Image k of a seed is the same, however many are generated, together or in parts: its noise bit for bit, and "
        "each pixel within 1 of 255. The same command gives the same bytes. This holds for every noise "
        "distribution, every conditioner and modules of a program, on the command line and in Python.",
        "On one kind of machine and one version of torch, the labels being the same. A generator that compares the "
        "examples of a batch depends on the batch.",
        "tests/evaluation/test_sampling.py tests/test_randomness.py",
    ),
    Promise(
        "Several processes",
        "Several processes under `torchrun` compute the gradient that one process computes for the whole batch, up to "
        "the order of additions. If one process is killed, all are started again from the newest checkpoint, and end "
        "with the weights of a run in which no process was killed. A signal stops all processes after the same step, "
        "with a checkpoint.",
        "Proved for processes of one machine, on CPUs. Batch norm and dropout see only the examples of their own "
        "process. A process that cannot write a checkpoint ends, and `torchrun` ends the others.",
        "tests/step/test_processes.py",
        "tests/step/test_processes.py",
    ),
    Promise(
        "Signals",
        "SIGINT, SIGTERM and SIGUSR1 end a training after the current step. It writes a checkpoint, prints the command "
        "that resumes the run, and exits with status 130, 143 or 138. A second SIGINT ends it at once. Before the "
        "first step, and while data is read or downloaded, the first signal ends it at once and leaves no incomplete "
        "files.",
        "While a compiled library works, Python receives a signal only when the library returns. A training that has "
        "finished its last step ends with status 0 in any case.",
        "tests/robustness/test_signals.py",
        "tests/robustness/test_signals.py",
    ),
    Promise(
        "One run per folder",
        "If several processes want the same run folder, one of them gets it. The others exit with status 2 and name "
        "its process and host. The lock of a process that died blocks nobody.",
        "On disks whose locks work between the machines that share them.",
        "tests/robustness/test_locks.py tests/storage/test_folder_lock.py",
        "tests/robustness/test_locks.py",
    ),
    Promise(
        "Durable files",
        "A file is written beside its final place, synced and renamed, and then its folder is synced. So at every "
        "moment either the complete old file or the complete new file exists. On a full, broken or read-only disk the "
        "old files stay. The training ends with one sentence that names the file and the newest checkpoint, and it can "
        "be resumed when there is room.",
        "The order of the system calls is proved, not what a disk does with them. Pictures and curves that cannot be "
        "written are reported, and the training continues.",
        "tests/robustness/test_write_order.py tests/robustness/test_disks.py tests/storage/test_files.py "
        "tests/training/observers/test_metrics_file.py",
        "tests/robustness/test_write_order.py tests/robustness/test_disks.py",
    ),
    Promise(
        "Damaged and hostile files",
        "Any damage to a model file or a checkpoint is detected, in the header as well as in the weights, and reported "
        "in one line. A run resumes from the checkpoint before the damaged one. A hostile file, even with valid "
        "checksums, is refused in one line, or it is a normal model with finite weights that are no larger than the "
        "file. It is never executed, and nothing larger than the file is built.",
        "The checksums are not a signature: whoever can write a file can write a valid checksum.",
        "tests/robustness/test_damage.py tests/storage/test_sealed.py",
        "tests/robustness/test_damage.py",
    ),
    Promise(
        "Nothing is executed",
        "No default path unpickles, imports or executes what a file, a name or a download contains. No default path "
        "starts a program, or connects to anything but the mirrors of a dataset that was requested. Names are looked "
        "up in the registry only. Text from outside reaches a terminal without its control characters.",
        "Plugins are code, and are executed. Processes that read streamed data exchange messages with their parent "
        "process. `--execution compile` starts a compiler, and torch trusts the compiler's cache. If you name `fid`, "
        "`kid` or `inception-score`, torch-fidelity loads a file of weights and checks its hash.",
        "tests/robustness/test_audit.py tests/robustness/test_names.py tests/project/test_names.py",
        "tests/robustness/test_audit.py tests/robustness/test_names.py",
    ),
    Promise(
        "Old checkpoints",
        "`ganzoo convert` extracts tensors from pickled PyTorch checkpoints, and nothing else. Whatever a file asks to "
        "import or to execute is named and ignored. Damage ends in one sentence, and decompression bombs have "
        "no effect. A converted network of PyTorch gives the same outputs as the original network, bit for bit, and "
        "one of Keras to within 1e-5.",
        "Old files have no checksum: a flipped bit is not detected if the weight stays finite. You must check what "
        "shapes do not show, such as slopes and the order of concatenation; docs/convert.md lists it.",
        "tests/studio/conversion/test_contents.py tests/studio/conversion/test_convert.py "
        "tests/studio/conversion/test_keras_files.py tests/studio/conversion/test_matching.py "
        "tests/studio/conversion/test_safetensors_files.py tests/robustness/test_hostile_checkpoints.py",
        "tests/robustness/test_hostile_checkpoints.py",
    ),
    Promise(
        "NaN and mode collapse",
        "An update with a term or gradient that is not finite is never made. Weights, optimizers and running "
        "statistics stay as they were, bit for bit, and the message names the phase, the term or weight, the step, and "
        "what to change. `--on-non-finite` stops the training (the default), skips the update, or rolls back to a "
        "checkpoint. If all generated examples become the same (mode collapse), this is reported in the same step, and "
        "`--on-collapse` can stop or roll back too. Values that are not finite are never written to a checkpoint.",
        "If a GPU replays recorded steps (`--execution graph`), the report comes one step later (proved with recorded "
        "steps on a CPU, and seen on an NVIDIA H200). Collapse to a few kinds of examples is told (docs/traps.md), and "
        "ends no training. Skipping is no remedy for collapse, because a generator that is not updated stays as it is.",
        "tests/health/test_anomaly.py tests/health/test_policies.py tests/health/test_collapse.py",
    ),
    Promise(
        "Running out of memory",
        "If memory runs out, the training ends. The message names the size of the batch, the device, what to change, "
        "and the newest checkpoint. Memory, open files and threads stay constant over 100,000 steps.",
        "An operating system that kills processes instead of refusing them memory leaves no time for a message. The "
        "newest checkpoint stays.",
        "tests/health/test_memory.py tests/robustness/test_leaks.py",
        "tests/robustness/test_leaks.py",
    ),
    Promise(
        "Images and archives of any kind",
        "Files of a folder that are broken images, decompression bombs, pipes or no images at all are left out before "
        "the training begins, and counted. All other images are upright, and have the right colours and the right "
        "size.",
        "If an image changes during the training, the training ends with an error that names it.",
        "tests/robustness/test_hostile_images.py tests/robustness/test_hostile_archives.py "
        "tests/plugins/datasets/test_folder.py",
        "tests/robustness/test_hostile_images.py tests/robustness/test_hostile_archives.py",
    ),
    Promise(
        "Downloads",
        "A file gets its final name only if it is exactly the published file. A transfer that was cut off, or whose "
        "process was killed, continues where it stopped. Mirrors are tried one after the other, and those that send "
        "without end or too slowly are abandoned. No redirect leads to a local file or away from encryption. Eight "
        "processes make one transfer. Without a network, one sentence names the files and the folder.",
        "Files that are already in place are not hashed again. The proxies that the environment sets are trusted.",
        "tests/plugins/datasets/test_download.py tests/plugins/datasets/test_sources.py "
        "tests/robustness/test_downloads.py",
        "tests/robustness/test_downloads.py",
    ),
    Promise(
        "Broken plugins",
        "A broken plugin, in whatever way it is broken, is set aside and its cause is shown. Everything else works, "
        "and the output of `--json` can still be parsed. If a plugin fails when it is used, the training ends with its "
        "name and package in the message.",
        "Three kinds of plugins can only be excluded, with `GANZOO_PLUGINS`: those that hang while they are imported, "
        "those that end the process, and those that change Python or torch for the whole process, such as torch's "
        "default dtype.",
        "tests/catalogue/test_discovery.py tests/robustness/test_broken_parts.py tests/project/test_third_party.py",
        "tests/robustness/test_broken_parts.py",
    ),
    Promise(
        "Any command line",
        "Every command line ends with exit status 0, 1, 2 or 130, and without a traceback.",
        "A signal other than SIGINT has its own status.",
        "tests/robustness/test_command_lines.py",
        "tests/robustness/test_command_lines.py",
    ),
)

INTRODUCTION = """# What you may rely on

This page lists each promise, its limits, and the command that proves it. `make test` proves the quick form of all
promises, `make test-long` the full form. `make docs` generates this page from `docs/promises.py`. A test checks that
the page is up to date, and that every test that it names exists. [SECURITY.md](../SECURITY.md) says how to report a
vulnerability."""


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
