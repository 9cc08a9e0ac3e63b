"""A `.keras` file is checked before Keras sees it, loaded with `safe_mode`, and saved without optimizer state.

`keras.Model.save` writes the optimizer's slots too (three times the size for Adam), so a model is saved compiled but
with a fresh optimizer: what the file weighs is what the model weighs.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import Literal, Self

import h5py
import keras
import numpy as np
import tensorflow as tf

from tfopt.errors import InputError, UnsupportedError
from tfopt.formats import provenance as provenances
from tfopt.formats.artifact import Shape, Side
from tfopt.formats.keras.prediction import predict_batches
from tfopt.formats.keras.serialization import write_keras_file
from tfopt.formats.keras.unpacking import WEIGHTS, check_and_unpack, load_file, load_unpacked
from tfopt.formats.provenance import Provenance
from tfopt.graph.last_operation import gives_probabilities
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_io import call, compiled, explain_failures, inputs_of, outputs_of
from tfopt.graph.tensor_sizes import check_tensor_sizes
from tfopt.report.ports import Port
from tfopt.runtime.atomic_files import write_file
from tfopt.runtime.temporary_files import TemporaryFile, check_free_space, temporary_folder
from tfopt.typing import Array, Samples
from tfopt.untrusted.limits import time_limit
from tfopt.untrusted.variables import limit_variables

MIN_SECONDS = 30.0  # that loading may take, and a second more for so many bytes
BYTES_PER_SECOND = 10_000_000


class KerasArtifact:
    """A Keras 3 model, and the `.keras` file that holds it, of which a copy is kept on disk (see `Artifact`).

    Attributes:
        model: The loaded model.
        optimizer_bytes: The bytes of optimizer state that the file had, and that were left out.
        disk_bytes: The size of that file on disk; 0 if nothing was left out.
        uncompiled: Why its loss could not be loaded, if it has one; empty if it could.
        given_loss: That of the model in memory that it was made from.
    """

    format: Literal["keras"] = "keras"

    def __init__(self, name: str, model: keras.Model, file: TemporaryFile, provenance: Provenance | None) -> None:
        self.name = name
        self.model = model
        self.provenance = provenance
        self.optimizer_bytes = self.disk_bytes = 0
        self.uncompiled = ""
        self.given_loss: object = None
        self._file = file
        self._folder = Path()

    @classmethod
    def load(cls, path: Path, folder: Path | None = None) -> Self:
        """Load a file.

        Args:
            path: The file.
            folder: The folder that it is to lie in, from which its data are found; None is the one it lies in.

        Raises:
            InputError: It is not a sound, safe Keras 3 model.
            UnsupportedError: Keras does not run on TensorFlow.
        """
        _check_backend()
        size = path.stat().st_size
        if not size:
            raise InputError(f"{path} is empty")
        file = TemporaryFile()
        check_free_space(file.path.parent, size)
        shutil.copyfile(path, file.path)
        with temporary_folder() as unpacked:
            provenance = check_and_unpack(file.path, path, unpacked)
            stored = (unpacked / WEIGHTS).stat().st_size
            with time_limit(MIN_SECONDS + size / BYTES_PER_SECOND, path.name), limit_variables(stored, path.name):
                model, uncompiled = load_unpacked(unpacked, path.name)
            state = _optimizer_bytes(unpacked / WEIGHTS)
        check_tensor_sizes(model, path.name)
        folder = provenances.home_of(path, provenance) if folder is None else folder
        provenance = provenance.found_in(folder) if provenance else None
        artifact = cls(path.name, model, file, provenance)
        artifact._folder = folder
        artifact.uncompiled = uncompiled
        if state:
            write_keras_file(reset_optimizer(artifact.model), file.path, provenance, folder)
            artifact.optimizer_bytes, artifact.disk_bytes = state, size
        return artifact

    @classmethod
    def from_model(
        cls, model: keras.Model, name: str, provenance: Provenance | None = None, *, deflated: bool = False
    ) -> Self:
        """Save a model without optimizer state and load it again, so that what is measured is what a user will get.

        Args:
            model: A Keras 3 model; if it is compiled, it is compiled again with a fresh optimizer.
            name: The name of its file to be, with the folder if that is not the current one; reports leave it out.
            provenance: What it is to remember of its making.
            deflated: Whether the zip is compressed, which pays where weights are few bits and the rest is framing.
        """
        _check_backend()
        file, folder, name = TemporaryFile(), Path(name).parent, Path(name).name
        write_keras_file(reset_optimizer(model), file.path, provenance, folder, deflated=deflated)
        loaded, uncompiled = load_file(file.path, name)
        artifact = cls(name, loaded, file, provenance)
        artifact._folder = folder
        artifact.uncompiled, artifact.given_loss = uncompiled, model.loss if model.compiled else None
        return artifact

    @property
    def payload(self) -> bytes:
        """The bytes of the file."""
        return self._file.path.read_bytes()

    @property
    def metadata_bytes(self) -> int:
        """The bytes of the file that only say how it was made."""
        return provenances.stored_bytes(self._file.path)

    def remember(self, provenance: Provenance, folder: Path) -> None:
        """Add `provenance` to a file that has none and is to lie in `folder`."""
        provenances.attach_provenance(self._file.path, provenance, folder)
        self.provenance, self._folder = provenance, folder

    def fresh_model(self) -> keras.Model:
        """Load a copy that may be changed freely; its layers have the same names, which Keras may count up."""
        copy = load_file(self._file.path, self.name)[0]
        for (_, layer), (_, original) in zip(named_layers(copy), named_layers(self.model), strict=True):
            layer.name = original.name
        return copy

    @property
    def runtime(self) -> str:
        """TensorFlow, which runs the model as a compiled graph on its own thread pool."""
        threads = tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count()
        return f"TensorFlow graph, {threads} threads"

    def input_shapes(self) -> Sequence[Shape]:
        """Return the shapes of the inputs, batch axis first; None where a size is free."""
        return [tuple(tensor.shape) for tensor in inputs_of(self.model)]

    def input_types(self) -> Sequence[str]:
        """Return the types of the inputs, such as float32 or string."""
        return [str(tensor.dtype) for tensor in inputs_of(self.model)]

    def output_shapes(self) -> Sequence[Shape]:
        """Return the shapes of the outputs, batch axis first."""
        return [tuple(tensor.shape) for tensor in outputs_of(self.model)]

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs, in order."""
        return [tensor.name for tensor in inputs_of(self.model)]

    def ports(self, side: Side) -> list[Port]:
        """Return the inputs or the outputs; outputs have no names, as Keras counts theirs up."""
        if side == "input":
            return [Port(name=one.name, shape=list(one.shape), dtype=str(one.dtype)) for one in inputs_of(self.model)]
        return [Port(shape=list(one.shape), dtype=str(one.dtype)) for one in outputs_of(self.model)]

    def parameter_counts(self) -> tuple[int, int]:
        """Count the weights, and those that are not zero."""
        weights = self.model.weights
        count = sum(prod(weight.shape) for weight in weights)
        return count, sum(int(np.count_nonzero(weight.numpy())) for weight in weights)

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs, in order."""
        names = list(getattr(self.model, "output_names", None) or [])
        tensors = outputs_of(self.model)
        return names if len(names) == len(tensors) else [tensor.name for tensor in tensors]

    @property
    def loss(self) -> object:
        """The loss that the model was compiled with, also one that its file cannot hold."""
        return self.given_loss or (self.model.loss if self.model.compiled else None)

    def probabilities_of_outputs(self) -> list[bool] | None:
        """Tell of each output whether its scores are probabilities, by the activation that gives it."""
        return [gives_probabilities(self.model, at) for at in range(len(self.output_shapes()))]

    def gives_probabilities(self) -> bool:
        """Tell whether the outputs of a classifier are probabilities, by its loss or its last activation."""
        return gives_probabilities(self.model)

    def predict(self, x: Samples, advance: Callable[[int], None] = lambda _: None) -> Array:
        """Run the model on samples (see `Artifact.predict`)."""
        with explain_failures(self.name):
            return predict_batches(self.model, x, advance)

    def runner(self, inputs: Sequence[Array]) -> Callable[[], object]:
        """Return a function that runs the compiled graph once."""
        run = compiled(call, self.model)
        tensors = [tf.constant(x) for x in inputs]
        with explain_failures(self.name):
            run(tensors)
        return lambda: run(tensors)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the file atomically, and return its path; data that lie near it will be found from there.

        Raises:
            OutputError: The file exists and `force` is not given, or it cannot be written.
        """
        path, payload = Path(path), self.payload
        if self.provenance and self.provenance.beside(path.parent) != self.provenance.beside(self._folder):
            payload = provenances.moved(payload, self.provenance, path.parent)
        return write_file(path, payload, force=force)


def reset_optimizer(model: keras.Model) -> keras.Model:
    """Compile `model` again as it was, with a fresh optimizer that has no slots yet; return the same model.

    One that was compiled with code that Keras does not load again, as a lambda, stays as it is.
    """
    config = model.get_compile_config() if model.compiled else None
    if config:
        with contextlib.suppress(ValueError, TypeError):
            model.compile(**keras.saving.deserialize_keras_object(config))
    return model


def _optimizer_bytes(weights: Path) -> int:
    """Count the bytes of optimizer slots, beyond the step count and learning rate that a fresh optimizer has too."""
    with h5py.File(weights) as file:
        variables = file.get("optimizer/vars")
        found = variables.values() if isinstance(variables, h5py.Group) else ()
        return sum(value.nbytes for value in found if isinstance(value, h5py.Dataset) and value.ndim)


def _check_backend() -> None:
    if keras.backend.backend() != "tensorflow":
        raise UnsupportedError(
            f"Keras runs on {keras.backend.backend()} here; tfopt needs TensorFlow: set KERAS_BACKEND=tensorflow"
        )
