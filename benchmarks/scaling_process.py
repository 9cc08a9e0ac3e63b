"""A process that trains in turns with others: `benchmarks/scaling.py` starts it and says when.

A line in is a turn of `EPOCHS` epochs, a line out what it took. Before the first, a worker measures what connects it.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfopt.data.config import DataConfig
from tfopt.data.dataset import Dataset
from tfopt.data.loader import load
from tfopt.distribution.strategies import make_worker_strategy
from tfopt.models.architectures import build
from tfopt.models.signature import Signature
from tfopt.runtime.progress import Silent
from tfopt.training.config import TrainConfig
from tfopt.training.train import train

EPOCHS = 3  # of a turn
NUMBERS = (1, 10_000, 100_000, 1_000_000)  # of 4 bytes
REPEATS, ROUNDS = 10, 5
COLLECTIVE = "CollectiveReduce"  # of the names of TensorFlow's operations


def main() -> None:
    job: dict[str, Any] = json.loads(sys.stdin.readline())
    if job["threads"]:
        tf.config.threading.set_intra_op_parallelism_threads(job["threads"])
        tf.config.threading.set_inter_op_parallelism_threads(job["threads"])
    data = load(DataConfig())
    turns = Turns()
    if job["how"] == "plain":
        _plain(data, job, turns)
    else:
        replicas = job["replicas"] if job["replicas"] > 1 else None
        config = TrainConfig(
            arch="cnn", size=job["size"], epochs=EPOCHS * job["turns"], batch_size=job["batch"],
            patience=EPOCHS * job["turns"], distributed=replicas is not None, replicas=replicas,
        )  # fmt: skip
        where = _connected(job) if job["how"] == "worker" else None
        train(config, data, Silent(), callbacks=[turns], where=where)
    sys.stdout.flush()
    os._exit(0)  # TensorFlow's threads may wait for the other worker


class Turns(keras.callbacks.Callback):
    """Waits before every `EPOCHS` epochs for a line and then tells how long they took, all in all and their steps."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        if epoch % EPOCHS == 0:
            sys.stdin.readline()
            self.start, self.training = time.perf_counter(), 0.0
        self.epoch_start = time.perf_counter()

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        self.training += time.perf_counter() - self.epoch_start

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        if epoch % EPOCHS == EPOCHS - 1:
            tell({"all": time.perf_counter() - self.start, "training": self.training})

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        if isinstance(self.model.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy):
            tell({"messages": _messages(self.model)})


def tell(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def _plain(data: Dataset, job: dict[str, Any], turns: Turns) -> None:
    model = build(TrainConfig(arch="cnn", size=job["size"]), Signature.of(data))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    epochs = EPOCHS * job["turns"]
    stop = keras.callbacks.EarlyStopping("val_loss", patience=epochs, restore_best_weights=True)
    model.fit(
        data.train.x, data.train.y, validation_data=(data.validation.x, data.validation.y), batch_size=job["batch"],
        epochs=epochs, callbacks=[stop, turns], verbose=0,
    )  # fmt: skip


def _connected(job: dict[str, Any]) -> tf.distribute.Strategy:
    task = {"type": "worker", "index": job["rank"]}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": job["addresses"]}, "task": task})
    where = make_worker_strategy()
    model = build(TrainConfig(arch="cnn", size=job["size"]), Signature.of(load(DataConfig())))
    gradients = [tf.zeros(variable.shape) for variable in model.trainable_variables]
    tell(
        {
            "parameters": sum(int(np.prod(gradient.shape)) for gradient in gradients),
            "gradients": _seconds(_repeated(where, gradients)),
            "sizes": [4 * numbers for numbers in NUMBERS],
            "seconds": [_seconds(_repeated(where, [tf.zeros((numbers,))])) for numbers in NUMBERS],
        }
    )
    return where


def _repeated(where: tf.distribute.Strategy, tensors: list[tf.Tensor]) -> Callable[[], tf.Tensor]:
    """All-reduces of tensors, `REPEATS` of them one after the other."""

    def reduced() -> list[tf.Tensor]:
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensors)

    @tf.function
    def repeated() -> tf.Tensor:
        total = tf.constant(0.0)
        for _ in tf.range(REPEATS):
            total += tf.add_n([tf.reduce_sum(tensor[:1]) for tensor in where.run(reduced)])
        return total

    return repeated


def _seconds(repeated: Callable[[], tf.Tensor]) -> float:
    repeated().numpy()
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        repeated().numpy()
        seconds.append((time.perf_counter() - start) / REPEATS)
    return float(np.median(seconds))


def _messages(model: keras.Model) -> int:
    """How many all-reduces there are in a training step: of gradients, normalizations, and what is logged."""
    where = model.distribute_strategy

    @tf.function
    def step(x: tf.Tensor, y: tf.Tensor) -> dict[str, tf.Tensor]:
        logs = where.run(model.train_step, args=((x, y),))
        return {name: where.reduce(tf.distribute.ReduceOp.MEAN, value, axis=0) for name, value in logs.items()}

    shape = tf.TensorSpec((2, *model.input_shape[1:])), tf.TensorSpec((2,), tf.int64)
    graph = step.get_concrete_function(*shape).graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    return sum(node.op.startswith(COLLECTIVE) for node in nodes)


if __name__ == "__main__":
    main()
