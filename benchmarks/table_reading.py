"""How fast tables are read, against the csv module and float() of Python: python table_reading.py [ROWS].

Both read the same made-up table of numbers into float32, one after the other, so that the ratio holds on any machine.
"""

import csv
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tfopt.data.table_files import read_table

COLUMNS = 20


def write(folder: Path, rows: int) -> Path:
    """Write a table of normal numbers and a label of three classes."""
    rng = np.random.default_rng(0)
    values = np.c_[rng.normal(size=(rows, COLUMNS - 1)), rng.integers(0, 3, rows)]
    names = [*(f"x{i}" for i in range(COLUMNS - 1)), "label"]
    path = folder / "numbers.csv"
    np.savetxt(path, values, fmt=["%.6f"] * (COLUMNS - 1) + ["%d"], delimiter=",", header=",".join(names), comments="")
    return path


def with_python(path: Path) -> np.ndarray:
    with path.open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return np.array([[float(cell) for cell in row[:-1]] for row in rows], np.float32)


def with_tfopt(path: Path) -> np.ndarray:
    table = read_table(path)
    return np.stack([table.numbers(name) for name in list(table.columns)[:-1]], axis=1)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), rows)
        read_table(path)  # imports pyarrow
        taken, found = {}, []
        for read in (with_python, with_tfopt):
            began = time.process_time()
            found.append(read(path))
            taken[read] = time.process_time() - began
        np.testing.assert_array_equal(*found)
        size = path.stat().st_size / 1e6
        for name, read in (("Python's csv module", with_python), ("tfopt", with_tfopt)):
            print(f"{name:20} {taken[read]:6.2f} s of a processor, {size / taken[read]:5.0f} MB/s")
        print(f"{rows:,} rows of {COLUMNS}: {taken[with_python] / taken[with_tfopt]:.1f} times as fast")


if __name__ == "__main__":
    main()
