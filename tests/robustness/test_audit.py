"""What ganzoo asks of Python and the system while it works, by an audit hook: it unpickles, runs and calls nobody."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ganzoo.catalogue import installed
from ganzoo_datasets import stand_ins

# The process: every line once, imports and all, and then once more, when nothing is left to import.
CODE = """
import json, sys, traceback
from pathlib import Path
asked, lines = json.load(sys.stdin)
seen, now = [], ["cold", ""]
def hook(event, given):
    if event.startswith(tuple(asked[now[0]])):
        stack = [frame.f_code.co_filename for frame, _ in traceback.walk_stack(None)][::-1]
        seen.append({"round": now[0], "line": now[1], "event": event, "given": repr(given)[:500], "stack": stack})
sys.addaudithook(hook)
from ganzoo.cli import run
statuses = []
for now[0] in asked:
    for words in lines:
        now[1] = " ".join(words).replace("{}", now[0])
        for newest in Path(now[0]).glob("*/checkpoints/step-00000003.*"):
            newest.unlink()
        statuses.append((run(now[1].split()), now[1]))
print(json.dumps([statuses, seen]), file=sys.__stdout__)
"""

# Events that nothing may raise at all, and those that only imports may.
NEVER = (
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.fork", "pty.spawn", "subprocess."),
    *("socket.connect", "socket.getaddrinfo", "socket.gethostby", "socket.bind", "socket.sendto"),
    *("urllib.", "http.client.", "ftplib.", "smtplib.", "webbrowser."),
    "pickle.find_class",
)
ONLY_IMPORTS = ("exec", "compile", "marshal.", "ctypes.dlopen", "code.__new__", "cpython.run_", "import ")


@dataclass(frozen=True)
class Allowance:
    """What is allowed all the same: an event, words of what it is given, a file on whose behalf, and the reason."""

    event: str
    given: str
    file: str
    reason: str


ALLOWED = (
    Allowance(
        "subprocess.Popen",
        r"/sbin/ldconfig|gcc|cc|ld|objdump",
        "ctypes/util.py",
        "torch, built for CUDA, asks as it is imported where the system keeps a library",
    ),
    Allowance(
        "subprocess.Popen",
        r"fc-list|system_profiler",
        "matplotlib/font_manager.py",
        "matplotlib looks for fonts, once for a user, and remembers them",
    ),
    Allowance(
        "ctypes.dlopen", "libnvidia-ml", "torch/cuda/__init__.py", "torch counts NVIDIA GPUs, each time it is asked"
    ),
    Allowance("os.fork", "", "multiprocessing/popen_fork.py", "data that is streamed is read by processes of our own"),
    Allowance(
        "pickle.find_class",
        r"\('(torch(\.storage|\.multiprocessing\.reductions)?|multiprocessing\.resource_sharer)', '\w+'\)",
        "torch/utils/data/dataloader.py",
        "these processes hand their batches over as tensors in shared memory; no file is read so",
    ),
    Allowance(
        "socket.connect", "family=1,", "multiprocessing/resource_sharer.py", "the same, through a socket"
    ),
    Allowance("socket.bind", "family=1,", "multiprocessing/resource_sharer.py", "the same"),
    Allowance(
        "compile", r"^\(b?[\"'][\w.'\"]*, '<unknown>'\)$", "packaging/_parser.py", "a word of a requirement is parsed"
    ),
    Allowance(
        "compile",
        r"^\(b?\"\{'descr': '[<>|=]?\w+', 'fortran_order': (True|False), "
        r"'shape': \([\d, ]*\), \} *\\n\", '<unknown>'\)$",
        "numpy/lib/_format_impl.py",
        "numpy parses the header of an array as a literal, which runs nothing",
    ),
)  # fmt: skip

TRAIN = "--steps 3 --batch-size 4 --sample-every 2 --checkpoint-every 1"
EXAMINED = "--evaluate-every 3 --evaluate-samples 500 --metric kernel --judge plain"
MINIMAL = f"train gan-minimal {TRAIN} --dataset-size 16"
QUICK = (
    "list",
    "list --json",
    "info cgan",
    "plugins",
    "doctor",
    "train --help",
    "train cgan --help",
    "train cgan --dry-run --steps 1",
    f"train cgan {TRAIN} {EXAMINED} --out {{}}/cgan",
    f"train cgan {TRAIN} {EXAMINED} --out {{}}/cgan --resume",
    f"train gan {TRAIN} --dataset-size 16 --from {{}}/cgan --out {{}}/tuned",
    "study gan-minimal --grid loss=bce,hinge --seeds 1 --dataset ring --steps 2 --samples 99 --metric modes --out {}/s",
    "sample {}/cgan --count 500 --out {}/made.npz",
    "evaluate {}/made.npz --dataset digits --judge plain --metric kernel --json",
    "sample {}/cgan --count 4 --out {}/samples.png",
    "sample {}/cgan --count 4 --beside nearest --out {}/beside.png",
    "sample {}/cgan --count 4 --out {}/samples.npz",
    "sample {}/cgan --count 4 --out {}/samples",
    f"train pix2pix {TRAIN} --dataset-size 16 --generator-width 2 --discriminator-width 2 --out {{}}/translator",
    "translate {}/translator {}/translator/samples --out {}/translated",
    "evaluate {}/cgan --samples 500 --metric kernel --judge plain --json",
    "check-data folder --data-root folder",
    "augment digits --augmentation ada --augmentation-p 0.5 --out {}/augmented.png",
    f"{MINIMAL} --dataset folder --data-root folder --data-budget 0 --out {{}}/streamed",
)
LONG = (
    *(f"train {variant} {TRAIN} --out {{}}/of-{variant}" for variant in installed().names("variant")),
    *(f"{MINIMAL} --dataset {name} --data-root {name} --out {{}}/{name}" for name in ("folder", "mnist", "cifar10")),
    f"train gan {TRAIN} --dataset ring --evaluate-every 3 --evaluate-samples 100 --metric modes --out {{}}/ring",
    f"train gan {TRAIN} --dataset shapes --dataset-condition caption --dataset-count 100 --out {{}}/shapes",
    f"train gan-minimal {TRAIN} --dataset stacked-mnist --data-root mnist --dataset-count 100 --out {{}}/stacked",
    f"train dcgan {TRAIN} --augmentation ada --augmentation-p 0.5 --penalty r1 --out {{}}/ada",
    "train --config {}/cgan/config.json --dry-run",
    "bench gan-minimal --steps 1",
    "study gan-minimal --search optimizer-lr=1e-4..1e-2:log --search loss=bce,hinge --trials 2 --objective modes "
    "--seeds 1 --dataset ring --steps 1 --samples 99 --out {}/search",
    "evaluate {}/cgan --samples 500 --metric accuracy",
)


def audited(folder: Path, lines: tuple[str, ...], fresh: bool) -> tuple[list[list[object]], list[dict[str, object]]]:
    """Return the status of every line, and every forbidden event, in a fresh process, for a ``fresh`` user too."""
    for name in ("mnist", "folder", "cifar10"):
        getattr(stand_ins, name)(folder / name)
    asked = {"cold": NEVER, "warm": (*NEVER, *ONLY_IMPORTS)}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        input=json.dumps([asked, [line.split(" ") for line in lines]]),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "GANZOO_CACHE": str(folder / "cache"), **({"MPLCONFIGDIR": str(folder)} if fresh else {})},
    )
    assert done.returncode == 0, done.stderr
    statuses, seen = json.loads(done.stdout.splitlines()[-1])
    return statuses, seen


def allowed(found: dict[str, object]) -> bool:
    stack = [str(file) for file in found["stack"]]  # type: ignore[attr-defined]
    return any(
        found["event"] == one.event
        and re.search(one.given, str(found["given"]))
        and any(file.endswith(one.file) for file in stack)
        for one in ALLOWED
    )


@pytest.mark.parametrize("lines", [QUICK, pytest.param((*QUICK, *LONG), marks=pytest.mark.long)], ids=["quick", "all"])
def test_nothing_is_unpickled_run_or_called(
    lines: tuple[str, ...], tmp_path: Path, record: Callable[..., None]
) -> None:
    statuses, seen = audited(tmp_path, lines, fresh=lines != QUICK)
    assert [line for status, line in statuses if status != 0 and line != "doctor"] == []
    assert len(statuses) == 2 * len(lines)
    wrong = [{**found, "stack": found["stack"][-6:]} for found in seen if not allowed(found)]  # type: ignore[index]
    assert wrong == []
    # A hook that sees nothing would prove nothing: streamed data is seen.
    exceptions = sorted({str(found["event"]) for found in seen})
    assert {"os.fork", "pickle.find_class"} <= {str(found["event"]) for found in seen if found["round"] == "warm"}
    record(promise="nothing is unpickled or run", lines=2 * len(lines), forbidden=0, allowed=exceptions)


@pytest.mark.parametrize("given", ["('os', 'system')", "('builtins', 'eval')", "('torch.hub', 'load')"])
def test_what_else_would_be_unpickled_is_no_exception(given: str) -> None:
    found = {"event": "pickle.find_class", "given": given, "stack": ["torch/utils/data/dataloader.py"]}
    assert not allowed(found)
    assert allowed({**found, "given": "('torch.storage', 'UntypedStorage')"})
    assert not allowed({**found, "given": "('torch.storage', 'UntypedStorage')", "stack": ["somewhere.py"]})
