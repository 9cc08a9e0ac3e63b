"""The list of commands, known without importing any of them; a technique of another package is a command as well."""

import os
import sys
from functools import cache
from pathlib import Path

SUMMARY = "Make Keras models smaller and faster, and tell the truth about what that cost."
OPTIONS = {
    "--version": "Print the version.",
    "--install-completion": "Install completion for the current shell.",
    "--show-completion": "Show completion for the current shell, to copy it or customize the installation.",
    "--help, -h": "Show this message and exit.",
}
MAKE, OPTIMIZE, RUN, JUDGE, USE = "Make a model", "Make it smaller", "Repeat it", "Judge it", "Use it"
OWN = {
    MAKE: {
        "train": "Train a new model and write it with the data set it remembers.",
        "tune": "Train many models with different options and write the one that does best on the validation split.",
        "build": "Write a new, untrained model for a data set, which it remembers.",
        "shootout": "Train architectures at an equal budget with several seeds, and measure what comparison tables"
        " claim.",
    },
    OPTIMIZE: {
        "prune": "Set the smallest weights of a model to zero, or remove channels, heads or blocks, and fine-tune the"
        " rest.",
        "cluster": "Let the weights of each kernel share few values, and train these.",
        "distill": "Train a small model to answer as a large one does, and as the labels say.",
        "quantize": "Convert a model to LiteRT with 2-bit to 16-bit numbers, and run it before reporting; exit 1 if it"
        " collapsed.",
        "binarize": "Give each weight one bit, by training or by careful rounding; writes a .keras and a .tflite file.",
        "sparsify": "Convert a pruned model to a float LiteRT file without its zeros; refuse if that is not smaller.",
        "optimize": "Search for the smallest, fastest or leanest file of a model within what may be lost.",
        "convert": "Convert a model to LiteRT in float32, the baseline of quantized files, to ONNX, or a file of"
        " Keras 2 to Keras 3.",
        "pack": "Leave out of LiteRT files what no runtime reads; written when seen to answer bit by bit alike.",
    },
    RUN: {
        "run": "Run a recipe: techniques on a model, one after the other; exit 1 if a limit or the lock does not hold.",
        "schema": "Print the JSON schema of recipes, with all techniques that are installed.",
    },
    JUDGE: {
        "evaluate": "Measure one model: size, accuracy with its interval, latency.",
        "inspect": "Show the layers of a model, what they cost, what each technique can do with them, and how it was"
        " made.",
        "debug": "Quantize a model, or silence channels, write nothing, and show layer by layer what that does, worst"
        " first.",
        "check": "Say which operations of a model a target runs and what it costs there; exit 1 if it does not fit.",
        "bench": "Measure latency, throughput and memory of LiteRT files, their runs in turns.",
        "compare": "Measure models side by side; exit 1 if one exceeds a limit.",
        "report": "Show the report of a command again, or make a page of HTML of it; exit 1 if a limit in it does not"
        " hold.",
    },
    USE: {
        "predict": "Answer texts, images or numbers as they come, prepared as the model remembers from its training."
    },
}
GENERATED = {"prune": ("prune", "structured"), "cluster": ("cluster",), "binarize": ("binarize",)}  # by technique
FILES = {  # commands that share a file with another
    "evaluate": "compare",
    "sparsify": "convert",
    "run": "recipes",
    "schema": "recipes",
}
GROUP = "tfopt.techniques"


@cache
def listed() -> dict[str, dict[str, str]]:
    """Return the commands under their headings, each with its help in a sentence."""
    others = {name: text for name, text in _third_party().items() if not text_of(name)}
    return OWN | {OPTIMIZE: OWN[OPTIMIZE] | others}


def _third_party() -> dict[str, str]:
    """Return the techniques of other packages, each with the summary of its package.

    `importlib.metadata` takes as long to import as all the rest of the page: it is left alone where there are none.
    """
    places = [Path(folder or os.curdir) for folder in sys.path]
    described = (file for place in places for file in place.glob("*-info/entry_points.txt"))
    if not any(f"[{GROUP}]" in file.read_text(encoding="utf-8", errors="replace") for file in described):
        return {}
    from importlib.metadata import entry_points

    found = entry_points(group=GROUP)
    return {point.name: (point.dist and point.dist.metadata["Summary"]) or f"See {point.value}." for point in found}


def text_of(name: str) -> str:
    """Return what a command of tfopt does, in a sentence; nothing for one of another package."""
    return next((commands[name] for commands in OWN.values() if name in commands), "")


def show_list() -> None:
    """Print the help page of `tfopt` itself."""
    from tfopt.cli.page import Row, show

    titled = {"Options": OPTIONS} | listed()
    width = max(len(name) for rows in listed().values() for name in rows)
    panels = {title: [Row(name.ljust(width), text) for name, text in rows.items()] for title, rows in titled.items()}
    show("tfopt [OPTIONS] COMMAND [ARGS]...", SUMMARY, panels)
