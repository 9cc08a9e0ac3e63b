"""The least amount with which a model gets as small as was asked, by bisection: costs fall as channels leave."""

from collections.abc import Callable

from tfopt.errors import UnreachableError

STEPS = 24
MOST = 1 - 1e-9


def least_amount(cost: Callable[[float], float], target: float, what: str, steps: int = STEPS) -> float:
    """The least amount from 0 to 1 whose `cost`, a share of the original's, is at most `target`.

    Raises `UnreachableError`, which says what share of `what` is the least there can be.
    """
    least = cost(MOST)
    if least > target:
        raise UnreachableError(
            f"{what} cannot get to {target:g} of the original's: with all removed that can leave, {least:.3f} are left"
        )
    if cost(0.0) <= target:
        return 0.0
    low, high = 0.0, MOST
    for _ in range(steps):
        middle = (low + high) / 2
        if cost(middle) <= target:
            high = middle
        else:
            low = middle
    return high
