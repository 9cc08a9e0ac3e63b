"""Models with several inputs and outputs: each output has its figures, and every technique takes the model."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tfopt
from tfopt.data.config import DataConfig
from tfopt.data.output_labels import side_by_side, taken_apart
from tfopt.errors import InputError, UnsupportedError
from tfopt.evaluation.evaluator import Evaluator
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.matching import match_artifact
from tfopt.tasks.losses import loss_of
from tfopt.tasks.registry import rules_for

RNG = np.random.default_rng(0)
KIND = RNG.integers(0, 3, 200)
IMAGE = np.eye(3, dtype=np.float32)[KIND][:, :, None] * np.ones((1, 1, 4), np.float32)
EXTRA = RNG.normal(size=(200, 2)).astype(np.float32)
BOX = np.stack([2 * EXTRA[:, 0] + 1, EXTRA[:, 1]], axis=1)
X, Y = {"extra": EXTRA, "image": IMAGE}, {"kind": KIND, "box": BOX}


def built(structure=dict):
    """A model whose answers are nearly right, its outputs in a dict or a list."""
    image, extra = keras.Input((3, 4), name="image"), keras.Input((2,), name="extra")
    flat = layers.Flatten()(image)
    kind = layers.Dense(3, "softmax", name="kind")(flat)
    box = layers.Dense(2, name="box")(extra)
    if structure is dict:
        model = keras.Model({"image": image, "extra": extra}, {"kind": kind, "box": box})
        model.compile(
            "adam", {"kind": "sparse_categorical_crossentropy", "box": "mse"}, loss_weights={"kind": 0.5, "box": 2.0}
        )
    else:
        model = keras.Model([image, extra], [kind, box])
        model.compile("adam", ["sparse_categorical_crossentropy", "mse"])
    model.get_layer("kind").set_weights([np.repeat(np.eye(3), 4, axis=0) * 3, np.zeros(3)])
    model.get_layer("box").set_weights([np.diag([2.0, 1.0]) + 0.05, np.array([1.0, 0.0])])
    return model


@pytest.fixture(scope="module")
def model():
    return built()


@pytest.mark.parametrize("structure", [dict, list])
def test_outputs_go_by_their_names_and_each_has_its_figure(structure):
    report = tfopt.evaluate(built(structure), data=(X, Y))
    [measurement] = report.measurements
    found = {one.name: one for one in measurement.outputs_scored}
    assert found["kind"].accuracy.value == 1.0
    assert 0 < found["box"].deviation.mae < 0.2
    assert measurement.deviation.measure == "guess"
    assert measurement.deviation.mae < 0.1 < report.data.baseline.value


def test_the_error_of_a_sample_is_the_mean_of_shares_of_a_guess(model):
    artifact = KerasArtifact.from_model(model, "m.keras")
    data = match_artifact(tfopt.load_data((X, Y)), artifact)
    assert [one.name for one in data.outputs] == artifact.output_names == ["box", "kind"]
    rules = rules_for(data)
    labels = taken_apart(data.train.y, [(2,), ()])
    guess = np.abs(labels[0] - np.median(labels[0], axis=0)).mean()
    wrong = 1 - np.bincount(labels[1].astype(int)).max() / len(labels[1])
    answers = side_by_side([np.array([[1.0, 2.0]]), np.array([[0.8, 0.1, 0.1]])])
    found = rules.scores(answers, side_by_side([np.array([[2.0, 2.0]]), np.array([[1.0]])]))
    assert found == pytest.approx([(0.5 / guess + 1 / wrong) / 2])


def test_the_loss_is_the_sum_of_those_it_was_compiled_with(model):
    artifact = KerasArtifact.from_model(model, "m.keras")
    data = match_artifact(tfopt.load_data((X, Y)), artifact)
    evaluator = Evaluator.on(data, "validation")
    extra, image = data.validation.inputs
    box, kind = taken_apart(data.validation.y, [(2,), ()])
    wanted = model.evaluate(
        {"extra": extra, "image": image}, {"box": box, "kind": kind}, batch_size=len(kind), verbose=0, return_dict=True
    )
    assert evaluator.loss(artifact.model)() == pytest.approx(wanted["loss"], rel=1e-5)
    assert loss_of(model, rules_for(data)).compile_options(model)["loss_weights"] == {"box": 2.0, "kind": 0.5}


COMMANDS = {
    "prune": lambda model, data: tfopt.prune(model, tfopt.PruneConfig(sparsity=0.5, epochs=1), data=data),
    "cluster": lambda model, data: tfopt.cluster(model, tfopt.ClusterConfig(clusters=8, epochs=1), data=data),
    "int8": lambda model, data: tfopt.quantize(model, data=data),
    "qat": lambda model, data: tfopt.quantize(model, tfopt.QatConfig(epochs=1), data=data),
    "binarize": lambda model, data: tfopt.binarize(
        model, tfopt.BinarizeConfig(epochs=1, keep_first_last=False), data=data
    ),
    "distill": lambda model, data: tfopt.distill(model, tfopt.DistillConfig(student=model, epochs=1), data=data),
}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_every_technique_takes_a_model_with_several_inputs_and_outputs(command, tmp_path, model):
    path = KerasArtifact.from_model(model, "m.keras").save(tmp_path / "m.keras")
    found = COMMANDS[command](path, (X, Y)).report
    scored = [{one.name: one for one in measurement.outputs_scored} for measurement in found.measurements]
    assert all({*one} == {"kind", "box"} for one in scored)
    assert [one.name for one in found.comparisons[-1].outputs_changed] == ["box", "kind"]
    assert scored[-1]["kind"].accuracy.value > 0.9


def test_the_same_samples_are_the_same_data_from_dicts_batches_and_files(tmp_path):
    named = {f"x.{name}": array for name, array in X.items()} | {f"y.{name}": array for name, array in Y.items()}
    np.savez(tmp_path / "d.npz", **named)
    batches = tf.data.Dataset.from_tensor_slices((X, Y))
    found = [
        tfopt.load_data((X, Y)),
        tfopt.load_data(named),
        tfopt.load_data(batches.batch(64)),
        tfopt.load_data(batches),
        tfopt.load_data(DataConfig(source=str(tmp_path / "d.npz"))),
    ]
    assert {one.input_names for one in found} == {("extra", "image")}
    splits = [np.concatenate([side_by_side(split.inputs).ravel() for _, split in one.splits()]) for one in found]
    assert all(np.array_equal(one, splits[0]) for one in splits)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ({"extra": EXTRA, "picture": IMAGE}, Y, r"inputs extra, picture, but those of .* are extra, image"),
        ({"extra": EXTRA, "imag": IMAGE}, Y, r"did you mean image\?"),
        (X, {"kind": KIND, "boxes": BOX}, r"did you mean box\?"),
        (X, {"kind": KIND[:-1], "box": BOX}, "different numbers of rows: .*y.kind has 199"),
        (X, {"kind": KIND, "box": np.where(BOX > 2, np.nan, BOX)}, "output box: .*NaN"),
        (X, KIND, "labels one output"),
        (EXTRA, Y, "feeds one input"),
        ({"extra": EXTRA, "image": np.full((200, 3, 4), np.inf)}, Y, "x_train.image has values that are NaN"),
    ],
)
def test_arrays_that_do_not_fit_are_named(model, x, y, words):
    with pytest.raises(InputError, match=words):
        tfopt.evaluate(model, data=(x, y))


def test_no_architecture_is_built_for_several_outputs(model, tmp_path):
    with pytest.raises(InputError, match="bring a model of your own"):
        tfopt.train(data=(EXTRA, Y))
    with pytest.raises(InputError, match="give a smaller model like it as `student` FILE"):
        tfopt.distill(model, data=(X, Y))
    path = KerasArtifact.from_model(model, "m.keras").save(tmp_path / "m.keras")
    with pytest.raises(UnsupportedError, match=r"takes off the head of .*m.keras .* has labels for 2 outputs"):
        tfopt.train(tfopt.TrainConfig(base=str(path)), data=(X, Y))


def test_a_pruned_model_predicts_from_named_arrays_and_gives_each_output_by_its_name(model, tmp_path):
    words = np.array(["cat", "dog", "fox"])[KIND]
    made = tfopt.prune(model, tfopt.PruneConfig(sparsity=0.1, epochs=1), data=(X, Y | {"kind": words})).artifact
    found = tfopt.predict(made, {name: array[:3] for name, array in X.items()}).predictions
    assert [{one.name: one.answer for one in sample.outputs}["kind"] for sample in found] == words[:3].tolist()
    np.testing.assert_allclose([sample.outputs[0].answer for sample in found], BOX[:3], atol=1)
    assert found[0].answer.startswith("box ")
    with pytest.raises(InputError, match="has the input image, but was given extra"):
        tfopt.predict(made, {"extra": EXTRA})
    with pytest.raises(InputError, match="give an array for each of extra, image"):
        tfopt.predict(made, EXTRA)
    report = tfopt.evaluate(made, data=(X, {"kind": np.where(KIND == 0, "dog", words), "box": BOX}))
    scored = {one.name: one for one in report.measurements[0].outputs_scored}
    assert 0.5 < scored["kind"].accuracy.value < 0.8  # cats that are called dogs count as wrong, dogs are still dogs
    with pytest.raises(InputError, match="has the label 'elk', unknown to the model: cat, dog, fox"):
        tfopt.evaluate(made, data=(X, {"kind": np.where(KIND == 0, "elk", words), "box": BOX}))


def test_a_metric_of_one_output_is_none_of_several(model):
    with pytest.raises(InputError, match="`metric` mae does not suit several: that is judged by its own error only"):
        tfopt.evaluate(model, data=(X, Y), metric="mae")


def test_an_output_may_be_a_mask_or_several_labels():
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    mask = layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x)
    tags = layers.Dense(3, "sigmoid", name="tags")(layers.Flatten()(x))
    model = keras.Model(image, [mask, tags])
    images = RNG.random((200, 8, 8, 1), np.float32)
    halves = images.mean(axis=(1, 3))[:, :3] > 0.5
    data = tfopt.load_data((images, {"mask": images[..., 0] > 0.5, "tags": halves.astype(np.uint8)}))
    assert [(one.task, one.shape) for one in data.outputs] == [("segmentation", (8, 8)), ("multi-label", (3,))]
    report = tfopt.prune(model, tfopt.PruneConfig(sparsity=0.1, epochs=15, learning_rate=0.03), data=data).report
    before, after = ({one.name: one.accuracy for one in m.outputs_scored} for m in report.measurements)
    assert (after["mask"].total, after["tags"].total) == (40 * 64, 40 * 3)
    assert after["mask"].value > before["mask"].value + 0.2
