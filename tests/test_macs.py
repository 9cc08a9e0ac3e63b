import keras
import pytest
import tensorflow as tf
from keras import layers

from tfopt.evaluation.keras_macs import keras_macs
from tfopt.formats.tflite.graph import tflite_macs


def _model(shape, *stack):
    return keras.Sequential([keras.Input(shape), *stack])


@pytest.mark.parametrize(
    ("model", "macs"),
    [
        (lambda: _model((7,), layers.Dense(5)), 7 * 5),
        (lambda: _model((4, 7), layers.Dense(5)), 4 * 7 * 5),
        (lambda: _model((8, 8, 3), layers.Conv2D(6, 3, padding="same")), 8 * 8 * 6 * 9 * 3),
        (lambda: _model((8, 8, 3), layers.Conv2D(6, 3, strides=2, padding="same")), 4 * 4 * 6 * 9 * 3),
        (lambda: _model((8, 8, 4), layers.Conv2D(6, 3, groups=2, padding="same")), 8 * 8 * 6 * 9 * 2),
        (lambda: _model((10, 3), layers.Conv1D(6, 5, padding="same")), 10 * 6 * 5 * 3),
        (lambda: _model((8, 8, 3), layers.DepthwiseConv2D(3, padding="same")), 8 * 8 * 3 * 9),
        (lambda: _model((8, 8, 3), layers.SeparableConv2D(6, 3, padding="same")), 8 * 8 * 3 * 9 + 8 * 8 * 3 * 6),
        (lambda: _model((4, 4, 3), layers.Conv2DTranspose(6, 3, strides=2, padding="same")), 4 * 4 * 3 * 9 * 6),
        (lambda: _model((10, 3), layers.LSTM(5)), 10 * (3 + 5) * 4 * 5),
        (lambda: _model((10, 3), layers.GRU(5, reset_after=True)), 10 * (3 + 5) * 3 * 5),
        (lambda: _model((10, 3), layers.Bidirectional(layers.SimpleRNN(5))), 2 * 10 * (3 + 5) * 5),
    ],
)
def test_macs_are_those_counted_by_hand(model, macs):
    assert keras_macs(model()) == macs


def test_macs_of_attention_count_projections_scores_and_values():
    inputs = keras.Input((6, 8))
    model = keras.Model(inputs, layers.MultiHeadAttention(2, 4)(inputs, inputs))
    projections = 4 * 6 * 8 * 8
    scores_and_values = 2 * (2 * 6 * 6 * 4)
    assert keras_macs(model) == projections + scores_and_values


def test_macs_are_none_where_a_size_is_free():
    assert keras_macs(_model((None, 3), layers.Conv1D(6, 5))) is None


def test_a_product_with_a_transposed_first_matrix_sums_over_its_rows():
    @tf.function(input_signature=[tf.TensorSpec((3, 5, 7)), tf.TensorSpec((3, 5, 2))])
    def product(a, b):
        return tf.matmul(a, b, transpose_a=True)

    payload = tf.lite.TFLiteConverter.from_concrete_functions([product.get_concrete_function()]).convert()
    assert tflite_macs(payload) == 3 * 7 * 2 * 5
