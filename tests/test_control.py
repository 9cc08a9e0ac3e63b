"""A control, the original trained as long without the technique, shows what training alone does."""

import keras
import numpy as np
import pytest
from rich.console import Console

import tfopt
from tests.conftest import SAMPLES
from tfopt.core.control import remarks
from tfopt.core.outcome import Outcome
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.report.changes import AccuracyChange, Comparison
from tfopt.report.schema import Report
from tfopt.report.terminal import render_report
from tfopt.runtime.progress import Silent
from tfopt.techniques.structured.fine_tuning import FineTuning
from tfopt.training.fit import fit
from tfopt.training.plan import FitPlan
from tfopt.training.seeds import seed_everything

SAMPLE = SAMPLES / "digits-mlp.keras"


@pytest.fixture(scope="module")
def pruned():
    return tfopt.prune(SAMPLE, tfopt.PruneConfig(sparsity=0.9, epochs=2, control=True))


def test_the_control_has_the_training_of_the_technique_and_nothing_else(pruned, digits):
    config = tfopt.PruneConfig()
    seed_everything(0)
    model = KerasArtifact.load(SAMPLE).model
    fit(model, digits, FitPlan(2, config.batch_size, config.learning_rate, 0), Silent())
    right = model.predict(digits.test.x, verbose=0).argmax(axis=1) == digits.test.y
    control = pruned.report.control
    assert (control.name, control.accuracy.correct) == ("digits-mlp-control.keras", right.sum())
    assert control.nonzero_parameters > 0.9 * control.parameters
    assert any("digits-mlp.keras trained for 2 epochs without prune" in note for note in pruned.report.notes)


def test_what_was_made_is_compared_with_the_control_sample_by_sample(pruned):
    report = pruned.report
    [comparison] = report.comparisons
    assert (comparison.accuracy.against, comparison.control.against) == ("digits-mlp.keras", "digits-mlp-control.keras")
    lost = report.control.accuracy.correct - report.measurements[1].accuracy.correct
    assert comparison.control.lost - comparison.control.won == lost
    assert report.control_comparison.accuracy.against == "digits-mlp.keras"
    again = Report.model_validate_json(report.model_dump_json())
    assert again == report


def test_the_table_has_the_control_beside_the_original(pruned):
    console = Console(width=200)
    with console.capture() as shown:
        console.print(render_report(pruned.report))
    lines = shown.get().splitlines()
    [title] = [line for line in lines if "-control.keras" in line and "note" not in line]
    assert title.split() == ["digits-mlp.keras", "digits-mlp-control.keras", "digits-mlp-pruned.keras"]
    assert any(line.startswith("score vs control") and "p = " in line for line in lines)


def test_a_control_leaves_what_the_technique_makes_as_it_is(pruned):
    alone = tfopt.prune(SAMPLE, tfopt.PruneConfig(sparsity=0.9, epochs=2))
    pairs = zip(alone.artifact.model.get_weights(), pruned.artifact.model.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)
    assert alone.report.control is None


@pytest.mark.parametrize(
    "config",
    [
        tfopt.ClusterConfig(epochs=1, control=True, teacher="self"),
        tfopt.StructuredConfig(epochs=2, iterative=2, control=True),
        pytest.param(tfopt.QatConfig(epochs=1, control=True), marks=pytest.mark.slow),
        pytest.param(tfopt.BinarizeConfig(epochs=1, control=True), marks=pytest.mark.slow),
    ],
    ids=["cluster", "structured", "qat", "binarize"],
)
def test_whatever_trains_has_a_control(config):
    report = tfopt.Pipeline([config]).run(SAMPLE).report
    assert report.control.name == "digits-mlp-control.keras"
    assert all(comparison.control for comparison in report.comparisons)
    if getattr(config, "teacher", None):
        assert any("is the control" in note and note.endswith("learning rate and teacher") for note in report.notes)


def test_the_control_of_distillation_is_the_student_alone():
    config = tfopt.DistillConfig(student="mlp:tiny", epochs=2, control=True)
    report = tfopt.distill(SAMPLE, config).report
    assert report.control.name == "student-control.keras"
    assert report.control.parameters == report.measurements[-1].parameters < report.measurements[0].parameters


@pytest.mark.slow
def test_the_control_of_several_steps_has_the_training_of_all():
    steps = [tfopt.PruneConfig(epochs=2), tfopt.ClusterConfig(epochs=1, control=True), tfopt.QuantizeConfig()]
    report = tfopt.Pipeline(steps).run(SAMPLE).report
    told = [note for note in report.notes if "is the control" in note]
    assert [note.split(":")[0] for note in told] == ["prune", "cluster"]
    assert "digits-mlp-control.keras trained for 1 epoch without cluster" in told[1]
    assert report.control.name == "digits-mlp-control.keras"


def test_a_control_where_nothing_is_trained_is_said_not_to_be(tmp_path):
    report = tfopt.prune(SAMPLE, tfopt.PruneConfig(schedule="one-shot", control=True)).report
    assert report.control is None
    assert "there is no control: nothing was trained" in report.notes


def changed(share):
    change = AccuracyChange(
        against="a.keras", change=share, low=-1.0, high=1.0, lost=0, won=1, p_value=1.0, verdict="no clear change"
    )
    return Comparison(name="b.keras", size=None, accuracy=change, latency=None)


@pytest.mark.parametrize(("share", "epochs", "said"), [(0.01, 3, True), (0.01, 0, False), (-0.01, 3, False)])
def test_a_gain_after_training_may_be_due_to_it(share, epochs, said):
    report = tfopt.compare([SAMPLE], "digits").model_copy(update={"comparisons": [changed(share)]})
    outcome = Outcome(
        KerasArtifact.from_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]), "b.keras"),
        history=[{}] * epochs,
    )
    found = remarks(report, [outcome], asked=False)
    assert [("`control`" in note and "3 epochs more than digits-mlp.keras" in note) for note in found] == [True] * said


def test_a_kept_step_keeps_its_control(cli_run):
    first, second = cli_run
    assert second["control"]["accuracy"] == first["control"]["accuracy"]
    assert any("1 of 1 steps" in note or "not done again" in note or "kept" in note for note in second["notes"])
    assert second["comparisons"][0]["control"] == first["comparisons"][0]["control"]


@pytest.fixture
def cli_run(tfopt, tmp_path):
    (tmp_path / "m.keras").write_bytes(SAMPLE.read_bytes())
    (tmp_path / "r.yaml").write_text(
        "source: m.keras\nsteps:\n- technique: prune\n  config: {epochs: 1, control: true}\n"
    )
    runs = [tfopt("run", "r.yaml", "--json"), tfopt("run", "r.yaml", "--resume", "--json")]
    assert [run.code for run in runs] == [0, 0], runs[1].err
    return [run.report for run in runs]


def test_the_control_of_a_removal_in_steps_has_only_the_training_that_was_done(digits):
    tuning = FineTuning("m.keras", tfopt.StructuredConfig(epochs=3, iterative=3), digits, None)
    tuning.run(KerasArtifact.load(SAMPLE).model, 2, Silent())
    assert [(plan.epochs, plan.seed) for plan in tuning.training.plans] == [(1, 1)]
