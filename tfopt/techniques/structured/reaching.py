"""The least amount with which a model gets as small as was asked, by bisection: costs fall as channels leave."""

from collections.abc import Callable

STEPS = 24
MOST = 1 - 1e-9


def least_amount(cost: Callable[[float], float], target: float, low: float = 0.0, steps: int = STEPS) -> float:
    """The least amount from `low` to 1 whose `cost`, a share of the original's, is at most `target`; 1 if none is."""
    if cost(low) <= target:
        return low
    high = MOST
    for _ in range(steps):
        middle = (low + high) / 2
        if cost(middle) <= target:
            high = middle
        else:
            low = middle
    return high
