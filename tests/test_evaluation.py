"""Holding models against real data: judges that are kept, figures that say what they mean, and the best model."""

from __future__ import annotations

import contextlib
import io
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from stopping import StopAt

import ganzoo
from ganzoo.catalogue import installed, select
from ganzoo.catalogue.evaluation_plan import EvaluationPlan, plan_evaluation
from ganzoo.cli import run as command
from ganzoo.contract.judge import Examples, untracked
from ganzoo.errors import Refused, UserError
from ganzoo.evaluation import Evaluation, Evaluator, Figure, open_evaluator
from ganzoo.evaluation.judge_cache import trained_judge
from ganzoo.evaluation.metric_context import judge_in_chunks
from ganzoo.evaluation.reference_data import ReferenceData
from ganzoo.storage.checkpoint_files import checkpoints, step_of
from ganzoo.storage.model_file import KEY
from ganzoo.storage.run_folder import RunFolder
from ganzoo.storage.sealed import read_sealed
from ganzoo.training.run import Run, train

CPU = torch.device("cpu")
OFFLINE = [name for name in installed().names("metric") if name not in ("fid", "kid", "inception-score")]
JUDGES = installed().names("judge")
QUICK = {"judge-width": 4, "judge-features": 16, "judge-epochs": 4}
DIGITS = 300  # examples to make of digits: more than a judge has features


def evaluation_plan_of(dataset: str, *metrics: str, judge: str | None = None, **flags: Any) -> EvaluationPlan:
    part = select(installed(), "gan", {"dataset": dataset, **flags}).parts["dataset"]
    quick = QUICK if (judge or part.config.judge) == "cnn" else {}  # type: ignore[attr-defined]
    return plan_evaluation(installed(), part, judge, metrics, quick)


def evaluator(
    plan: EvaluationPlan, root: Path = Path("data"), conditional: bool = True, samples: int = 1000
) -> Evaluator:
    spec = ReferenceData(plan, root, CPU).spec
    condition = spec.condition_field if conditional else None
    return open_evaluator(plan, root, spec.target_field, condition, CPU, untracked, print, samples)


def examined(plan: EvaluationPlan) -> Evaluator | None:
    """The examination, or ``None`` where the data lacks what a metric declares to need."""
    try:
        return evaluator(plan)
    except Refused:
        offered = ReferenceData(plan, Path("data"), CPU).spec.provides
        needs = {word for need in plan.metrics[0].component.requires for word in need.any_of}
        return None if needs - offered - {"judge:classes", "model:class"} else evaluator(plan)


def real(plan: EvaluationPlan, root: Path = Path("data")) -> Examples:
    return ReferenceData(plan, root, CPU).real


class Answer(NamedTuple):
    """What one command line gave."""

    status: int
    out: str
    err: str


def answer(*words: str) -> Answer:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = command(words)
    return Answer(status, out.getvalue(), err.getvalue())


# Metrics


@pytest.mark.parametrize("dataset", ["digits", "ring"])
@pytest.mark.parametrize("metric", OFFLINE)
def test_every_metric_gives_the_figures_that_it_declares(metric: str, dataset: str) -> None:
    held = examined(evaluation_plan_of(dataset, metric))
    if held is None:
        return
    examples = real(evaluation_plan_of(dataset, metric))
    found = held.measure(examples.at(slice(0, 600)))
    ((_, measuring), *_) = held._metrics
    declared = measuring.figures
    assert [figure.name for figure in found.figures] == list(declared)
    for figure in found.figures:
        assert math.isfinite(figure.value) and figure.aim == declared[figure.name]
        assert figure.floor is None or math.isfinite(figure.floor)
        assert bool(figure.judge) == measuring.judged
        assert (found.samples, found.real, found.dataset) == (600, len(examples), dataset)


