"""Random Functional models for Hypothesis: convolutions, sums, concatenations, squeeze-and-excite, shared layers."""

import keras
import numpy as np
from hypothesis import strategies as st
from keras import layers

STEPS = (
    "conv", "conv", "strided", "grouped", "depthwise", "separable", "transposed", "batch_norm", "group_norm", "prelu",
    "activation", "pool", "pad", "add", "multiply", "concatenate", "subtract", "squeeze_excite", "shared", "scale",
    "maximum", "nested",
)  # fmt: skip
ENDS = ("flatten", "average", "maximum", "keepdims", "sequence", "steps")
WIDTHS = st.sampled_from([2, 4, 6, 8])


STEP = st.tuples(st.sampled_from(STEPS), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), WIDTHS)
END = st.tuples(st.sampled_from(ENDS), WIDTHS)
# Width of the first convolution, 3 to 10 steps, two ends, width and activation of the dense layer after them, a seed.
RECIPES = st.tuples(
    WIDTHS,
    st.lists(STEP, min_size=3, max_size=10),
    st.tuples(END, END),
    WIDTHS,
    st.sampled_from(["relu", "softplus", "softmax"]),
    st.integers(0, 99),
)


def built(recipe):
    """The model of 8x8x3 images that a recipe says; each step takes tensors that are there already."""
    first, steps, ends, last, activation, seed = recipe
    inputs = keras.Input((8, 8, 3))
    tensors = [layers.Conv2D(first, 3, padding="same")(inputs)]
    shared = layers.Conv2D(first, 1, activation="tanh")
    for step, which, other, beside, width in steps:
        x = tensors[which % len(tensors)]
        alike = [y for y in tensors if y.shape == x.shape]
        around = [y for y in tensors if y.shape[1:3] == x.shape[1:3]]
        made = _made(step, x, alike[other % len(alike)], around[beside % len(around)], width, shared)
        if made is not None and min(made.shape[1:3]) > 1 and made.shape[-1] <= 64:
            tensors.append(made)
    found = [_end(end, y, width) for (end, width), y in zip(ends, tensors[-2:], strict=False)]
    x = layers.Concatenate()(found) if len(found) > 1 else found[0]
    x = layers.Dense(last, activation=activation)(x)
    return randomize(keras.Model(inputs, layers.Dense(3)(x)), seed)


def randomize(model, seed=0):
    """Give a model weights that are nowhere zero or one, so that nothing is hidden by chance."""
    rng = np.random.default_rng(seed)
    model.set_weights(
        [
            rng.uniform(0.5, 1.5, w.shape) if "variance" in w.path or "gamma" in w.path
            else rng.normal(0, 0.5 / max(1, np.prod(w.shape[:-1])) ** 0.5, w.shape) + 0.01 if w.dtype == "float32"
            else w.numpy()
            for w in model.weights
        ]
    )  # fmt: skip
    for layer in model.layers:
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()  # it computes with what it makes of its weights
    return model


def _made(step, x, other, beside, width, shared):
    channels = x.shape[-1]
    match step:
        case "conv":
            return layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        case "strided":
            return layers.Conv2D(width, 3, strides=2, padding="same")(x) if min(x.shape[1:3]) > 3 else None
        case "grouped":
            groups = 2 if channels % 2 == 0 else 1
            return layers.Conv2D(width, 3, padding="same", groups=channels if width % channels == 0 else groups)(x)
        case "depthwise":
            return layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2 if channels < 16 else 1)(x)
        case "separable":
            return layers.SeparableConv2D(width, 3, padding="same", depth_multiplier=2)(x)
        case "transposed":
            return layers.Conv2DTranspose(width, 3, padding="same")(x)
        case "batch_norm":
            return layers.BatchNormalization()(x)
        case "group_norm":
            return layers.GroupNormalization(2)(x)
        case "prelu":
            return layers.PReLU(shared_axes=[1, 2] if width > 4 else None)(x)
        case "activation":
            return keras.ops.silu(x) if width > 4 else layers.Activation("sigmoid")(x)
        case "pool":
            return layers.MaxPooling2D(padding="same")(x) if min(x.shape[1:3]) > 3 else None
        case "pad":
            return layers.Cropping2D(1)(layers.ZeroPadding2D(1)(x))
        case "add":
            return x + other if width > 4 else layers.Add()([x, other])
        case "multiply":
            return layers.Multiply()([x, other])
        case "subtract":
            return x - keras.ops.mean(other, axis=(1, 2), keepdims=True)
        case "maximum":
            return layers.Maximum()([x, other])
        case "concatenate":
            return layers.Concatenate()([x, beside])
        case "squeeze_excite":
            y = layers.GlobalAveragePooling2D()(x)
            y = layers.Dense(width, activation="relu")(layers.Reshape((1, 1, channels))(y))
            return layers.Multiply()([x, layers.Dense(channels, activation="sigmoid")(y)])
        case "shared":
            return shared(x) if x.shape[-1] == shared.filters else None
        case "scale":
            return layers.Rescaling(0.5, 0.1)(x) * 2.0
        case "nested":
            inner = keras.Input(x.shape[1:])
            return keras.Model(inner, layers.BatchNormalization()(layers.Conv2D(width, 1)(inner)))(x)


def _end(end, x, width):
    match end:
        case "flatten":
            return layers.Flatten()(x)
        case "average":
            return layers.GlobalAveragePooling2D()(x)
        case "maximum":
            return keras.ops.max(x, axis=[1, 2])
        case "keepdims":
            return layers.Flatten()(layers.GlobalMaxPooling2D(keepdims=True)(x))
        case "sequence":
            return layers.LSTM(width)(layers.Reshape((-1, x.shape[-1]))(x))
        case "steps":
            rows = layers.Reshape((x.shape[1], -1))(x)
            return layers.Bidirectional(layers.GRU(width))(layers.TimeDistributed(layers.Dense(width))(rows))
