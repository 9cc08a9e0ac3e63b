"""What every technique promises: the input is left alone, shapes stay, a saved file predicts the same, seeds decide."""

from dataclasses import replace

import numpy as np
import pytest

import tfopt
from tests.conftest import SAMPLES
from tfopt.core import registry
from tfopt.data.dataset import Split
from tfopt.formats.tflite.graph import operations, parameter_counts

QUICK = {"structured": {"importance": "taylor", "scope": "global"}}  # beside one epoch
VARIANTS = {
    "one-shot": tfopt.PruneConfig(sparsity=0.6, schedule="one-shot"),
    "2:4": tfopt.PruneConfig(pattern="2:4", epochs=1),
    "tfmot": tfopt.PruneConfig(engine="tfmot", epochs=2),
    "rounded": tfopt.BinarizeConfig(post_training=True),
    "float16": tfopt.QuantizeConfig(precision="float16"),
    "dynamic": tfopt.QuantizeConfig(precision="dynamic"),
}


def quick(name):
    """The config of a registered technique, with one epoch where it trains."""
    kind = registry.technique(name).config
    return kind(**({"epochs": 1} if "epochs" in kind.model_fields else {}), **QUICK.get(name, {}))


CONFIGS = {**{name: quick(name) for name in registry.names()}, **VARIANTS}
TECHNIQUES = {
    name: lambda model, data, config=config: tfopt.Pipeline([config]).run(model, data)
    for name, config in CONFIGS.items()
}
WHOLE = {"convert", "to-keras", "to-onnx", "distill"}  # they do not go by layers
SLOW = {"rounded", "2:4", "binarize", "qat", "tfmot", "float16"}  # what is like them is tested each time
MARKED = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in TECHNIQUES]


@pytest.fixture(scope="module", params=MARKED)
def done(request):
    artifact = tfopt.load(SAMPLES / "digits-cnn.keras")
    before = [w.copy() for w in artifact.model.get_weights()]
    technique = TECHNIQUES[request.param]
    result = technique(artifact, None)
    assert bool(result.report.layers) == (request.param not in WHOLE)
    return artifact, before, technique, result


def test_the_input_model_is_left_alone(done):
    artifact, before, _, _ = done
    assert all(np.array_equal(a, b) for a, b in zip(before, artifact.model.get_weights(), strict=True))


def test_input_and_output_shapes_stay(done):
    artifact, _, _, result = done
    for before, after in (
        (artifact.input_shapes(), result.artifact.input_shapes()),
        (artifact.output_shapes(), result.artifact.output_shapes()),
    ):
        assert [shape[1:] for shape in after] == [shape[1:] for shape in before]


def test_the_saved_file_predicts_what_was_measured(done, tmp_path, digits):
    _, _, _, result = done
    loaded = tfopt.load(result.artifact.save(tmp_path / result.artifact.name))
    outputs = loaded.predict(digits.test.x)
    np.testing.assert_array_equal(outputs, result.artifact.predict(digits.test.x))
    [measured] = [m for m in result.report.measurements if m.name == result.artifact.name]
    assert np.mean(outputs.argmax(1) == digits.test.y) == measured.accuracy.value


def test_every_layer_with_weights_is_in_the_report(done):
    artifact, _, _, result = done
    if result.report.layers:
        with_weights = {layer.name for layer in artifact.model.layers if layer.weights}
        assert {change.layer for change in result.report.layers} == with_weights
        assert all(change.detail for change in result.report.layers)


def test_the_same_seed_gives_the_same_result_whatever_the_labels_of_the_test_split(done, digits):
    artifact, _, technique, result = done
    poisoned = replace(digits, test=Split.of(digits.test.x, (digits.test.y + 1) % 10))
    again = technique(artifact, poisoned)
    assert again.artifact.payload == result.artifact.payload
    assert again.report.measurements[-1].accuracy.value < 0.2


def test_another_calibration_split_gives_another_int8_file(digits):
    artifact = tfopt.load(SAMPLES / "digits-cnn.keras")
    darker = replace(digits, calibration=Split.of(digits.calibration.x * 0.5, digits.calibration.y))
    ours, theirs = (TECHNIQUES["quantize"](artifact, data).artifact.payload for data in (digits, darker))
    assert ours != theirs


@pytest.fixture(scope="module")
def prepared():
    """The sample with a property that techniques may keep, made without training."""
    bare = tfopt.load(tfopt.load(SAMPLES / "digits-cnn.keras").model)
    return {
        "sparsity": tfopt.prune(bare, tfopt.PruneConfig(sparsity=0.6)).artifact,
        "clusters": tfopt.cluster(bare, tfopt.ClusterConfig(clusters=8)).artifact,
    }


def keras_of(result):
    """The Keras model of a result, if it has one."""
    return next((a.model for a in (result.artifact, *result.companions) if a.format == "keras"), None)


def kernels(model):
    return [weight.numpy() for weight in model.weights if len(weight.shape) > 1]


def test_what_a_technique_says_it_keeps_is_kept(prepared, kept, digits):
    name, kind = kept
    source = prepared[kind]
    result = TECHNIQUES[name](source, digits)
    model = keras_of(result)
    if kind == "sparsity" and model is not None:
        assert all(not now[was == 0].any() for was, now in zip(kernels(source.model), kernels(model), strict=True))
    elif kind == "sparsity":
        assert parameter_counts(result.artifact.payload)[1] <= sum(
            np.count_nonzero(w) for w in source.model.get_weights()
        )
    elif model is not None:
        assert max(len(np.unique(kernel)) for kernel in kernels(model)) <= 8
    else:
        held = [c for o in operations(result.artifact.payload) for c in o.constants if len(c.shape) > 1]
        assert max(constant.distinct() for constant in held) <= 8


def pytest_generate_tests(metafunc):
    if "kept" in metafunc.fixturenames:
        pairs = [(name, kind) for name in registry.names() for kind in sorted(registry.technique(name).keeps)]
        slow = {"qat"}  # tests/test_qat.py holds it to that each time
        marked = [pytest.param(pair, marks=pytest.mark.slow if pair[0] in slow else ()) for pair in pairs]
        metafunc.parametrize("kept", marked, ids=[f"{name}-{kind}" for name, kind in pairs])
