"""Memory that commands take with data larger than it: python large_data.py FOLDER [GIGABYTES [KIND ...]].

A source is written into the folder piece by piece, a tiny network is trained on it for one epoch, quantized to int8
and compared, each in a process of its own, and the source is deleted. What is told is the most that all processes of a
command held at once, sampled every 20 ms (`VmRSS` of children, `VmHWM` of the first).
"""

import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.lib import format as npy
from pyarrow import csv, parquet

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.measured import held

SIDE, COLUMNS, CLASSES = 32, 40, 4
ROWS_AT_ONCE = 20_000
TRAIN = ("--arch", "mlp", "--size", "tiny", "--epochs", "1", "--batch-size", "1024")


def labels(count: int) -> np.ndarray:
    return (np.arange(count) % CLASSES).astype(np.int64)


def images(count: int) -> Iterator[np.ndarray]:
    """Yield noise that is brighter in one quarter: the label says in which."""
    rng = np.random.default_rng(0)
    for start in range(0, count, ROWS_AT_ONCE):
        y = (start + np.arange(min(ROWS_AT_ONCE, count - start))) % CLASSES
        x = rng.integers(0, 200, (len(y), SIDE, SIDE, 3), np.uint8)
        for label in range(CLASSES):
            x[y == label, 8 * label : 8 * label + 8] += 55
        yield x


def rows(count: int) -> Iterator[pa.RecordBatch]:
    """Yield rows of normal numbers to five digits, of which one is larger: the label says which."""
    rng = np.random.default_rng(0)
    for start in range(0, count, ROWS_AT_ONCE):
        y = (start + np.arange(min(ROWS_AT_ONCE, count - start))) % CLASSES
        x = rng.normal(size=(len(y), COLUMNS)).round(5)
        x[np.arange(len(y)), y] += 2
        columns = {f"x{i}": x[:, i].round(5) for i in range(COLUMNS)}
        yield pa.record_batch(columns | {"label": [f"c{label}" for label in y]})


def write_npz(path: Path, size: float, method: int) -> None:
    """Write an `.npz` of images piece by piece."""
    count = int(size / (SIDE * SIDE * 3))
    with zipfile.ZipFile(path, "w", method, compresslevel=1) as archive:
        with archive.open("x.npy", "w", force_zip64=True) as member:
            header = {"descr": "|u1", "fortran_order": False, "shape": (count, SIDE, SIDE, 3)}
            npy.write_array_header_1_0(member, header)
            for x in images(count):
                member.write(x.data)
        with archive.open("y.npy", "w") as member:
            npy.write_array(member, labels(count))


def write_table(path: Path, size: float) -> None:
    """Write a table of about this size; both kinds of file take about 8 bytes a number."""
    count = int(size / (8 * COLUMNS))
    first = next(rows(1))
    with path.open("wb") as file:
        if path.suffix == ".csv":
            file.write((",".join(first.schema.names) + "\n").encode())
            plain = csv.WriteOptions(include_header=False, quoting_style="none")
            writer = csv.CSVWriter(file, first.schema, write_options=plain)
        else:
            writer = parquet.ParquetWriter(file, first.schema)
        with writer:
            for batch in rows(count):
                writer.write_batch(batch)


WRITERS = {
    "stored.npz": lambda path, size: write_npz(path, size, zipfile.ZIP_STORED),
    "compressed.npz": lambda path, size: write_npz(path, size, zipfile.ZIP_DEFLATED),
    "table.csv": write_table,
    "table.parquet": write_table,
}


def measured(*arguments: str, folder: Path) -> tuple[float, int]:
    """Run a command of tfopt; return its seconds and the most bytes that it held, its children with it."""
    began, most = time.monotonic(), 0
    command = [sys.executable, "-m", "tfopt", *arguments, "-q"]
    with (folder / "err").open("w") as err:
        running = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=err)
        while running.poll() is None:
            most = max(most, held(running.pid))
            time.sleep(0.02)
    if running.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {(folder / 'err').read_text()[-500:]}")
    return time.monotonic() - began, most


def main() -> None:
    home, *rest = sys.argv[1:]
    gigabytes, *kinds = rest or ["5"]
    for kind in kinds or WRITERS:
        with tempfile.TemporaryDirectory(dir=home) as name:
            folder = Path(name)
            began = time.monotonic()
            WRITERS[kind](folder / kind, float(gigabytes) * 1e9)
            size, seconds = (folder / kind).stat().st_size / 1e9, time.monotonic() - began
            print(f"{kind}: {size:.2f} GB on disk, written in {seconds:.0f} s", flush=True)
            for command in (
                ("train", "--data", kind, *TRAIN),
                ("quantize", "model.keras", "--int8"),
                ("compare", "model.keras", "model-int8.tflite"),
            ):
                seconds, most = measured(*command, folder=folder)
                print(f"  {command[0]:9} {seconds:6.0f} s, {most / 1e6:6,.0f} MB", flush=True)


if __name__ == "__main__":
    main()
