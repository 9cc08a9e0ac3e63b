"""Answers that are masks or images: told in a line, and written as files where a folder is asked for."""

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfopt.data.scaling import IDENTITY, Scaling
from tfopt.formats.provenance import Provenance
from tfopt.report.predictions import Prediction
from tfopt.runtime.atomic_files import check_destination, check_folder, write_files
from tfopt.tasks.classes import predicted_classes
from tfopt.typing import Array

MOST_8_BIT = 255
SHOWN = 5  # classes of an image


def answer_with_masks(
    memory: Provenance, names: Sequence[str], outputs: Array, folder: Path | None, *, probabilities: bool, force: bool
) -> list[Prediction]:
    """Tell the share of each class in each image.

    Args:
        memory: What the model remembers, for the names of its classes.
        names: How each input is called.
        outputs: Scores of the classes (N, H, W, K), or (N, H, W, 1).
        folder: Where masks go, as PNG files that have the values of the masks it was trained on; None for nowhere.
        probabilities: Whether scores are such.
        force: Whether files that exist are replaced.

    Raises:
        OutputError: If a mask cannot be written.
    """
    masks = predicted_classes(outputs, probabilities=probabilities)
    classes = memory.class_names or tuple(map(str, range(max(2, outputs.shape[-1]))))
    values = _mask_values(classes)
    files = _write(folder, names, [_png(values[mask][..., np.newaxis]) for mask in masks] if folder else [], force)
    found = []
    for name, mask, file in zip(names, masks, files, strict=True):
        counts = np.bincount(mask.reshape(-1), minlength=len(classes)) / mask.size
        shares = {classes[i]: float(counts[i]) for i in np.argsort(-counts, kind="stable") if counts[i]}
        told = ", ".join(f"{word} {share:.1%}" for word, share in list(shares.items())[:SHOWN])
        found.append(Prediction(input=name, answer=told, shares=shares, file=file))
    return found


def answer_with_images(
    memory: Provenance, names: Sequence[str], outputs: Array, folder: Path | None, *, force: bool
) -> list[Prediction]:
    """Tell the range of each image, in the units of the data.

    Args:
        memory: What the model remembers, for the scaling of its targets.
        names: How each input is called.
        outputs: Images (N, H, W, C).
        folder: Where they go, as PNG files if they had 8 bits, else as .npy files; None for nowhere.
        force: Whether files that exist are replaced.

    Raises:
        OutputError: If an image cannot be written.
    """
    targets = memory.targets or IDENTITY
    pictures = targets.scale in ("unit", "signed") and outputs.shape[-1] in (1, 3)
    contents = [_picture(targets, one) if pictures else _npy(targets.inverse(one)) for one in outputs] if folder else []
    files = _write(folder, names, contents, force, "png" if pictures else "npy")
    return [
        Prediction(
            input=name, answer=f"values from {one.min():.4g} to {one.max():.4g}, mean {one.mean():.4g}", file=file
        )
        for name, one, file in zip(names, targets.inverse(outputs), files, strict=True)
    ]


def _mask_values(classes: Sequence[str]) -> Array:
    """Return the value of each class in a mask: its name if all are numbers of 8 bits, else its index."""
    numbers = all(name.isdecimal() and int(name) <= MOST_8_BIT for name in classes)
    return np.array([int(name) for name in classes] if numbers else range(len(classes))).astype(np.uint8)


def _picture(targets: Scaling, image: Array) -> bytes:
    """Encode an image that was scaled from 0 to 1, or from -1 to 1, with 8 bits."""
    shares = image if targets.scale == "unit" else (image + 1) / 2
    return _png(np.clip(np.round(np.nan_to_num(shares) * MOST_8_BIT), 0, MOST_8_BIT).astype(np.uint8))


def _png(pixels: Array) -> bytes:
    import tensorflow as tf

    encoded: bytes = tf.io.encode_png(pixels).numpy()
    return encoded


def _npy(values: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values.astype(np.float32), allow_pickle=False)
    return buffer.getvalue()


def _write(
    folder: Path | None, names: Sequence[str], contents: Sequence[bytes], force: bool, suffix: str = "png"
) -> list[str | None]:
    """Write a file for each input, named after it, and return their paths; None for each where there is no folder."""
    if folder is None:
        return [None] * len(names)
    check_folder(folder)
    folder.mkdir(exist_ok=True)
    seen: Counter[str] = Counter()
    paths = []
    for name in names:
        stem = Path(name).stem.replace(" ", "-")
        seen[stem] += 1
        paths.append(folder / (f"{stem}.{suffix}" if seen[stem] == 1 else f"{stem}-{seen[stem]}.{suffix}"))
    for path in paths:
        check_destination(path, force)
    write_files(dict(zip(paths, contents, strict=True)), force=force)
    return [str(path) for path in paths]
