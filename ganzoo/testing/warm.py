"""Does once what the first training of a process does: loads the plugins and the code of a dry run.

The server that :mod:`ganzoo.testing.processes` forks from imports it, so that no process has to do it again.
"""

from __future__ import annotations

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import installed, select

assemble(select(installed(), installed().names("variant")[0]))
