"""Commands and options that other tools have under these names, and what they are called here."""

import re

COMMANDS = {
    "compress": "optimize, prune, cluster or quantize",
    "export": "convert",
    "info": "inspect",
    "summary": "inspect",
    "eval": "evaluate",
    "test": "evaluate",
    "benchmark": "bench",
    "search": "tune",
    "fit": "train",
}
OPTIONS = {
    "--lr": "--learning-rate",
    "--bs": "--batch-size",
    "--bits": "--weights int8, int4, int3 or int2",
    "--int4": "--weights int4",
    "--int3": "--qat --weights int3",
    "--int2": "--weights int2",
    "--fp16": "--float16",
    "--f16": "--float16",
    "--out": "-o",
    "--overwrite": "--force",
    "--dataset": "--data",
    "--ratio": "--sparsity or --amount",
    "--pruning-rate": "--sparsity",
    "--num-clusters": "--clusters",
}

TAKEN_AS_VALUE = re.compile(r"(Invalid value for '(--[a-z-]+)'): '(--?[a-z-]+)' is not one of (.+?)\.?")


def hint(sentence: str) -> str:
    """Return the sentence of an unknown command or option, with what may be meant."""
    if taken := TAKEN_AS_VALUE.fullmatch(sentence):
        start, option, other, values = taken.groups()
        usual = "auto" if "'auto'" in values else values.partition(",")[0].strip("'")
        return f"{start}: it takes one of {values}, as in {option} {usual} {other} ..."
    words = [word.rstrip(".") for word in sentence.replace("'", "").split()]
    meant = {"No such command": COMMANDS, "No such option:": OPTIONS}
    for beginning, names in meant.items():
        found = next((word for word in words[2:] if word in names), None) if sentence.startswith(beginning) else None
        if found:
            said = sentence.partition(" (Possible")[0].partition(" Did you mean")[0].rstrip(".")
            return f"{said}; here it is {names[found]}"
    return sentence
