"""A SavedModel of Keras is read without its graphs: layers are made from their description, and weights are read.

Its graphs are programs, and TensorFlow runs those that initialize resources while it loads them. Keras describes the
whole model at the root, in `keras_metadata.pb` since 2.5 and in `saved_model.pb` before.
"""

import json
from pathlib import Path

import tf_keras
from tensorflow.core.protobuf import saved_model_pb2
from tf_keras.protobuf import saved_metadata_pb2

from tfopt.errors import InputError
from tfopt.formats.legacy.known_classes import read_checked_config

DESCRIPTION = "keras_metadata.pb"


def read_saved_model(folder: Path) -> tf_keras.Model:
    """Read the model in the folder of a SavedModel.

    Raises:
        InputError: Keras did not make it, or it is not known from its layers.
    """
    for path in (folder / "saved_model.pb", folder / DESCRIPTION, *(folder / "variables").glob("*")):
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is no file but a pipe, a device or the like")
    found = read_checked_config(_description(folder), folder)
    if not isinstance(found, dict) or not isinstance(found.get("config"), dict) or "layers" not in found["config"]:
        kind = found.get("class_name") if isinstance(found, dict) else "model"
        raise InputError(f"{folder} is a {kind}, a model whose graph is not known")
    described = json.dumps({key: found.get(key) for key in ("class_name", "config")})
    model = tf_keras.models.model_from_json(described)
    status = model.load_weights(str(folder / "variables" / "variables"))
    status.assert_existing_objects_matched().expect_partial()  # the rest is of the optimizer and the metrics
    return model


def _description(folder: Path) -> str:
    metadata = folder / DESCRIPTION
    if metadata.exists():
        nodes = saved_metadata_pb2.SavedMetadata.FromString(metadata.read_bytes()).nodes
        texts = [node.metadata for node in nodes if node.node_id == 0]
    else:
        saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
        texts = [meta.object_graph_def.nodes[0].user_object.metadata for meta in saved.meta_graphs[:1]]
    if not any(texts) and _is_export(folder):
        raise InputError(
            f"{folder} is a SavedModel of Keras 3's export, a graph to run without its layers; give the .keras file"
            " that model.save writes of the same model, or make a float .tflite of it with"
            " tf.lite.TFLiteConverter.from_saved_model"
        )
    if not any(texts):
        raise InputError(f"{folder} is a SavedModel that Keras did not make; its layers are not known")
    return str(texts[0])


def _is_export(folder: Path) -> bool:
    """Tell whether the root has the parts of a `keras.export.ExportArchive`."""
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    parts = {part.local_name for meta in saved.meta_graphs[:1] for part in meta.object_graph_def.nodes[0].children}
    return parts >= {"_all_variables", "_misc_assets"}
