"""How threads wait: the load that is found, what is chosen, and that a user's own choice stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo import waiting
from ganzoo.waiting import Used, Waiting, share_of_others

ROW = "cpu{core} {user} 0 0 {idle} 0 0 0 0 0 0\n"


@pytest.fixture
def stat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that takes the place of the system's, on a machine where this process may use cores 0 and 2."""
    path = tmp_path / "stat"
    monkeypatch.setattr("ganzoo.waiting.STAT", path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2}, raising=False)
    monkeypatch.setattr(os, "sysconf", lambda name: 100, raising=False)
    monkeypatch.setattr("ganzoo.waiting.time.process_time", lambda: 1.0)
    return path


def write(stat: Path, *users: int, each: int = 1_000) -> None:
    """Write ticks of three cores, of which ``users`` are busy of ``each``."""
    rows = [ROW.format(core=core, user=user, idle=each - user) for core, user in enumerate(users)]
    stat.write_text("cpu  9 9 9 9 9 9 9 9 9 9\n" + "".join(rows) + "intr 5\n", encoding="ascii")


def test_only_the_cores_of_this_process_count(stat: Path) -> None:
    write(stat, 300, 999, 500)
    assert waiting.used() == Used(own=1.0, busy=8.0, total=20.0)


def test_time_that_a_host_took_from_a_core_is_busy_and_waiting_for_a_disk_is_not(stat: Path) -> None:
    stat.write_text("cpu0 1 1 1 80 10 1 1 5 1 0\n", encoding="ascii")
    assert waiting.used() == Used(own=1.0, busy=pytest.approx(0.1), total=1.0)


def test_a_system_that_reports_nothing_counts_as_quiet(stat: Path) -> None:
    assert waiting.used() == Used()
    assert share_of_others(Used(), Used()) == 0


def test_what_this_process_uses_itself_is_no_load() -> None:
    assert share_of_others(Used(0, 0, 0), Used(own=1.9, busy=2.0, total=4.0)) == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("busy", "chosen", "told"),
    [
        (0, {"GOMP_SPINCOUNT": "10000"}, "spin"),
        (15, {"GOMP_SPINCOUNT": "10000"}, "15%"),
        (50, {"OMP_WAIT_POLICY": "PASSIVE"}, "50%"),
        (100, {"OMP_WAIT_POLICY": "PASSIVE"}, "sleep"),
    ],
)
def test_threads_sleep_where_others_compute(stat: Path, busy: int, chosen: dict[str, str], told: str) -> None:
    found, environment = Waiting(), {"HOME": "here"}
    write(stat, 0, 0, 0, each=0)
    found.watch()
    write(stat, busy, 0, busy, each=100)
    found.choose(environment)
    assert environment == {"HOME": "here", **chosen}
    assert told in found.told


@pytest.mark.parametrize("name", waiting.OWN)
def test_a_users_own_choice_stays(stat: Path, name: str) -> None:
    found, environment = Waiting(), {name: "something"}
    found.choose(environment)
    assert environment == {name: "something"}
    assert f"{name}=something" in found.told


@pytest.mark.parametrize("own", [{}, {"GOMP_SPINCOUNT": "77"}])
def test_the_command_chooses_before_torch_is_imported(own: dict[str, str]) -> None:
    program = (
        "import json, os, sys\n"
        "import ganzoo.__main__, ganzoo.cli\n"
        f"found = lambda: print(json.dumps([{{n: os.environ[n] for n in {waiting.OWN!r} if n in os.environ}},"
        " 'torch' in sys.modules]))\n"
        "ganzoo.cli.main = found\n"
        "ganzoo.__main__.main()\n"
    )
    clean = {name: value for name, value in os.environ.items() if name not in waiting.OWN}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=clean | own)
    chosen, imported = json.loads(done.stdout)
    assert chosen == own if own else chosen in (waiting.SLEEP, waiting.SPIN)
    assert not imported
