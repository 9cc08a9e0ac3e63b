"""A layer of a student learns to give what a layer of its teacher gives (Romero et al. 2015, arXiv:1412.6550).

Layers that give maps of the same size stand at the same depth of two networks. Of each size, that of an image, a
sequence or a plain vector, the last layer before the size changes is taken: it has seen all that there is to see.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import keras

from tfopt.errors import UnsupportedError
from tfopt.graph.model_io import inputs_of
from tfopt.graph.replay import Call, is_graph, replay
from tfopt.tasks.several import flat_outputs
from tfopt.typing import Tensor

Resolution = tuple[int | None, ...]
# They give what they are given, with noise, or in another shape.
PASSING = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.GaussianNoise,
    keras.layers.GaussianDropout,
    keras.layers.ActivityRegularization,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Permute,
    keras.layers.Identity,
)


class Feature(NamedTuple):
    """A layer by the name of its call, the size of the map it gives, () for a vector, and the channels."""

    name: str
    resolution: Resolution
    channels: int

    def __str__(self) -> str:
        size = "x".join("?" if length is None else str(length) for length in self.resolution)
        return f"{self.name} ({f'{size}, ' if size else ''}{self.channels} channels)"


class Pair(NamedTuple):
    """A layer of the teacher and the one of the student that learns from it."""

    teacher: Feature
    student: Feature

    @property
    def projected(self) -> bool:
        """Return whether their channels differ, so that the student's must be projected to be compared."""
        return self.teacher.channels != self.student.channels

    def __str__(self) -> str:
        through = " through a projection" if self.projected else ""
        return f"{self.student} learns from {self.teacher}{through}"


def features(model: keras.Model, title: str) -> dict[Resolution, Feature]:
    """The last layer of each resolution between the first that learns and the output.

    Raises `UnsupportedError` if the graph of the model is not known.
    """
    if not is_graph(model):
        raise UnsupportedError(
            f"{title} is a {type(model).__name__}, a model whose graph is not known: leave out `features`"
        )
    found: dict[Resolution, Feature] = {}
    made: list[tuple[Call, Tensor]] = []

    def visit(call: Call) -> Tensor:
        outputs = call.operation(*call.args, **call.kwargs)
        made.append((call, outputs))
        return outputs

    [answer, *_] = replay(model, inputs_of(model), visit)
    learning = False
    for call, output in made:
        learning = learning or bool(getattr(call.operation, "trainable_variables", []))
        if learning and output is not answer and _is_map(call, output):
            *resolution, channels = output.shape[1:]
            found[tuple(resolution)] = Feature(call.name, tuple(resolution), channels)
    return found


def _is_map(call: Call, output: Tensor) -> bool:
    layer = isinstance(call.operation, keras.Layer) and not isinstance(call.operation, PASSING)
    single = isinstance(output, keras.KerasTensor) and len(output.shape) > 1 and output.shape[-1] is not None
    return layer and single and keras.backend.is_float_dtype(output.dtype)


def paired(
    teacher: Mapping[Resolution, Feature], student: Mapping[Resolution, Feature]
) -> tuple[list[Pair], list[str]]:
    """Pairs of layers with the same resolution, and for each layer that has no partner, why."""
    pairs = [Pair(teacher[size], feature) for size, feature in student.items() if size in teacher]
    alone = [
        f"{feature} of the {name} has no partner: no layer of the {other} gives maps of that size"
        for name, other, found, partners in (
            ("teacher", "student", teacher, student),
            ("student", "teacher", student, teacher),
        )
        for size, feature in found.items()
        if size not in partners
    ]
    return pairs, alone


def observed(model: keras.Model, inputs: Sequence[Tensor], names: Sequence[str], *, training: bool) -> list[Tensor]:
    """The answer of `model`, several side by side, and what the calls of these names give, all in one pass."""
    seen = {}

    def visit(call: Call) -> Tensor:
        answer: Callable[..., Tensor] = call.operation
        options = {"training": training} if isinstance(call.operation, keras.Layer) else {}
        outputs = answer(*call.args, **call.kwargs, **options)
        if call.name in names:
            seen[call.name] = outputs
        return outputs

    answer = flat_outputs(replay(model, inputs, visit))
    return [answer, *(seen[name] for name in names)]
