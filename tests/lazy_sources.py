"""The same data in each format, small, for tests that hold them and tests that do not."""

import numpy as np
import pyarrow as pa
import tensorflow as tf
from pyarrow import csv, parquet
from scipy.io import wavfile

from tests.test_arrow_folders import CLASSES, saved
from tests.test_tfrecords import example, written

ROWS = 120
rng = np.random.default_rng(0)
IMAGES = rng.integers(0, 256, (ROWS, 6, 5, 3), dtype=np.uint8)
NUMBERS = rng.normal(3, 2, (ROWS, 7)).astype(np.float32)
LABELS = np.arange(ROWS) % 3
STEPS = np.cumsum(rng.normal(size=(ROWS * 3, 4)), axis=0).astype(np.float32)
COLUMNS = {f"x{i}": NUMBERS[:, i] for i in range(7)} | {"label": [f"c{label}" for label in LABELS]}


WORDS = [f"\xe4 {row % 7} {'lorem ipsum ' * (row % 5)}{row}" for row in range(ROWS)]
TEXTS = {"text": [f" {word} is a {row % 3}, not {row}\U0001f600" for row, word in enumerate(WORDS)], "label": LABELS}
TEXTS["text"][5] = "  "
PARTS = [("train", "test", "train", "val")[row % 4] for row in range(ROWS)]


def npz(path, save=np.savez, **arrays):
    save(path, **arrays)
    return path


def table(path, columns):
    (csv.write_csv if path.suffix == ".csv" else parquet.write_table)(pa.table(columns), path)
    return path


def records(folder, encoding):
    pairs = zip(IMAGES, LABELS, strict=True)
    if encoding == "image":
        rows = [example(x=tf.io.encode_png(x).numpy(), label=int(y)) for x, y in pairs]
    else:
        rows = [example(x=x.tobytes(), label=int(y)) for x, y in pairs]
    shape = {} if encoding == "image" else {"shape": IMAGES.shape[1:]}
    x = {"feature": "x", "encoding": encoding, **shape}
    return written(folder / "d.tfrecord", rows, {"x": x, "y": {"feature": "label", "encoding": "int"}})


def sounds(folder):
    for row in range(40):
        wave = np.sin(np.arange(800) * (0.1 + 0.3 * (row % 2) + row / 1000)) * 20_000
        (folder / "ab"[row % 2]).mkdir(parents=True, exist_ok=True)
        wavfile.write(folder / "ab"[row % 2] / f"{row:02}.wav", 8000, wave.astype(np.int16))
    return folder


def arrow_images(folder):
    shots = [{"bytes": tf.io.encode_png(x).numpy(), "path": None} for x in IMAGES]
    return saved(folder, {"image": shots, "label": LABELS % 2}, CLASSES | {"image": {"_type": "Image"}})


def arrow_lists(folder):
    return saved(folder, {"x": NUMBERS.tolist(), "label": LABELS % 2}, CLASSES, shards=2)


SPLIT = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:30], "y_test": LABELS[:30]}
SOURCES = {
    "images in an npz": lambda f: (npz(f / "d.npz", x=IMAGES, y=LABELS), {}),
    "images in an npz, standardized": lambda f: (npz(f / "d.npz", **SPLIT), {"scale": "standard"}),
    "rows in a compressed npz": lambda f: (npz(f / "d.npz", np.savez_compressed, x=NUMBERS, y=LABELS), {}),
    "rows in another order of axes": lambda f: (
        npz(f / "d.npz", x=np.asfortranarray(NUMBERS), y=LABELS), {"scale": "standard"}
    ),
    "images in another order of axes": lambda f: (npz(f / "d.npz", x=np.asfortranarray(IMAGES), y=LABELS), {}),
    "several inputs": lambda f: (npz(f / "d.npz", **{"x.a": IMAGES, "x.b": NUMBERS, "y": LABELS}), {}),
    "token ids": lambda f: (npz(f / "d.npz", x=LABELS[:, None] + np.arange(9), y=LABELS), {"tokens": True}),
    "masks": lambda f: (npz(f / "d.npz", x=IMAGES, y=(IMAGES[..., 0] > 99) * np.uint8(255)), {}),
    "one-hot masks": lambda f: (npz(f / "d.npz", x=IMAGES, y=np.eye(2)[(IMAGES[..., 0] > 99).astype(int)]), {}),
    "images to images": lambda f: (npz(f / "d.npz", x=IMAGES, y=IMAGES[..., :1]), {}),
    "an autoencoder": lambda f: (npz(f / "d.npz", x=NUMBERS, y=LABELS), {"target": "inputs"}),
    "anomalies": lambda f: (
        npz(f / "d.npz", x_train=IMAGES, x_test=IMAGES[:30], y_test=LABELS[:30] % 2), {"task": "anomaly"}
    ),
    "steps of a series": lambda f: (npz(f / "d.npz", values=STEPS), {"window": 8, "horizon": 3}),
    "a csv": lambda f: (table(f / "d.csv", COLUMNS), {}),
    "a csv, a column to predict": lambda f: (table(f / "d.csv", {**COLUMNS, "label": NUMBERS[:, 0]}), {}),
    "a csv, a column of numbers read as text": lambda f: (table(f / "d.csv", {"class": LABELS, **COLUMNS}), {}),
    "a parquet": lambda f: (table(f / "d.parquet", COLUMNS), {}),
    "a series in a csv": lambda f: (
        table(f / "d.csv", {f"v{i}": STEPS[:, i] for i in range(4)}), {"window": 8, "horizon": 3, "target": "v2"}
    ),
    "texts in a csv": lambda f: (table(f / "d.csv", TEXTS), {}),
    "texts in a parquet, and a split": lambda f: (table(f / "d.parquet", TEXTS | {"split": PARTS}), {}),
    "letters in a csv": lambda f: (table(f / "d.csv", TEXTS), {"characters": True}),
    "translations in a csv": lambda f: (table(f / "d.csv", {"source": TEXTS["text"], "target": WORDS}), {}),
    "images in records": lambda f: (records(f / "r", "image"), {"image_size": 4}),
    "bytes in records": lambda f: (records(f / "r", "raw"), {}),
    "sounds": lambda f: (sounds(f / "s"), {}),
    "images of Hugging Face": lambda f: (arrow_images(f / "h"), {}),
    "lists of Hugging Face": lambda f: (arrow_lists(f / "h"), {}),
}  # fmt: skip
