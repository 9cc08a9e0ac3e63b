import importlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfopt
from tests.conftest import SAMPLES
from tfopt.runtime import process_state
from tfopt.runtime.process_state import fresh_keras_names, preserved
from tfopt.training.seeds import seed_everything

SAMPLE = SAMPLES / "digits-mlp.keras"
CALLS = {
    "load": lambda: tfopt.load(SAMPLE),
    "build": lambda: tfopt.build(),
    "train": lambda: tfopt.train(tfopt.TrainConfig(arch="mlp", epochs=1, seed=3)),
    "prune": lambda: tfopt.prune(SAMPLE, tfopt.PruneConfig(epochs=1)),
    "prune, by TFMOT": lambda: tfopt.prune(SAMPLE, tfopt.PruneConfig(epochs=1, engine="tfmot")),
    "cluster": lambda: tfopt.cluster(SAMPLE, tfopt.ClusterConfig(epochs=1)),
    "distill": lambda: tfopt.distill(SAMPLE, tfopt.DistillConfig(epochs=1)),
    "quantize": lambda: tfopt.quantize(SAMPLE),
    "quantize, with training": lambda: tfopt.quantize(SAMPLE, tfopt.QatConfig(epochs=1)),
    "tune": lambda: tfopt.tune(tfopt.TuneConfig(trials=2, epochs=1)),
    "shootout": lambda: tfopt.shootout(tfopt.ShootoutConfig(archs=("mlp",), seeds=1, seconds=0.1)),
}

QUICK = ("load", "build", "train", "prune", "quantize")


def prepared():
    """A session in which a user has seeded, drawn numbers and named layers."""
    keras.utils.clear_session()
    tf_keras.backend.clear_session()
    keras.utils.set_random_seed(7)
    tf_keras.utils.set_random_seed(8)
    drawn()


def drawn():
    """What comes next in the session: random numbers and the names of layers."""
    numbers = [random.random(), np.random.rand(), keras.random.normal(()), tf.random.uniform(())]
    seeds = [keras.initializers.GlorotUniform().seed, *tf_keras.layers.Dense(2)(np.ones((1, 2))).numpy().ravel()]
    layers = [keras.layers.Dense(2), keras.Sequential(), tf_keras.layers.Dense(2), tf_keras.Sequential()]
    return [*map(float, [*numbers, *seeds]), *(layer.name for layer in layers)]


def surroundings():
    """What of the process is neither random nor counted."""
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)]
    config = importlib.import_module(process_state.TENSORFLOW_CONFIG)
    return (
        dict(os.environ),
        list(sys.path), Path.cwd(), tempfile.gettempdir(), handlers, list(warnings.filters), np.geterr(),
        keras.config.dtype_policy(), keras.config.is_interactive_logging_enabled(), config.is_op_determinism_enabled(),
        set(keras.saving.get_custom_objects()), tf.distribute.get_strategy().num_replicas_in_sync,
    )  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in CALLS]
)
def test_a_call_of_the_library_goes_unnoticed(name):
    prepared()
    expected = drawn(), drawn()
    prepared()
    before = surroundings()
    CALLS[name]()
    assert surroundings() == before
    assert (drawn(), drawn()) == expected


def test_what_a_call_changes_is_put_back_where_it_fails():
    @preserved()
    def fail():
        os.environ["TFOPT_TEST"] = "1"
        del os.environ["PATH"]
        tempfile.tempdir = "/nowhere"
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        warnings.simplefilter("error")
        seed_everything(1)
        raise ZeroDivisionError

    before = surroundings()
    with pytest.raises(ZeroDivisionError):
        fail()
    assert surroundings() == before


def test_deterministic_kernels_that_the_caller_has_asked_for_stay():
    config = importlib.import_module(process_state.TENSORFLOW_CONFIG)
    tf.config.experimental.enable_op_determinism()
    try:
        with preserved():
            seed_everything(1)
        assert config.is_op_determinism_enabled()
    finally:
        config.disable_op_determinism()


def test_names_are_counted_from_the_start_within_and_go_on_afterwards():
    keras.utils.clear_session()
    assert [keras.layers.Dense(2).name for _ in range(2)] == ["dense", "dense_1"]
    for _ in range(2):
        with fresh_keras_names():
            assert [keras.layers.Dense(2).name for _ in range(2)] == ["dense", "dense_1"]
    assert keras.layers.Dense(2).name == "dense_2"


FIRST_USE = """
import os, sys
import tfopt
before = dict(os.environ)
assert "tensorflow" not in sys.modules and "keras" not in sys.modules and "numpy" not in sys.modules
{call}
assert dict(os.environ) == before, set(os.environ) ^ set(before)
import random, numpy, tensorflow as tf, keras, tf_keras
assert tf.keras.__version__ == keras.__version__
assert keras.Sequential().name == tf_keras.Sequential().name == "sequential"
print(random.random(), numpy.random.rand(), float(tf.random.uniform(())), float(keras.random.normal(())))
"""


@pytest.mark.slow
def test_a_call_that_loads_the_libraries_leaves_them_as_they_are_after_their_import(tmp_path):
    call = f"tfopt.prune({str(SAMPLE)!r}, tfopt.PruneConfig(epochs=1, engine='tfmot'))"  # loads all of them
    found = []
    command = [sys.executable, "-c", FIRST_USE.format(call=call)]
    own = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}  # of other tests
    for _ in range(2):
        ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=own, check=False)
        assert ended.returncode == 0, ended.stderr
        found.append(ended.stdout.split())
    assert not set(found[0]) & set(found[1])  # nobody has seeded them


def test_the_private_names_of_the_libraries_are_there():
    session = process_state._keras_session()
    keras.layers.Dense(2)
    keras.utils.set_random_seed(1)
    keras.random.normal(())
    assert {process_state.KERAS_NAMES, process_state.KERAS_SEED, process_state.KERAS_GENERATOR} <= session.keys()
    assert session[process_state.KERAS_NAMES]["dense"] >= 1
    assert session[process_state.KERAS_SEED] == 1
    config = importlib.import_module(process_state.TENSORFLOW_CONFIG)
    config.disable_op_determinism()  # other tests of this process may have left it on
    assert not config.is_op_determinism_enabled()
    tf.config.experimental.enable_op_determinism()
    assert config.is_op_determinism_enabled()
    config.disable_op_determinism()
    assert not config.is_op_determinism_enabled()
    context = importlib.import_module(process_state.TENSORFLOW_CONTEXT)
    assert context.global_seed() == context.context()._seed == 1
    assert isinstance(context.context()._rng, random.Random)
    backend = importlib.import_module(process_state.TF_KERAS_BACKEND)
    tf_keras.layers.Dense(2)
    assert any("dense" in name for counts in backend.PER_GRAPH_OBJECT_NAME_UIDS.values() for name in counts)
    tf_keras.utils.set_random_seed(1)
    assert isinstance(backend._SEED_GENERATOR.generator, random.Random)
