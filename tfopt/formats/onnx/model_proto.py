"""The protobuf of an ONNX file: its weights, and what tfopt writes into its metadata."""

from typing import Any

import onnx
from onnx import numpy_helper

from tfopt.errors import InputError
from tfopt.formats.tflite.metadata import FileMetadata

KEY = "tfopt"


def read_proto(payload: bytes, name: str) -> Any:
    """Parse a file that may come from a stranger.

    Args:
        payload: The bytes of the file.
        name: What messages call it.

    Raises:
        InputError: It is no ONNX file, or it names other files as its weights.
    """
    try:
        proto = onnx.load_model_from_string(payload)
    except Exception as error:  # of protobuf, which raises what it stumbles over
        raise InputError(f"{name} is no ONNX file: {' '.join(str(error).split())[:100]}") from None
    if not proto.graph.output:
        raise InputError(f"{name} is no ONNX file: it has no outputs")
    if any(one.data_location == onnx.TensorProto.EXTERNAL for one in proto.graph.initializer):
        raise InputError(f"{name} has its weights in other files, which are not read: save it as one file")
    return proto


def with_metadata(payload: bytes, metadata: FileMetadata) -> bytes:
    """Return a file with these metadata, in place of those that it has."""
    proto = onnx.load_model_from_string(payload)
    _forget(proto)
    proto.metadata_props.add(key=KEY, value=metadata.model_dump_json(exclude_none=True))
    return bytes(proto.SerializeToString())


def without_metadata(payload: bytes) -> bytes:
    """Return the model alone, without metadata of tfopt."""
    proto = onnx.load_model_from_string(payload)
    return bytes(proto.SerializeToString()) if _forget(proto) else payload


def read_metadata(proto: Any, name: str) -> FileMetadata | None:
    """Return what tfopt has written into a file; None if it did not.

    Raises:
        InputError: It is damaged.
    """
    found = next((one.value for one in proto.metadata_props if one.key == KEY), None)
    if found is None:
        return None
    try:
        return FileMetadata.model_validate_json(found)
    except ValueError:
        raise InputError(f"{name}: what tfopt wrote into it is damaged or of a newer version") from None


def parameter_counts(payload: bytes) -> tuple[int, int]:
    """Count the weights of a file, and those that are not zero."""
    found = [numpy_helper.to_array(one) for one in onnx.load_model_from_string(payload).graph.initializer]
    floats = [array for array in found if array.dtype.kind == "f"]
    return sum(array.size for array in floats), sum(int((array != 0).sum()) for array in floats)


def _forget(proto: Any) -> bool:
    others = [one for one in proto.metadata_props if one.key != KEY]
    found = len(others) < len(proto.metadata_props)
    if found:
        kept = [(one.key, one.value) for one in others]
        del proto.metadata_props[:]
        for key, value in kept:
            proto.metadata_props.add(key=key, value=value)
    return found