@pytest.mark.parametrize("metric", OFFLINE)
def test_every_metric_says_the_same_again(metric: str) -> None:
    with contextlib.suppress(Refused):
        examples = real(evaluation_plan_of("digits", metric)).at(slice(0, 400))
        once, again = (evaluator(evaluation_plan_of("digits", metric)).measure(examples) for _ in range(2))
        assert once == again


def test_a_model_that_is_asked_for_classes_is_told_from_one_that_is_not() -> None:
    with pytest.raises(Refused, match="'accuracy' needs a model that is told which class to make"):
        evaluator(evaluation_plan_of("digits", "accuracy"), conditional=False)
    unasked = evaluator(evaluation_plan_of("digits"), conditional=False)
    names = {figure.metric for figure in unasked.measure(real(evaluation_plan_of("digits")).at(slice(0, 400))).figures}
    assert {"accuracy", "classification-score"} & names == set()


def test_the_metrics_of_no_name_are_those_that_fit_and_are_quick() -> None:
    found = evaluator(evaluation_plan_of("digits")).measure(real(evaluation_plan_of("digits")))
    quick = {"accuracy", "frechet", "kernel", "manifold", "modes"}
    assert {figure.metric for figure in found.figures} == quick


def test_a_collapsed_model_and_one_that_drops_classes_are_exposed() -> None:
    plan = evaluation_plan_of("digits")
    held, examples = evaluator(plan), real(plan)
    assert examples.labels is not None

    def figures(made: Examples) -> dict[str, float]:
        return {figure.name: figure.value for figure in held.measure(made).figures}

    whole = figures(examples)
    collapsed = figures(Examples(examples.values[:1].expand(600, -1, -1, -1), examples.labels[:600]))
    dropping = figures(examples.at(examples.labels < 5))
    assert collapsed["modes"] == 1 and collapsed["coverage"] < 0.05 and collapsed["FD"] > 20 * whole["FD"] + 1
    assert dropping["modes"] < whole["modes"] and dropping["recall"] < whole["recall"]
    assert whole["accuracy"] > 0.9
    shuffled = Examples(examples.values, examples.labels.roll(1))
    assert figures(shuffled)["accuracy"] < 0.2


def test_a_model_that_copies_the_training_data_is_exposed(mnist_root: Path) -> None:
    plan = evaluation_plan_of("mnist", "memorisation")
    held = evaluator(plan, mnist_root)
    reference = ReferenceData(plan, mnist_root, CPU)
    copying, fresh = (held.measure(of.at(slice(0, 1000))) for of in (reference.train, reference.real))
    values = [{figure.name: figure.value for figure in found.figures} for found in (copying, fresh)]
    assert values[0]["copies"] == 1 and values[0]["nearest"] == 0
    assert values[1]["copies"] < 0.03 and 0.9 < values[1]["nearest"] < 1.1


# Judges


@pytest.mark.parametrize("judge", JUDGES)
def test_every_judge_is_trained_once_and_named_by_what_it_learnt(judge: str, cache: Path) -> None:
    dataset = {"gaussians": "ring", "stacked-cnn": "stacked-mnist"}.get(judge, "digits")
    if dataset == "stacked-mnist":
        pytest.skip("learns from MNIST; its own tests train it")
    plan = evaluation_plan_of(dataset, judge=judge)
    reference = ReferenceData(plan, Path("data"), CPU)
    first, second = (trained_judge(plan.judge, reference, CPU, untracked, print) for _ in range(2))
    assert first.name == second.name and first.name.startswith(f"{dataset}-{judge}:")
    assert first.accuracy == second.accuracy
    some = reference.real.at(slice(0, 20))
    for one, other in zip(
        judge_in_chunks(first.judge, some, untracked), judge_in_chunks(second.judge, some, untracked), strict=True
    ):
        assert torch.equal(one, other)
    knows = "judge:classes" in plan.judge.component.provides
    assert (first.accuracy is not None) == knows
    assert not knows or first.accuracy > 0.85  # type: ignore[operator]


