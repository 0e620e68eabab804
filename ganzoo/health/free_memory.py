"""How much memory is free, and a limit that turns too large a wish into an error instead of the end of the process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

_MEMORY = Path("/proc/meminfo")
_OWN = Path("/proc/self/statm")
_GROUP = Path("/sys/fs/cgroup")
_UNKNOWN = 2**62


def free_memory(device: torch.device) -> int:
    """Return the free bytes of ``device``: of the machine, within the limits of container and process, or of a GPU."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return min(_free_of_machine(), _free_of_container(), _free_of_process())


@contextmanager
def limited_to_free_memory(device: torch.device) -> Iterator[None]:
    """In the block, an allocation on the processor of more than is free fails at once; this works on Linux.

    Linux gives memory that it does not have, and later ends the process that uses it.
    """
    if device.type != "cpu" or sys.platform != "linux":
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    highest = _own_addresses() + free_memory(device)
    if before[1] != resource.RLIM_INFINITY:
        highest = min(highest, before[1])
    resource.setrlimit(resource.RLIMIT_AS, (highest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _free_of_machine() -> int:
    try:
        rows = dict(line.split(":", 1) for line in _MEMORY.read_text(encoding="ascii").splitlines())
        return int(rows["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError, IndexError):  # another system
        return _UNKNOWN


def _free_of_container() -> int:
    try:
        limit, used = (int((_GROUP / name).read_text(encoding="ascii")) for name in ("memory.max", "memory.current"))
        rows = dict(line.split() for line in (_GROUP / "memory.stat").read_text(encoding="ascii").splitlines())
        return limit - used + int(rows["inactive_file"])  # the system gives up its copies of files
    except (OSError, ValueError, KeyError):  # there is no limit, or another system
        return _UNKNOWN


def _free_of_process() -> int:
    """Return how many addresses the process may still take (``ulimit -v``)."""
    if sys.platform != "linux":
        return _UNKNOWN
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return _UNKNOWN if limit == resource.RLIM_INFINITY else max(0, limit - _own_addresses())


def _own_addresses() -> int:
    import resource

    return int(_OWN.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
