"""Benchmark: the defaults compared with the published loop of a conditional GAN, in quality and time, by two judges."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import common
import torch
from quality import PICTURED, SAMPLES, draw, figures, judge
from torch import Tensor
from training import choose
from tutorial import LOOPS, Loop

import ganzoo
from ganzoo.catalogue import Field, Selection, installed, select
from ganzoo.catalogue.evaluation_plan import plan_evaluation
from ganzoo.contract.judge import Examples, untracked
from ganzoo.evaluation import Evaluation, Evaluator, open_evaluator
from ganzoo.step.device import choose_device
from ganzoo.studio.export import write_samples

LOOP = "cgan"
EPOCHS = (5, 10)
ACCURACY = 0.98
TIMES = {"cgan": 5.0, "cgan-conv": 15.0}
"""What trains with its defaults, and how many times smaller than the loop's last distance its own should be."""
METRICS = ("accuracy", "frechet", "kernel", "manifold", "memorisation")
JUDGES: Sequence[tuple[str | None, Mapping[str, Any]]] = (
    (None, {}),
    ("cnn", {"judge-width": 48, "judge-features": 64}),
)
"""The usual judge, and one of another shape that learns anew, so that nothing rests on one of them."""
CHUNK = 500  # examples made at once
QUICK = 5000  # steps of which --share takes a part, where a variant counts in epochs


class Published:
    """The published loop, its data, and what its generator makes."""

    def __init__(self, data_root: Path, device: torch.device):
        make, flags = LOOPS[LOOP]
        self.selection: Selection = choose(LOOP, **flags, data_root=data_root, device=device.type)
        spec = self.selection.data()["dataset"]
        assert spec.condition_field is not None
        self.output: Field = spec.target_field
        self.condition: Field = spec.condition_field
        torch.manual_seed(0)
        self.loop: Loop = make(self.selection)

    def train(self, steps: int) -> float:
        """Make so many steps, and return the seconds that they took together."""

        def go() -> None:
            for _ in range(steps):
                self.loop.step()

        return common.timed(go, self.loop.device)

    def make(self, labels: Tensor) -> Examples:
        """Return examples of these classes, made in evaluation mode."""
        device, generator, count = self.loop.device, self.loop.generator, len(labels)
        noise = torch.randn(count, self.loop.noise, generator=torch.Generator().manual_seed(0))
        generator.eval()
        with torch.no_grad():
            chunks = zip(noise.to(device).split(CHUNK), labels.to(device).split(CHUNK), strict=True)
            values = torch.cat([generator(*chunk) for chunk in chunks])
        generator.train()
        return Examples(values, labels.to(device))

    def draw(self, picture: Path) -> None:
        """Write examples as a picture with a column for each class."""
        made = self.make(torch.arange(PICTURED) % self.condition.classes)
        assert made.labels is not None
        write_samples(picture, made.values.cpu(), self.output, made.labels.cpu(), self.condition)


def open_judges(published: Published) -> list[Evaluator]:
    """Return an examination by each of the judges; those that are not trained yet are trained now."""
    dataset, root = published.selection.parts["dataset"], published.selection.run.data_root

    def opened(name: str | None, options: Mapping[str, Any]) -> Evaluator:
        plan = plan_evaluation(installed(), dataset, name, METRICS, options)
        where = published.loop.device
        return open_evaluator(plan, root, published.output, published.condition, where, untracked, _say, SAMPLES)

    return [opened(*chosen) for chosen in JUDGES]


def of_loop(published: Published, judges: Sequence[Evaluator], share: float) -> Iterator[dict[str, Any]]:
    """Yield what the published loop has reached after so many epochs; nothing but its steps is timed."""
    steps, seconds = 0, 0.0
    for epochs in EPOCHS:
        more = common.share_of(epochs * len(published.loop.loader), share) - steps
        seconds += published.train(more)
        steps += more
        labels = judges[0].conditions(SAMPLES)
        assert labels is not None
        made = published.make(labels)
        yield _row("loop", {"epochs": epochs}, steps, seconds, [held.measure(made) for held in judges])


def of_defaults(
    variant: str, seed: int, data_root: Path, judges: Sequence[Evaluator], share: float, pictures: Path | None
) -> dict[str, Any]:
    """Return what the command that a user types has reached; all that it does is timed, from its start to its end."""
    words = ["train", variant, "--dataset", "mnist"]
    if seed:
        words += ["--seed", str(seed)]
    if share != 1:
        settings = select(installed(), variant, {"dataset": "mnist"}).run
        words += ["--steps", str(common.share_of(settings.steps or QUICK, share))]
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        where = ["--out", str(run), "--data-root", str(data_root)]
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "ganzoo", *words, *where], capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - began
        if done.returncode:
            raise click.ClickException(f"`ganzoo {' '.join(words)}` failed: {done.stderr.strip()[-2000:]}")
        model = ganzoo.load(run).to(choose_device("auto"))
        found = [held.evaluate(model.recipe, SAMPLES, seed) for held in judges]
        if pictures is not None and seed == 0:
            draw(run, pictures / f"published-{variant}.png")
    about = {"command": f"ganzoo {' '.join(words)}", "seed": seed}
    return _row(variant, about, int(model.header.trained["steps"]), seconds, found)


def _row(
    contender: str, about: Mapping[str, Any], steps: int, seconds: float, found: Sequence[Evaluation]
) -> dict[str, Any]:
    row = {
        "contender": contender,
        **about,
        "steps": steps,
        "seconds": round(seconds, 1),
        "figures": [figures(each) for each in found],
        "judges": [judge(each) for each in found],
    }
    _say(f"{contender}, {steps} steps in {seconds:.1f} s: {row['figures']}")
    return row


def _say(text: str) -> None:
    click.echo(text, err=True)


@click.command()
@common.data_root
@common.out
@common.share
@common.pictures
@click.option("--seeds", type=click.IntRange(min=1), default=1, help="Trainings with the defaults of each variant.")
def main(data_root: Path, out: Path | None, share: float, pictures: Path | None, seeds: int) -> None:
    """Train the published loop, and variants with their defaults, and judge 10,000 samples of each."""
    device = choose_device("auto")
    published = Published(data_root, device)
    judges = open_judges(published)
    rows = list(of_loop(published, judges, share))
    if pictures is not None:
        published.draw(pictures / "published-loop.png")
    rows += [
        of_defaults(variant, seed, data_root, judges, share, pictures) for variant in TIMES for seed in range(seeds)
    ]
    about = {
        "samples": SAMPLES,
        "judges": [dict(options) for _, options in JUDGES],
        "targets": {"accuracy": ACCURACY, "times": TIMES},
    }
    common.publish([about, *rows], device, out)


if __name__ == "__main__":
    common.run(main)
