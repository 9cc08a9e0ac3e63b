"""Steps that are applied one after the other: the same bytes as commands by hand, and the test split is seen once."""

import gc
import shutil
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tfopt
from tests.conftest import SAMPLES, context
from tfopt.core import registry
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.evaluation.evaluator import Evaluator
from tfopt.runtime.progress import Silent

SAMPLE = SAMPLES / "digits-mlp.keras"
STEPS = (
    tfopt.StructuredConfig(amount=0.25, epochs=1),
    tfopt.PruneConfig(sparsity=0.5, epochs=1),
    tfopt.ClusterConfig(epochs=1),
    tfopt.QuantizeConfig(),
)
TRAINED = ("quantize", "c.keras", "--qat", "--epochs", "1", "-o", "q.tflite")
BY_HAND = (
    ("prune", "sample.keras", "--structured", "auto", "--amount", "0.25", "--epochs", "1", "-o", "s.keras"),
    ("prune", "s.keras", "--sparsity", "0.5", "--epochs", "1", "-o", "p.keras"),
    ("cluster", "p.keras", "--epochs", "1", "-o", "c.keras"),
    ("quantize", "c.keras", "--int8", "-o", "q.tflite"),
)
LAST = {"quantize": (STEPS, BY_HAND), "qat": ((*STEPS[:-1], tfopt.QatConfig(epochs=1)), (*BY_HAND[:-1], TRAINED))}


@pytest.fixture
def cli(request):
    """The command line, under a name that leaves that of the library free."""
    return request.getfixturevalue("tfopt")


@pytest.fixture(scope="module", params=["quantize", pytest.param("qat", marks=pytest.mark.slow)])
def run(request):
    """A pipeline of four steps, how often the test split was scored for it, and the last step."""
    scored = []
    outputs = Evaluator.outputs

    def counted(self, model, progress=None):
        scored.append((self.name, getattr(model, "name", "")))
        return outputs(self, model, progress)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Evaluator, "outputs", counted)
        return tfopt.Pipeline(LAST[request.param][0]).run(SAMPLE, name="q.tflite"), scored, request.param


def test_four_steps_give_the_bytes_of_four_commands(cli, tmp_path, run):
    result, _, last = run
    shutil.copy(SAMPLE, tmp_path / "sample.keras")
    for command in LAST[last][1]:
        assert cli(*command, "--quiet").code == 0
    assert (tmp_path / "q.tflite").read_bytes() == result.artifact.payload
    for companion in result.companions:
        assert (tmp_path / companion.name).read_bytes() == companion.payload


def test_the_test_split_is_measured_once_at_the_end(run):
    result, scored, _ = run
    tested = [name for split, name in scored if split == "the test split"]
    assert tested == [measurement.name for measurement in result.report.measurements]
    assert tested[0] == SAMPLE.name
    assert tested[-1] == "q.tflite"


def test_the_report_has_the_layers_and_notes_of_every_step(run):
    result, _, last = run
    report = result.report
    assert report.command == "pipeline"
    assert [step["technique"] for step in report.config["steps"]] == ["structured", "prune", "cluster", last]
    assert {"narrowed", "pruned", "clustered", "quantized"} <= {change.action for change in report.layers}
    assert {note.split(":")[0] for note in report.notes} >= {"structured", "prune", "cluster", last}
    history = result.artifact.provenance.history
    assert [step.command for step in history][-4:] == ["structured", "prune", "cluster", last]


