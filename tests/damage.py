"""Damaged copies of a model through the library, one after the other: `python -m tests.damage FILE MODEL PART`.

Prints a line for each: what was done to the file, and how `inspect` and `compare` ended. Whoever started it notices by
the lines when it hangs or dies.
"""

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

CUTS = 100
FLIPS = 200


def damaged(payload: bytes, part: int) -> Iterator[tuple[str, bytes]]:
    """Every `part`th of: cut at each percent, and with one bit of a random byte flipped."""
    rng = random.Random(len(payload))
    for percent in range(0, CUTS, part):
        yield f"cut at {percent} %", payload[: len(payload) * percent // 100]
    for _ in range(FLIPS // part):
        place, bit = rng.randrange(len(payload)), rng.randrange(8)
        changed = bytearray(payload)
        changed[place] ^= 1 << bit
        yield f"bit {bit} of byte {place} flipped", bytes(changed)


def ended(function, *arguments, **options) -> str:
    """How a call ended: done, refused, or with an exception that no user should see."""
    from tfopt.errors import TfoptError

    try:
        function(*arguments, **options)
    except TfoptError as error:
        return "refused" if "\n" not in str(error) and str(error) else f"in several lines: {error!r}"
    except BaseException as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return "done"


def main(path: Path, model: Path, part: int) -> None:
    """Try them all."""
    from tfopt import api as judging
    from tfopt.data.config import DataConfig
    from tfopt.data.loader import load as load_data
    from tfopt.formats.loading import load

    payload = path.read_bytes()
    sound, digits = load(model), load_data(DataConfig())
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"damaged{path.suffix}"
        for what, content in damaged(payload, part):
            copy.write_bytes(content)
            inspected = ended(judging.inspect, copy)
            compared = ended(judging.compare, [sound, copy], digits)
            print(f"{what}|{inspected}|{compared}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
