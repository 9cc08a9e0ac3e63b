import numpy as np
import pytest

from tfopt.graph.moments import Moments
from tfopt.techniques.binarization.bit_packing import pack, packed_size, unpack
from tfopt.techniques.rounding.compensation import compensated, descend, error, gptq
from tfopt.techniques.rounding.grids import find_grid
from tfopt.techniques.rounding.levels import LIMITS, codes, values
from tfopt.techniques.rounding.matching import matched
from tfopt.techniques.rounding.scales import nearest, scales

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


@pytest.mark.parametrize("levels", ["int2", "int3", "int4"])
def test_the_searched_scale_has_no_more_error_than_any_share_of_the_widest(levels):
    kernel = np.random.default_rng(0).normal(size=(60, 3))
    low, high = LIMITS[levels]
    widest = np.maximum(kernel.max(axis=0) / high, kernel.min(axis=0) / low)
    found = ((kernel - nearest(kernel, levels)) ** 2).sum(axis=0)
    for share in (0.3, 0.5, 0.7, 0.85, 1.0):
        scale = widest * share
        assert (found <= 1.02 * ((kernel - codes(kernel, scale, levels) * scale) ** 2).sum(axis=0)).all()


def test_every_level_is_used_and_no_other():
    kernel = np.linspace(-3, 3, 200)[:, np.newaxis]
    for levels, (low, high) in LIMITS.items():
        chosen = codes(kernel, np.array([3 / max(high, 1)]), levels)
        assert low <= chosen.min() <= chosen.max() == high


def test_by_hand_the_second_weight_makes_up_for_the_first():
    """Both inputs are always equal, so that 0.4 + 0.4 is nearer to 1 + 0 than to 0 + 0."""
    kernel, second = np.array([[[0.4], [0.4]]]), np.array([[[1.0, 0.999], [0.999, 1.0]]])
    one, free = np.ones((1, 1)), np.ones((1, 2, 1), np.int8)
    assert codes(kernel[0], one[0], "int4").tolist() == [[0], [0]]
    assert gptq(kernel, one, "int4", second, free).tolist() == [[[0], [1]]]
    assert descend(kernel, np.zeros((1, 2, 1), np.int8), one, "int4", second, free).tolist() == [[[1], [0]]]


def test_the_input_that_varies_most_is_rounded_first():
    kernel, one = np.array([[[0.4], [0.4]]]), np.ones((1, 1))
    second = np.array([[[1.0, 1.9], [1.9, 4.0]]])
    assert gptq(kernel, one, "int4", second, np.ones((1, 2, 1), np.int8)).tolist() == [[[1], [0]]]


def correlated(rows=500, size=20, channels=8):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, 3)) @ rng.normal(size=(3, size)) + 0.1 * rng.normal(size=(rows, size))
    return x, rng.normal(size=(1, size, channels)), (x.T @ x / rows)[np.newaxis]


@pytest.mark.parametrize("levels", ["binary", "ternary", "int2", "int3", "int4"])
def test_compensation_answers_correlated_inputs_better_than_rounding(levels):
    x, kernel, second = correlated()
    scale = scales(kernel, levels)
    chosen, fitted = compensated(kernel, scale, levels, second)
    plain, made_up = (
        np.mean((x @ (kernel - values(*pair))[0]) ** 2)
        for pair in ((codes(kernel, scale, levels), scale), (chosen, fitted))
    )
    assert made_up < 0.3 * plain
    assert LIMITS[levels][0] <= chosen.min() <= chosen.max() <= LIMITS[levels][1]


def test_descent_never_adds_to_the_error():
    _, kernel, second = correlated(size=150)
    second = second + 0.01 * np.eye(150)
    scale, free = scales(kernel, "int2"), np.ones(kernel.shape, np.int8)
    chosen = gptq(kernel, scale, "int2", second, free)
    better = descend(kernel, chosen, scale, "int2", second, free)
    before, after = (error(kernel, values(each, scale), second) for each in (chosen, better))
    assert (after <= before * (1 + 1e-9)).all()
    assert after.sum() < before.sum()


