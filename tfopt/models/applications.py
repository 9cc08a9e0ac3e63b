"""The models of `keras.applications` as trunks: pretrained features for images of any size and number of channels.

Each was trained on images of 0..255, prepared in a way of its own; that is done inside the model, so that it takes
what every other model takes.
"""

import difflib
from types import ModuleType

import keras
from keras import layers

from tfopt.data.scaling import Scaling
from tfopt.errors import InputError

PREFIX = "keras.applications:"
LEAST_SIZES = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}
LEAST_SIZE = 32


def application(name: str, weights: str | None, shape: tuple[int, ...], scaling: Scaling) -> keras.Model:
    """Build a model of `keras.applications` without its head.

    Images are brought back to 0..255, made three-channelled and large enough inside the model, and prepared as those
    were that it was trained on.

    Args:
        name: The name of the model, such as MobileNetV2.
        weights: A file, "none", or None for those of ImageNet, which are downloaded.
        shape: Shape of an image, (height, width) or (height, width, channels).
        scaling: The scaling of the images as they are fed.

    Returns:
        A model from images (N, ...) to features (N, F).

    Raises:
        InputError: If there is no such model, or its weights cannot be had or do not fit.
    """
    module = _find_module(name)
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[-1] not in (1, 3)):
        raise InputError(f"{PREFIX}{name} takes images with one or three channels, but the samples have shape {shape}")
    inputs = keras.Input(shape, name="input")
    x = layers.Reshape((*shape, 1))(inputs) if len(shape) == 2 else inputs
    x = layers.Rescaling(*_to_bytes_scaling(scaling), name="to_bytes")(x)
    x = layers.Concatenate(name="three_channels")([x, x, x]) if x.shape[-1] == 1 else x
    least = LEAST_SIZES.get(name, LEAST_SIZE)
    size = [max(least, side) for side in shape[:2]]
    x = layers.Resizing(*size, name="resized")(x) if size != list(shape[:2]) else x
    source = None if weights == "none" else weights or "imagenet"
    try:
        return getattr(keras.applications, name)(
            include_top=False, weights=source, input_tensor=module.preprocess_input(x), pooling="avg"
        )
    except Exception as error:  # keras.utils.get_file raises a bare Exception when it cannot download
        if weights:
            raise InputError(f"{weights} does not hold the weights of {name} without its head") from error
        raise InputError(
            f"the weights of {name} are not on this machine and cannot be downloaded; give a file with `base_weights`,"
            " or `base_weights` none to start from random ones"
        ) from error


def _to_bytes_scaling(scaling: Scaling) -> tuple[float | list[float], float | list[float]]:
    """Return the factor and offset that bring scaled images back to 0..255; others had 8 bits before."""
    match scaling.scale:
        case "unit":
            return 255.0, 0.0
        case "signed":
            return 127.5, 127.5
        case _:
            return scaling.deviation, scaling.mean


def _find_module(name: str) -> ModuleType:
    """Return the submodule of `keras.applications` that has the model and its preprocessing."""
    modules = [value for value in vars(keras.applications).values() if hasattr(value, "preprocess_input")]
    known: dict[str, ModuleType] = {
        model: module for module in modules for model in vars(module) if model[:1].isupper()
    }
    known |= dict.fromkeys(("MobileNetV3Small", "MobileNetV3Large"), keras.applications.mobilenet_v3)  # not in it
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(known))}"
        raise InputError(f"{PREFIX}{name} is not there: {meant}")
    return known[name]