def test_a_damaged_judge_is_trained_anew_and_told_of(cache: Path) -> None:
    plan = evaluation_plan_of("ring")
    reference = ReferenceData(plan, Path("data"), CPU)
    name = trained_judge(plan.judge, reference, CPU, untracked, print).name
    (path,) = (cache / "judges").glob("ring-gaussians-????????.safetensors")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    said: list[str] = []
    assert trained_judge(plan.judge, reference, CPU, untracked, said.append).name == name
    assert len(said) == 1 and "damaged" in said[0] and "trained again" in said[0]


def test_another_dataset_has_another_judge() -> None:
    names = set()
    for count in (1000, 2000):
        plan = evaluation_plan_of("ring", dataset_count=count)
        names.add(trained_judge(plan.judge, ReferenceData(plan, Path("data"), CPU), CPU, untracked, print).name)
    assert len(names) == 2


def test_a_cache_that_cannot_be_written_is_told_of_and_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = evaluation_plan_of("ring")
    reference = ReferenceData(plan, Path("data"), CPU)
    kept = trained_judge(plan.judge, reference, CPU, untracked, print)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "file"))
    said: list[str] = []
    assert trained_judge(plan.judge, reference, CPU, untracked, said.append).name == kept.name
    assert len(said) == 1
    assert "not cached" in said[0] and "GANZOO_CACHE" in said[0]


def test_data_in_parts_is_judged_by_its_test_part(stand_in_root: Any) -> None:
    plan = evaluation_plan_of("mnist", judge="plain")
    reference = ReferenceData(plan, stand_in_root("mnist"), CPU)
    assert reference.split == "test" and not torch.equal(reference.train.values[:5], reference.real.values[:5])
    whole = ReferenceData(evaluation_plan_of("digits"), Path("data"), CPU)
    assert whole.split == "all"
    assert len(whole.judge_train) + len(whole.judge_test) == len(whole.real) == 1797


# Figures


def evaluation(neighbours: int = 5, **other: Any) -> Evaluation:
    options = {"neighbours": neighbours}
    figure = Figure("frechet", options, "FD", "digits-cnn:00000000", 2.5, None, 0.5, None, "low")
    usual = {
        "dataset": "digits", "data": {"size": 16}, "split": "all", "reference": "0a0a0a0a",
        "samples": 1000, "real": 1797,
        "judge": {"name": "digits-cnn:00000000"}, "figures": (figure,),
    }  # fmt: skip
    return Evaluation(**{**usual, **other})


