import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import process
from tfopt.distribution.replicated import ReplicatedSteps, replicated_model
from tfopt.distribution.sharding import ALL_REPLICAS, Shard, split_batches
from tfopt.distribution.workers.addresses import free_ports
from tfopt.errors import InputError
from tfopt.training.batches import evaluation_batches, training_batches


def test_a_batch_of_five_is_shared_by_two_replicas_and_each_sample_weighs_the_same_in_the_sum():
    both = split_batches(10, 2, Shard(0, 2, 2))
    assert (both.start.tolist(), both.end.tolist()) == ([0, 2, 5, 7], [2, 5, 7, 10])
    assert both.weight.tolist() == pytest.approx([0.8, 1.2, 0.8, 1.2])
    assert both.number.tolist() == [0, 1, 2, 3]
    second = split_batches(10, 2, Shard(1, 1, 2))
    assert (second.start.tolist(), second.number.tolist()) == ([2, 7], [1, 3])


@pytest.mark.parametrize("replicas", [1, 2, 3, 8])
def test_batches_are_the_same_for_any_number_of_replicas_and_workers_and_hold_every_sample_once(replicas):
    x = np.arange(1025)

    def batches(shard):
        return [
            b[0].numpy() for b in training_batches([x], x, batch_size=64, seed=0, first_epoch=1, epochs=2, shard=shard)
        ]

    whole = batches(Shard())
    workers = [batches(Shard(rank, 1, replicas)) for rank in range(replicas)]
    together = [np.concatenate(shares) for shares in zip(*workers, strict=True)]
    assert all(np.array_equal(a, b) for a, b in zip(whole, together, strict=True))
    assert sorted(np.concatenate(together).tolist()) == x.tolist()
    local = batches(Shard(0, replicas, replicas))
    assert np.array_equal(np.concatenate(local), np.concatenate(whole))


@pytest.mark.parametrize("shape", [(5,), (5, 4), (5, 2, 3)])
def test_the_loss_of_unequal_parts_is_that_of_the_whole_batch_whatever_axes_targets_have(shape):
    x, y = np.zeros((5, 1), np.float32), np.arange(np.prod(shape), dtype=np.float32).reshape(shape) ** 2
    loss = keras.losses.MeanAbsoluteError()
    parts = training_batches([x], y, batch_size=5, seed=0, first_epoch=0, epochs=1, shard=Shard(0, 2, 2))
    shares = [float(loss(targets, np.zeros(targets.shape), weights)) for _, targets, weights in parts]
    assert np.mean(shares) == pytest.approx(y.mean())


def test_a_replica_without_a_sample_is_refused():
    with pytest.raises(InputError, match="3 samples in 1 batches leave one of 4 replicas without a sample"):
        list(evaluation_batches([np.zeros(3)], np.zeros(3), batch_size=64, shard=Shard(0, 4, 4)))


def test_an_epoch_can_be_entered_in_the_middle():
    x = np.arange(100)

    def samples(first_step, shard=ALL_REPLICAS):
        given = training_batches(
            [x], x, batch_size=30, seed=0, first_epoch=2, first_step=first_step, epochs=4, shard=shard
        )
        return np.concatenate([b[0] for b in given])

    np.testing.assert_array_equal(samples(3), samples(0)[75:])
    np.testing.assert_array_equal(samples(3, Shard(0, 2, 2)), samples(0, Shard(0, 2, 2))[75:])


def test_keras_still_has_what_replicas_do_without():
    assert hasattr(keras.Model, "_maybe_symbolic_build"), "Keras has changed: see tfopt.distribution.replicated"
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert replicated_model(model) is model
    assert tf.distribute.get_strategy().num_replicas_in_sync == 1
    assert not issubclass(ReplicatedSteps, keras.Model)


def ran(samples, *replicas, addresses=()):
    """What `tests.replicas` printed of each number of replicas in one process, or in each of several workers."""

    def start(**more):
        command = [sys.executable, "-m", "tests.replicas", str(samples), *map(str, replicas)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **more})

    tasks = [{"type": "worker", "index": rank} for rank in range(len(addresses))]
    running = [start(TF_CONFIG=json.dumps({"cluster": {"worker": addresses}, "task": task})) for task in tasks] or [
        start()
    ]
    outputs = [each.communicate(timeout=200)[0] for each in running]
    return [json.loads(line) for output in outputs for line in output.splitlines() if line.startswith("{")]


