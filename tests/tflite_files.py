"""Small `.tflite` files written by hand, part by part, as no converter would."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

SIZE = 4  # inputs and outputs of each layer
WEIGHTS = np.arange(-8, 8, dtype=np.int8)


def quantization(scale, zero=0, channels=1):
    """The parameters of a tensor with its range, as a converter writes them."""
    scales = np.full(channels, scale, np.float32)
    zeros = np.full(channels, zero, np.int64)
    return schema.QuantizationParametersT(min=-128 * scales, max=127 * scales, scale=scales, zeroPoint=zeros)


def tensor(name, kind, shape, buffer=0, own=None, **options):
    return schema.TensorT(
        name=name.encode(), type=kind, shape=np.array(shape, np.int32), buffer=buffer, quantization=own, **options
    )


def buffer_of(values=None):
    return schema.BufferT(data=None if values is None else np.frombuffer(np.asarray(values).tobytes(), np.uint8))


def operator(code, inputs, outputs):
    return schema.OperatorT(
        opcodeIndex=code,
        inputs=np.array(inputs, np.int32),
        outputs=np.array(outputs, np.int32),
        builtinOptionsType=schema.BuiltinOptions.FullyConnectedOptions,
        builtinOptions=schema.FullyConnectedOptionsT(),
    )


def code():
    dense = schema.BuiltinOperator.FULLY_CONNECTED
    return schema.OperatorCodeT(builtinCode=dense, deprecatedBuiltinCode=dense)


def two_layers(second=0.5):
    """Two int8 layers with the same weights and biases, of which the second has a scale; most is there twice."""
    int8, int32 = schema.TensorType.INT8, schema.TensorType.INT32
    bias = np.arange(SIZE, dtype=np.int32)
    values = [
        None,
        None,
        WEIGHTS,
        bias,
        WEIGHTS,
        bias,
        None,
        None,
        np.ones(40, np.int8),
        np.array([49, 46, 48], np.uint8),
    ]
    free = {"shapeSignature": np.array([-1, SIZE], np.int32)}
    graph = schema.SubGraphT(
        name=b"main",
        inputs=np.array([0], np.int32),
        outputs=np.array([6], np.int32),
        tensors=[
            tensor("input", int8, (1, SIZE), 1, quantization(0.5, 3), **free),
            tensor("layer/weights", int8, (SIZE, SIZE), 2, quantization(0.5)),
            tensor("layer/bias", int32, (SIZE,), 3, quantization(0.25)),
            tensor("layer/output", int8, (1, SIZE), 6, quantization(4.0), **free),
            tensor("layer_1/weights", int8, (SIZE, SIZE), 4, quantization(second)),
            tensor("layer_1/bias", int32, (SIZE,), 5, quantization(4.0 * second)),
            tensor("output", int8, (1, SIZE), 7, quantization(40.0), **free),
        ],
        operators=[operator(0, (0, 1, 2), (3,)), operator(1, (3, 4, 5), (6,))],
    )
    signature = schema.SignatureDefT(
        signatureKey=b"serving_default",
        inputs=[schema.TensorMapT(name=b"x", tensorIndex=0)],
        outputs=[schema.TensorMapT(name=b"y", tensorIndex=6)],
    )
    return schema.ModelT(
        version=3,
        description=b"written by hand",
        operatorCodes=[code(), code(), code()],
        subgraphs=[graph],
        buffers=[buffer_of(one) for one in values],
        metadata=[schema.MetadataT(name=b"min_runtime_version", buffer=9)],
        signatureDefs=[signature],
    )


def written(model):
    """The bytes of a model as the compiler's own code writes them, its constants aligned."""
    builder = Aligned(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class Aligned(flatbuffers.Builder):
    def CreateNumpyVector(self, x):  # noqa: N802
        self.Prep(16, x.nbytes)
        return super().CreateNumpyVector(x)


def read(payload):
    return schema.ModelT.InitFromPackedBuf(payload, 0)