def test_a_figure_carries_the_name_of_its_judge() -> None:
    (figure,) = evaluation().figures
    assert figure.label == "FD[digits-cnn:00000000]"
    assert Evaluation.from_json(json.loads(json.dumps(evaluation().to_json())), "here") == evaluation()


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"judge": {"name": "digits-cnn:11111111"}}, "judge is digits-cnn:00000000 here and digits-cnn:11111111 there"),
        ({"samples": 500}, "number of samples is 1000 here and 500 there"),
        ({"real": 100}, "number of real examples"),
        ({"split": "test"}, "split"),
        ({"data": {"size": 32}}, "data is"),
        ({"dataset": "mnist"}, "data set"),
        ({"reference": "1b1b1b1b"}, "real data is 0a0a0a0a here and 1b1b1b1b there"),
        ({"neighbours": 50}, "its metric has the options {'neighbours': 5} here and {'neighbours': 50} there"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_figures_that_were_taken_in_another_way_are_not_compared(other: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match="cannot be compared") as refused:
        evaluation().refuse_incomparable(evaluation(**other), "there")
    assert words in str(refused.value)


@pytest.mark.parametrize("value", [None, 3, [], {}, {"figures": 1}, {"figures": [{"label": "x"}]}])
def test_what_is_no_evaluation_is_refused(value: Any) -> None:
    with pytest.raises(UserError, match="is not an evaluation"):
        Evaluation.from_json(value, "here")


def test_too_few_examples_are_refused() -> None:
    with pytest.raises(Refused, match="is not meaningful with 10 samples: generate at least 17"):
        evaluator(evaluation_plan_of("digits", "frechet"), samples=10)


def test_metrics_that_nobody_asked_for_are_left_out_where_examples_are_too_few() -> None:
    plan = evaluation_plan_of("digits")
    few = evaluator(plan, samples=40).measure(real(plan).at(slice(0, 40)))
    assert {figure.metric for figure in few.figures} == {"accuracy", "frechet", "kernel"}


def test_the_best_model_is_chosen_by_quality_and_variety_where_nobody_says_by_what() -> None:
    assert evaluator(evaluation_plan_of("digits")).leading.startswith("FD[")
    assert evaluator(evaluation_plan_of("digits", "accuracy", "frechet")).leading.startswith("accuracy[")


def test_what_is_made_is_asked_for_as_often_as_it_is_real() -> None:
    held = evaluator(evaluation_plan_of("digits", "accuracy"))
    asked, labels = held.conditions(1797), real(evaluation_plan_of("digits")).labels
    assert asked is not None
    assert labels is not None
    assert torch.equal(asked.bincount(), labels.bincount())
    assert not torch.equal(asked, labels)


def test_a_model_is_not_held_against_what_it_was_trained_on(stand_in_root: Any) -> None:
    with pytest.raises(UserError, match="compared with the test part of"):
        ReferenceData(evaluation_plan_of("mnist", dataset_split="test"), stand_in_root("mnist"), CPU)


def test_a_line_of_scores_keeps_the_name_of_the_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = {"steps": 2, "batch_size": 8, "evaluate_every": 1, "evaluate_samples": 300, "judge": "plain"}
    ganzoo.train("cgan", out=tmp_path / "run", device="cpu", metric="frechet", **flags)
    assert "FD[digits-plain:" in capsys.readouterr().err


def test_a_damaged_best_model_is_told_of_when_a_run_goes_on(tmp_path: Path) -> None:
    chosen = select(installed(), "cgan", {**EVALUATED, "out": tmp_path / "run", "steps": 7, "checkpoint_every": 2})
    train(chosen, [StopAt(4)])
    (tmp_path / "run" / "best.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"the best model so far, cannot be read .* move it away"):
        train(chosen, resume=True)


# The command


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A conditional model, an unconditional one, and one of colour images."""
    folder = tmp_path_factory.mktemp("trained")
    usual = {"steps": 2, "batch_size": 16, "checkpoint_every": 0, "device": "cpu", "progress": False}
    colour = {"dataset": "shapes", "dataset_size": 16, "dataset_count": 100}
    made = {"cgan": {}, "gan": {}, "colour": {**colour}}
    for name, options in made.items():
        ganzoo.train(name.replace("colour", "cgan"), out=folder / name, **usual, **options)  # type: ignore[arg-type]
    return {name: folder / name for name in made}


def test_evaluate_prints_one_document(trained: dict[str, Path]) -> None:
    flags = [word for name, value in QUICK.items() for word in (f"--{name}", str(value))]
    asked = ("--metric", "frechet", "--metric", "accuracy,kernel", "--samples", str(DIGITS), "--json")
    found = answer("evaluate", str(trained["cgan"]), *asked, *flags, "--kernel-subsets=3")
    assert found.status == 0
    about = json.loads(found.out)
    assert [figure["name"] for figure in about["figures"]] == ["FD", "accuracy", "KD"]
    assert about["samples"] == DIGITS and about["real"] == 1797 and about["judge"]["accuracy"] > 0.85
    label = about["figures"][0]["label"]
    assert label == f"FD[{about['judge']['name']}]"


def test_evaluate_says_in_a_table_what_real_examples_get(trained: dict[str, Path]) -> None:
    found = answer("evaluate", str(trained["cgan"]), "--judge", "plain", "--metric", "frechet", "--samples", "400")
    assert found.status == 0
    (line,) = found.out.splitlines()
    label, value, floor, better = line.split("\t")
    assert label.startswith("FD[digits-plain:") and float(value) > float(floor) > 0 and better == "lower"
    assert "400 samples against 1797 real examples of digits (all)" in found.err


def test_evaluate_compares_with_what_it_printed_before(trained: dict[str, Path], tmp_path: Path) -> None:
    asked = ("--judge", "plain", "--metric", "frechet", "--samples")
    before = tmp_path / "before.json"
    before.write_text(answer("evaluate", str(trained["gan"]), *asked, "400", "--json").out)
    same = answer("evaluate", str(trained["cgan"]), *asked, "400", "--against", str(before))
    assert same.status == 0 and len(same.out.split("\t")) == 5
    other = answer("evaluate", str(trained["cgan"]), *asked, "500", "--against", str(before))
    assert (other.status, other.out) == (2, "") and "number of samples" in other.err


def test_python_says_what_the_command_says(trained: dict[str, Path]) -> None:
    asked = ("--judge", "plain", "--metric", "frechet", "--samples", "400", "--json")
    printed = json.loads(answer("evaluate", str(trained["cgan"]), *asked).out)
    found = ganzoo.evaluate(trained["cgan"], judge="plain", metrics=["frechet"], samples=400)
    assert found.to_json() == {name: printed[name] for name in found.to_json()}


@pytest.mark.parametrize(
    ("model", "words", "said"),
    [
        ("gan", "--metric accuracy", "'accuracy' needs a model that is told which class to make"),
        ("gan", "--metric frechett", "did you mean 'frechet'?"),
        ("gan", "--judge cn", "did you mean 'cnn'?"),
        ("gan", "--dataset digit", "did you mean 'digits'?"),
        ("gan", "--judge gaussians", "judge 'gaussians' needs points"),
        ("gan", "--metric frechet --judge-wdth 3", "did you mean '--judge-width'?"),
        ("gan", "--metric frechet --judge-width", "needs a value"),
        ("gan", "--metric frechet --judge-width x", "whole number"),
        (
            "gan",
            "--metric frechet --judge plain --samples 200",
            "is not meaningful with 200 samples: generate at least 257",
        ),
        ("gan", "--metric memorisation", "examples that models do not train on"),
        ("colour", "--dataset digits", "the model generates 3×16×16 images, and dataset 'digits' has 1×16×16 images"),
        ("cgan", "--dataset ring", "the model generates 1×16×16 images, and dataset 'ring' has points in 2 dimensions"),
        ("cgan", "--dataset mnist --data-root nowhere", "1×28×28 images: set --dataset-size"),
        ("cgan", "--dataset fashion-mnist --dataset-size 16", "has 10 classes (t-shirt, trouser, pullover, dress, …)"),
        (
            "cgan",
            "--judge plain --metric accuracy",
            "dataset 'digits' with judge 'plain' and this model does not",
        ),
        ("gan", "--against nothing.json --metric frechet", "nothing.json cannot be read"),
        ("gan", "--against /dev/zero --metric frechet", "it is not a regular file"),
        ("nothing", "", "no model at"),
    ],
)
def test_what_cannot_be_evaluated_is_told_in_one_sentence(
    model: str, words: str, said: str, trained: dict[str, Path]
) -> None:
    found = answer("evaluate", str(trained.get(model, Path(model))), *words.split())
    assert (found.status, found.out) == (2, "")
    assert said in found.err
    assert len(found.err.strip().splitlines()) == 1


# While training

EVALUATED = {"evaluate_every": 3, "evaluate_samples": 300, "metric": "frechet", "judge": "plain"}


def trained_run(out: Path, resume: bool = False, **flags: Any) -> Run:
    fixed = {"steps": 7, "batch_size": 16, "log_every": 2, "sample_every": 100, "checkpoint_every": 2, "device": "cpu"}
    return train(select(installed(), "cgan", {**fixed, "out": out, **flags}), (), resume)


def scores(folder: RunFolder) -> dict[int, dict[str, float]]:
    rows = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    return {row["step"]: row["scores"] for row in rows if row["scores"]}


def best_of(folder: RunFolder) -> dict[str, Any]:
    trained: dict[str, Any] = read_sealed(folder.best, KEY, "model")[1]["trained"]
    return trained


def test_a_training_is_evaluated_and_its_best_model_kept(tmp_path: Path) -> None:
    run = trained_run(tmp_path / "run", **EVALUATED)
    found = scores(run.folder)
    assert list(found) == [3, 6, 7]
    (label,) = found[3]
    least = min(found, key=lambda step: found[step][label])
    best = best_of(run.folder)
    assert best["steps"] == least
    held = ganzoo.evaluate(run.folder.best, metrics=["frechet"], judge="plain", samples=300, seed=0)
    assert held.figures[0].value == found[least][label] == best["evaluation"]["figures"][0]["value"]


def test_being_evaluated_changes_nothing(tmp_path: Path) -> None:
    evaluated = trained_run(tmp_path / "one", **EVALUATED)
    assert evaluated.sha256 == trained_run(tmp_path / "other").sha256


def test_a_training_that_goes_on_keeps_the_best_of_all(tmp_path: Path) -> None:
    whole = trained_run(tmp_path / "whole", **EVALUATED)
    settings = {**EVALUATED, "out": tmp_path / "parts", "steps": 7, "batch_size": 16, "log_every": 2}
    chosen = select(
        installed(), "cgan", {**settings, "sample_every": 100, "checkpoint_every": 2, "device": "cpu"}
    )  # fmt: skip
    for step in (3, 5):
        assert not train(chosen, [StopAt(step)], resume=step > 3).finished
    parts = train(chosen, resume=True)
    assert scores(parts.folder) == scores(whole.folder)
    assert best_of(parts.folder) == best_of(whole.folder)
    assert ganzoo.load(parts.folder.best).sample(3).equal(ganzoo.load(whole.folder.best).sample(3))


def test_one_can_train_on_from_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Figure, "better_than", lambda figure, other: False)
    flags = {**EVALUATED, "checkpoint_every": 100, "keep_checkpoints": 1}
    whole = trained_run(tmp_path / "run", **flags)
    assert best_of(whole.folder)["steps"] == 3
    last, best = checkpoints(whole.folder.checkpoints)
    assert (step_of(last), step_of(best)) == (7, 3)
    last.unlink()
    again = trained_run(tmp_path / "run", resume=True, **flags)
    assert again.sha256 == whole.sha256
    assert checkpoints(whole.folder.checkpoints) == [last, best]


def test_a_best_model_of_another_judge_is_not_compared_with(tmp_path: Path) -> None:
    chosen = {
        **EVALUATED,
        "out": tmp_path / "run",
        "steps": 7,
        "batch_size": 16,
        "checkpoint_every": 2,
        "device": "cpu",
    }
    train(select(installed(), "cgan", chosen), [StopAt(4)])
    for flags, words in (
        ({"metric": "parzen"}, "judge is none here"),
        ({"metric": "kernel"}, r"was not selected by KD\[digits-plain"),
        ({"evaluate_samples": 400}, "number of samples is 400 here and 300 there"),
    ):
        with pytest.raises(UserError, match=words):
            train(select(installed(), "cgan", {**chosen, **flags}), resume=True)


def test_what_cannot_be_evaluated_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for flags, words in (({"metric": "fretchet"}, "did you mean 'frechet'"), ({"evaluate_samples": 5}, "at least")):
        with pytest.raises(UserError, match=words):
            trained_run(tmp_path / "run", **{**EVALUATED, **flags})
        assert not (tmp_path / "run").exists()
