"""Workers settle before they train that all were asked for the same, and where they begin.

TensorFlow's all-reduce adds arrays of all workers. What one of them has to say reaches the others as a sum to which
they give zeros.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfopt.errors import InputError
from tfopt.typing import Json

CHUNK = 2**24  # numbers of 4 bytes that are sent at once
WORDS = 8  # of a SHA-256
SIZE = 2**30  # of which a length is told as a multiple and a rest, both numbers of 4 bytes


def sum_over_workers(strategy: tf.distribute.Strategy, mine: NDArray[np.int32]) -> NDArray[np.int32]:
    """Add the arrays of all workers; each gives one of the same shape."""
    first = strategy.cluster_resolver.task_id * len(strategy.extended.worker_devices)

    def value(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
        return tf.constant(mine if context.replica_id_in_sync_group == first else np.zeros_like(mine))

    given = strategy.experimental_distribute_values_from_function(value)
    summed: NDArray[np.int32] = strategy.reduce(tf.distribute.ReduceOp.SUM, given, axis=None).numpy()
    return summed


def check_agreement(strategy: tf.distribute.Strategy, workers: int, rank: int, asked: Json) -> None:
    """Check that all workers were asked for the same; all of them call this at once.

    Args:
        strategy: Connects the workers.
        workers: How many there are.
        rank: Which of them this is.
        asked: What it was asked for, by subject, which the sentence names.

    Raises:
        InputError: On every worker, if one of them was asked for something else than the chief.
    """
    digests = np.zeros((workers, len(asked), WORDS), np.int32)
    for number, what in enumerate(asked.values()):
        text = json.dumps(what, sort_keys=True, default=str)
        digests[rank, number] = np.frombuffer(hashlib.sha256(text.encode()).digest(), np.int32)
    everybody = sum_over_workers(strategy, digests)
    for number, subject in enumerate(asked):
        others = [str(w) for w in range(workers) if not np.array_equal(everybody[w, number], everybody[0, number])]
        if others:
            raise InputError(
                f"worker {', '.join(others)} was started with another {subject} than the chief, worker 0; all workers"
                " train one model and need the same options, data and versions"
            )


def share_checkpoints(strategy: tf.distribute.Strategy, folders: Sequence[Path], *, giving: bool) -> None:
    """Copy the checkpoints of one worker, if there are any, into the folders of the others; all call this at once.

    Args:
        strategy: Connects the workers.
        folders: Where this worker has its checkpoints.
        giving: Whether they are those that the others get.
    """
    payload = _packed(folders) if giving else b""
    high, low = sum_over_workers(strategy, np.array(divmod(len(payload), SIZE), np.int32))
    length = int(high) * SIZE + int(low)
    numbers = np.zeros(-(-length // 4), np.int32)
    if giving:
        numbers[:] = np.frombuffer(payload.ljust(4 * len(numbers), b"\0"), np.int32)
    for start in range(0, len(numbers), CHUNK):
        numbers[start : start + CHUNK] = sum_over_workers(strategy, numbers[start : start + CHUNK])
    if length and not giving:
        with zipfile.ZipFile(io.BytesIO(numbers.tobytes()[:length])) as archive:
            for name in archive.namelist():
                place, _, file = name.partition("/")
                folders[int(place)].mkdir(exist_ok=True)
                (folders[int(place)] / file).write_bytes(archive.read(name))


def _packed(folders: Sequence[Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for place, folder in enumerate(folders):
            for path in (folder / "state.json", *sorted(folder.glob("*.weights.h5"))):
                if path.exists():
                    archive.write(path, f"{place}/{path.name}")
    return buffer.getvalue()