@pytest.fixture(
    scope="module", params=[pytest.param(1024, marks=pytest.mark.slow), 1079], ids=["equal shares", "unequal shares"]
)
def curves(request):
    samples = request.param
    two, one = ran(samples, 2, 1)
    return [one, two, *ran(samples, addresses=free_ports(2))]


def test_one_replica_two_replicas_and_two_workers_have_the_same_losses_at_each_step(curves):
    assert [run["replicas"] for run in curves] == [1, 2, 2, 2]
    one, *others = (np.array(run["curve"]) for run in curves)
    assert len(one) in (32, 34)
    for other in others:
        np.testing.assert_allclose(other, one, atol=1e-3)
    one, *others = (run["history"] for run in curves)
    assert one[0]["loss"] > one[1]["loss"]
    for other in others:  # what is shown of an epoch counts every sample once
        assert [e["accuracy"] for e in other] == pytest.approx([e["accuracy"] for e in one])
        assert [e["val_accuracy"] for e in other] == pytest.approx([e["val_accuracy"] for e in one])
        assert [e["val_loss"] for e in other] == pytest.approx([e["val_loss"] for e in one], abs=1e-5)


def test_all_replicas_end_with_the_same_weights_and_they_are_those_of_one(curves):
    assert all(run["alike"] for run in curves)
    for other in curves[1:]:
        assert other["sums"] == pytest.approx(curves[0]["sums"], abs=1e-4)


def test_normalizations_are_synchronized_in_training_only_and_gradients_are_clipped_together(curves):
    assert [run["normalizations"] for run in curves] == [[False]] * 4
    assert [run["clipped"] for run in curves] == pytest.approx([2] * 4)


@pytest.fixture(scope="module")
def techniques():
    command = [sys.executable, "-m", "tests.replicated_techniques"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.slow
def test_masks_are_the_same_on_both_replicas_whenever_they_are_renewed(techniques):
    assert techniques["masks"]["copies"] == [2]
    assert techniques["masks"]["renewed"] > 30
    assert techniques["masks"]["alike"]
    assert techniques["sparsities"] == pytest.approx([0.8] * 5, abs=0.01)


@pytest.mark.slow
def test_quantization_aware_training_on_two_replicas_is_as_good_as_on_one_and_keeps_zeros(techniques):
    assert techniques["accuracies"]["qat"] == pytest.approx(techniques["accuracies"]["qat on one"], abs=0.01)
    kept = zip(techniques["kept"], techniques["sparsities"], strict=True)
    assert all(before - 1e-6 <= after <= before + 0.02 for after, before in kept)  # small weights are rounded to zero


@pytest.mark.slow
def test_every_technique_learns_on_two_replicas_and_its_model_is_for_one_device(techniques):
    assert techniques["mirrored"] == []
    for name, accuracy in techniques["accuracies"].items():
        assert accuracy > 0.9, name


@pytest.mark.slow
def test_pruning_on_two_replicas_reaches_the_sparsity_asked_for(sample, tmp_path):
    more = ("--distributed", "--replicas", 2, "--epochs", 3, "--sparsity", 0.7, "--json")
    ended = process("prune", sample, *more, folder=tmp_path)
    assert ended.code == 0, ended.err
    sparsities = [layer["sparsity"] for layer in ended.report["layers"] if layer["action"] == "pruned"]
    assert sparsities == pytest.approx([0.7] * 5, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("prune", "sample.keras", "--replicas", 2), "--replicas needs --distributed"),
        (("prune", "sample.keras", "--distributed", "--schedule", "one-shot"), "leave out --teacher and --distributed"),
        (("binarize", "sample.keras", "--distributed", "--post-training"), "leave out --distributed"),
        (("quantize", "sample.keras", "--int8", "--distributed"), "--distributed needs --qat"),
        (("cluster", "sample.keras", "--distributed", "--replicas", 9, "--batch-size", 8), "is global and must give"),
    ],
)
def test_distribution_where_it_cannot_be_is_one_sentence(tfopt, sample, arguments, words):
    ended = tfopt(*arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert words in ended.err
