"""With no options a training has steps enough, whatever the number of samples; a result like a guess is said first."""

import numpy as np
import pytest
from rich.console import Console

from tests.shapes import write_shapes
from tfopt.evaluation.statistics import accuracy
from tfopt.models.architectures import build
from tfopt.models.config import ModelConfig
from tfopt.models.signature import Signature
from tfopt.report.schema import Baseline, DataSummary, Measurement, Report
from tfopt.report.terminal import render_report
from tfopt.techniques.distillation.config import DistillConfig
from tfopt.training.advice import advice
from tfopt.training.config import TrainConfig
from tfopt.training.plan import FitPlan


@pytest.mark.parametrize("config", [TrainConfig(), DistillConfig()], ids=["train", "distill"])
@pytest.mark.parametrize("samples", [60, 100, 360, 1_079, 5_000, 100_000])
def test_a_training_has_steps_enough_before_it_ends_or_gives_up(samples, config):
    plan = FitPlan.of(config, samples)
    steps = -(-samples // plan.batch_size)
    assert plan.epochs * steps >= 1000
    assert plan.patience * steps >= 300
    assert steps >= min(32, samples / 8)


def test_many_samples_are_trained_on_in_few_epochs_of_large_batches():
    plan = FitPlan.of(TrainConfig(), 100_000)
    assert (plan.batch_size, plan.epochs, plan.patience) == (64, 30, 10)


def test_what_is_asked_for_is_kept_to_whatever_the_number_of_samples():
    plan = FitPlan.of(TrainConfig(epochs=3, batch_size=50, patience=2), 60)
    assert (plan.epochs, plan.batch_size, plan.patience) == (3, 50, 2)


@pytest.mark.parametrize(("side", "left"), [(8, 2), (28, 3), (32, 4), (64, 4), (96, 3), (224, 3)])
def test_the_blocks_of_a_cnn_leave_little_of_an_image_of_any_size_to_average(side, left):
    model = build(ModelConfig(arch="cnn"), Signature("image", "classification", ((side, side, 3),), (4,)))
    assert model.get_layer("average").input.shape[1] == left


def report(history=(), **measured):
    score = Measurement(
        name="m.keras", format="keras", file_bytes=1, gzip_bytes=1, parameters=1, nonzero_parameters=1, macs=1,
        latency=None, **measured,
    )  # fmt: skip
    task = "classification" if "accuracy" in measured else "regression"
    data = DataSummary(
        source="x", scale="unit", fingerprint="f", samples={"test": 100}, task=task,
        baseline=Baseline(method="always cat", value=0.25),
    )  # fmt: skip
    return Report(
        command="train", config={}, data=data, measurements=[score], comparisons=[], history=list(history),
        best_epoch=1 if history else None,
    )  # fmt: skip


def right(count):
    return accuracy(np.arange(100) < count)


@pytest.mark.parametrize(
    ("trained", "told"),
    [(0.99, "no others: more samples may help, or `augment` flip,crop,rotate for photographs"), (0.26, "not learnt")],
)
def test_what_to_try_against_guessing_goes_by_whether_the_training_samples_were_learnt(trained, told):
    [sentence] = advice(report(accuracy=right(25)), [{"accuracy": trained, "val_accuracy": 0.2}], "image")
    assert told in sentence


@pytest.mark.parametrize("trained", [0.99, 0.26])
def test_a_model_that_guesses_by_words_is_advised_to_read_letters(trained):
    history, guess = [{"accuracy": trained, "val_accuracy": 0.2}], report(accuracy=right(25))
    other = advice(guess, history, "tokens")
    [*same, letters] = advice(guess, history, "tokens", by_words=True)
    assert letters.startswith("`characters` reads texts letter by letter")
    assert same == other


def test_no_advice_is_given_on_a_model_that_is_better_than_a_guess():
    assert advice(report(accuracy=right(50)), [{"accuracy": 0.99}], "image") == []


def test_the_epoch_whose_weights_were_kept_and_the_last_are_shown():
    epochs = [{"loss": 1.0, "val_loss": loss, "accuracy": 0.5, "val_accuracy": 0.5} for loss in (3.0, 1.25, 2.5)]
    found = report(epochs, accuracy=right(50)).model_copy(update={"best_epoch": 2})
    console = Console(width=120)
    with console.capture() as shown:
        console.print(render_report(found))
    lines = shown.get().splitlines()
    [best] = [line for line in lines if line.startswith("2, best ")]
    [last] = [line for line in lines if line.startswith("3, last ")]
    assert "1.25" in best
    assert "2.5" in last
    assert not any(line.startswith("1 ") for line in lines)


@pytest.mark.slow
def test_defaults_tell_four_shapes_in_a_folder_of_600_images_apart(tfopt, tmp_path):
    write_shapes(tmp_path / "shapes", 600)
    ended = tfopt("train", "--data", "shapes", "--json")
    assert ended.code == 0, ended.err
    assert ended.report["measurements"][0]["accuracy"]["value"] >= 0.85
    assert ended.report["warnings"] == []
