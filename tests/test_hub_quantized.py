"""Eleven architectures of KerasHub in int8, on raw inputs, and what the techniques do with them."""

import numpy as np
import pytest

import tfopt as library
from tfopt.errors import TfoptError

pytest.importorskip("keras_hub", reason="the extra `hub` is not installed")
from benchmarks.hub_tasks import measured
from tests import hub_models

pytestmark = pytest.mark.slow
MEAN, MOST = 0.05, 0.2  # of the largest output; the answers of random weights hardly differ


@pytest.mark.parametrize("build", [*hub_models.IMAGES, *hub_models.TEXTS], ids=lambda build: build.__name__)
def test_an_architecture_is_opened_exactly_quantized_closely_and_answers_raw_inputs(tmp_path, build):
    row = measured(build, tmp_path)
    assert row.opened < 2e-2  # a picture is rounded to 8 bits once it is resized
    assert row.mean < MEAN
    assert row.most < MOST
    assert row.same > 0.9
    assert row.predicted > 0.7  # of eight


def reviews(folder):
    """A table of texts that are good or bad, by whether they hold one of two words."""
    texts = hub_models.texts(240, seed=3)
    rows = [f"{text},{int('good' in text or 'lovely' in text)}" for text in texts]
    path = folder / "reviews.csv"
    path.write_text("\n".join(["text,label", *rows]) + "\n")
    return path


def test_a_table_of_texts_calibrates_measures_and_trains_a_text_classifier(tmp_path, tfopt):
    hub_models.randomized(hub_models.bert()).save_to_preset(str(tmp_path / "bert"))
    table = reviews(tmp_path)
    pruned = tfopt("prune", "keras-hub:bert", "--data", table, "--epochs", "2", "--json")
    assert pruned.code in (0, 1), pruned.err
    ended = tfopt("quantize", "bert-pruned.keras", "--int8", "--max-drop", "50%", "--json")
    assert ended.code == 0, ended.err
    assert ended.report["data"]["samples"]["test"] == 48
    assert all(one["accuracy"] for one in ended.report["measurements"])
    found = tfopt("predict", "bert-pruned-int8.tflite", "--file", table, "--json").report["predictions"]
    assert len(found) == 240


TECHNIQUES = {
    "cluster": lambda task, data: library.cluster(task, library.ClusterConfig(epochs=1), data),
    "structured": lambda task, data: library.prune(task, library.StructuredConfig(epochs=1), data),
    "binarize": lambda task, data: library.binarize(task, library.BinarizeConfig(post_training=True), data),
    "int4": lambda task, data: library.quantize(task, library.QuantizeConfig(weights="int4"), data),
    "qat": lambda task, data: library.quantize(task, library.QatConfig(epochs=1), data),
    "debug": lambda task, data: library.debug(task, data=data),
}
REFUSED = {
    ("vit", "structured"): "no channels can leave",
    ("vit", "binarize"): "cannot be made anew",  # the config of its patches has fields that their class refuses
}


@pytest.mark.parametrize(
    "build", [hub_models.bert, hub_models.vit, hub_models.resnet], ids=lambda build: build.__name__
)
@pytest.mark.parametrize("technique", TECHNIQUES)
def test_a_technique_works_on_a_task_or_says_why_not(tmp_path, build, technique):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (120, hub_models.SIZE, hub_models.SIZE, 3)).astype(np.uint8)
    data = reviews(tmp_path) if build is hub_models.bert else (pixels, rng.integers(0, 5, 120))
    task = hub_models.randomized(build())
    if (build.__name__, technique) in REFUSED:
        with pytest.raises(TfoptError, match=REFUSED[build.__name__, technique]):
            TECHNIQUES[technique](task, data)
    else:
        assert TECHNIQUES[technique](task, data)