def test_a_recipe_is_the_pipeline_again(tmp_path):
    recipe = tfopt.Recipe.of(tfopt.Pipeline(STEPS).steps, source="model.keras", data=DataConfig(source="digits"))
    path = recipe.write(tmp_path / "small.yaml")
    assert "technique: structured" in path.read_text()
    again = tfopt.Recipe.read(path)
    assert Path(again.source).resolve() == Path("model.keras").resolve()
    assert again.model_copy(update={"source": recipe.source}) == recipe
    assert tuple(again.configs()) == STEPS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps: [", "line 1: this is no YAML and so not a recipe"),
        ("- prune", "it does not hold fields"),
        ("steps: [{technique: prun}]", "there is no technique prun: did you mean prune?"),
        ("steps: [{technique: prune, config: {sparsity: 2}}]", "line 1: sparsity 2 is more than the whole"),
        ("steps: [{technique: prune}]\nstep: 1", "step"),
        ("!!python/object/apply:os.system [exit]", "does not hold fields"),
    ],
)
def test_a_recipe_that_is_none_is_one_sentence(tmp_path, text, words):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(tfopt.TfoptError) as told:
        tfopt.Recipe.read(path).configs()
    assert words in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([], "`steps` is empty"),
        ([tfopt.QuantizeConfig(), tfopt.ClusterConfig()], "quantize gives a .tflite file, but cluster takes a Keras"),
        ([tfopt.TrainConfig()], "TrainConfig is the config of no technique"),
        (["prune"], "`steps` are configs of techniques"),
    ],
)
def test_steps_that_do_not_fit_are_refused_before_the_work(steps, words):
    with pytest.raises(tfopt.InputError) as told:
        tfopt.Pipeline(steps)
    assert words in str(told.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tfopt.prune(SAMPLE, tfopt.ClusterConfig()), "`config` must be a PruneConfig or StructuredConfig"),
        (lambda: tfopt.prune(5), "`model` must be a path"),
        (lambda: tfopt.prune(SAMPLE, data=5), "`data` must be a name"),
        (lambda: tfopt.train(data=[1, 2]), "`data` must be a name"),
        (lambda: tfopt.compare([SAMPLE], gates=0.1), "`gates` must be a Gates"),
        (lambda: tfopt.compare([]), "`models` is empty"),
        (lambda: tfopt.convert(SAMPLE, to="coreml"), "`to` coreml"),
    ],
)
def test_a_wrong_argument_is_named(call, words):
    with pytest.raises(tfopt.TfoptError) as told:
        call()
    assert words in str(told.value)


OPAQUE = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType, type, types.FrameType)


def _arrays_within(start):
    """All arrays that can be reached from an object by its attributes, its items and the bases of its arrays."""
    seen, left, found = set(), [start], []
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, OPAQUE):
            continue
        seen.add(id(one))
        if isinstance(one, np.ndarray):
            found.append(one)
            left.append(one.base)
        left.extend(gc.get_referents(one))
        left.extend(vars(one).values() if hasattr(one, "__dict__") else ())
    return found


@pytest.mark.parametrize("source", ["digits", "diabetes", "waves", "phrases", "numbers"])
def test_no_technique_can_reach_a_test_sample(source):
    data = load(DataConfig(source=source))
    given = context(data)
    assert len(given.data.test) == 0
    assert len(given.evaluator) == len(data.validation)
    assert given.data.sources is None
    assert given.data.references is None
    reachable = _arrays_within(given)
    assert any(array is data.train.inputs[0] for array in reachable), "the walk finds what is there"
    secret = [*data.test.inputs, data.test.y]
    for array in reachable:
        assert not any(np.shares_memory(array, test) for test in secret if test.size), source


def test_a_marked_test_sample_is_nowhere_in_a_context(digits):
    marked = digits.test.x.copy()
    marked[...] = 0.123456789
    given = context(replace(digits, test=replace(digits.test, inputs=(marked,))))
    values = np.float32(0.123456789)
    assert not any((array == values).any() for array in _arrays_within(given) if array.dtype == np.float32)


def test_every_technique_is_given_a_context_without_test_samples(monkeypatch):
    seen = {}

    def spy(name):
        def apply(self, artifact, config, given):
            seen[name] = (len(given.data.test), given.evaluator.name)
            raise tfopt.UnsupportedError("seen")

        return apply

    for name in registry.names():
        technique = registry.technique(name)
        monkeypatch.setattr(type(technique), "apply", spy(name))
        with pytest.raises(tfopt.UnsupportedError, match="seen"):
            tfopt.Pipeline([tfopt.Step(technique, technique.config())]).run(SAMPLE, progress=Silent())
    assert seen == dict.fromkeys(registry.names(), (0, "the validation split"))
