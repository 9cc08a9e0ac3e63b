"""A model called with other values in place of some of its weights, through which gradients pass.

Techniques that train rounded weights need that: what is rounded is used, what is behind it is trained.
"""

from collections.abc import Callable, Sequence

import keras

from tfopt.typing import Tensor


def call_with_weights(
    model: keras.Model,
    replaced: Sequence[tuple[keras.Variable, Tensor]],
    run: Callable[[], Tensor],
    *,
    training: bool | None,
) -> Tensor:
    """Run a model with other values of some weights.

    What it updates itself while it is trained, such as the statistics of normalizations, is updated.

    Args:
        model: The model.
        replaced: Weights and the values that stand for them.
        run: Calls the model.
        training: Whether it is trained.

    Returns:
        What `run` returns.
    """
    with keras.StatelessScope(state_mapping=replaced) as scope:
        outputs = run()
    for variable in model.non_trainable_variables if training else ():
        value = scope.get_current_value(variable)
        if value is not None:
            variable.assign(value)
    return outputs
