"""Every architecture on every kind of data it takes, at its smallest size."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from tfopt.conversion.convert import convert
from tfopt.errors import InputError
from tfopt.evaluation.evaluator import Evaluator
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.model_io import call
from tfopt.graph.random_inputs import random_inputs
from tfopt.models.architectures import FOR_MAPS, KINDS, build
from tfopt.models.config import ModelConfig
from tfopt.models.signature import Signature
from tfopt.runtime.progress import Silent
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.post_training import choose
from tfopt.techniques.quantization.preparation import Prepared
from tfopt.training.seeds import seed_everything

SIGNATURES = {
    "image": Signature("image", "classification", ((8, 9, 1),), (10,)),
    "features": Signature("features", "regression", ((9,),), (2,)),
    "tokens": Signature("tokens", "classification", ((12,),), (3,), 50),
    "series": Signature("series", "forecasting", ((40, 3),), (6, 3)),
    "pairs": Signature("pairs", "translation", ((10,), (11,)), (11, 40), 50),
}
PIXELS = Signature("image", "segmentation", ((8, 9, 1),), (8, 9, 3))
OPTIONS = {
    "cnn": ({"residual": True},),
    "rnn": ({"cell": "gru", "bidirectional": True, "depth": 2},),
    "hybrid": ({"parts": "attention"}, {"parts": "rnn+attention", "cell": "gru"}),
}
CASES = [
    pytest.param(arch, kind, options, id="-".join(map(str, (arch, kind, *options.values()))))
    for arch, kinds in KINDS.items()
    for kind in kinds
    for options in ({}, *OPTIONS.get(arch, ()))
]


def signature_for(arch, kind):
    return PIXELS if arch in FOR_MAPS else SIGNATURES[kind]


def made(arch, kind, options):
    seed_everything(0)
    return build(ModelConfig(arch=arch, size="tiny", **options), signature_for(arch, kind))


def fed(model, batch=4):
    return [tensor.numpy() for tensor in random_inputs(model, batch=batch)]


@pytest.mark.parametrize(("arch", "kind", "options"), CASES)
def test_one_step_of_training_reaches_every_weight(arch, kind, options):
    model, signature = made(arch, kind, options), signature_for(arch, kind)
    assert model.output_shape == (None, *signature.outputs)
    assert [tensor.shape[1:] for tensor in model.inputs] == list(signature.shapes)
    before = [weight.numpy() for weight in model.trainable_weights]
    counts = signature.task in ("classification", "translation", "segmentation")
    model.compile(
        optimizer=keras.optimizers.SGD(1.0),
        loss="sparse_categorical_crossentropy" if counts else "mean_squared_error",
        run_eagerly=True,
    )
    shape = model.output_shape[1:-1] if counts else model.output_shape[1:]
    rng = np.random.default_rng(0)
    labels = rng.integers(0, model.output_shape[-1], (4, *shape)) if counts else rng.normal(size=(4, *shape))
    inputs = fed(model)
    model.train_on_batch(inputs if len(inputs) > 1 else inputs[0], labels)
    untouched = [
        weight.path
        for weight, values in zip(model.trainable_weights, before, strict=True)
        if np.array_equal(weight.numpy(), values)
    ]
    assert [path for path in untouched if not path.endswith("key/bias")] == []  # a softmax does not see that one


def test_every_model_is_loaded_by_keras_alone_and_answers_the_same(tmp_path):
    last = {case.values[0]: case for case in CASES}
    for case in last.values():
        model = made(*case.values)
        model.save(tmp_path / f"{case.id}.keras")
        inputs = fed(model)
        np.savez(tmp_path / f"{case.id}.npz", wanted=call(model, inputs), **{f"x{i}": x for i, x in enumerate(inputs)})
    code = """if True:
        import sys, pathlib, keras, numpy as np
        for path in pathlib.Path(sys.argv[1]).glob("*.keras"):
            arrays = dict(np.load(path.with_suffix(".npz")))
            wanted = arrays.pop("wanted")
            model = keras.saving.load_model(path, safe_mode=True)
            inputs = list(arrays.values())
            found = model(inputs if len(inputs) > 1 else inputs[0])
            np.testing.assert_allclose(found, wanted, atol=1e-5, err_msg=path.name)
            print(path.name)
        assert not any(name.startswith("tfopt") for name in sys.modules)
        """
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert ended.returncode == 0, ended.stderr[-800:]
    assert len(ended.stdout.splitlines()) == len(last)


def converted(model):
    arrays = fed(model, batch=32)
    float_file = convert(KerasArtifact.from_model(model, "m.keras"), Silent(), static="int8", calibration=arrays)
    feeds = dict(zip(float_file.inputs, arrays, strict=True))
    reference = Evaluator.without_labels(arrays, "samples").against(float_file.artifact)
    _, int8, _ = choose(Prepared(float_file, feeds, reference, []), QuantizeConfig(), Silent())
    return float_file, int8, reference.error(int8)


CONVERTED = [
    case if case.id == "seq2seq-pairs" else pytest.param(*case.values, id=case.id, marks=pytest.mark.slow)
    for case in CASES
]


@pytest.mark.parametrize(("arch", "kind", "options"), CONVERTED)
def test_a_model_converts_and_int8_answers_nearly_the_same(arch, kind, options):
    float_file, _, error = converted(made(arch, kind, options))
    assert float_file.error < 1e-5
    assert error < 0.1


@pytest.fixture(scope="module")
def translator():
    model = made("seq2seq", "pairs", {"depth": 2})
    for weight in model.trainable_weights:
        weight.assign(weight.numpy() * 3)  # so that attention is far from even
    rng = np.random.default_rng(0)
    return model, rng.integers(1, 50, (4, 10)), rng.integers(1, 40, (4, 11))


def test_a_later_word_of_the_target_changes_no_earlier_output(translator):
    model, source, target = translator
    before = np.asarray(model([source, target]))
    target = target.copy()
    target[:, 6] = target[:, 6] % 39 + 1
    after = np.asarray(model([source, target]))
    np.testing.assert_array_equal(after[:, :6], before[:, :6])
    changes = np.abs(after - before).max(axis=-1)
    assert (changes[:, 6] > 1e-4).all()
    assert (changes[:, 7:] > 1e-4).any(axis=1).all()


def test_padding_of_the_source_changes_nothing(translator):
    model, source, target = translator
    source = source.copy()
    source[:, 6:] = 0
    before = np.asarray(model([source, target]))
    embedding, positions = model.get_layer("source_embedding"), model.get_layer("source_positions")
    kept = [layer.get_weights() for layer in (embedding, positions)]
    try:
        table, bias = kept[0][0].copy(), kept[1][1].copy()
        table[0] += 5
        bias[6:] -= 5
        embedding.set_weights([table])
        positions.set_weights([kept[1][0], bias])
        np.testing.assert_allclose(model([source, target]), before, atol=1e-6)
        source[:, 6] = 7
        assert np.abs(np.asarray(model([source, target])) - before).max() > 1e-3
    finally:
        embedding.set_weights(kept[0])
        positions.set_weights(kept[1])


@pytest.mark.parametrize("arch", ["mlp", "cnn", "rnn", "transformer", "hybrid"])
@pytest.mark.parametrize(("outputs", "repeated"), [((6,), 1), ((6, 3), 1), ((6,), 6), ((6, 3), 6)])
def test_an_untaught_forecast_goes_up_with_the_level_of_the_series(arch, outputs, repeated):
    column = 1 if len(outputs) == 1 else None
    signature = Signature("series", "forecasting", ((24, 3),), outputs, column=column, repeated=repeated)
    model = build(ModelConfig(arch=arch, size="tiny"), signature)
    x = np.random.default_rng(0).normal(size=(2, 24, 3)).astype(np.float32)
    np.testing.assert_allclose(model(x + 100), np.asarray(model(x)) + 100, rtol=1e-4)


def test_what_is_repeated_is_the_last_step_of_a_walk_and_the_last_day_of_a_season():
    from tfopt.data.config import DataConfig
    from tfopt.data.dataset import Dataset, Split
    from tfopt.data.scaling import IDENTITY

    walk = np.random.default_rng(0).normal(size=(60, 2)).cumsum(axis=0).astype(np.float32)
    season = np.tile(np.eye(3, 2, dtype=np.float32), (20, 1))
    for values, repeated in ((walk, 1), (season, 3)):
        x = np.stack([values[i : i + 8] for i in range(40)])
        split = Split.of(x, np.stack([values[i + 8 : i + 11, 1] for i in range(40)]))
        config = DataConfig(target="b")
        data = Dataset(
            config, "series", 0, IDENTITY, split, split, split, split, "", task="forecasting", columns=("a", "b")
        )
        wanted = Signature("series", "forecasting", ((8, 2),), (3,), column=1, repeated=repeated)
        assert Signature.of(data) == wanted


@pytest.mark.parametrize("arch", [arch for arch in KINDS if arch != "seq2seq"])
def test_a_larger_size_has_more_weights_and_options_override_it(arch):
    signature = Signature("image", "classification", ((28, 28),), (10,))
    if arch in FOR_MAPS:
        signature = Signature("image", "segmentation", ((28, 28),), (28, 28, 10))

    def count(**options):
        return build(ModelConfig(arch=arch, **options), signature).count_params()

    tiny, small, base = (count(size=size) for size in ("tiny", "small", "base"))
    assert tiny <= 20_000 < small <= 200_000 < base <= 2_000_000
    assert count(size="base", width=16, depth=1) < count(size="base", width=16) < base


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"arch": "mlp", "residual": True}, "image", "`residual` is not for `arch` mlp: it is for cnn"),
        (
            {"arch": "cnn", "heads": 2},
            "image",
            "`heads` 2 is not for `arch` cnn: it is for transformer, hybrid and seq2seq",
        ),
        ({"arch": "cnn", "cell": "gru"}, "image", "`cell` gru is not for `arch` cnn: it is for rnn and hybrid"),
        ({"arch": "rnn", "parts": "attention"}, "image", "`parts` attention is not for `arch` rnn: it is for hybrid"),
        ({"arch": "hybrid", "heads": 2}, "image", "`heads` 2 needs `parts` attention or rnn.attention, not rnn"),
        (
            {"arch": "hybrid", "parts": "attention", "bidirectional": True},
            "image",
            "`bidirectional` needs `parts` rnn or rnn.attention, not attention",
        ),
        ({"arch": "cnn"}, "features", r"`arch` cnn does not take features of shape \(9,\); use `arch` mlp"),
        ({"arch": "seq2seq"}, "image", "use `arch` mlp, cnn, mobilenet, rnn, transformer or hybrid"),
        ({"arch": "mlp"}, "pairs", "use `arch` seq2seq"),
        ({"arch": "unet"}, "image", "an answer for each pixel, which is no classification; use `arch` mlp, cnn"),
        ({"arch": "transformer", "width": 30, "heads": 4}, "tokens", "`heads` 4 does not divide the width of 30"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(options, kind, words):
    with pytest.raises(InputError, match=words):
        build(ModelConfig(**options), SIGNATURES[kind])


def test_images_too_small_for_convolutions_are_refused():
    with pytest.raises(InputError, match=r"needs images of at least 4x4 pixels.*use `arch` mlp"):
        build(ModelConfig(arch="cnn"), Signature("image", "classification", ((8, 3),), (10,)))


@pytest.mark.parametrize("task", ["segmentation", "image-to-image"])
def test_an_answer_for_each_pixel_is_what_a_unet_gives_and_no_other(task):
    signature = Signature("image", task, ((30, 21, 3),), (30, 21, 2))
    model = build(ModelConfig(size="tiny"), signature)
    assert (model.name, model.output_shape) == ("unet", (None, 30, 21, 2))
    assert model.layers[-1].activation.__name__ == ("softmax" if task == "segmentation" else "linear")
    with pytest.raises(InputError, match=f"one answer for each image, which is no {task}; use `arch` unet"):
        build(ModelConfig(arch="cnn"), signature)


def test_a_unet_sees_every_pixel_where_it_is():
    model = build(ModelConfig(size="tiny"), Signature("image", "image-to-image", ((30, 21, 1),), (30, 21, 1)))
    image = np.zeros((1, 30, 21, 1), np.float32)
    before = np.asarray(call(model, [image]))
    for row, column in ((0, 0), (29, 20), (13, 9)):
        image[:] = 0
        image[0, row, column] = 1
        change = np.abs(np.asarray(call(model, [image])) - before)[0, ..., 0]
        assert change[row, column] > 0.2 * change.max()
        assert change[(row + 25) % 50 % 30, (column + 15) % 21] < 0.5 * change.max()


def test_an_image_of_another_size_is_no_answer_of_a_unet():
    with pytest.raises(InputError, match="the images have 16x16 pixels and their targets 32x32"):
        build(ModelConfig(arch="unet"), Signature("image", "image-to-image", ((16, 16, 3),), (32, 32, 3)))
