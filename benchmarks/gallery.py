"""Benchmark: one honest grid of each variant, the first hundred examples of seed 0, with command, steps and time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import common
import torch
from quality import draw

import ganzoo
from ganzoo.catalogue import installed

SHOWN = "One grid a variant: the first hundred examples of seed 0 after the default training, none chosen."


def trained(variant: str, folder: Path, options: Mapping[str, Any], data_root: Path) -> dict[str, Any]:
    """Train a variant, draw its grid, and return its row."""
    words = [f"--{name.replace('_', '-')} {value}" for name, value in options.items()]
    quiet: dict[str, Any] = {"progress": False, "sample_every": 10**9}
    run = ganzoo.train(variant, **options, **quiet, data_root=data_root, out=folder / "runs" / variant)
    draw(run.folder.path, folder / f"{variant}.png")
    command = " ".join(["ganzoo train", variant, *words])
    return {"variant": variant, "command": command, "steps": run.steps, "seconds": round(run.seconds, 1)}


def page(rows: Sequence[Mapping[str, Any]], machine: Mapping[str, Any]) -> str:
    """Return the page of all rows that are there, in the order of the variants' names."""
    lines = ["# Gallery", "", SHOWN, "", f"Machine: {json.dumps(machine)}", ""]
    for row in sorted(rows, key=lambda row: row["variant"]):
        about = f"`{row['command']}`: {row['steps']:,} steps, {row['seconds']:,.0f} s"
        lines += [f"## {row['variant']}", "", about, "", f"![]({row['variant']}.png)", ""]
    return "\n".join(lines)


@click.command()
@click.argument("variants", nargs=-1)
@common.data_root
@common.device
@click.option("--dataset", default="mnist", help="The dataset of all variants.")
@click.option("--steps", type=click.IntRange(min=1), help="Steps of each, in place of its own.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("gallery"), help="Where the page is written.")
def main(variants: Sequence[str], data_root: Path, device: str, dataset: str, steps: int | None, folder: Path) -> None:
    """Train VARIANTS (all, if none is named) that the page in FOLDER does not have yet; it is written after each."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "gallery.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"results": []}
    options = {"dataset": dataset, "device": device, **({"steps": steps} if steps else {})}
    for variant in variants or installed().names("variant"):
        if any(row["variant"] == variant for row in found["results"]):
            continue
        rows = [*found["results"], trained(variant, folder, options, data_root)]
        found = {**(found if "machine" in found else common.described([], torch.device(device))), "results": rows}
        common.write(file, found)
        (folder / "gallery.md").write_text(page(rows, found["machine"]), encoding="utf-8")
        click.echo(f"{variant}: {rows[-1]['seconds']} s", err=True)


if __name__ == "__main__":
    common.run(main)
