"""The inspection of a model file as plain data: its layers or operations, their costs, and what techniques can do."""

from typing import Literal

from tfopt.report.ports import Port
from tfopt.report.record import Record
from tfopt.typing import Json


class Verdict(Record):
    """Says whether a technique changes a layer, and what it does to it, or why not."""

    can: bool
    detail: str


class LayerFacts(Record):
    """One layer: what it gives, what it weighs and costs, and what can be done with it.

    `macs` is None where they cannot be told; `sparsity` is the share of zeros in its kernels; `dtypes` those of its
    weights. `techniques` is empty for a layer without weights.
    """

    layer: str
    kind: str
    output_shapes: list[list[int | None]]
    parameters: int
    trainable: int
    macs: int | None
    bytes: int
    sparsity: float | None
    dtypes: list[str]
    techniques: dict[str, Verdict]


class OperationFacts(Record):
    """All operations of one kind in a `.tflite`: how many there are, the type of what they give, and their MACs."""

    kind: str
    output_type: str
    count: int
    macs: int | None


class TensorFacts(Record):
    """All constants of one type in a `.tflite`."""

    type: str
    count: int
    values: int
    nonzero: int
    bytes: int


class StepFacts(Record):
    """A command of the model's history, with those options that were not the default."""

    command: str
    config: Json
    tfopt: str


class OriginFacts(Record):
    """The data that a model was made for, and the commands that made it, as far as it remembers."""

    data: str | None
    task: str
    num_classes: int | None
    history: list[StepFacts]


class Inspection(Record):
    """The whole of one file; `layers` of a Keras model, `operations` and `tensors` of a `.tflite`.

    `unattributed_macs` belong to operations of no layer: with those of the layers they make up `macs`.
    """

    name: str
    format: Literal["keras", "tflite", "onnx"]
    file_bytes: int
    parameters: int
    nonzero_parameters: int
    macs: int | None
    unattributed_macs: int = 0
    inputs: list[Port]
    outputs: list[Port]
    origin: OriginFacts | None
    layers: tuple[LayerFacts, ...] = ()
    operations: tuple[OperationFacts, ...] = ()
    tensors: tuple[TensorFacts, ...] = ()
    notes: tuple[str, ...] = ()
    versions: dict[str, str]
