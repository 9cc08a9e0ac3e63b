"""A process that takes trials of a study until there are none: `python -m tfopt.tuning.worker`.

What to do comes pickled through its standard input. That stays open as long as the parent lives: at its end, however
it came about, the worker ends too, and leaves its trial to be taken again.
"""

import pickle
import sys

import tensorflow as tf

from tfopt.data.dataset import Dataset
from tfopt.runtime.orphans import end_with_parent
from tfopt.runtime.progress import Silent
from tfopt.tuning.study import Search, claim, joined, silenced
from tfopt.tuning.trial import run

Job = tuple[Search, Dataset, int]  # the last is the number of threads


def main() -> None:
    """Work on trials with a share of the processor."""
    job: Job = pickle.load(sys.stdin.buffer)
    search, data, threads = job
    end_with_parent()
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    with silenced():
        study = joined(search)
        while not search.over and (claimed := claim(study, search)) is not None:
            run(study, search, *claimed, data, Silent())


if __name__ == "__main__":
    main()
