"""Data made to do harm: how each is made, and words of the sentence that refuses it."""

import gzip
import os
import struct
import zipfile
import zlib

import numpy as np
import pyarrow as pa
import tensorflow as tf
from pyarrow import parquet

from tests.hostile_models import pickled


def npz(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path.name


def npy(header, content=b""):
    text = repr(header).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def lying(folder, shape, dtype="<f4"):
    member = npy({"descr": dtype, "fortran_order": False, "shape": shape}, bytes(1000))
    with zipfile.ZipFile(folder / "d.npz", "w") as archive:
        for name in ("x", "y"):
            archive.writestr(f"{name}.npy", member)
    return "d.npz"


def pickled_samples(folder):
    (folder / "d.npz").write_bytes(pickled(folder))
    return "d.npz"


def text_file(folder, name, content):
    (folder / name).write_bytes(content)
    return name


def png(width, height):
    """Header and one empty row of an image of that size."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")


def images(folder, content):
    for kind in ("cat", "dog"):
        (folder / "images" / kind).mkdir(parents=True)
        for number in range(10):
            (folder / "images" / kind / f"{number}.png").write_bytes(content)
    return "images"


def gif(size, frames):
    """An image of this size with frames of theirs, each of one row at most."""
    screen = b"GIF89a" + struct.pack("<HHBBB", *size, 0x80, 0, 0) + bytes(6)
    return screen + b"".join(b",\0\0\0\0" + struct.pack("<HHB", *frame, 0) + b"\2\2\x44\1\0" for frame in frames) + b";"


def keyed(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path.name


def renamed(folder):
    images(folder, png(8, 8))
    first = folder / "images" / "cat" / "0.png"
    first.rename(os.fsdecode(os.fsencode(first.parent) + b"/\xff.png"))
    return "images"


def lzma_array(folder):
    with zipfile.ZipFile(folder / "d.npz", "w", zipfile.ZIP_LZMA) as archive:
        for name in ("x", "y"):
            archive.writestr(f"{name}.npy", npy({"descr": "<f4", "fortran_order": False, "shape": (9,)}, bytes(36)))
    return "d.npz"


def looping(folder):
    """Links to themselves, to parents and to each other, among folders of text files."""
    root = folder / "images"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "up").symlink_to(root)
    (root / "self").symlink_to("self")
    (root / "all").symlink_to(root)
    (root / "a" / "there").symlink_to("back")
    (root / "a" / "back").symlink_to("there")
    (root / "a" / "zero.png").symlink_to("/dev/zero")
    (root / "a" / "x.png").write_text("no image")
    return "images"


def repeated(folder, values):
    parquet.write_table(pa.table({"text": values}), folder / "d.parquet")
    return "d.parquet"


LONG = b"9" * 10**7
DATA = {
    "a pickle": (pickled_samples, "d.npz"),
    "a header that promises a terabyte": (lambda f: lying(f, (10**12,)), "damaged"),
    "a header that promises three gigabytes": (lambda f: lying(f, (10**9, 3), "u1"), "damaged"),
    "a header with a negative shape": (lambda f: lying(f, (-1, 4)), "damaged"),
    "a header that overflows": (lambda f: lying(f, (2**40, 2**40)), "damaged"),
    "a header that calls a function": (lambda f: lying(f, (1,), "__import__('os').getcwd()"), "damaged"),
    "an array of zeros that swells": (
        lambda f: npz(f / "d.npz", x=np.zeros((10**6, 1000), np.uint8), y=np.arange(10**6) % 2),
        "would swell",
    ),
    "formulas and texts": (
        lambda f: text_file(f, "d.csv", b"text,label\n" + b"=cmd|'/C touch executed'!A0,@SUM(1)\n" * 30),
        "one class only",
    ),
    "zero bytes": (lambda f: text_file(f, "d.csv", b"a,label\n" + b"1,\0\n" * 30), "zero bytes"),
    "a line of 10 MB": (
        lambda f: text_file(f, "d.csv", b"a,label\n" + LONG + b",1\n" + b"1,0\n1,1\n" * 30),
        "field larger than field limit",
    ),
    "lines of 10 MB between tabs": (
        lambda f: text_file(f, "d.tsv", b"a\tlabel\n" + LONG + b"\t1\n" + b"1\t0\n1\t1\n" * 3000),
        "no number",
    ),
    "names of 10 MB in the header": (
        lambda f: text_file(f, "d.tsv", LONG + b"\t" + LONG + b"\n" + b"1\t0\n1\t1\n" * 30),
        "bytes in line 1",
    ),
    "nines in gzip": (
        lambda f: text_file(f, "d.csv.gz", gzip.compress(b"a,label\n" + b"9" * 10**9, 1)),
        "would swell",
    ),
    "short lines in gzip": (
        lambda f: text_file(f, "d.csv.gz", gzip.compress(b"1,0\n" * 12_000_000, 1)),
        "more than 10,000,000 lines",
    ),
    "a line of 40 MB in gzip": (
        lambda f: text_file(f, "d.csv.gz", gzip.compress(b"a,label\n" + b"9" * 4 * 10**7, 1)),
        "bytes in line 2",
    ),
    "a line of 60,000,000 cells": (
        lambda f: text_file(f, "d.csv.gz", gzip.compress(b"1," * 59_999_999 + b"1\n", 1)),
        "bytes in line 1",
    ),
    "more texts than fit into memory": (
        lambda f: text_file(f, "d.csv.gz", gzip.compress((b"a," * 599 + b"a\n") * 90_000, 1)),
        "more than 50,000,000 cells",
    ),
    "a number repeated in parquet": (lambda f: repeated(f, np.zeros(7 * 10**7, np.float32)), "would swell"),
    "a text repeated in parquet": (
        lambda f: repeated(f, pa.array(["a" * 10**6]).dictionary_encode().take(pa.array([0] * 1000))),
        "would swell",
    ),
    "more columns than tables have": (lambda f: text_file(f, "d.csv", (b"1," * 10**6 + b"1\n") * 3), "columns"),
    "members that are no arrays": (
        lambda f: keyed(f / "d.npz", x=b"text", y=b"text"),
        "its member x is no array",
    ),
    "texts without words": (lambda f: text_file(f, "d.csv", b"text,label\n" + b"?!,0\n!!,1\n" * 30), "hold no words"),
    "a name that is not in UTF-8": (lambda f: renamed(f), "rename it"),
    "a pipe": (lambda f: os.mkfifo(f / "d.npz") or "d.npz", "no file but a folder, a device"),
    "an array that unpacks to more than it declares": (lzma_array, "compressed in a way"),
    "frames larger than their image": (lambda f: images(f, gif((10, 10), [(9000, 9000)] * 3)), "pixels"),
    "an image behind bytes that fill": (
        lambda f: images(f, b"\xff\xd8" + b"\xff" * 3 + b"\xff\xc0\0\x11\x08" + b"\x75\x30" * 2 + bytes(20)),
        "pixels",
    ),
    "links in circles": (looping, "x.png is no image"),
    "images larger than the memory": (lambda f: images(f, png(30_000, 30_000)), "pixels"),
    "images that are only just too large": (lambda f: images(f, png(12_000, 12_000)), "pixels"),
    "a first image that sets the size of all": (
        lambda f: images(f, tf.io.encode_png(np.zeros((3000, 3000, 1), "u1")).numpy()),
        "more than a batch can hold",
    ),
    "a device": (lambda f: (f / "d.csv").symlink_to("/dev/zero") or "d.csv", "a device"),
}
