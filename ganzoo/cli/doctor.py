"""``ganzoo doctor``."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from ganzoo import __version__
from ganzoo.catalogue import installed
from ganzoo.cli.help import HelpCommand
from ganzoo.cli.output import tell
from ganzoo.waiting import waiting

GIB = 2**30
EXTRAS = {"tensorboard": "--tensorboard"}


@dataclass(frozen=True)
class Check:
    """The result of one check; ``remedy`` says what to do about a problem, and is empty if there is none."""

    name: str
    result: str
    remedy: str = ""


@click.command(cls=HelpCommand)
def doctor() -> int:
    """Check this installation: versions, devices, plugins, disk.

    The exit status is 1 if there is a problem to fix.
    """
    checks = [*_system(), *_packages(), *_torch(), *_plugins()]
    for check in checks:
        mark = "!!" if check.remedy else "ok"
        tell(f"{mark}  {check.name:<14} {check.result}")
        if check.remedy:
            tell(f"    → {check.remedy}")
    bad = sum(bool(check.remedy) for check in checks)
    tell("no problems" if not bad else f"{bad} to fix")
    return 1 if bad else 0


def _system() -> Iterator[Check]:
    yield Check("ganzoo", __version__)
    yield Check("python", f"{platform.python_version()} ({sys.executable})")
    yield Check("machine", f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    free = shutil.disk_usage(Path.cwd()).free / GIB
    yield Check(
        "disk",
        f"{free:.1f} GiB free in this folder",
        "free some disk space: runs are written to this folder" if free < 0.5 else "",
    )
    writable = os.access(Path.cwd(), os.W_OK)
    yield Check("folder", str(Path.cwd()), "" if writable else "not writable: change to another folder, or give --out")


def _packages() -> Iterator[Check]:
    # Imported here: it imports the package `packaging`, which no other command needs.
    from ganzoo.tested import installed_version, is_supported, needed, untested

    for package, requirement in sorted(needed().items()):
        found = installed_version(package)
        why = untested(package, found) if found else ""
        fits = bool(found) and is_supported(package, found)
        shown = f"{found} ({why})" if why else found or "missing"
        yield Check(package, shown, "" if fits else f"pip install '{package}{requirement.specifier}'")
    for package, use in EXTRAS.items():
        yield Check(package, installed_version(package) or f"not installed (only {use} needs it)")


def _torch() -> Iterator[Check]:
    try:
        import torch
    except Exception as problem:
        yield Check("torch", f"cannot be imported: {problem}", "pip install torch torchvision")
        return
    from ganzoo.step.precision import has_bf16
    from ganzoo.tested import installed_version, untested

    yield Check("torch", f"{torch.__version__}, {torch.get_num_threads()} threads")
    yield Check("threads", waiting.told)
    capability = torch.backends.cpu.get_cpu_capability()
    yield Check("cpu", f"{capability}, bf16 matrix hardware: {'yes' if has_bf16(torch.device('cpu')) else 'no'}")
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    yield Check("cuda", ", ".join(names) or "no device")
    yield Check("mps", "yes" if torch.backends.mps.is_available() else "no device")
    # Importing torchvision registers operators with torch, and fails if it was built for another version.
    if not installed_version("torchvision"):
        return
    try:
        import torchvision

        why = untested("torchvision", torchvision.__version__)
        yield Check("torchvision", f"{torchvision.__version__} ({why})" if why else torchvision.__version__)
    except Exception as problem:
        remedy = "install both together, from one package index: pip install --force-reinstall torch torchvision"
        yield Check("torchvision", f"does not fit torch {torch.__version__}: {problem}", remedy)


def _plugins() -> Iterator[Check]:
    for plugin in installed().plugins:
        remedy = f"update or uninstall {plugin.provider.package}" if plugin.cause and plugin.allowed else ""
        found = plugin.cause or f"{len(plugin.declarations)} declarations from {plugin.provider}"
        yield Check(f"plugin {plugin.provider.plugin}", found, remedy)