def test_without_correlation_compensation_is_rounding():
    kernel = np.random.default_rng(2).normal(size=(1, 300, 5))  # more rows than a block has
    scale, free = scales(kernel, "ternary"), np.ones(kernel.shape, np.int8)
    found = gptq(kernel, scale, "ternary", np.eye(300)[np.newaxis], free)
    np.testing.assert_array_equal(found, codes(kernel, scale, "ternary"))


def test_each_matrix_of_a_stack_is_rounded_by_its_own_inputs():
    rng = np.random.default_rng(3)
    kernel = rng.normal(size=(4, 9, 2))
    roots = rng.normal(size=(4, 9, 9))
    second = roots @ np.swapaxes(roots, 1, 2)
    scale = scales(kernel, "int4")
    together = compensated(kernel, scale, "int4", second)
    for group in range(4):
        alone = compensated(*(x[group : group + 1] for x in (kernel, scale)), "int4", second[group : group + 1])
        np.testing.assert_array_equal(together[0][group], alone[0][0])


def test_a_weight_that_has_to_be_zero_is_zero_and_the_others_make_up_for_it():
    x, kernel, second = correlated()
    alive = (np.random.default_rng(4).random(kernel.shape) > 0.5).astype(np.int8)
    scale = scales(kernel * alive, "int4")
    chosen, fitted = compensated(kernel, scale, "int4", second, alive)
    assert not chosen[alive == 0].any()
    cut = kernel * alive
    assert np.mean((x @ (kernel - values(chosen, fitted))[0]) ** 2) < 0.5 * np.mean((x @ (kernel - cut)[0]) ** 2)


def fed_by(before, after, kernel):
    answers = before @ kernel[0]
    mean, mean_answer = after.mean(axis=0), answers.mean(axis=0)
    covariances = (after - mean).T @ np.hstack([after - mean, answers - mean_answer]) / len(after)
    size = after.shape[1]
    parts = (mean, mean_answer, covariances[:, :size], covariances[:, size:], answers.var(axis=0))
    return Moments(len(after), *(part[np.newaxis] for part in parts))


@pytest.mark.parametrize("levels", ["binary", "ternary", "int2", "int3", "int4", "int8"])
@pytest.mark.parametrize("compensate", [False, True])
def test_a_matched_kernel_gives_the_mean_and_the_variance_of_the_float_one(levels, compensate):
    rng = np.random.default_rng(0)
    before = rng.normal(size=(400, 12)) @ rng.normal(size=(12, 12)) + rng.normal(size=12)
    after = before + 0.3 * rng.normal(size=before.shape)
    kernel = rng.normal(size=(1, 12, 5))
    result = matched(kernel, levels, fed_by(before, after, kernel), compensate=compensate)
    wanted, found = before @ kernel[0], after @ result.kernel[0] + result.shift[0]
    np.testing.assert_allclose(found.mean(axis=0), wanted.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.std(axis=0), wanted.std(axis=0), rtol=1e-6)
    assert np.array_equal(codes(result.kernel, result.scale, levels), result.chosen)


def test_zeros_and_constant_inputs_give_no_nan():
    kernel = np.stack([np.zeros((6, 2)), np.ones((6, 2))])
    nothing = Moments(
        9, np.ones((2, 6)), kernel.sum(axis=1), np.zeros((2, 6, 6)), np.zeros((2, 6, 2)), np.zeros((2, 2))
    )
    for levels in LIMITS:
        result = matched(kernel, levels, nothing, compensate=True)
        assert np.isfinite(result.kernel).all()
        assert not (result.kernel[0] if levels != "binary" else np.zeros(1)).any()
        np.testing.assert_allclose(result.kernel.sum(axis=1) + result.shift, nothing.mean_answer)


@pytest.mark.parametrize("levels", ["ternary", "int2", "int3", "int4", "int8"])
def test_what_was_rounded_is_found_again(levels):
    rng = np.random.default_rng(0)
    low, high = LIMITS[levels]
    chosen, scale = rng.integers(low, high + 1, size=(40, 6)), rng.uniform(0.001, 10, size=6)
    chosen[:, 0] = 0
    kernel = (chosen * scale).astype(np.float32)
    grid = find_grid(kernel, levels)
    np.testing.assert_allclose(grid.chosen * grid.scale, kernel, rtol=1e-6)
    assert grid.scale[0] == 0
    assert find_grid(rng.normal(size=(40, 6)), levels) is None


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
