"""Names for the types that many modules speak of.

TensorFlow and Keras come without annotations, so that a type checker knows nothing about their tensors: `Tensor` says
at least what is meant. numpy is not imported for the sake of a name, since the command line's help needs none of it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
    """A numpy array of any type and shape."""
    Clusters: TypeAlias = NDArray[np.integer[Any]]
    """Which scores (N,) are no independent draws because they hang together: the number of a cluster for each."""
else:
    Array = Clusters = Any

Samples: TypeAlias = Array | Sequence[Array]
"""What a model is fed: an array (N, ...), or one for each input in order."""

Tensor: TypeAlias = Any
"""A tensor of TensorFlow or Keras, symbolic or with values; also a structure of them, where a layer may give one."""

SchemaObject: TypeAlias = Any
"""An object of the schema of `.tflite` files, such as a `ModelT` or a `TensorT`: these classes have no annotations."""

Logs: TypeAlias = dict[str, Any] | None
"""What Keras hands to callbacks: the losses and metrics so far, by name."""

Json: TypeAlias = dict[str, Any]
"""A JSON object, such as the config of a layer or the settings in a file."""

Options: TypeAlias = dict[str, Any]
"""Keyword arguments on their way to a function or a config, by name."""
