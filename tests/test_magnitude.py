import numpy as np
import pytest

from tfopt.techniques.pruning.magnitude import masks, sparsity


def test_smallest_magnitudes_of_each_kernel_go():
    first, second = masks([np.array([[0.1, -3.0], [2.0, -0.2]]), np.array([5.0, 4.0, 9.0, -8.0])], 0.5, "layer")
    assert first.tolist() == [[False, True], [True, False]]
    assert second.tolist() == [False, False, True, True]


def test_smallest_magnitudes_of_all_kernels_together_go():
    first, second = masks([np.array([0.1, -0.3, 0.2, 0.4]), np.array([5.0, 4.0])], 0.5, "global")
    assert first.tolist() == [False, False, False, True]
    assert second.tolist() == [True, True]


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.99])
@pytest.mark.parametrize("kernel", [np.ones((5, 20)), np.zeros((10, 10)), np.arange(100.0)])
def test_exactly_the_asked_number_goes_even_among_equal_magnitudes(share, kernel):
    [mask] = masks([kernel], share, "layer")
    assert mask.shape == kernel.shape
    assert (~mask).sum() == round(share * 100)


def test_zeros_are_the_first_to_go_so_that_earlier_pruning_is_kept():
    kernel = np.array([0.0, 3.0, 0.0, 2.0, 1.0, 5.0])
    [mask] = masks([kernel], 0.5, "layer")
    assert mask.tolist() == [False, True, False, True, False, True]


def test_masks_are_those_of_tensorflow_model_optimization():
    """TFMOT keeps the round(size * (1 - sparsity)) largest magnitudes (pruning_impl.Pruning._update_mask)."""
    import tensorflow as tf
    from tensorflow_model_optimization.python.core.sparsity.keras import pruning_impl, pruning_schedule

    kernel = np.random.default_rng(0).normal(size=(30, 40)).astype("float32")
    for share in (0.1, 0.5, 0.73, 0.95):
        schedule = pruning_schedule.ConstantSparsity(share, begin_step=0, frequency=1)
        theirs = pruning_impl.Pruning(
            training_step_fn=lambda: 1,
            pruning_vars=[],
            pruning_schedule=schedule,
            block_size=(1, 1),
            block_pooling_type="AVG",
        )
        _, mask = theirs._update_mask(tf.constant(kernel))
        [ours] = masks([kernel], share, "layer")
        np.testing.assert_array_equal(ours, mask.numpy() > 0)


def test_sparsity_is_the_share_of_exact_zeros():
    assert sparsity(np.array([0.0, 1e-30, 0.0, 2.0])) == 0.5
