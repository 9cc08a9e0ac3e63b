"""Small models of every kind of architecture, for 8x8x1 images and 10 classes unless their name says otherwise."""

import keras
from keras import layers


def images():
    return keras.Input((8, 8, 1))


def conv1d():
    inputs = images()
    x = layers.Reshape((8, 8))(inputs)
    x = layers.Conv1D(16, 3, activation="relu", padding="causal")(x)
    x = layers.BatchNormalization()(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dense(16, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def lstm():
    inputs = images()
    x = layers.LSTM(16)(layers.Reshape((8, 8))(inputs))
    x = layers.Dense(16, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def bidirectional_gru():
    inputs = images()
    x = layers.Reshape((8, 8))(inputs)
    x = layers.Bidirectional(layers.GRU(8, return_sequences=True))(x)
    x = layers.TimeDistributed(layers.Dense(8, activation="tanh"))(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.GRU(8)(x)))


def transformer():
    inputs = images()
    x = layers.Dense(16)(layers.Reshape((16, 4))(inputs))
    y = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(2, 8)(y, y)
    y = layers.Dense(32, activation="gelu")(layers.LayerNormalization()(x))
    x = layers.Add()([x, layers.Dense(16)(y)])
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling1D()(x)))


def nested():
    body = [
        keras.Input((8, 8, 1)),
        layers.Conv2D(8, 3, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.SeparableConv2D(16, 3, activation="relu"),
    ]
    inputs = keras.Input((4, 4, 16))
    head = keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.Flatten()(inputs)), name="head")
    inputs = images()
    return keras.Model(inputs, head(keras.Sequential(body, name="body")(inputs)))


def residual():
    inputs = images()
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    y = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(x))
    x = layers.ReLU(max_value=6)(layers.Add()([x, y]))
    y = layers.DepthwiseConv2D(3)(layers.Conv2DTranspose(8, 3, strides=2)(x))
    y = layers.GlobalAveragePooling2D()(layers.Activation("relu")(layers.BatchNormalization()(y)))
    x = layers.Concatenate()([y, layers.GlobalMaxPooling2D()(x)])
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.Dense(16, activation="elu")(x)))


def squeeze_excite():
    inputs = images()
    x = layers.Activation("hard_silu")(layers.BatchNormalization()(layers.Conv2D(8, 3)(inputs)))
    y = layers.Conv2D(8, 1, activation="hard_sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return keras.Model(inputs, layers.Dense(10)(layers.Flatten()(layers.Multiply()([x, y]))))


def shared_layer():
    inputs = images()
    convolution = layers.Conv2D(1, 3, padding="same", activation="silu")
    return keras.Model(inputs, layers.Dense(10)(layers.Flatten()(convolution(convolution(inputs)))))


def masked_tokens():
    inputs = keras.Input((6,), dtype="int32")
    x = layers.Embedding(10, 4, mask_zero=True)(inputs)
    x = layers.LSTM(5, return_sequences=True)(x)
    return keras.Model(inputs, layers.Dense(3)(layers.Bidirectional(layers.LSTM(4))(x)) * 2.0)


def two_in_two_out():
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((4,), name="right")
    x = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(left))
    x = layers.Concatenate()([x, layers.LeakyReLU(0.2)(layers.Dense(4)(right))])
    y = keras.ops.mean(left[:, 1:3], axis=(1, 2))
    return keras.Model({"left": left, "right": right}, {"b": layers.Dense(2)(x), "a": layers.PReLU()(y)})


def stacked_cells():
    inputs = keras.Input((None, 4))
    cells = layers.StackedRNNCells([layers.LSTMCell(3), layers.GRUCell(3)])
    x = layers.SimpleRNN(4, return_sequences=True)(layers.RNN(cells, return_sequences=True)(inputs))
    return keras.Model(inputs, layers.Attention()([x, x]))


def autoencoder():
    return keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, strides=2, padding="same", kernel_regularizer="l2"),
            layers.GroupNormalization(2),
            layers.Dropout(0.2),
            layers.UpSampling2D(),
            layers.Resizing(16, 16),
            layers.Conv2DTranspose(1, 3, padding="same", activation="sigmoid"),
        ]
    )


CLASSIFIERS = [conv1d, lstm, bidirectional_gru, transformer, nested, residual, squeeze_excite, shared_layer]
OTHERS = [masked_tokens, two_in_two_out, stacked_cells, autoencoder]
