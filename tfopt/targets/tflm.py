"""TensorFlow Lite Micro, in its own interpreter: the operations it runs, and the smallest arena at which it does.

Memory is one arena. Its head holds the tensors of an inference, which overlap where they do not live at once, and its
tail what lasts: structures of the interpreter, whose pointers take 8 bytes here and 4 on a microcontroller.
"""

from types import MappingProxyType
from typing import TYPE_CHECKING

from tfopt.formats.tflite.micro import examined, tail_of_32_bits, with_tables
from tfopt.report.figures import format_size
from tfopt.report.target_fit import TargetFigure
from tfopt.runtime.packages import installed
from tfopt.targets.target import Examined, StoredForm, Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tfopt.formats.tflite.artifact import TfliteArtifact
    from tfopt.formats.tflite.graph import Operation
    from tfopt.report.target_fit import OperationFit
    from tfopt.runtime.progress import Progress
    from tfopt.typing import Options


class TFLM(Target):
    """TensorFlow Lite Micro, in its own interpreter (extra `mcu`)."""

    suited: "Mapping[str, Options]" = MappingProxyType(
        {
            "cluster": {"per": "channel"},  # it has a table for each
            "convert": {"sparse": "off"},  # it has no DENSIFY
        }
    )

    def __init__(self, name: str = "tflm") -> None:
        self.name = name

    def source(self) -> str:
        """Say which interpreter is asked."""
        return f"the kernels of tflite-micro {installed('tflite-micro')}, each operation run beside LiteRT's"

    def stored(self, file: "TfliteArtifact", progress: "Progress") -> StoredForm:
        """Store weights of few distinct values as indices into tables."""
        made = with_tables(file.model_bytes, file.name, progress)
        before, after = made.arenas
        return StoredForm(
            made.payload,
            [
                f"the weights of {made.tables} tensors are indices into tables, which DECODE operations unpack, so that"
                " it runs in TensorFlow Lite Micro only",
                f"{made.agreed} random inputs were answered bit by bit alike in its interpreter",
                f"the arena grows from {before:,} to {after:,} bytes: weights are unpacked into it",
            ],
        )

    def examine(self, file: "TfliteArtifact", progress: "Progress") -> Examined:
        """Run the file and each of its operations, and find the smallest arena."""
        found = examined(file.model_bytes, file.name, progress)
        operations = _fits(file, found["operations"])
        size = len(file.model_bytes)
        flash = TargetFigure(value=size, how="the file, without the code of the kernels")
        if found["failure"]:
            note = f"{file.name} does not run in TensorFlow Lite Micro: {found['failure']}"
            return Examined(operations, flash, notes=[note], runs=False)
        how = "the smallest arena at which AllocateTensors and an inference succeed here, with pointers of 64 bits"
        estimate = found["head"] + tail_of_32_bits(found["tail"], found["allocations"])
        details = {
            "answers": f"{found['difference']} from LiteRT's, on random inputs",
            "arena, head": f"{found['head']:,} bytes: the tensors of an inference",
            "arena, tail": f"{found['tail']:,} bytes: what lasts",
            "arena on a core of 32 bits": f"about {estimate:,} bytes, an estimate from the sizes of structures",
        }
        notes = [
            f"kTensorArenaSize of {format_size(found['arena'])} suffices on any core: structures are smaller there"
        ]
        return Examined(operations, flash, TargetFigure(value=found["arena"], how=how), details=details, notes=notes)


def _fits(file: "TfliteArtifact", wrong: "Sequence[str | None]") -> "list[OperationFit]":
    from tfopt.targets.fits import Said, fits

    def said(number: int, _operation: "Operation") -> Said:
        sentence = wrong[number]
        if sentence is None:
            return Said("unknown", "LiteRT does not run it on random inputs by itself")
        if not sentence:
            return Said()
        return Said("partly" if "differ" in sentence else "no", sentence)

    return fits(file, said)
