"""A library call leaves the process as it found it: what it changes for its own work is put back when it ends.

Training seeds the random numbers of Python, NumPy, Keras and TensorFlow and has TensorFlow use deterministic kernels;
importing TensorFlow Model Optimization writes an environment variable. Inside `preserved` all of that may happen.
Afterwards the caller's own random numbers and layer names go on as if the call had not been.

Nothing is imported here that is not loaded already. Neither TensorFlow nor Keras has a public way to turn deterministic
kernels off, to read its global seed, or to read how many layers have got an automatic name: their private names for
that are used in this module only, and `tests/test_process_state.py` notices when one of them is gone.
"""

import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")
KERAS_SESSION = "keras.src.backend.common.global_state"
KERAS_NAMES = "object_name_uids"  # how often each automatic name was given
KERAS_SEED = "global_random_seed"
KERAS_GENERATOR = "global_seed_generator"  # of `keras.random` functions that are called without a seed
TF_KERAS_BACKEND = "tf_keras.src.backend"
TENSORFLOW_CONFIG = "tensorflow.python.framework.config"
TENSORFLOW_CONTEXT = "tensorflow.python.eager.context"

Restore = Callable[[], None]


@contextlib.contextmanager
def preserved() -> Iterator[None]:
    """Put back what a call of the library changes in its process, when the context ends.

    That is: environment variables; the random state of Python, NumPy, Keras, tf_keras and TensorFlow; the counters
    behind automatic names of layers and models; whether TensorFlow uses deterministic kernels; handlers of signals;
    the default folder for temporary files; and filters of warnings. What is loaded inside only is put in the state that
    it has right after its import.

    It cannot undo imports, nor logical devices, which are fixed once TensorFlow has started. Operations with a seed of
    their own, such as `tf.random.uniform(shape, seed=1)`, count their calls within TensorFlow, and `tf.random.set_seed`
    sets that back: they start again.

    Example:
        >>> import os
        >>> with preserved():
        ...     os.environ["TFOPT_EXAMPLE"] = "1"
        >>> "TFOPT_EXAMPLE" in os.environ
        False
    """
    saved = [save() for save in SAVED]
    try:
        with warnings.catch_warnings():
            yield
    finally:
        for restore in reversed(saved):
            restore()


@contextlib.contextmanager
def fresh_keras_names() -> Iterator[None]:
    """Let Keras number its automatic names from the start; the caller's numbers go on when the context ends.

    Models made in here are called alike in whichever order they are made, and so their files are the same. Unlike
    `keras.utils.clear_session` this forgets nothing of the caller's session.
    """
    import keras  # noqa: F401  # so that there is a session

    session = _keras_session()
    before = session.get(KERAS_NAMES)
    session[KERAS_NAMES] = defaultdict(int)
    try:
        yield
    finally:
        _keras_session()[KERAS_NAMES] = before


def _save_environment() -> Restore:
    before = dict(os.environ)

    def restore() -> None:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        for name, value in before.items():
            if os.environ.get(name) != value:
                os.environ[name] = value

    return restore


def _save_tempdir() -> Restore:
    before = tempfile.tempdir

    def restore() -> None:
        tempfile.tempdir = before

    return restore


def _save_signal_handlers() -> Restore:
    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}

    def restore() -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # only the main thread sets them
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)

    return restore


def _save_python_random() -> Restore:
    before = random.getstate()
    return lambda: random.setstate(before)


def _save_numpy_random() -> Restore:
    numpy = sys.modules.get("numpy")
    before = numpy.random.get_state() if numpy else None

    def restore() -> None:
        numpy = sys.modules.get("numpy")
        if numpy and before is not None:
            numpy.random.set_state(before)
        elif numpy:
            numpy.random.seed()

    return restore


def _save_keras_session() -> Restore:
    session = _keras_session()
    names = dict(session.get(KERAS_NAMES) or {})
    seed, generator = session.get(KERAS_SEED), session.get(KERAS_GENERATOR)
    state = None if generator is None else generator.state.numpy()

    def restore() -> None:
        _keras_session().update({KERAS_NAMES: defaultdict(int, names), KERAS_SEED: seed, KERAS_GENERATOR: generator})
        if generator is not None:
            generator.state.assign(state)

    return restore


def _keras_session() -> dict[str, Any]:
    """Return what Keras holds globally for this thread; an empty dictionary if it is not loaded."""
    module = sys.modules.get(KERAS_SESSION)
    return vars(module.GLOBAL_STATE_TRACKER) if module else {}


def _save_tf_keras_session() -> Restore:
    module = sys.modules.get(TF_KERAS_BACKEND)
    names = {graph: dict(counts) for graph, counts in module.PER_GRAPH_OBJECT_NAME_UIDS.items()} if module else {}
    generator = getattr(module._SEED_GENERATOR, "generator", None) if module else None
    state = generator.getstate() if generator else None

    def restore() -> None:
        module = sys.modules.get(TF_KERAS_BACKEND)
        if module:
            module.PER_GRAPH_OBJECT_NAME_UIDS.clear()
            for graph, counts in names.items():
                module.PER_GRAPH_OBJECT_NAME_UIDS[graph] = defaultdict(int, counts)
            module._SEED_GENERATOR.generator = generator
        if generator:
            generator.setstate(state)

    return restore


def _save_tensorflow() -> Restore:
    config, context = sys.modules.get(TENSORFLOW_CONFIG), sys.modules.get(TENSORFLOW_CONTEXT)
    deterministic = config.is_op_determinism_enabled() if config else False
    seed = context.global_seed() if context else None
    numbers = None if context is None or seed is None else context.context()._rng  # gives operations their seeds
    state = numbers.getstate() if numbers else None

    def restore() -> None:
        config, context = sys.modules.get(TENSORFLOW_CONFIG), sys.modules.get(TENSORFLOW_CONTEXT)
        if config and config.is_op_determinism_enabled() and not deterministic:
            config.disable_op_determinism()
        if context:
            context.context()._seed = seed
            if numbers:
                numbers.setstate(state)
                context.context()._rng = numbers

    return restore


SAVED: tuple[Callable[[], Restore], ...] = (
    _save_environment,
    _save_tempdir,
    _save_signal_handlers,
    _save_python_random,
    _save_numpy_random,
    _save_keras_session,
    _save_tf_keras_session,
    _save_tensorflow,
)
