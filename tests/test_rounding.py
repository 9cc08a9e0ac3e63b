import numpy as np
import pytest

from tfopt.techniques.binarization.bit_packing import pack, packed_size, unpack
from tfopt.techniques.binarization.rounding import codes, compensated, scales

KERNEL = np.array([[1.0, -4.0], [-2.0, 0.1], [3.0, 0.2]])


def test_a_binary_scale_is_the_mean_magnitude_and_a_code_the_sign():
    np.testing.assert_allclose(scales(KERNEL, "binary"), [2.0, 4.3 / 3])
    assert codes(KERNEL, np.ones(2), "binary").tolist() == [[1, -1], [-1, 1], [1, 1]]


def test_the_ternary_scale_has_the_least_squared_error_of_all_thresholds():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(50, 4))
    scale = scales(kernel, "ternary")
    error = ((codes(kernel, scale, "ternary") * scale - kernel) ** 2).sum(axis=0)
    for threshold in np.linspace(0, 2, 100):
        large = np.abs(kernel) > threshold
        other = np.abs(kernel * large).sum(axis=0) / np.maximum(large.sum(axis=0), 1)
        assert (error <= ((np.sign(kernel) * large * other - kernel) ** 2).sum(axis=0) + 1e-9).all()


def test_the_ternary_scale_of_one_large_weight_is_that_weight():
    np.testing.assert_allclose(scales(KERNEL, "ternary")[1], 4.0)
    assert codes(KERNEL, scales(KERNEL, "ternary"), "ternary")[:, 1].tolist() == [-1, 0, 0]


def test_eight_bits_reach_from_the_largest_magnitude_to_its_negative():
    scale = scales(KERNEL, "int8")
    np.testing.assert_allclose(scale, [3 / 127, 4 / 127])
    assert codes(KERNEL, scale, "int8").tolist() == [[42, -127], [-85, 3], [127, 6]]


def test_a_channel_of_zeros_has_the_scale_zero_and_no_nan():
    zeros = np.zeros((4, 1))
    for levels in ("binary", "ternary", "int8"):
        assert scales(zeros, levels).tolist() == [0.0]
        assert np.isfinite(codes(zeros, np.zeros(1), levels)).all()


def test_compensation_answers_correlated_inputs_better_than_rounding():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 3)) @ rng.normal(size=(3, 20)) + 0.1 * rng.normal(size=(500, 20))
    kernel = rng.normal(size=(20, 8))
    scale = scales(kernel, "binary")
    plain, made_up = (
        np.mean((x @ (chosen * scale) - x @ kernel) ** 2)
        for chosen in (codes(kernel, scale, "binary"), compensated(kernel, scale, "binary", x.T @ x / len(x)))
    )
    assert made_up < 0.5 * plain


def test_without_correlation_compensation_is_rounding():
    kernel = np.random.default_rng(2).normal(size=(300, 5))  # more rows than a block has
    scale = scales(kernel, "ternary")
    np.testing.assert_array_equal(compensated(kernel, scale, "ternary", np.eye(300)), codes(kernel, scale, "ternary"))


@pytest.mark.parametrize("levels", ["binary", "ternary", "int8"])
@pytest.mark.parametrize("shape", [(1,), (3, 5), (7, 1, 3), (8, 8), (65, 17)])
def test_what_was_packed_is_unpacked(levels, shape):
    rng = np.random.default_rng(0)
    values = {"binary": [-1, 1], "ternary": [-1, 0, 1], "int8": range(-127, 128)}[levels]
    given = rng.choice(values, shape).astype(np.int8)
    packed = pack(given, levels)
    assert (packed.dtype, packed.shape) == (np.uint8, (packed_size(given.size, levels),))
    np.testing.assert_array_equal(unpack(packed, shape, levels), given)


def test_bits_by_hand():
    assert pack(np.array([1, -1, 1, 1, -1, -1, -1, -1, 1], np.int8), "binary").tolist() == [0b10110000, 0b10000000]
    assert pack(np.array([1, 0, -1, 0, 0], np.int8), "ternary").tolist() == [2 + 1 * 3 + 0 * 9 + 1 * 27 + 1 * 81]


def test_the_wrong_number_of_bytes_is_refused():
    with pytest.raises(ValueError, match="3 bytes do not hold 9 binary weights"):
        unpack(np.zeros(3, np.uint8), (9,), "binary")
