"""Length of a training, and samples of a step, where nothing else is asked for.

What a training needs is steps, and an epoch of few samples has few of them: too few for a model to learn anything, and
for the moving averages of its normalizations to follow. So batches get smaller and epochs more where samples are few.
"""

from math import ceil

BATCH_SIZE, LEAST_BATCH = 64, 8
STEPS_AN_EPOCH = 32
EPOCHS, STEPS = 30, 1000
PATIENCE, PATIENT_STEPS = 10, 300


def default_batch_size(samples: int, replicas: int = 1) -> int:
    """Return the batch size for so many training samples: halved while an epoch has less than 32 steps.

    Args:
        samples: The number of training samples.
        replicas: Each of these must get one.

    Example:
        >>> [default_batch_size(samples) for samples in (60, 360, 1_079, 100_000)]
        [8, 8, 32, 64]
    """
    size = BATCH_SIZE
    while size > LEAST_BATCH and samples / size < STEPS_AN_EPOCH:
        size //= 2
    return max(size, replicas)


def default_epochs(steps: int) -> int:
    """Return the most epochs, of so many steps each: 30, or as many as make 1,000 steps.

    >>> default_epochs(8), default_epochs(1_563)
    (125, 30)
    """
    return max(EPOCHS, ceil(STEPS / steps))


def default_patience(steps: int) -> int:
    """Return after how many epochs without a better one to stop: 10, or as many as make 300 steps.

    >>> default_patience(8), default_patience(1_563)
    (38, 10)
    """
    return max(PATIENCE, ceil(PATIENT_STEPS / steps))
