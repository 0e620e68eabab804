"""Completion of a command line in a shell: commands, names, options of the chosen parts, files."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo.catalogue import installed
from ganzoo.cli import main
from ganzoo.cli.completion import VARIABLE
from ganzoo.testing.plugin_files import COMMAND, write_plugin

PAGE = Path(__file__).parents[2] / "docs" / "config.md"


def answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, shell: str) -> list[str]:
    """Return the lines that ``shell`` gets for ``words``, whose last one is to be completed."""
    given = ["ganzoo", *shlex.split(words), *([""] if words.endswith(" ") or not words else [])]
    monkeypatch.setenv("COMP_WORDS", shlex.join(given))
    monkeypatch.setenv("COMP_CWORD", str(len(given) - 1) if shell != "fish" else given[-1])
    monkeypatch.setenv(VARIABLE, f"{shell}_complete")
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out.splitlines()


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """A function that returns what a bash offers for a line, and ``file`` where it offers files."""

    def ask(words: str) -> list[str]:
        pairs = [line.split(",", 1) for line in answer(monkeypatch, capsys, words, "bash") if line]
        return [value if kind == "plain" else kind for kind, value in pairs]

    return ask


# What is offered


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("tr", ["train"]),
        ("train cgan", ["cgan", "cgan-conv"]),
        ("train --steps 5 dcg", ["dcgan"]),
        ("train --debug --plugin x.py dcg", ["dcgan"]),
        ("train cgan --conditioner m", ["multiply"]),
        ("train --conditioner m", ["multiply"]),
        ("train cgan --conditioner = m", ["multiply"]),  # as bash divides --conditioner=m
        ("train cgan --conditioner=m", ["--conditioner=multiply"]),  # as other shells give it
        ("train cgan --generator-conditioner m", ["multiply"]),
        ("train cgan --penalty r1,r", ["r1,r2"]),
        ("train cgan --generator-opt", []),
        ("train cgan --generator-no", ["--generator-norm", "--generator-norm-eps"]),
        ("train gan --generator dcgan --generator-wi", ["--generator-width"]),
        ("train cgan --penalty r1 --penalty-g", ["--penalty-gamma"]),
        ("train cgan --observer tensorboard --observer-t", []),
        ("train cgan --device cu", ["cuda"]),
        ("train cgan --preset p", ["published"]),
        ("train cgan --metric accuracy,mo", ["accuracy,modes"]),
        ("train cgan --judge cn", ["cnn"]),
        ("train cgan --no-en", []),
        ("train cgan --no-det", ["--no-deterministic"]),
        ("train cgan --steps ", []),
        ("train cgan --pl", ["--plugin"]),
        ("train cgan --plugin ", ["file"]),
        ("train cgan --data-root ", ["file"]),
        ("train cgan --generator-from ", ["file"]),
        ("train --config ", ["file"]),
        ("train cgan --conditioner mulitply --generator-norm-", ["--generator-norm-eps"]),  # a part is unknown
        ("train cgna --batch-", ["--batch-size"]),  # the variant is unknown
        ("sample ", ["file"]),
        ("sample RUN --inp", ["--input"]),
        ("sample RUN --input ", ["file"]),
        ("evaluate ", ["file"]),
        ("evaluate RUN --dataset dig", ["digits"]),
        ("evaluate RUN --dataset digits --dataset-si", ["--dataset-size"]),
        ("evaluate RUN --dataset-si", ["--dataset-size", "--dataset-side"]),
        ("evaluate RUN --kernel-subs", ["--kernel-subsets"]),
        ("evaluate RUN --metric kern", ["kernel"]),
        ("convert ", ["file"]),
        ("convert OLD --variant cg", ["cgan", "cgan-conv"]),
        ("convert OLD --variant cgan --conditioner m", ["multiply"]),
        ("bench gan cg", ["cgan", "cgan-conv"]),
        ("bench gan --precision b", ["bf16"]),
        ("info multi", ["multiply"]),
        ("list pen", ["penalty"]),
        ("nothing --", ["--debug"]),
    ],
)
def test_what_a_line_may_go_on_with(line: str, names: list[str], offered) -> None:
    found = offered(line)
    assert set(names) <= set(found)
    assert all(name in ("file", *names) or name.startswith(names[0][:2]) for name in found)
    assert names or not found


def test_every_variant_and_conditioner_is_offered(offered) -> None:
    assert offered("train ") == list(installed().names("variant"))
    assert offered("train cgan --conditioner ") == list(installed().names("conditioner"))


def test_what_is_given_is_not_offered_again(offered) -> None:
    assert offered("train cgan --penalty r1,r1") == []
    assert "--resume" not in offered("train cgan --resume --re")


def test_options_are_those_of_the_chosen_parts(offered) -> None:
    of_mlp, of_dcgan = offered("train cgan --generator-"), offered("train dcgan --generator-")
    assert "--generator-widths" in of_mlp
    assert "--generator-widths" not in of_dcgan


def test_options_are_those_of_a_config_file(tmp_path: Path, offered) -> None:
    (tmp_path / "my.toml").write_text('variant = "cgan"\n[parts]\npenalty = "r1"\n')
    assert offered(f"train --config {tmp_path}/my.toml --penalty-g") == ["--penalty-gamma"]
    (tmp_path / "my.toml").write_text("variant = ")
    assert offered(f"train --config {tmp_path}/my.toml --penalty-g") == []


# What it does not do


def test_no_plugin_file_is_executed(tmp_path: Path, offered) -> None:
    done = tmp_path / "executed"
    path = write_plugin(tmp_path / "my_gan.py", f"open({str(done)!r}, 'w')\n" + COMMAND)
    assert offered(f"--plugin {path} tra") == ["train", "translate"]
    assert offered(f"train --plugin={path} dcg") == ["dcgan"]
    assert not done.exists()


def test_a_failure_says_nothing_amid_the_line(monkeypatch: pytest.MonkeyPatch, offered) -> None:
    def broken() -> None:
        print("noise")
        raise RuntimeError("broken")

    monkeypatch.setattr("ganzoo.cli.candidates.installed", broken)
    assert offered("info c") == []


def test_torch_is_not_imported(tmp_path: Path) -> None:
    lines = ["train cgan --conditioner ", "evaluate RUN --dataset-", "convert OLD --variant cgan --", "sample "]
    code = (
        "import contextlib, os, sys\nfrom ganzoo.cli import main\n"
        "for line in sys.argv[1:]:\n"
        "    words = ['ganzoo', *line.split(' ')]\n"
        f"    os.environ |= {{'{VARIABLE}': 'bash_complete', 'COMP_WORDS': ' '.join(words), "
        "'COMP_CWORD': str(len(words) - 1)}\n"
        "    with contextlib.suppress(SystemExit):\n        main([])\n"
        "print('imported:', *({'torch', 'numpy', 'PIL'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *lines], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported:"
    assert len(done.stdout.splitlines()) > 50


# The shells


@pytest.mark.parametrize(("shell", "form"), [("zsh", 3), ("fish", 1)])
def test_other_shells_are_told_what_a_name_is(
    shell: str, form: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = answer(monkeypatch, capsys, "train cgan --conditioner mult", shell)
    summary = installed().entry("conditioner", "multiply").item.summary
    assert len(lines) == form
    assert lines[-1].endswith(summary)
    assert "multiply" in lines[-1 if form == 1 else 1]


@pytest.mark.parametrize("line", re.findall(r"^.*_GANZOO_COMPLETE=.*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
def test_the_page_names_scripts_that_exist(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    instruction = re.search(rf"{VARIABLE}=(\w+)", line)
    assert instruction is not None
    monkeypatch.setenv(VARIABLE, instruction[1])
    with pytest.raises(SystemExit, match=r"^0$"):
        main([])
    assert f"{VARIABLE}={instruction[1].split('_')[0]}_complete" in capsys.readouterr().out


def test_an_unknown_shell_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for instruction in ("tcsh_source", "bash_sauce", "1"):
        monkeypatch.setenv(VARIABLE, instruction)
        with pytest.raises(SystemExit, match=r"^2$"):
            main([])
        said = capsys.readouterr()
        expected = f"ganzoo: {VARIABLE} must be bash_source, zsh_source or fish_source, not {instruction!r}\n"
        assert (said.out, said.err) == ("", expected)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_a_line(tmp_path: Path) -> None:
    command = tmp_path / "ganzoo"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ganzoo "$@"\n')
    command.chmod(0o755)
    (line,) = (line for line in PAGE.read_text(encoding="utf-8").splitlines() if "=bash_source" in line)
    script = f"""
        {line.partition("#")[0]}
        COMP_WORDS=(ganzoo train cgan --conditioner mult) COMP_CWORD=4
        "$(complete -p ganzoo | sed 's/.*-F \\([^ ]*\\).*/\\1/')" ganzoo
        echo "${{COMPREPLY[@]}}"
    """
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script], check=False, capture_output=True, text=True, env={**os.environ, "PATH": path}
    )
    assert (done.stdout, done.stderr) == ("multiply\n", "")
