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
from ganzoo.cli.output import tell

GIB = 2**30
EXTRAS = {"tensorboard": "--tensorboard"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; ``remedy`` says what to do where it is not well."""

    what: str
    found: str
    remedy: str = ""


@click.command()
def doctor() -> int:
    """Look at this installation: versions, devices, plugins, disk; exit 1 where something must be mended."""
    findings = [*_system(), *_packages(), *_torch(), *_plugins()]
    for finding in findings:
        mark = "!!" if finding.remedy else "ok"
        tell(f"{mark}  {finding.what:<14} {finding.found}")
        if finding.remedy:
            tell(f"    → {finding.remedy}")
    bad = sum(bool(finding.remedy) for finding in findings)
    tell("all is well" if not bad else f"{bad} to mend")
    return 1 if bad else 0


def _system() -> Iterator[Finding]:
    yield Finding("ganzoo", __version__)
    yield Finding("python", f"{platform.python_version()} ({sys.executable})")
    yield Finding("machine", f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    free = shutil.disk_usage(Path.cwd()).free / GIB
    yield Finding("disk", f"{free:.1f} GiB free here", "free some space: runs are written here" if free < 0.5 else "")
    writable = os.access(Path.cwd(), os.W_OK)
    yield Finding("folder", str(Path.cwd()), "" if writable else "not writable: run elsewhere, or give --out")


def _packages() -> Iterator[Finding]:
    # Imported here: to read versions takes a package of its own, of which no other command has a use.
    from ganzoo.tested import installed_version, needed, untested

    for package, requirement in sorted(needed().items()):
        found = installed_version(package)
        why = untested(package, found) if found else ""
        fits = bool(found) and requirement.specifier.contains(found, prereleases=True)
        told = f"{found} ({why})" if why else found or "missing"
        yield Finding(package, told, "" if fits else f"pip install '{package}{requirement.specifier}'")
    for package, use in EXTRAS.items():
        yield Finding(package, installed_version(package) or f"not installed (only {use} needs it)")


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except Exception as problem:
        yield Finding("torch", f"cannot be imported: {problem}", "pip install torch torchvision")
        return
    from ganzoo.step.precision import has_bf16
    from ganzoo.tested import installed_version, untested

    yield Finding("torch", f"{torch.__version__}, {torch.get_num_threads()} threads")
    capability = torch.backends.cpu.get_cpu_capability()
    yield Finding("cpu", f"{capability}, bf16 matrix hardware: {'yes' if has_bf16(torch.device('cpu')) else 'no'}")
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    yield Finding("cuda", ", ".join(names) or "no device")
    yield Finding("mps", "yes" if torch.backends.mps.is_available() else "no device")
    # torchvision registers operators with torch as it is imported: of another build, it fails just there.
    if not installed_version("torchvision"):
        return
    try:
        import torchvision

        why = untested("torchvision", torchvision.__version__)
        yield Finding("torchvision", f"{torchvision.__version__} ({why})" if why else torchvision.__version__)
    except Exception as problem:
        remedy = "install the pair together, from one index: pip install --force-reinstall torch torchvision"
        yield Finding("torchvision", f"does not go with torch {torch.__version__}: {problem}", remedy)


def _plugins() -> Iterator[Finding]:
    for plugin in installed().plugins:
        remedy = f"update or uninstall {plugin.provider.package}" if plugin.cause and plugin.allowed else ""
        found = plugin.cause or f"{len(plugin.declarations)} declarations from {plugin.provider}"
        yield Finding(f"plugin {plugin.provider.plugin}", found, remedy)
