"""What this process may take of the machine, checked before TensorFlow, which crashes where it is too little."""

import contextlib

from tfopt.errors import InputError

LEAST_ADDRESSES = 3_000_000_000  # bytes; with less, TensorFlow fails to load, aborts or crashes


def check_memory() -> None:
    """Raise `InputError` if the addresses of this process are limited to less than TensorFlow needs."""
    with contextlib.suppress(ImportError):  # not on Windows
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_AS)
        if most != resource.RLIM_INFINITY and most < LEAST_ADDRESSES:
            raise InputError(
                f"this process may take {most:,} bytes of memory (ulimit -v), but TensorFlow needs {LEAST_ADDRESSES:,}"
            )
