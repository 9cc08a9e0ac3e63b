"""Folders with a folder of files for each class, or with train, test and perhaps validation folders that hold such."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfopt.data.config import DataConfig
from tfopt.data.splits import parse_split_name
from tfopt.errors import InputError
from tfopt.typing import Array

BESIDE = (".csv", ".db", ".html", ".ini", ".json", ".md", ".tsv", ".txt", ".xml", ".yaml", ".yml", ".zip")  # no samples


class ClassFiles(NamedTuple):
    """Files (N,) with their class indices and, where folders say so, their splits; what lies beside them is noted."""

    paths: Array
    labels: Array
    parts: Array | None
    class_names: tuple[str, ...]
    notes: tuple[str, ...]


def list_class_files(root: Path, config: DataConfig, names: tuple[str, ...] | None, noun: str) -> ClassFiles:
    """List the files below `root` by their classes.

    Args:
        root: The folder.
        config: The config, whose task must be a classification.
        names: The classes that a model remembers; None takes the names of the folders.
        noun: What a file holds, for messages.

    Raises:
        InputError: If there is no file, a class is unknown, or a name cannot be printed.
    """
    if config.task not in (None, "classification"):
        raise InputError(f"`task` {config.task} does not suit {root}, a folder of {noun}s by class")
    parts = [parse_split_name(path.name) for path in list_folders(root)]
    divided = "train" in parts and None not in parts
    parents = list_folders(root) if divided else [root]
    classes = names or _find_classes(root, parents, noun)
    listed = [
        (path, classes.index(label), parse_split_name(parent.name) if divided else None)
        for parent in parents
        for label, path in _list_labelled_files(root, parent, classes)
    ]
    found = [item for item in listed if item[0].suffix.lower() not in BESIDE]
    if not found:
        raise InputError(f"{root} holds no {noun}")
    for path, _, _ in found:
        if not str(path).isprintable():
            raise InputError(f"{str(path)!r} has a name that is not in UTF-8 or cannot be printed; rename it")
    paths, labels, part_of = (np.array(column) for column in zip(*((str(p), y, s) for p, y, s in found), strict=True))
    left_out = [path for path, _, _ in listed if path.suffix.lower() in BESIDE]
    return ClassFiles(paths, labels, part_of if divided else None, classes, _note_left_out(left_out, root, noun))


def list_folders(path: Path) -> list[Path]:
    """Return the folders in `path` but for hidden ones and links: one to a parent would be all classes at once."""
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.is_symlink() and not p.name.startswith("."))


def _find_classes(root: Path, parents: list[Path], noun: str) -> tuple[str, ...]:
    classes = tuple(sorted({path.name for parent in parents for path in list_folders(parent)}))
    if not classes:
        raise InputError(f"{root} holds no folder of {noun}s for each class, nor train and test folders that do")
    return classes


def _list_labelled_files(root: Path, inside: Path, classes: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Yield class and path of the files below `inside`; hidden ones and links that lead out of `root` are left out."""
    for parent in list_folders(inside):
        if parent.name not in classes:
            raise InputError(f"{parent} is a class that the model does not know: {', '.join(classes[:10])}")
        yield from ((parent.name, path) for path in list_files(parent, root))


def _note_left_out(paths: list[Path], root: Path, noun: str) -> tuple[str, ...]:
    if not paths:
        return ()
    count = f"1 file that is no {noun} was" if len(paths) == 1 else f"{len(paths):,} files that are no {noun}s were"
    return (f"{count} left out, the first {paths[0].relative_to(root)}",)


def list_files(folder: Path, root: Path) -> list[Path]:
    """List the files below `folder`, in order; hidden ones, devices and links that lead out of `root` are left out."""
    whole = root.resolve()
    return [
        path
        for path in sorted(folder.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
        and path.resolve().is_relative_to(whole)
    ]
